//! `stat`: the listing's own line of one file, at the cost of one file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Peer, Setup};

fn mkfifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO can be made");
}

/// What is asked of a file called `name`, without the LF.
fn asked(client: &mut Peer, word: &str, name: &[u8]) -> Vec<u8> {
    client.send([word.as_bytes(), b" ", name, b"\n"].concat());
    let line = client.line();
    line.strip_suffix(b"\n")
        .expect("a line ends in LF")
        .to_vec()
}

#[test]
fn every_line_of_a_listing_is_the_stat_of_its_file() {
    let mut setup = Setup::new()
        .file("sub/deep/file", b"123")
        .sparse("big", 5 << 30);
    for name in [" blanks ", "STAT 1", "END", "-", "\u{202e}turned", "\u{e9}"] {
        setup = setup.file(name, name.as_bytes());
    }
    let server = setup.start();
    symlink("sub/deep/file", server.path("link")).expect("a link can be made");
    let old = fs::File::options()
        .write(true)
        .open(server.path("END"))
        .expect("it is there");
    old.set_modified(UNIX_EPOCH - Duration::from_secs(86_400))
        .expect("it is ours");
    fs::set_permissions(server.path("-"), fs::Permissions::from_mode(0o000)).expect("it is ours");
    let mut client = server.client("Client01");
    client.send("list\n");
    client.expect("LIST\n");
    let mut listed = Vec::new();
    loop {
        let line = client.line();
        match line.strip_suffix(b"\n").expect("a line ends in LF") {
            b"END" => break,
            line => listed.push(line.to_vec()),
        }
    }
    assert_eq!(listed.len(), 9);
    for line in listed {
        let name = line
            .splitn(3, |&byte| byte == b' ')
            .nth(2)
            .expect("a line has a name");
        let stat = asked(&mut client, "stat", name);
        assert_eq!(
            stat.escape_ascii().to_string(),
            [b"STAT ", &line[..]].concat().escape_ascii().to_string()
        );
    }
}

#[test]
fn what_get_refuses_stat_refuses_with_the_same_words() {
    let setup = Setup::new().file("sub/file", b"x").file(".y", b"x");
    mkfifo(&setup.repo().join("fifo"));
    let server = setup.start();
    fs::write(server.path("../secret"), "out").expect("the file is written");
    for (to, name) in [
        ("../secret", "out"),
        ("/etc/hostname", "absolute"),
        ("loop", "loop"),
    ] {
        symlink(to, server.path(name)).expect("a link can be made");
    }
    symlink("nowhere", server.path("dangling")).expect("a link can be made");
    let mut client = server.client("Client01");
    let long = "n".repeat(4000);
    for name in [
        "nope",
        "sub",
        "sub/",
        "sub/file/",
        "fifo",
        "out",
        "absolute",
        "loop",
        "dangling",
        "..",
        "../secret",
        "/etc/passwd",
        "sub/../sub/file",
        ".",
        "./sub/file",
        ".y",
        " ",
        "a\0b",
        "sub//file",
        &long,
    ] {
        let got = asked(&mut client, "get", name.as_bytes());
        let stat = asked(&mut client, "stat", name.as_bytes());
        assert!(got.starts_with(b"ERR "), "{name:?}: {}", got.escape_ascii());
        assert_eq!(
            stat.escape_ascii().to_string(),
            got.escape_ascii().to_string()
        );
    }
    client.echo();
}

#[test]
fn names_that_no_listing_carries_have_a_stat_if_they_can_be_had() {
    let setup = Setup::new()
        .file("sub/file", b"x")
        .file("tab\there", b"12")
        .file("bad\u{1b}[2J", b"");
    let server = setup.start();
    symlink("sub", server.path("folder")).expect("a link can be made");
    let mut client = server.client("Client01");
    for (name, size) in [("tab\there", 2), ("bad\u{1b}[2J", 0), ("folder/file", 1)] {
        let stat = client.ask(&format!("stat {name}"));
        assert!(stat.starts_with(&format!("STAT {size} 2")), "{stat:?}");
        assert!(stat.ends_with(&format!("Z {name}")), "{stat:?}");
    }
}

#[test]
fn a_change_shows_in_the_very_next_stat() {
    let server = Setup::new().file("a", b"1").start();
    let mut client = server.client("Client01");
    assert!(client.ask("stat a").starts_with("STAT 1 "));
    fs::write(server.path("a"), "12345").expect("it is ours");
    assert!(client.ask("stat a").starts_with("STAT 5 "));
    fs::remove_file(server.path("a")).expect("it is ours");
    assert_eq!(client.ask("stat a"), "ERR no such file: a");
}
