//! Which clients are admitted and which are refused, and that each is told so.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use socket2::SockRef;

use crate::support::{Peer, Server, Setup, meanwhile};

const FULL: &str = "Server full, try later\n";

/// A server whose three berths are taken, and those who took them.
fn full() -> (Server, [Peer; 3]) {
    let server = Server::start();
    let inside = ["Client01", "Client02", "Client03"].map(|name| server.client(name));
    (server, inside)
}

#[test]
fn three_are_let_in_and_each_is_told_its_name() {
    let (_server, mut inside) = full();
    inside.iter_mut().for_each(Peer::echo);
}

#[test]
fn a_fourth_reads_the_whole_line_and_the_end() {
    let (server, mut inside) = full();
    let mut fourth = server.connect();
    fourth.expect(FULL);
    fourth.expect_end();
    inside.iter_mut().for_each(Peer::echo);
}

#[test]
fn a_fourth_that_writes_before_it_reads_still_reads_the_whole_line() {
    let (server, _inside) = full();
    let mut fourth = server.connect();
    fourth.send("hello\n");
    fourth.expect(FULL);
    fourth.expect_end();
}

#[test]
fn a_fourth_that_sends_a_mebibyte_first_still_reads_the_whole_line() {
    let (server, mut inside) = full();
    let before = server.resident();
    let mut fourth = server.connect();
    fourth.send(vec![b'x'; 1 << 20]);
    fourth.expect(FULL);
    fourth.half_close();
    fourth.expect_end();
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 1 << 20, "the server grew by {grown} bytes");
    inside.iter_mut().for_each(Peer::echo);
}

#[test]
fn a_fourth_that_never_closes_is_gone_after_the_linger_time() {
    let (server, mut inside) = full();
    let before = server.descriptors();
    let mut fourth = server.connect();
    fourth.expect(FULL);
    meanwhile(&mut inside[0], |_| server.descriptors() == before);
}

#[test]
fn a_berth_is_free_as_soon_as_its_client_has_left() {
    let (server, mut inside) = full();
    for number in 4..20 {
        inside[0].send("exit\n");
        inside[0].expect(format!(
            "Goodbye {}\n",
            name(if number == 4 { 1 } else { number - 1 })
        ));
        inside[0] = server.client(&name(number));
    }
}

fn name(number: usize) -> String {
    format!("Client{number:02}")
}

#[test]
fn those_turned_away_take_no_name_and_names_go_on_behind_99() {
    let server = Setup::new().with("--max-clients 1").start();
    for number in 1..=101 {
        let mut client = server.client(&name(number));
        let mut second = server.connect();
        second.expect(FULL);
        client.send("exit\n");
        client.expect(format!("Goodbye {}\n", name(number)));
    }
}

#[test]
fn a_flood_lets_in_the_cap_and_turns_everyone_else_away_politely() {
    let (server, mut inside) = full();
    let mut slowest = Duration::ZERO;
    let mut callers: Vec<Peer> = Vec::new();
    for i in 0..1000 {
        let mut caller = server.connect();
        if i % 2 == 0 {
            caller.send("hello before I read\n");
        }
        callers.push(caller);
        let asked = Instant::now();
        assert!(inside[i % 3].lines("status").len() < 10);
        slowest = slowest.max(asked.elapsed());
        // Nobody can have more connections open than the process may have files.
        if callers.len() == 100 {
            callers.drain(..).for_each(|mut caller| {
                caller.expect(FULL);
                caller.expect_end();
            });
        }
    }
    // Far above what is promised, for machines that do other work beside: a stall is seconds.
    assert!(
        slowest < Duration::from_secs(1),
        "a status took {slowest:?} during the flood"
    );
}

#[test]
fn ten_thousand_who_connect_and_reset_leave_nothing_behind() {
    let server = Server::start();
    let mut client = server.client("Client01");
    let before = server.descriptors();
    let mut resident = 0;
    for i in 0..10_000 {
        let caller = TcpStream::connect(server.address).expect("the server listens");
        SockRef::from(&caller)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a socket");
        drop(caller);
        if i % 100 == 0 {
            client.echo();
        }
        if i == 2000 {
            resident = server.resident();
        }
    }
    meanwhile(&mut client, |_| server.descriptors() == before);
    let grown = server.resident().saturating_sub(resident);
    assert!(grown < 1 << 20, "the server grew by {grown} bytes");
    let second = server.connect().text();
    assert!(second.starts_with("Welcome Client"), "{second}");
}

#[test]
fn those_who_have_gone_before_they_were_let_in_hold_no_berth() {
    let server = Server::start();
    server.signal(Signal::STOP);
    // They wait in the kernel's queue, and are gone when the server comes to them.
    for _ in 0..3 {
        let caller = TcpStream::connect(server.address).expect("the server listens");
        SockRef::from(&caller)
            .set_linger(Some(Duration::ZERO))
            .expect("it is a socket");
    }
    let mut fourth = server.connect();
    server.signal(Signal::CONT);
    fourth.expect("Welcome Client04\n");
}

#[test]
fn out_of_descriptors_a_caller_waits_and_is_served_when_one_is_free() {
    let server = Setup::new().with("--max-clients 10").start();
    let mut inside: Vec<Peer> = (1..=5).map(|number| server.client(&name(number))).collect();
    // The next descriptor would be the first that is free; from there on none is allowed.
    let open = server.descriptors();
    let open = (0..)
        .find(|number| !open.contains(number))
        .expect("some are free");
    let limit = |current| {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(4096),
        };
        prlimit(Some(server.pid()), Resource::Nofile, limit).expect("it is our child");
    };
    limit(open);
    let mut caller = server.connect();
    let (ticks, start) = (server.ticks(), Instant::now());
    caller
        .stream()
        .set_read_timeout(Some(Duration::from_secs(1)))
        .expect("it is not zero");
    let nothing = Read::read(&mut caller.stream(), &mut [0; 64]).expect_err("nobody is let in");
    assert!(start.elapsed() >= Duration::from_secs(1), "{nothing}");
    // A second has a hundred ticks, so this is a twentieth of a core; spinning would be all of it.
    let used = server.ticks() - ticks;
    let log = server.log();
    assert_eq!(log.matches("cannot accept").count(), 1, "{log}");
    assert!(
        used < 5,
        "waiting for a descriptor cost {used} hundredths of a second"
    );
    caller
        .stream()
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("it is not zero");
    inside.pop();
    caller.expect("Welcome Client06\n");
    caller.echo();
}

#[test]
fn names_are_never_given_twice() {
    let server = Setup::new().with("--max-clients 50").start();
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let peers: Vec<String> = (0..50)
            .map(|_| server.connect())
            .map(|mut p| p.text())
            .collect();
        for welcome in peers {
            assert!(
                !welcome.starts_with("Welcome") || seen.insert(welcome.clone()),
                "{welcome}"
            );
        }
    }
    assert!(seen.len() >= 50);
}

/// A peer that comes from this address of the loopback network.
fn caller_from(server: &Server, from: [u8; 4]) -> Peer {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    let source = std::net::SocketAddr::from((from, 0));
    socket
        .bind(&source.into())
        .expect("the loopback network has many addresses");
    socket
        .connect(&server.address.into())
        .expect("the server listens");
    Peer::new(socket.into())
}

#[test]
fn one_address_holds_no_more_than_its_share_and_others_find_a_berth() {
    const CROWDED: &str = "Too many clients from your address, try later\n";
    let server = Setup::new().with("--max-per-ip 2").start();
    let mut first = server.client("Client01");
    let _second = server.client("Client02");
    let mut third = server.connect();
    third.send("hello\n");
    third.expect(CROWDED);
    third.expect_end();
    let mut stranger = caller_from(&server, [127, 0, 0, 2]);
    stranger.expect("Welcome Client03\n");
    // Now all berths are taken, and that is the reason for everybody.
    let mut fourth = server.connect();
    fourth.expect(FULL);
    stranger.send("exit\n");
    stranger.expect("Goodbye Client03\n");
    server.connect().expect(CROWDED);
    first.send("exit\n");
    first.expect("Goodbye Client01\n");
    server.client("Client04").echo();
}
