//! Two at one name.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{exists, noise};
use crate::{parts, setup, stored, until_parts, upload, waiting};

#[test]
fn the_newest_connection_goes_on_where_the_older_one_is() {
    let server = setup().start();
    let bytes = noise(1_000_000);
    let line = waiting("put", &bytes, "a");
    let mut old = server.client("Client01");
    assert_eq!(old.ask(&line), "READY 0");
    old.send(&bytes[..400_000]);
    let mut new = server.client("Client02");
    // What was sent may still be on its way.
    let ready = new.ask(&line);
    let offset: usize = ready.strip_prefix("READY ").unwrap().parse().unwrap();
    assert!(offset <= 400_000);
    old.send(&bytes[400_000..400_001]);
    assert_eq!(old.text(), "ERR taken over by another connection");
    old.expect_end();
    new.send(&bytes[offset..]);
    assert_eq!(new.text(), stored(&bytes));
    assert!(fs::read(server.path("a")).unwrap() == bytes);
    assert_eq!(parts(&server.repo()), [""; 0]);
}

#[test]
fn other_content_waits_until_the_first_is_done() {
    let server = setup().start();
    let mut first = server.client("Client01");
    assert_eq!(first.ask(&waiting("put", b"abc", "a")), "READY 0");
    let mut second = server.client("Client02");
    assert_eq!(
        second.ask(&waiting("put", b"xyz", "a")),
        "ERR being uploaded: a"
    );
    second.send("put 3 a\nxyz");
    assert_eq!(second.text(), "ERR being uploaded: a");
    // Another name is free.
    assert_eq!(
        upload(&mut second, &waiting("put", b"xyz", "b"), b"xyz"),
        stored(b"xyz")
    );
    first.send("abc");
    assert_eq!(first.text(), stored(b"abc"));
    assert_eq!(second.ask(&waiting("put", b"xyz", "a")), "ERR exists: a");
    assert_eq!(second.ask(&waiting("put", b"abc", "a")), stored(b"abc"));
}

#[test]
fn a_dead_connection_holds_nothing_up() {
    let server = setup().start();
    let line = waiting("put", b"abcdef", "a");
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&line), "READY 0");
    peer.send("abc");
    peer.half_close();
    assert_eq!(peer.text(), "ERR 3 of 6 bytes came: a");
    peer.expect_end();
    let mut peer = server.client("Client02");
    assert_eq!(peer.ask(&line), "READY 3");
    peer.send("def");
    assert_eq!(peer.text(), stored(b"abcdef"));
}

#[test]
fn what_an_outsider_makes_meanwhile_is_kept() {
    let server = setup().start();
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&waiting("put", b"abc", "a")), "READY 0");
    fs::write(server.path("a"), "outsider").unwrap();
    peer.send("abc");
    assert_eq!(peer.text(), "ERR exists: a");
    peer.echo();
    assert_eq!(fs::read(server.path("a")).unwrap(), b"outsider");
    until_parts(&mut peer, &server.repo(), 0);
}

#[test]
fn a_link_a_fifo_and_a_folder_are_no_free_names() {
    let setup = setup().file("folder/file", b"x");
    let repo = setup.repo();
    symlink("missing", repo.join("dangling")).unwrap();
    symlink("folder/file", repo.join("link")).unwrap();
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o644));
    rustix::fs::mknodat(rustix::fs::CWD, repo.join("fifo"), fifo, mode, 0).unwrap();
    let server = setup.with("--overwrite").start();
    let mut peer = server.client("Client01");
    for name in ["dangling", "link", "fifo", "folder"] {
        assert_eq!(
            peer.ask(&waiting("put", b"x", name)),
            format!("ERR exists: {name}")
        );
        let refused = format!("ERR not a file: {name}");
        assert_eq!(peer.ask(&waiting("replace", b"x", name)), refused);
    }
    assert!(!exists(&repo.join("missing")));
}

#[test]
fn nothing_is_replaced_without_leave() {
    let server = setup().file("a", b"old").start();
    let mut peer = server.client("Client01");
    let refused = "ERR nothing is replaced here";
    assert_eq!(peer.ask(&waiting("replace", b"new", "a")), refused);
    peer.send("replace 3 a\nnew");
    assert_eq!(peer.text(), refused);
    peer.echo();
    assert_eq!(fs::read(server.path("a")).unwrap(), b"old");
}
