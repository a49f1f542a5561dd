//! Parts, from one server to the next.

use std::fs;

use crate::support::noise;
use crate::{parts, setup, stored, upload, waiting};

#[test]
fn an_upload_goes_on_after_the_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(3_000_000);
    let line = waiting("put", &bytes, "deep/in/a");
    let mut sent = 0;
    // Each server takes some of it, and is killed.
    for n in [0, 1, 262_143, 262_144, 1_000_000] {
        let server = setup().serving(folder.path()).start();
        let mut peer = server.client("Client01");
        assert_eq!(peer.ask(&line), format!("READY {sent}"));
        peer.send(&bytes[sent..sent + n]);
        peer.half_close();
        sent += n;
        assert_eq!(
            peer.text(),
            format!("ERR {sent} of 3000000 bytes came: deep/in/a")
        );
    }
    let server = setup().serving(folder.path()).start();
    assert_eq!(parts(folder.path()).len(), 1);
    let mut peer = server.client("Client01");
    assert_eq!(peer.lines("list"), ["LIST", "END"], "no part is listed");
    let part = format!("get .berth/{}", parts(folder.path())[0]);
    assert!(
        peer.ask(&part).starts_with("ERR no such file: "),
        "nor served"
    );
    assert_eq!(upload(&mut peer, &line, &bytes), stored(&bytes));
    assert!(fs::read(folder.path().join("deep/in/a")).unwrap() == bytes);
    assert_eq!(parts(folder.path()), [""; 0]);
}

#[test]
fn after_another_boot_an_upload_goes_on_a_little_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = noise(36 << 20);
    let line = waiting("put", &bytes, "a");
    let n = 34 << 20;
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 0");
    peer.send(&bytes[..n]);
    peer.half_close();
    let cut = format!("ERR {n} of {} bytes came: a", bytes.len());
    assert_eq!(peer.text(), cut);
    drop(server);
    fs::write(folder.path().join(".berth/boot"), "another boot\n").unwrap();
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), format!("READY {}", n - (33 << 20)));
    peer.send(&bytes[n - (33 << 20)..]);
    assert_eq!(peer.text(), stored(&bytes));
}

#[test]
fn bytes_that_a_person_changed_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let line = waiting("put", b"abcdef", "a");
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 0");
    peer.send("abc");
    peer.half_close();
    assert_eq!(peer.text(), "ERR 3 of 6 bytes came: a");
    drop(server);
    let part = folder.path().join(".berth").join(&parts(folder.path())[0]);
    fs::write(part, "abX").unwrap();
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 3");
    peer.send("def");
    assert_eq!(peer.text(), "ERR digest differs: a");
    assert_eq!(upload(&mut peer, &line, b"abcdef"), stored(b"abcdef"));
}

#[test]
fn an_upload_that_nobody_goes_on_with_is_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = setup().serving(folder.path()).start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&waiting("put", b"abc", "a")), "READY 0");
    peer.send("ab");
    peer.half_close();
    assert_eq!(peer.text(), "ERR 2 of 3 bytes came: a");
    drop(server);
    let server = setup()
        .serving(folder.path())
        .with("--keep-parts 0s")
        .start();
    let mut peer = server.client("Client01");
    crate::until_parts(&mut peer, folder.path(), 0);
}
