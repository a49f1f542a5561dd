//! Nothing outside the folder is reachable, and everything listed can be had.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::{Peer, Setup};

fn mkfifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO can be made");
}

#[test]
fn names_that_lead_out_are_refused_and_the_client_stays() {
    let server = Setup::new().file("a/inside.txt", b"in").start();
    fs::write(server.path("../secret.txt"), "out").expect("the file is written");
    let mut client = server.client("Client01");
    for name in [
        "../secret.txt",
        "/etc/passwd",
        "a/../../secret.txt",
        "a/../a/inside.txt",
        "..",
    ] {
        let answer = client.ask(&format!("get {name}"));
        assert_eq!(answer, format!("ERR outside the served folder: {name}"));
    }
    assert_eq!(client.get("get a/inside.txt"), b"in");
}

#[test]
fn names_that_are_no_file_are_refused_and_the_client_stays() {
    let server = Setup::new()
        .file("sub/file", b"x")
        .file(".hidden/x", b"x")
        .file(".y", b"x")
        .start();
    let mut client = server.client("Client01");
    let long = "n".repeat(4000);
    let deep = "d/".repeat(2000);
    for name in [
        ".",
        "sub/.",
        "file/",
        "sub/file/",
        ".hidden/x",
        ".y",
        "",
        " ",
        "a\0b",
        &long,
        &deep,
        "\r\t",
    ] {
        let answer = client.ask(&format!("get {name}"));
        assert!(answer.starts_with("ERR "), "{name:?}: {answer}");
    }
    for folder in ["sub", "sub/"] {
        assert_eq!(
            client.ask(&format!("get {folder}")),
            format!("ERR not a file: {folder}")
        );
    }
    // One file has one name.
    for name in ["sub//", "sub//file", "//file", "sub/./file"] {
        let answer = client.ask(&format!("get {name}"));
        assert!(answer.starts_with("ERR "), "{name:?}: {answer}");
    }
    client.send([&b"get "[..], &vec![b'n'; 5000], b"\n"].concat());
    client.expect("ERR line longer than 4096 bytes\n");
    client.echo();
}

#[test]
fn links_that_lead_out_are_neither_served_nor_listed() {
    let server = Setup::new().file("dir/plain", b"x").start();
    fs::write(server.path("../secret.txt"), "out").expect("the file is written");
    let link = |to: &str, name: &str| symlink(to, server.path(name)).expect("a link can be made");
    link("/etc/passwd", "absolute");
    link("../secret.txt", "relative");
    link("relative", "chain");
    link("/etc", "folder");
    link("loop", "loop");
    link("nowhere", "dangling");
    link("/proc/self/root/etc/passwd", "magic");
    let mut client = server.client("Client01");
    for name in [
        "absolute",
        "relative",
        "chain",
        "folder/passwd",
        "loop",
        "dangling",
        "magic",
    ] {
        let answer = client.ask(&format!("get {name}"));
        assert!(answer.starts_with("ERR "), "{name}: {answer}");
    }
    let list = client.lines("list");
    assert_eq!(list.len(), 3, "{list:?}");
    assert!(list[1].ends_with(" dir/plain"), "{list:?}");
}

#[test]
fn a_link_to_a_file_inside_is_served_and_listed_as_that_file() {
    let server = Setup::new().file("dir/plain", b"inside").start();
    symlink("dir/plain", server.path("link")).expect("a link can be made");
    symlink("dir", server.path("folder")).expect("a link can be made");
    let absolute = server.path("dir/plain");
    symlink(absolute, server.path("absolute")).expect("a link can be made");
    let mut client = server.client("Client01");
    assert_eq!(client.get("get link"), b"inside");
    assert_eq!(client.get("get folder/plain"), b"inside");
    let told = client.ask("get absolute");
    assert_eq!(
        told, "ERR outside the served folder: absolute",
        "it starts outside"
    );
    let names: Vec<String> = client
        .lines("list")
        .iter()
        .map(|line| name_of(line))
        .collect();
    assert_eq!(names, ["LIST", "dir/plain", "link", "END"]);
}

/// The name in a line of a listing.
fn name_of(line: &str) -> String {
    line.splitn(3, ' ').last().unwrap_or_default().to_owned()
}

#[test]
fn a_folder_that_turns_into_a_link_and_back_never_leads_out() {
    let server = Setup::new().file("real/file", b"inside").start();
    fs::create_dir(server.path("../outside")).expect("the folder is new");
    fs::write(server.path("../outside/file"), "OUTSIDE").expect("the file is written");
    symlink("../outside", server.path("away")).expect("a link can be made");
    fs::rename(server.path("real"), server.path("dir")).expect("it is ours");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (repo, done) = (server.repo(), &done);
        scope.spawn(move || {
            let at = |name: &str| repo.join(name);
            // Two flips each: a hundred thousand in all.
            for _ in 0..50_000 {
                fs::rename(at("dir"), at("real")).expect("it is ours");
                fs::rename(at("away"), at("dir")).expect("it is ours");
                fs::rename(at("dir"), at("away")).expect("it is ours");
                fs::rename(at("real"), at("dir")).expect("it is ours");
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut client = server.client("Client01");
        let mut seen = 0;
        while !done.load(Ordering::Relaxed) {
            let answer = client.ask("get dir/file");
            if answer.starts_with("START") {
                assert_eq!(answer, "START 6");
                client.expect("insideEND\n");
                seen += 1;
            }
        }
        assert!(seen > 0, "the file was there now and then");
    });
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let setup = Setup::new().file("plain", b"x");
    mkfifo(&setup.repo().join("fifo"));
    let _socket = UnixListener::bind(setup.repo().join("socket")).expect("a socket can be made");
    let server = setup.start();
    let mut client = server.client("Client01");
    let mut other = server.client("Client02");
    let mut names = vec!["fifo", "socket"];
    // Device 1:3 is /dev/null; making one takes root.
    let null = rustix::fs::makedev(1, 3);
    let mode = Mode::RUSR | Mode::WUSR;
    if mknodat(
        CWD,
        server.path("device"),
        FileType::CharacterDevice,
        mode,
        null,
    )
    .is_ok()
    {
        names.push("device");
    }
    for name in names {
        client.send(format!("get {name}\n"));
        other.echo();
        // A system that does not open devices at all says so in its own way.
        let answer = client.text();
        let refused = [
            format!("ERR not a file: {name}"),
            format!("ERR permission denied: {name}"),
        ];
        assert!(refused.contains(&answer), "{answer}");
    }
    assert_eq!(client.lines("list").len(), 3);
}

#[test]
fn a_file_that_says_it_has_no_bytes_is_sent_as_that() {
    let server = Setup::new().file("empty", b"").start();
    let mut client = server.client("Client01");
    client.send("get empty\nget@0 empty\n");
    client.expect("START 0\nEND\nSTART 0\nEND\n");
}

#[test]
fn every_listed_name_fetches_its_file() {
    let odd: [&[u8]; 11] = [
        b" leading and trailing ",
        b"-rf",
        b"%2e%2e%2f",
        b"get x",
        b"END",
        b"7 2026-11-22T10:00:00Z x",
        b"\xff\xfe invalid",
        "\u{202e}turned".as_bytes(),
        b"\\\"'$(x)`",
        b"a~",
        &[b'n'; 255],
    ];
    let setup = Setup::new()
        .file("a/b/c", b"deep")
        .file("a.txt", b"1")
        .file("a-b", b"2");
    for name in odd {
        fs::write(setup.repo().join(OsStr::from_bytes(name)), name).expect("any name is fine");
    }
    for unlisted in [
        &b"line\nfeed"[..],
        b"esc\x1b[2J",
        b"cr\r",
        b"tab\t",
        b"del\x7f",
        "\u{9b}c1".as_bytes(),
    ] {
        fs::write(setup.repo().join(OsStr::from_bytes(unlisted)), "x").expect("any name is fine");
    }
    let server = setup.start();
    let mut client = server.client("Client01");
    let names = listed(&mut client);
    assert!(names.is_sorted(), "by name, byte by byte");
    assert_eq!(names.len(), odd.len() + 3);
    for name in &names {
        fetch(
            &mut client,
            name,
            &fs::read(server.repo().join(OsStr::from_bytes(name))).unwrap(),
        );
    }
    assert_eq!(listed(&mut client), names);
    assert_eq!(
        server.log().matches("not listed").count(),
        1,
        "{}",
        server.log()
    );
    assert!(!server.log().contains('\x1b'));
}

/// The names of a listing, any bytes that they are.
fn listed(client: &mut Peer) -> Vec<Vec<u8>> {
    client.send("list\n");
    client.expect("LIST\n");
    let mut names = Vec::new();
    loop {
        let line = client.line();
        let line = line.strip_suffix(b"\n").expect("a line ends in LF");
        if line == b"END" {
            return names;
        }
        assert!(line[0].is_ascii_digit(), "no name can be taken for the end");
        names.extend(
            line.splitn(3, |&byte| byte == b' ')
                .nth(2)
                .map(<[u8]>::to_vec),
        );
    }
}

fn fetch(client: &mut Peer, name: &[u8], bytes: &[u8]) {
    client.send([b"get ", name, b"\n"].concat());
    client.expect(format!("START {}\n", bytes.len()));
    client.expect(bytes);
    client.expect("END\n");
}

#[test]
fn a_listing_is_in_the_order_of_the_whole_names() {
    let mut setup = Setup::new();
    let mut names: Vec<String> = ["a", "a!", "a0", "a/z", "b/1", "b/1.txt", "b/1/x", "b.txt"]
        .iter()
        .flat_map(|stem| (0..40).map(move |i| format!("{stem}_{i}/leaf {}", i % 7)))
        .chain((0..700).map(|i| format!("many/{i}")))
        .collect();
    for name in &names {
        setup = setup.file(name, b"");
    }
    names.sort();
    let server = setup.start();
    let listed = server.client("Client01").lines("list");
    let listed: Vec<String> = listed[1..=names.len()]
        .iter()
        .map(|line| name_of(line))
        .collect();
    assert_eq!(listed, names);
}
