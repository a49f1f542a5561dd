//! Far more who come at once than may wait for their handshake.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::{AlertDescription, Error};
use socket2::{Domain, Socket, Type};

use crate::peer::{Keys, TlsPeer, tls_address};
use crate::support::Server;

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
    let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 9, last)), 0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is room for one");
    socket
        .bind(&from.into())
        .expect("the address is this machine's");
    let connected = socket.connect(&tls_address(server).into());
    connected.expect("the server listens");
    socket.into()
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
