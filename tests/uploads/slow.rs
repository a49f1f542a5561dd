//! Uploaders that fall silent, and readers of what is replaced.

use std::time::{Duration, Instant};

use crate::support::noise;
use crate::{hex, parts, setup, stored, upload, waiting};

#[test]
fn silence_after_ready_ends_at_the_stall_timeout_and_what_came_is_gone_on_with() {
    let server = setup().with("--stall-timeout 1s").start();
    let line = waiting("put", b"abcdef", "a");
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 0");
    let silent = Instant::now();
    peer.send("abc");
    assert_eq!(peer.text(), "ERR nothing came for 1s, closing");
    assert!(silent.elapsed() >= Duration::from_secs(1));
    peer.expect_end();
    assert_eq!(parts(&server.repo()).len(), 1);
    let mut again = server.connect();
    again.text();
    assert_eq!(again.ask(&line), "READY 3");
    again.send("def");
    assert_eq!(again.text(), stored(b"abcdef"));
}

#[test]
fn a_reader_gets_the_old_bytes_whole_while_the_file_is_replaced_twice() {
    let old = noise(16 << 20);
    let server = setup().with("--overwrite").file("a", &old).start();
    let mut reader = server.client("Client01");
    assert_eq!(reader.start("get a"), old.len() as u64);
    let mut writer = server.client("Client02");
    for new in [&b"first"[..], b"second"] {
        let line = waiting("replace", new, "a");
        assert_eq!(upload(&mut writer, &line, new), stored(new));
        assert!(writer.ask("sha256 a").contains(&hex(new)));
    }
    assert!(reader.read(old.len()) == old);
    assert_eq!(reader.text(), "END");
}
