//! A connection that ends at any byte of its handshake.

use std::io::{Read, Write};
use std::time::Duration;

use socket2::SockRef;

use crate::peer::{Keys, TlsPeer};
use crate::support::Server;

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
