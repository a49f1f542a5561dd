//! A connection that ends at any byte of its handshake, or of its session.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::peer::{End, Keys, TlsPeer, token};
use crate::support::{PATIENCE, Server};

/// How a peer ends.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Fin,
    Reset,
}

/// The first and the second flight of a client.
fn flights(keys: &Keys, server: &Server) -> (usize, usize) {
    let mut peer = keys.peer(server);
    let hello = peer.output();
    peer.raw(&hello);
    while peer.tls().is_handshaking() {
        assert!(peer.fetch().is_none());
    }
    (hello.len(), peer.output().len())
}

fn end(peer: &TlsPeer, cut: Cut) {
    match cut {
        Cut::Fin => {
            peer.half_close();
            let mut rest = Vec::new();
            // An alert may come, or a flight that nobody reads: what matters is that an end does.
            drop(peer.stream().read_to_end(&mut rest));
        }
        Cut::Reset => {
            let socket = SockRef::from(peer.stream());
            socket
                .set_linger(Some(Duration::ZERO))
                .expect("it is a socket");
        }
    }
}

#[test]
fn a_peer_that_ends_at_any_byte_of_its_handshake_leaves_nothing_behind() {
    let keys = Keys::new();
    let server = keys.serve(|setup| setup.with("--max-clients 1"));
    let (hello, finish) = flights(&keys, &server);
    let before = server.descriptors();
    for cut in [Cut::Fin, Cut::Reset] {
        for at in 0..hello {
            let mut peer = keys.peer(&server);
            let bytes = peer.output();
            peer.raw(&bytes[..at]);
            end(&peer, cut);
        }
        for at in 0..finish {
            let mut peer = keys.peer(&server);
            let bytes = peer.output();
            peer.raw(bytes);
            while peer.tls().is_handshaking() {
                assert!(peer.fetch().is_none());
            }
            let bytes = peer.output();
            drop(peer.stream().write_all(&bytes[..at]));
            end(&peer, cut);
        }
    }
    let mut client = keys.client(&server, "Client01");
    while server.descriptors().len() > before.len() + 1 {
        assert_eq!(client.ask("hello"), "hello ACK\n");
    }
}

/// All that a client says in a session, in records of a line each, and its end.
fn session(peer: &mut TlsPeer, token: &str) -> Vec<u8> {
    let mut bytes = peer.sealed(format!("auth {token}\n"));
    for line in ["list\n", "get a\n", "exit\n"] {
        bytes.extend(peer.sealed(line));
    }
    bytes.extend(peer.goodbye());
    bytes
}

#[test]
fn a_client_that_ends_at_any_byte_of_its_session_leaves_nothing_behind() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (tokens, token) = token(&folder, "get,list,echo");
    let arguments = format!("--max-clients 2 --tokens {}", tokens.display());
    let server = keys.serve(|setup| setup.file("a", b"0123456789").with(&arguments));
    let before = server.descriptors();
    let mut peer = keys.connect(&server);
    let bytes = session(&mut peer, &token);
    peer.raw(&bytes);
    let (whole, end_of_whole) = peer.rest();
    let whole = String::from_utf8(whole).expect("it is text");
    assert!(whole.ends_with("START 10\n0123456789END\nGoodbye Client01\n"));
    assert_eq!(end_of_whole, End::Said);
    for at in 0..=bytes.len() {
        let mut peer = keys.connect(&server);
        let bytes = session(&mut peer, &token);
        peer.raw(&bytes[..at]);
        peer.half_close();
        let (came, _) = peer.rest();
        let came = String::from_utf8(came).expect("it is text");
        let name = came.split_once("Welcome ");
        let name = name.map_or("nobody", |(_, rest)| {
            rest.split('\n').next().unwrap_or(rest)
        });
        let due = whole.replace("Client01", name);
        assert!(due.starts_with(&came), "{at} bytes: {came}");
        assert!(at < bytes.len() || came == due, "all was said: {came}");
        let mut peer = keys.connect(&server);
        let bytes = session(&mut peer, &token);
        peer.raw(&bytes[..at]);
        end(&peer, Cut::Reset);
    }
    // Both berths are free, and nothing is left of anybody.
    let mut inside = [(); 2].map(|()| {
        let mut client = keys.connect(&server);
        client.send(format!("auth {token}\n"));
        assert_eq!(client.line(), "AUTH token\n");
        assert!(client.line().starts_with("Welcome "));
        client
    });
    // The listing is watched from now on, with a descriptor of its own.
    let start = Instant::now();
    while server.descriptors().len() > before.len() + inside.len() + 1 {
        assert!(start.elapsed() < PATIENCE, "something is left");
        assert_eq!(inside[0].ask("hello"), "hello ACK\n");
    }
}
