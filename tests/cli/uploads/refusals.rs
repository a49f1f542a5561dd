//! Uploads that the server refuses, before a byte or in the middle, or does not answer.

use std::time::Duration;

use super::{LARGE, USAGE, hex, large, offered, probed, put, stored, takes, with, write};
use crate::exit_codes::{Talk, run};
use crate::program::{DEADLINE, Folder, finish};
use crate::server::{Peer, Server};

/// What a server does, and the code that the client ends with.
const TABLE: &[(&str, Talk, i32)] = &[
    (
        "no uploads",
        |peer| answers(peer, b"ERR no uploads here\n"),
        25,
    ),
    (
        "a server that knows no uploads",
        |peer| {
            let line = peer.line();
            peer.say(&[&line[..], b" ACK\n"].concat());
            peer.expect_exit();
        },
        25,
    ),
    ("exists", |peer| answers(peer, b"ERR exists: f\n"), 73),
    (
        "no room",
        |peer| answers(peer, b"ERR no room: 5 bytes are free, 1 stay so\n"),
        70,
    ),
    (
        "parts",
        |peer| {
            let line = b"ERR no room: unfinished uploads may hold 9 bytes together\n";
            answers(peer, line);
        },
        70,
    ),
    (
        "too large",
        |peer| answers(peer, b"ERR too large, 9 bytes at most\n"),
        22,
    ),
    ("busy", |peer| answers(peer, b"ERR being uploaded: f\n"), 22),
    (
        "no right",
        |peer| answers(peer, b"ERR not allowed: put\n"),
        9,
    ),
    (
        "a wrong digest",
        |peer| {
            offered(peer, b"1234567890", "f");
            peer.say(b"READY 0\n");
            peer.take(10);
            peer.say(b"ERR digest differs: f\n");
        },
        19,
    ),
    (
        "cut",
        |peer| {
            offered(peer, b"1234567890", "f");
            peer.say(b"READY 0\n");
            peer.take(4);
        },
        18,
    ),
    (
        "another digest",
        |peer| {
            offered(peer, b"1234567890", "f");
            peer.say(b"READY 0\n");
            peer.take(10);
            stored(peer, b"1234567899");
        },
        65,
    ),
    (
        "another digest at once",
        |peer| {
            offered(peer, b"1234567890", "f");
            stored(peer, b"1234567899");
        },
        65,
    ),
    (
        "an offset behind the end",
        |peer| {
            offered(peer, b"1234567890", "f");
            peer.say(b"READY 10\n");
        },
        65,
    ),
    (
        "silence",
        |peer| {
            offered(peer, b"1234567890", "f");
            peer.say(b"READY 0\n");
            peer.take(10);
            peer.say(b"STOR");
            assert_eq!(peer.line(), b"");
        },
        65,
    ),
];

fn answers(peer: &mut Peer, line: &[u8]) {
    offered(peer, b"1234567890", "f");
    peer.say(line);
    peer.expect_exit();
}

#[test]
fn every_end_of_an_upload_has_its_code() {
    for (what, talk, code) in TABLE {
        let quick = ["--retries", "0", "--timeout", "200ms"];
        let ended = put(b"1234567890", &quick, *talk);
        assert_eq!(ended.code, *code, "{what}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{what}: {}", ended.stderr);
        assert!(
            ended.stderr.starts_with("berth: "),
            "{what}: {}",
            ended.stderr
        );
    }
}

#[test]
fn work_of_the_server_before_and_behind_the_bytes_is_waited_for() {
    let server = Server::polite(|peer| {
        let long = Duration::from_millis(600);
        offered(peer, b"1234567890", "f");
        assert!(peer.stays(long), "the client has gone");
        peer.say(b"READY 0\n");
        peer.take(10);
        assert!(peer.stays(long), "the client has gone");
        stored(peer, b"1234567890");
        peer.expect_exit();
    });
    let folder = with("f", b"1234567890");
    let ended = run(&folder, server.address, &["put", "f", "--timeout", "100ms"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    server.join();
}

#[test]
fn a_refusal_in_the_middle_is_read_whole_whatever_the_server_does_then() {
    let content = large();
    // Who looks for an answer now and then does not send it all.
    let lingers: fn(&mut Peer) = |peer| assert!(peer.take(LARGE).len() < LARGE - 300_000);
    let closes: fn(&mut Peer) = Peer::abandon;
    for then in [lingers, closes] {
        let server = Server::polite(move |peer| {
            offered(peer, content, "f");
            peer.say(b"READY 0\n");
            peer.take(300_000);
            peer.say(b"ERR cannot write: f\n");
            then(peer);
        });
        let folder = with("f", content);
        let ended = run(&folder, server.address, &["put", "f"]);
        assert_eq!(ended.code, 22, "{}", ended.stderr);
        assert_eq!(ended.stderr, "berth: the server refused: cannot write: f\n");
        server.join();
    }
}

#[test]
fn a_refusal_is_read_while_the_server_takes_nothing() {
    let content = large();
    let (over, go) = std::sync::mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        offered(peer, content, "f");
        peer.say(b"READY 0\n");
        peer.take(1000);
        // By now the line is full.
        let _ = go.recv_timeout(Duration::from_millis(500));
        peer.say(b"ERR cannot write: f\n");
        go.recv().unwrap();
    });
    let folder = with("f", content);
    let ended = run(&folder, server.address, &["put", "f"]);
    over.send(()).unwrap();
    assert_eq!(ended.code, 22, "{}", ended.stderr);
    server.join();
}

#[test]
fn a_server_that_takes_nothing_for_too_long_is_28() {
    let content = large();
    let (over, go) = std::sync::mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        offered(peer, content, "f");
        peer.say(b"READY 0\n");
        peer.take(1000);
        go.recv().unwrap();
    });
    let folder = with("f", content);
    let quick = ["put", "f", "--retries", "0", "--timeout", "300ms"];
    let ended = run(&folder, server.address, &quick);
    over.send(()).unwrap();
    assert_eq!(ended.code, 28, "{}", ended.stderr);
    server.join();
}

#[test]
fn a_server_that_takes_no_uploads_says_so_before_standard_input_is_read() {
    let talks: [(Talk, i32); 3] = [
        (|peer| probed(peer, b"ERR no uploads here\n"), 25),
        (|peer| probed(peer, b"ERR not allowed: put\n"), 9),
        (
            |peer| probed(peer, format!("put@{} 0 ACK\n", "0".repeat(64)).as_bytes()),
            25,
        ),
    ];
    for (talk, code) in talks {
        let server = Server::polite(move |peer| {
            talk(peer);
            peer.expect_exit();
        });
        let folder = Folder::new();
        let mut command = folder.berth_at(server.address);
        let mut child = command.args(["put", "-", "--as", "x"]).spawn().unwrap();
        // Nothing comes, and nothing ends.
        let stdin = child.stdin.take();
        let ended = finish(child, b"");
        assert_eq!(ended.code, code, "{}", ended.stderr);
        drop(stdin);
        server.join();
    }
}

#[test]
fn a_refusal_of_all_is_told_once() {
    let server = Server::polite(|peer| {
        offered(peer, b"1", "a");
        peer.say(b"ERR no uploads here\n");
        peer.expect_exit();
    });
    let folder = with("a", b"1");
    write(&folder, "b", b"1");
    let ended = run(&folder, server.address, &["put", "a", "b"]);
    assert_eq!(ended.code, 25);
    let told = "berth: the server takes no uploads; 'berthd --uploads' accepts them\n";
    assert_eq!(
        ended.stderr,
        format!("{told}total: 0 of 2 files, 0 B, 1 failed\n")
    );
    server.join();
}

#[test]
fn a_client_that_was_idle_while_it_read_comes_again() {
    let (greet, greeted) = std::sync::mpsc::channel();
    let server = Server::polite_each(vec![
        Box::new(move |peer| {
            probed(peer, USAGE);
            peer.say(b"ERR idle for 10m, closing\n");
            peer.close_now();
            greet.send(()).unwrap();
        }),
        Box::new(|peer| {
            let line = format!("put@{} 1 - x", hex(b"1"));
            peer.expect(line.as_bytes());
            takes(peer, b"1", 0);
            peer.expect_exit();
        }),
    ]);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.args(["put", "-", "--as", "x", "--retries", "0"]);
    let child = command.spawn().unwrap();
    greeted.recv_timeout(DEADLINE).unwrap();
    let ended = finish(child, b"1");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, "stored x, 1 B\n"));
    server.join();
}
