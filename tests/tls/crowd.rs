//! Far more who come at once than may wait for their handshake.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::{AlertDescription, Error};

use crate::peer::{Keys, TlsPeer, tls_address};
use crate::support::{PATIENCE, Server, connect_from};

const CROWD: usize = 1000;

/// Lets this process have as many connections open as the crowd is large.
fn make_room() {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).expect("it may be raised to that");
}

/// A connection from one of so many addresses.
fn come(server: &Server, i: usize, addresses: usize) -> TcpStream {
    let last = u8::try_from(1 + i % addresses).expect("there are fewer addresses");
    let stream = connect_from(([127, 0, 9, last], 0).into(), tls_address(server));
    let patience = Some(PATIENCE);
    stream.set_read_timeout(patience).expect("it is not zero");
    stream
}

#[test]
fn a_thousand_at_once_are_each_told_why_they_are_not_let_in() {
    make_room();
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 1"));
    let mut inside = server.client("Client01");
    for addresses in [1, 250] {
        let mut crowd: Vec<TlsPeer> = Vec::new();
        for i in 0..CROWD {
            let mut peer = keys.peer_on(come(&server, i, addresses));
            // Some speak at once, and others when the server may have turned them away.
            if i % 2 == 0 {
                let hello = peer.output();
                peer.raw(hello);
            }
            crowd.push(peer);
        }
        assert_eq!(inside.lines("status").len(), 3, "one client and no more");
        let (mut lines, mut alerts) = (0, 0);
        for (i, mut peer) in crowd.into_iter().enumerate() {
            match peer.told() {
                Ok(told) if told == b"Server full, try later\n" => lines += 1,
                Err(Error::AlertReceived(AlertDescription::InternalError)) => alerts += 1,
                other => panic!("{i} of {addresses} addresses: {other:?}"),
            }
        }
        assert!(lines > 0 && alerts > 0, "{lines} lines, {alerts} alerts");
    }
    assert_eq!(inside.ask("exit"), "Goodbye Client01");
    inside.expect_end();
    keys.client(&server, "Client02");
}

#[test]
fn three_hundred_who_say_nothing_keep_nobody_out() {
    make_room();
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 1"));
    let (descriptors, resident) = (server.descriptors().len(), server.resident());
    let came = Instant::now();
    let crowd: Vec<_> = (0..300).map(|i| come(&server, i, 250)).collect();
    let start = Instant::now();
    let mut client = keys.client(&server, "Client01");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "let in after {took:?}");
    assert_eq!(client.ask("hello"), "hello ACK\n");
    let (mut alerts, mut lines) = (0, 0);
    for mut stream in crowd {
        let mut told = Vec::new();
        let read = stream.read_to_end(&mut told);
        read.expect("the end comes, and no reset");
        match told.as_slice() {
            b"ERR this port speaks TLS\n" => lines += 1,
            b"\x15\x03\x03\x00\x02\x02\x50" => alerts += 1,
            _ => panic!("{}", told.escape_ascii()),
        }
    }
    let took = came.elapsed();
    assert!(
        took < Duration::from_secs(15),
        "the last one after {took:?}"
    );
    assert!(alerts >= 300 - 256 && lines > 200, "{alerts}, {lines}");
    while server.descriptors().len() > descriptors + 1 {
        assert!(came.elapsed() < PATIENCE, "something is left");
        assert_eq!(client.ask("hello"), "hello ACK\n");
    }
    let grown = server.resident().saturating_sub(resident);
    assert!(grown < 8 << 20, "the server grew by {grown} bytes");
}
