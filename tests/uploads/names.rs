//! Names: of every kind, and folders that change under them.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::{Setup, exists};
use crate::{setup, stored, upload, waiting};

#[test]
fn no_name_leads_out_or_to_what_could_not_be_had() {
    let outside = tempfile::tempdir().unwrap();
    let setup = setup().file("a/file", b"x");
    symlink(outside.path(), setup.repo().join("out")).unwrap();
    symlink("a", setup.repo().join("in")).unwrap();
    let server = setup.start();
    let mut peer = server.client("Client01");
    let long = "n".repeat(256);
    let deep = "d/".repeat(2000);
    for (name, reason) in [
        ("..", "outside the served folder"),
        ("../x", "outside the served folder"),
        ("a/../../x", "outside the served folder"),
        ("/x", "outside the served folder"),
        ("/etc/x", "outside the served folder"),
        (".x", "cannot be a name"),
        (".berth", "cannot be a name"),
        (".berth/x", "cannot be a name"),
        ("a/.berth/x", "cannot be a name"),
        ("a/./x", "cannot be a name"),
        ("a//x", "cannot be a name"),
        ("a/", "cannot be a name"),
        ("out/x", "cannot be a name"),
        ("out/new/x", "cannot be a name"),
        ("in/x", "cannot be a name"),
        ("a/file/x", "cannot be a name"),
        ("a\0b", "cannot be a name"),
        ("a\x1b[2J", "cannot be a name"),
        ("a\rb", "cannot be a name"),
        (&long, "cannot be a name"),
        (&deep, "cannot be a name"),
        (&format!("{deep}x"), "cannot be a name"),
    ] {
        let answer = peer.ask(&waiting("put", b"x", name));
        assert_eq!(answer, format!("ERR {reason}: {name}"));
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let longest = "n".repeat(255);
    for name in [
        &*longest,
        "ü",
        "a b",
        "new/folders/for/it",
        "-x",
        "a\\b",
        "put 3 a",
    ] {
        assert_eq!(
            upload(&mut peer, &waiting("put", b"x", name), b"x"),
            stored(b"x"),
            "{name}"
        );
        assert_eq!(peer.get(&format!("get {name}")), b"x");
    }
}

#[test]
fn a_folder_that_is_a_link_every_other_moment_lets_nothing_out() {
    let outside = tempfile::tempdir().unwrap();
    let setup = setup().file("real/file", b"");
    symlink(outside.path(), setup.repo().join("link")).unwrap();
    let server = setup.start();
    let (repo, ended) = (server.repo(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (real, link) = (repo.join("real"), repo.join("link"));
            let (flag, dir) = (rustix::fs::RenameFlags::EXCHANGE, rustix::fs::CWD);
            while !ended.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(dir, &real, dir, &link, flag).unwrap();
            }
        });
        let mut peer = server.client("Client01");
        let mut was_stored = 0;
        for i in 0..2000 {
            let line = waiting("put", b"x", &format!("real/f{i}"));
            was_stored += usize::from(upload(&mut peer, &line, b"x") == stored(b"x"));
        }
        ended.store(true, Ordering::Relaxed);
        assert!(was_stored > 0);
    });
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn uploads_go_to_their_folder_only() {
    let setup = Setup::new().file("in/box/x", b"");
    let server = setup.with("--uploads in/box --keep-free 0").start();
    let mut peer = server.client("Client01");
    let put = |name| waiting("put", b"abc", name);
    assert_eq!(peer.ask(&put("a")), "ERR permission denied: a");
    assert_eq!(peer.ask(&put("in/a")), "ERR permission denied: in/a");
    assert_eq!(
        peer.ask(&put("in/boxer")),
        "ERR permission denied: in/boxer"
    );
    assert_eq!(upload(&mut peer, &put("in/box/a"), b"abc"), stored(b"abc"));
    assert!(exists(&server.path("in/box/.berth")));
    assert!(!exists(&server.path(".berth")));
}
