//! A kernel or a file system that refuses a service which most have: the server does without, says
//! so once with the file's name, and nothing else is different.
//!
//! strace plays such a kernel. Where it is missing or not permitted, the reason is printed.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Peer, Server, Setup, can_trace, meanwhile, noise, outcome};

/// A server whose kernel answers these calls with an error, such as `sendfile:error=EINVAL`.
/// `None`: that cannot be played here.
fn refusing(setup: Setup, what: &[&str]) -> Option<Server> {
    if !can_trace() {
        return None;
    }
    let injected: String = what
        .iter()
        .map(|what| format!(" -e inject={what}"))
        .collect();
    let names: Vec<&str> = what
        .iter()
        .filter_map(|what| what.split(':').next())
        .collect();
    // With -D it is the server that keeps the process's number, and strace that stands aside.
    let traced = format!(
        "exec strace -D -o /dev/null -e trace={}{injected} ",
        names.join(",")
    );
    Some(setup.after(&format!("{traced} \"$0\" \"$@\"")).start())
}

fn fetched(server: &Server, number: usize, bytes: &[u8]) -> Peer {
    let mut client = server.client(&format!("Client{number:02}"));
    assert!(client.get("get the file") == bytes, "the bytes are right");
    client
}

#[test]
fn a_file_that_sendfile_refuses_arrives_all_the_same() {
    // More than a turn, more than a socket's buffer, and no multiple of anything.
    let bytes = noise(5_000_001);
    for errno in ["EINVAL", "ENOSYS", "EOPNOTSUPP", "EPERM"] {
        let setup = Setup::new().file("the file", &bytes);
        let sendfile = format!("sendfile:error={errno}");
        let Some(server) = refusing(setup, &[&sendfile]) else {
            return;
        };
        let mut client = fetched(&server, 1, &bytes);
        fetched(&server, 2, &bytes).echo();
        assert!(client.get("get@4999999 the file") == bytes[4_999_999..]);
        let told = "as sendfile refuses the file: ";
        assert_eq!(server.log().matches(told).count(), 1, "{}", server.log());
        fs::write(server.path("the file"), "").expect("it is ours");
        client.send("get the file\n");
        client.expect("START 0\nEND\n");
    }
}

#[test]
fn a_journal_without_locks_and_without_fdatasync_is_kept_and_said_once() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("journal");
    let setup = Setup::new().with(&format!("--journal {}", path.display()));
    let calls = ["flock:error=ENOLCK", "fdatasync:error=EINVAL"];
    let Some(mut server) = refusing(setup, &calls) else {
        return;
    };
    let mut client = server.client("Client01");
    let named = format!("the journal '{}'", path.display());
    meanwhile(&mut client, |_| server.log().contains("a loss of power"));
    assert_eq!(client.ask("exit"), "Goodbye Client01");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
    let log = server.log();
    for told in [
        "nothing keeps another server from ",
        "may not survive a loss of power",
    ] {
        let lines = log.lines().filter(|line| line.contains(told));
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(&named), "{log}");
    }
    let mut report = Command::new(env!("CARGO_BIN_EXE_berthd"));
    let (code, out, _) = outcome(report.arg("journal").arg(&path));
    assert_eq!(code, Some(0));
    assert!(out.contains("Client01"), "{out}");
}

#[test]
fn a_filter_that_knows_no_new_system_calls_costs_no_answer() {
    for (call, errno) in [
        ("openat2", "ENOSYS"),
        ("openat2", "EPERM"),
        ("statx", "ENOSYS"),
        ("inotify_init1", "EMFILE"),
        ("inotify_add_watch", "ENOSPC"),
    ] {
        let setup = Setup::new().file("the file", b"inside");
        let Some(server) = refusing(setup, &[&format!("{call}:error={errno}")]) else {
            return;
        };
        let mut client = fetched(&server, 1, b"inside");
        for _ in 0..2 {
            let list = client.lines("list");
            assert!(
                list.len() == 3 && list[1].ends_with(" the file"),
                "{call}: {list:?}"
            );
        }
        fs::write(server.path("new"), "").expect("it is ours");
        assert_eq!(client.lines("list").len(), 4, "{call}");
    }
}
