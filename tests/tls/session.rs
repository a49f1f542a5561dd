//! Sessions through TLS: every byte as in the clear, however records cut them.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::peer::{End, Keys, TlsPeer, token};
use crate::support::{Peer, meanwhile, noise};

/// Fetches a file.
fn get(peer: &mut TlsPeer, name: &str) -> Vec<u8> {
    let start = peer.ask(&format!("get {name}"));
    let size = start
        .trim_end()
        .strip_prefix("START ")
        .expect("it is there");
    let bytes = peer.read(size.parse().expect("it is a number"));
    assert_eq!(peer.line(), "END\n");
    bytes
}

#[test]
fn files_of_every_size_around_a_border_arrive_whole() {
    let keys = Keys::new();
    let batch = 64 * 1024;
    let record = 16 * 1024;
    let sizes = [
        0,
        1,
        record - 1,
        record,
        record + 1,
        batch - 1,
        batch,
        batch + 1,
        3 * batch,
        5_000_000,
    ];
    let bytes = noise(5_000_000);
    let server = keys.serve(|setup| {
        let all = sizes.iter();
        all.fold(setup, |setup, &n| setup.file(&n.to_string(), &bytes[..n]))
    });
    let mut peer = keys.client(&server, "Client01");
    for size in sizes {
        assert!(
            get(&mut peer, &size.to_string()) == bytes[..size],
            "{size} bytes"
        );
    }
}

#[test]
fn requests_are_answered_however_records_cut_them() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut peer = keys.client(&server, "Client01");
    peer.send("one\ntwo\nthree\n");
    assert_eq!(peer.read(26), b"one ACK\ntwo ACK\nthree ACK\n");
    for byte in b"four\n" {
        peer.send([*byte]);
    }
    assert_eq!(peer.line(), "four ACK\n");
    // Many records in one segment, of which the last is cut in the middle.
    let mut all = Vec::new();
    for n in 0..500 {
        all.extend(peer.sealed(format!("{n}\n")));
    }
    let (first, second) = all.split_at(all.len() - 7);
    peer.raw(first);
    assert_eq!(peer.line(), "0 ACK\n");
    peer.raw(second);
    for n in 1..500 {
        assert_eq!(peer.line(), format!("{n} ACK\n"));
    }
}

#[test]
fn an_end_that_is_said_is_answered_at_once() {
    let keys = Keys::new();
    let bytes = noise(3_000_000);
    let server = keys.serve(|setup| setup.file("big", &bytes));
    // The end is in the same segment as the last line, and the socket stays open.
    let mut peer = keys.client(&server, "Client01");
    let mut last = peer.sealed("get big\n");
    last.extend(peer.goodbye());
    peer.raw(last);
    let start = Instant::now();
    let (came, end) = peer.rest();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "not at a timeout"
    );
    assert_eq!(end, End::Said);
    assert!(came.starts_with(b"START 3000000\n") && came.ends_with(b"END\n"));
    assert!(came[14..came.len() - 4] == bytes);
}

#[test]
fn an_end_that_is_not_said_serves_no_line_that_it_may_have_cut() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.file("notes.tx", b"of somebody else"));
    let mut peer = keys.client(&server, "Client01");
    assert_eq!(peer.ask("hello"), "hello ACK\n");
    peer.send("get notes.tx");
    peer.half_close();
    let (came, end) = peer.rest();
    assert_eq!((came, end), (Vec::new(), End::Bare));
    let lines = server.client("Client02").lines("status");
    let line = lines.iter().find(|line| line.starts_with("Client01"));
    assert!(
        line.is_some_and(|line| line.ends_with(" reset")),
        "{lines:?}"
    );
}

#[test]
fn new_keys_are_made_a_few_times_and_too_many_end_only_that_peer() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut other = server.client("Client01");
    let mut peer = keys.client(&server, "Client02");
    for n in 0..20 {
        peer.tls().refresh_traffic_keys().expect("it is open");
        let mut update = peer.output();
        update.extend(peer.sealed(format!("{n}\n")));
        peer.raw(update);
        assert_eq!(peer.line(), format!("{n} ACK\n"));
    }
    let mut updates = Vec::new();
    for _ in 0..100 {
        peer.tls().refresh_traffic_keys().expect("it is open");
        updates.extend(peer.output());
    }
    peer.raw(updates);
    let (came, end) = peer.rest();
    // There is no alert for that, so the end is said.
    assert_eq!((came, end), (Vec::new(), End::Said));
    other.echo();
}

#[test]
fn a_client_that_takes_nothing_stalls_and_its_berth_is_free() {
    let keys = Keys::new();
    let server = keys.serve(|setup| {
        let setup = setup.with("--stall-timeout 1s --max-clients 2");
        setup.sparse("big", 1 << 30)
    });
    let mut other = server.client("Client01");
    let mut stuck = keys.client(&server, "Client02");
    stuck.send("get big\n");
    meanwhile(&mut other, |_| {
        let lines = server.connect_and(Peer::text);
        lines == "Welcome Client03"
    });
    let lines = other.lines("status");
    let line = lines.iter().find(|line| line.starts_with("Client02"));
    assert!(
        line.is_some_and(|line| line.ends_with(" stalled")),
        "{lines:?}"
    );
}

#[test]
fn a_client_that_says_nothing_uses_no_processor_time() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup);
    let mut peer = keys.client(&server, "Client01");
    assert_eq!(peer.ask("hello"), "hello ACK\n");
    let before = server.sleeps();
    let quiet = Some(Duration::from_millis(300));
    peer.stream()
        .set_read_timeout(quiet)
        .expect("it is not zero");
    peer.stream().read(&mut [0]).expect_err("nothing comes");
    assert!(server.sleeps() - before <= 2, "the loop sleeps");
}

#[test]
fn a_token_is_asked_for_behind_the_handshake_and_the_berth_is_had_behind_the_token() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (tokens, token) = token(&folder, "get,list");
    let arguments = format!("--max-clients 1 --tokens {}", tokens.display());
    let server = keys.serve(|setup| setup.file("a", b"x").with(&arguments));
    // With the request behind the token in one record, before the question was read.
    let mut wrong = keys.connect(&server);
    wrong.send("auth berth1-AAAAAAAA-wrong\nget a\n");
    let told = b"AUTH token\nERR not let in\n".to_vec();
    assert_eq!(wrong.rest(), (told, End::Said));
    let mut right = keys.connect(&server);
    right.send(format!("auth {token}\nlist\n"));
    assert_eq!(right.line(), "AUTH token\n");
    assert_eq!(right.line(), "Welcome Client01\n");
    assert_eq!(right.line(), "LIST\n");
    let mut late = keys.connect(&server);
    late.send(format!("auth {token}\n"));
    let told = b"AUTH token\nServer full, try later\n".to_vec();
    assert_eq!(late.rest(), (told, End::Said));
}
