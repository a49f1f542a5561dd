//! Every exit code, against servers that keep the protocol and servers that break it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use crate::program::{Ended, Folder, finish};
use crate::server::stat;
use crate::server::{Peer, Server};
use crate::support;

pub(crate) const LISTED: &str = "LIST\n10 2026-11-22T10:00:00Z a\nEND\n";

/// What a server does after its welcome.
pub(crate) type Talk = fn(&mut Peer);

pub(crate) fn run(folder: &Folder, server: SocketAddr, arguments: &[&str]) -> Ended {
    let mut command = folder.berth_at(server);
    command.args(arguments);
    finish(command.spawn().unwrap(), b"")
}

fn listed(peer: &mut Peer) {
    peer.expect(b"stat a");
    peer.say(&stat(b"a", LISTED.as_bytes()));
}

/// Answers `stat a`, and `get a` so.
pub(crate) fn gives(peer: &mut Peer, answer: &[u8]) {
    listed(peer);
    peer.expect(b"get a");
    peer.say(answer);
}

const GET: &[&str] = &["get", "a", "--retries", "0"];
pub(crate) const QUICK: &[&str] = &["get", "a", "--retries", "0", "--timeout", "200ms"];
pub(crate) const VERIFY: &[&str] = &["get", "a", "--verify"];

/// What a server does, what the client was told, and the code that it ends with.
const TABLE: &[(&str, &[&str], Talk, i32)] = &[
    (
        "whole",
        GET,
        |peer| {
            gives(peer, b"START 10\n1234567890END\n");
            peer.expect_exit();
        },
        0,
    ),
    ("short", GET, |peer| gives(peer, b"START 10\n12345"), 18),
    (
        "no END",
        GET,
        |peer| gives(peer, b"START 10\n1234567890"),
        18,
    ),
    (
        "long",
        GET,
        |peer| gives(peer, b"START 10\n1234567890xxEND\n"),
        65,
    ),
    (
        "garbage header",
        GET,
        |peer| gives(peer, b"START 1e30\n"),
        65,
    ),
    (
        "endless header",
        GET,
        |peer| gives(peer, &[b'x'; 70_000]),
        65,
    ),
    (
        "reset",
        GET,
        |peer| {
            gives(peer, b"START 10\n12345");
            peer.reset();
        },
        18,
    ),
    (
        "silence at once",
        QUICK,
        |peer| {
            listed(peer);
            peer.expect(b"get a");
            assert_eq!(peer.line(), b"");
        },
        28,
    ),
    (
        "silence in the middle",
        QUICK,
        |peer| {
            gives(peer, b"START 10\n12345");
            assert_eq!(peer.line(), b"");
        },
        28,
    ),
    (
        "a wrong digest",
        VERIFY,
        |peer| {
            gives(peer, b"START 10\n1234567890END\n");
            peer.expect(b"sha256 a");
            peer.say(format!("SHA256 {} 10\n", "0".repeat(64)).as_bytes());
            peer.expect_exit();
        },
        19,
    ),
    (
        "no digest",
        VERIFY,
        |peer| {
            gives(peer, b"START 10\n1234567890END\n");
            peer.expect(b"sha256 a");
            peer.say(b"sha256 a ACK\n");
        },
        65,
    ),
    (
        "refused",
        GET,
        |peer| {
            gives(peer, b"ERR permission denied: a\n");
            peer.expect_exit();
        },
        22,
    ),
    (
        "no such file",
        GET,
        |peer| {
            gives(peer, b"ERR no such file: a\n");
            peer.expect_exit();
        },
        78,
    ),
    (
        "a status cut off",
        &["status"],
        |peer| {
            peer.expect(b"status");
            peer.say(b"STATUS\nClient01 x");
        },
        18,
    ),
    (
        "no list",
        &["list"],
        |peer| {
            peer.expect(b"list");
            peer.say(b"list ACK\n");
        },
        65,
    ),
    (
        "a refused digest",
        &["sha256", "a"],
        |peer| {
            peer.expect(b"sha256 a");
            peer.say(b"ERR not a file: a\n");
            peer.expect_exit();
        },
        22,
    ),
];

#[test]
fn every_misbehaviour_has_its_code() {
    for (what, arguments, talk, code) in TABLE {
        let server = Server::polite(talk);
        let folder = Folder::new();
        let ended = run(&folder, server.address, arguments);
        assert_eq!(ended.code, *code, "{what}: {}", ended.stderr);
        assert_eq!(
            folder.names().contains(&"a".to_owned()),
            *code == 0,
            "{what}"
        );
        let told = ended.stderr.starts_with("berth: ") || *code == 0;
        assert!(
            told && !ended.stderr.contains('\x1b'),
            "{what}: {}",
            ended.stderr
        );
        server.join();
    }
}

#[test]
fn a_server_that_says_nothing_at_all_is_28() {
    let server = Server::mute(|peer| assert_eq!(peer.line(), b""));
    let arguments = ["status", "--connect-timeout", "200ms"];
    let ended = run(&Folder::new(), server.address, &arguments);
    assert_eq!(ended.code, 28, "{}", ended.stderr);
    server.join();
}

#[test]
fn a_server_that_is_not_there_is_7_and_one_that_is_full_75() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any_port.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    assert_eq!(run(&Folder::new(), address, &["list"]).code, 7);
    let server = support::Setup::new().with("--max-clients 1").start();
    let inside = server.client("Client01");
    assert_eq!(run(&Folder::new(), server.address, &["list"]).code, 75);
    let ended = run(&Folder::new(), server.address, &["list", "--wait", "300ms"]);
    assert_eq!(ended.code, 75);
    assert!(ended.stderr.contains("waiting for a berth, 300ms at most"));
    drop(inside);
    let ended = run(
        &Folder::new(),
        server.address,
        &["list", "--wait", "1m", "-q"],
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[test]
fn what_is_here_decides_over_2_23_33_and_73() {
    let server = support::Setup::new().file("a", b"1234567890").start();
    let folder = Folder::new();
    let code = |arguments: &[&str]| run(&folder, server.address, arguments).code;
    assert_eq!(code(&["get", "a/.."]), 2);
    assert_eq!(code(&["get", "nope"]), 78);
    assert_eq!(code(&["get", "-r", "nope/"]), 78);
    assert_eq!(code(&["get", "a", "-o", "no/such/folder/a"]), 23);
    fs::write(folder.path("a"), b"mine").unwrap();
    assert_eq!(code(&["get", "a"]), 73);
    assert_eq!(code(&["get", "a", "--on-exist", "skip"]), 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"mine");
    assert_eq!(code(&["get", "a", "--on-exist", "rename"]), 0);
    assert_eq!(fs::read(folder.path("a.1")).unwrap(), b"1234567890");
    assert_eq!(code(&["get", "a", "--on-exist", "overwrite"]), 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"1234567890");
    fs::write(folder.path(".b.part"), b"123").unwrap();
    assert_eq!(code(&["get", "a", "-o", "b"]), 33);
    assert_eq!(fs::read(folder.path(".b.part")).unwrap(), b"123");
    fs::write(folder.path(".b.part.meta"), b"10 2000-01-01T00:00:00Z a\n").unwrap();
    assert_eq!(code(&["get", "a", "-o", "b"]), 33);
    assert_eq!(code(&["get", "a", "-o", "b", "--no-resume"]), 0);
    assert_eq!(folder.names(), ["a", "a.1", "b"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_23() {
    let server = support::Setup::new().file("a", b"1234567890").start();
    let folder = Folder::new();
    for arguments in [&["get", "a", "-o", "-"][..], &["list"], &["list", "--json"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = folder.berth_at(server.address);
        command.args(arguments).stdout(Stdio::from(full));
        let ended = finish(command.spawn().unwrap(), b"");
        assert_eq!(ended.code, 23, "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn ctrl_c_is_130_keeps_the_part_and_says_how_to_go_on() {
    let (half, come) = std::sync::mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        gives(peer, b"START 10\n12345");
        half.send(()).unwrap();
        assert_eq!(peer.line(), b"");
    });
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    let child = command.args(["get", "a"]).spawn().unwrap();
    come.recv().unwrap();
    while fs::read(folder.path(".a.part")).is_ok_and(|part| part != b"12345") {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = finish(child, b"");
    assert_eq!(ended.code, 130);
    assert!(
        ended.stderr.contains("the part of a is kept"),
        "{}",
        ended.stderr
    );
    assert_eq!(folder.names(), [".a.part", ".a.part.meta"]);
    server.join();
}

#[test]
fn failures_are_json_too_where_answers_are() {
    let server = support::Setup::new().file("a", b"1234567890").start();
    let folder = Folder::new();
    for (arguments, code) in [
        (&["get", "nope", "--json"][..], 78),
        (&["sha256", "nope", "--json"], 78),
        (&["stat", "nope", "--json"], 78),
        (&["get", "a", "-o", "-", "--json"], 2),
        (&["status", "--json", "--nope"], 2),
    ] {
        let ended = run(&folder, server.address, arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        let object: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(object["answer"], "error", "{arguments:?}");
        assert_eq!(object["code"], code, "{arguments:?}");
    }
    for (arguments, answer, member) in [
        (&["status", "--json"][..], "status", "clients"),
        (&["list", "--json"], "list", "files"),
        (&["send", "--json", "x"], "message", "text"),
        (&["sha256", "--json", "a"], "sha256", "size"),
        (&["stat", "--json", "a"], "stat", "modified"),
        (&["get", "--json", "a"], "get", "path"),
    ] {
        let ended = run(&folder, server.address, arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        let object: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(object["answer"], answer);
        assert!(!object[member].is_null(), "{object}");
    }
}

#[test]
fn nobody_waits_long_while_the_server_digests() {
    // A gigabyte of holes takes the unoptimized server long enough to be overtaken many times.
    let server = support::Setup::new().sparse("big", 1 << 30).start();
    let mut busy = server.client("Client01");
    let mut other = server.client("Client02");
    busy.send("sha256 big\n");
    busy.stream().set_nonblocking(true).unwrap();
    let mut echoes = 0;
    while busy.stream().peek(&mut [0]).is_err() {
        other.echo();
        echoes += 1;
    }
    assert!(echoes > 20, "only {echoes}");
    busy.stream().set_nonblocking(false).unwrap();
    let digest = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14";
    busy.expect(format!("SHA256 {digest} 1073741824\n"));
}
