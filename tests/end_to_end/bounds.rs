//! One client costs a bounded amount, however it behaves, and all others are served.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::support::{Peer, Server, Setup, meanwhile, noise};

/// Sends `input` from a thread of its own, as a peer does that reads nothing while it writes.
fn send_all<'scope>(scope: &'scope thread::Scope<'scope, '_>, peer: &Peer, input: Vec<u8>) {
    let mut stream = peer.stream().try_clone().expect("a descriptor is free");
    scope.spawn(move || {
        stream
            .write_all(&input)
            .expect("the server reads, sooner or later");
        stream
            .shutdown(Shutdown::Write)
            .expect("the connection is there");
    });
}

/// Lets a client send `input` without reading, and checks what that costs the others and the
/// server. Its answers are read afterwards.
fn flooded_by(server: &Server, input: Vec<u8>, answers: impl FnOnce(&mut Peer)) {
    let mut other = server.client("Client01");
    let mut flood = server.client("Client02");
    other.echo();
    let before = server.resident();
    thread::scope(|scope| {
        send_all(scope, &flood, input);
        meanwhile(&mut other, |elapsed| elapsed > Duration::from_millis(500));
        let grown = server.resident().saturating_sub(before);
        assert!(grown < 1 << 20, "the server grew by {grown} bytes");
        answers(&mut flood);
    });
    flood.expect_end();
    other.echo();
}

#[test]
fn pipelined_messages_from_a_client_that_reads_nothing_wait_in_the_kernel() {
    const LINES: usize = 4 << 20;
    flooded_by(&Server::start(), b"x\n".repeat(LINES), |flood| {
        let piece = b"x ACK\n".repeat(1 << 12);
        for i in 0..LINES >> 12 {
            assert!(flood.read(piece.len()) == piece, "in the {i}th piece");
        }
    });
}

#[test]
fn a_hundred_thousand_pipelined_status_requests_are_all_answered() {
    const REQUESTS: usize = 100_000;
    flooded_by(&Server::start(), b"status\n".repeat(REQUESTS), |flood| {
        let mut answer = String::new();
        for _ in 0..4 {
            answer.push_str(&String::from_utf8(flood.line()).expect("it is text"));
        }
        assert!(answer.starts_with("STATUS\nClient01 ") && answer.ends_with("\nEND\n"));
        for i in 1..REQUESTS {
            assert!(
                flood.read(answer.len()) == answer.as_bytes(),
                "the {i}th answer"
            );
        }
    });
}

#[test]
fn a_line_without_end_is_answered_once_and_costs_nothing() {
    let server = Server::start();
    let mut input = vec![b'a'; 100 << 20];
    input.extend_from_slice(b"\nstill here\n");
    flooded_by(&server, input, |flood| {
        flood.expect("ERR line longer than 4096 bytes\nstill here ACK\n");
    });
}

#[test]
fn a_tiny_window_gets_every_byte_in_order() {
    use socket2::{Domain, Socket, Type};
    let bytes = noise(3 << 20);
    let server = Setup::new().file("file", &bytes).start();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    // Before it connects, because the window's scale is agreed on then.
    socket.set_recv_buffer_size(2048).expect("it is a socket");
    socket
        .connect(&server.address.into())
        .expect("the server listens");
    let mut peer = Peer::new(socket.into());
    peer.expect("Welcome Client01\n");
    assert!(peer.get("get file") == bytes);
    peer.echo();
}

#[test]
fn during_a_long_listing_the_others_have_their_turn() {
    let mut setup = Setup::new();
    for i in 0..5000 {
        setup = setup.file(&format!("{}/{i}", i % 50), b"");
    }
    let server = setup.start();
    let mut lister = server.client("Client01");
    let mut other = server.client("Client02");
    // A hundred listings take far longer than an echo, unless they are one turn.
    lister.send("list\n".repeat(100));
    lister.expect("LIST\n");
    other.echo();
    lister.half_close();
    let rest = lister.rest();
    assert_eq!(rest.split(|&byte| byte == b'\n').count(), 100 * 5002);
}

#[test]
fn three_pipelined_files_and_an_exit_are_three_files_and_a_goodbye() {
    let bytes = noise(300_000);
    let server = Setup::new().file("f", &bytes).start();
    let mut client = server.client("Client01");
    client.send("get f\nget f\nget f\nexit\n");
    for _ in 0..3 {
        client.expect("START 300000\n");
        client.expect(&bytes);
        client.expect("END\n");
    }
    client.expect("Goodbye Client01\n");
    client.expect_end();
}

#[test]
fn while_one_downloads_at_full_speed_another_is_served() {
    let server = Setup::new().sparse("big", 2 << 30).start();
    let mut greedy = server.client("Client01");
    let mut other = server.client("Client02");
    thread::scope(|scope| {
        let download = scope.spawn(move || {
            let mut left = greedy.start("get big");
            while left > 0 {
                left -= greedy.read(left.min(1 << 20) as usize).len() as u64;
            }
            greedy.expect("END\n");
        });
        let mut echoes = 0;
        while !download.is_finished() {
            other.echo();
            echoes += 1;
        }
        assert!(echoes > 100, "only {echoes} in two gibibytes");
    });
}

#[test]
fn a_half_close_still_gets_its_file() {
    let bytes = noise(5 << 20);
    let server = Setup::new().file("f", &bytes).start();
    let mut client = server.client("Client01");
    // The last line has no LF, and counts all the same.
    client.send("status\nget f");
    client.half_close();
    client.expect("STATUS\n");
    client.line();
    client.expect(format!("END\nSTART {}\n", bytes.len()));
    client.expect(&bytes);
    client.expect("END\n");
    client.expect_end();
}

#[test]
fn a_half_close_alone_frees_the_berth() {
    let server = Setup::new().with("--max-clients 1").start();
    let client = server.client("Client01");
    client.half_close();
    client.expect_end();
    let mut next = server.client("Client02");
    let status = next.lines("status");
    assert!(status[1].ends_with(" eof"), "{status:?}");
}

#[test]
fn what_follows_an_exit_is_ignored_and_destroys_nothing() {
    let bytes = noise(8 << 20);
    let server = Setup::new().file("big", &bytes).start();
    let mut client = server.client("Client01");
    let mut input = b"get big\nexit\n".to_vec();
    input.extend(noise(64 << 10));
    client.send(input);
    client.expect(format!("START {}\n", bytes.len()));
    client.expect(&bytes);
    client.expect("END\nGoodbye Client01\n");
    client.expect_end();
}

#[test]
fn an_idle_server_uses_no_processor_time() {
    let server = Server::start();
    let mut clients = ["Client01", "Client02", "Client03"].map(|name| server.client(name));
    clients.iter_mut().for_each(Peer::echo);
    let fourth = server.connect();
    fourth.half_close();
    drop(fourth);
    clients[0].echo();
    let mut quiet = clients[0].stream();
    let wait = Duration::from_millis(200);
    quiet.set_read_timeout(Some(wait)).expect("it is not zero");
    // Once more than needed, so that whatever was under way is over.
    let mut before = 0;
    for _ in 0..2 {
        before = server.sleeps();
        quiet
            .read(&mut [0; 1])
            .expect_err("nothing was asked, so nothing is said");
    }
    assert_eq!(server.sleeps(), before, "the server was woken by nobody");
}
