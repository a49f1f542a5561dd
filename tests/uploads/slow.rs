//! Uploaders that fall silent, and readers of what is replaced.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Strace, can_trace, meanwhile, noise};
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
fn a_body_that_moves_a_byte_now_and_then_is_never_cut() {
    let server = setup().with("--stall-timeout 1s").start();
    let mut other = server.client("Client01");
    let mut peer = server.client("Client02");
    let bytes = noise(7);
    assert_eq!(peer.ask(&waiting("put", &bytes, "a")), "READY 0");
    let began = Instant::now();
    for byte in &bytes {
        let pause = Duration::from_millis(400);
        meanwhile(&mut other, |waited| waited >= pause);
        peer.send([*byte]);
    }
    assert_eq!(peer.text(), stored(&bytes));
    assert!(
        began.elapsed() > Duration::from_secs(2),
        "two timeouts long"
    );
}

#[test]
fn the_time_in_which_the_server_waits_for_its_disk_is_not_the_clients() {
    if !can_trace() {
        return;
    }
    let server = setup().with("--stall-timeout 1s").start();
    let mut other = server.client("Client01");
    let mut peer = server.client("Client02");
    // What the loop takes before it waits for the disk.
    let ahead = 32 << 20;
    let Some(_strace) = Strace::attach(&server, "fdatasync:delay_enter=3000000") else {
        return;
    };
    let began = Instant::now();
    peer.send(format!("put {} a\n", 2 * ahead));
    peer.send(noise(ahead));
    meanwhile(&mut other, |waited| waited >= Duration::from_secs(2));
    assert_eq!(peer.text(), "ERR nothing came for 1s, closing");
    assert!(began.elapsed() >= Duration::from_secs(4));
}

#[test]
fn the_newest_connection_has_the_upload_while_the_older_one_is_open_and_silent() {
    let server = setup().with("--stall-timeout 1h").start();
    let bytes = noise(300_000);
    let line = waiting("put", &bytes, "a");
    let mut old = server.client("Client01");
    assert_eq!(old.ask(&line), "READY 0");
    old.send(&bytes[..100_000]);
    let part = || std::fs::read_dir(server.path(".berth")).unwrap().flatten();
    let has_come = || part().any(|entry| entry.metadata().is_ok_and(|it| it.len() == 100_000));
    meanwhile(&mut server.client("Client02"), |_| has_come());
    // The cable of the older one was pulled, say: nothing of it will ever be heard again.
    let mut new = server.client("Client03");
    assert_eq!(new.ask(&line), "READY 100000");
    new.send(&bytes[100_000..]);
    assert_eq!(new.text(), stored(&bytes));
    drop(old);
}

#[test]
fn a_stop_lets_a_body_end_within_the_drain_timeout() {
    let mut server = setup().with("--drain-timeout 1h").start();
    let mut peer = server.client("Client01");
    let bytes = noise(3_000_000);
    assert_eq!(peer.ask(&waiting("put", &bytes, "a")), "READY 0");
    peer.send(&bytes[..1_000_000]);
    server.signal(Signal::TERM);
    peer.send(&bytes[1_000_000..]);
    assert_eq!(peer.text(), stored(&bytes));
    drop(peer);
    assert_eq!(server.wait().code(), Some(0));
    assert!(std::fs::read(server.path("a")).unwrap() == bytes);
}

#[test]
fn a_stop_cuts_a_body_at_the_drain_timeout_and_it_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = setup().serving(folder.path());
    let mut server = stopped.with("--drain-timeout 300ms").start();
    let line = waiting("put", b"abcdef", "a");
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 0");
    peer.send("abc");
    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(asked.elapsed() >= Duration::from_millis(300));
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(upload(&mut peer, &line, b"abcdef"), stored(b"abcdef"));
    assert_eq!(parts(folder.path()), [""; 0]);
}

#[test]
fn a_reader_gets_the_old_bytes_whole_while_the_file_is_replaced_twice() {
    // More than the kernel keeps for it, so that the server still reads the file.
    let old = noise(48 << 20);
    let server = setup().with("--overwrite").file("a", &old).start();
    let mut reader = server.client("Client01");
    assert_eq!(reader.start("get a"), old.len() as u64);
    let mut writer = server.client("Client02");
    let (mut at, piece) = (0, 64 << 10);
    for new in [noise(2 << 20), noise(100)] {
        assert!(reader.read(piece) == old[at..at + piece]);
        at += piece;
        let line = waiting("replace", &new, "a");
        assert_eq!(upload(&mut writer, &line, &new), stored(&new));
        let now = server.connect_and(|other| {
            other.text();
            other.ask("sha256 a")
        });
        assert!(now.contains(&hex(&new)), "{now}");
    }
    assert!(reader.read(old.len() - at) == old[at..]);
    assert_eq!(reader.text(), "END");
}
