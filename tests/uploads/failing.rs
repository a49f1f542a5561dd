//! A disk that fails: what is told, what is kept, and what is never believed again.

use std::fs;

use crate::support::{Strace, can_trace, exists, noise};
use crate::{setup, stored, until_parts, upload, waiting};

/// More than the disk is asked for in one go.
const LARGE: usize = 9 << 20;

#[test]
fn an_error_of_the_disk_is_told_once_and_nothing_that_it_touched_is_kept() {
    if !can_trace() {
        return;
    }
    for (inject, size) in [
        ("pwrite64:error=EIO:when=1", 100),
        ("pwrite64:error=EIO:when=3", LARGE),
        ("fdatasync:error=EIO:when=1", LARGE),
        ("fsync:error=EIO:when=1", LARGE),
        ("fsync:error=ENOSPC:when=1", 100),
        ("mkdirat:error=EIO:when=1", 100),
        ("renameat2:error=EIO:when=1", 100),
    ] {
        let server = setup().start();
        let mut other = server.client("Client01");
        let mut peer = server.client("Client02");
        let bytes = noise(size);
        let line = waiting("put", &bytes, "new/a");
        let Some(strace) = Strace::attach(&server, inject) else {
            return;
        };
        assert_eq!(peer.ask(&line), "READY 0");
        // Whoever is refused in the middle of it may not get all of it sent.
        let mut stream = peer.stream();
        drop(std::io::Write::write_all(&mut stream, &bytes));
        assert_eq!(peer.text(), "ERR cannot write: new/a", "{inject}");
        other.echo();
        until_parts(&mut other, &server.repo(), 0);
        assert!(!exists(&server.path("new/a")), "{inject}");
        let told = server.log().matches("cannot write new/a: ").count();
        assert_eq!(told, 1, "{inject}: {}", server.log());
        let calls = strace.detach();
        let failed = calls.iter().position(|call| call.contains("(INJECTED)"));
        let later = &calls[failed.expect("one was injected") + 1..];
        // Behind one in the middle of the body the last one may be asked for already: what that one
        // says is not believed, as the answer has shown.
        if inject.starts_with("fsync") {
            let again = later.iter().find(|call| call.contains("sync("));
            assert_eq!(again, None, "no second sync, which would not tell");
        }
        assert_eq!(other.ask(&line), "READY 0", "{inject}");
        other.send(&bytes);
        assert_eq!(other.text(), stored(&bytes), "{inject}");
    }
}

#[test]
fn a_name_that_the_disk_may_not_have_is_not_called_stored_until_it_has() {
    if !can_trace() {
        return;
    }
    let server = setup().start();
    let mut peer = server.client("Client01");
    let line = waiting("put", b"abc", "a");
    // The first is for the part, the second for the folder that has the name.
    let Some(strace) = Strace::attach(&server, "fsync:error=EIO:when=2") else {
        return;
    };
    assert_eq!(upload(&mut peer, &line, b"abc"), "ERR cannot write: a");
    drop(strace);
    assert_eq!(fs::read(server.path("a")).unwrap(), b"abc");
    let Some(strace) = Strace::attach(&server, "sendto:delay_enter=0") else {
        return;
    };
    let mut peer = server.connect();
    peer.text();
    assert_eq!(peer.ask(&line), stored(b"abc"));
    let calls = strace.detach();
    let said = calls.iter().position(|call| call.contains("STORED"));
    let synced = |call: &&String| call.contains("fsync");
    let synced = calls[..said.expect("it was said")].iter().filter(synced);
    assert!(synced.count() >= 2, "the file and its folder: {calls:#?}");
}

#[test]
fn what_a_file_system_cannot_do_is_done_without_it() {
    if !can_trace() {
        return;
    }
    for inject in [
        "fallocate:error=EOPNOTSUPP",
        "fallocate:error=EIO",
        "renameat2:error=EINVAL",
        "utimensat:error=EPERM",
        "fsync:error=EINVAL",
    ] {
        let server = setup().start();
        let mut peer = server.client("Client01");
        let Some(_strace) = Strace::attach(&server, inject) else {
            return;
        };
        let line = waiting("put", b"abc", "a").replace(" - ", " 2026-11-22T09:30:00Z ");
        assert_eq!(upload(&mut peer, &line, b"abc"), stored(b"abc"), "{inject}");
        assert_eq!(fs::read(server.path("a")).unwrap(), b"abc");
        until_parts(&mut peer, &server.repo(), 0);
    }
}
