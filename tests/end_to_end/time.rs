//! No client keeps a berth by doing nothing, none loses one by being slow, and a stop is orderly.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{PATIENCE, Peer, Server, Setup, meanwhile, noise};

const BIG: u64 = 256 << 20;

/// The last words of a client's line in `status`.
fn reason(asker: &mut Peer, name: &str) -> Option<String> {
    let lines = asker.lines("status");
    let line = lines
        .iter()
        .find(|line| line.starts_with(&format!("{name} ")))?;
    line.split_once(" disconnected ")?
        .1
        .split(' ')
        .nth(1)
        .map(str::to_owned)
}

#[test]
fn a_quiet_client_is_told_and_closed_while_busy_ones_keep_the_loop_awake() {
    let server = Setup::new().with("--idle-timeout 400ms").start();
    let [mut busy, mut busier] = ["Client01", "Client02"].map(|name| server.client(name));
    let start = Instant::now();
    let mut quiet = server.client("Client03");
    meanwhile(&mut busy, |_| {
        busier.echo();
        server.log().contains("Client03 gone")
    });
    let took = start.elapsed();
    // The loop reads its clock once a turn, so a deadline may be a turn early.
    assert!(
        took >= Duration::from_millis(350),
        "closed too early, after {took:?}"
    );
    quiet.expect("ERR idle for 400ms, closing\n");
    quiet.expect_end();
    assert_eq!(reason(&mut busy, "Client03").as_deref(), Some("idle"));
    server.client("Client04").echo();
}

#[test]
fn a_client_alone_is_closed_when_its_time_is_up() {
    let server = Setup::new().with("--idle-timeout 200ms").start();
    let start = Instant::now();
    let mut quiet = server.client("Client01");
    quiet.expect("ERR idle for 200ms, closing\n");
    assert!(start.elapsed() >= Duration::from_millis(150));
    quiet.expect_end();
}

#[test]
fn what_a_client_said_while_the_server_was_held_up_counts() {
    let server = Setup::new().with("--idle-timeout 500ms").start();
    let mut client = server.client("Client01");
    server.signal(Signal::STOP);
    client.send("hello\n");
    let wait = Duration::from_millis(700);
    client
        .stream()
        .set_read_timeout(Some(wait))
        .expect("it is not zero");
    client
        .stream()
        .read(&mut [0; 1])
        .expect_err("the server is stopped");
    client
        .stream()
        .set_read_timeout(Some(PATIENCE))
        .expect("it is not zero");
    server.signal(Signal::CONT);
    client.expect("hello ACK\n");
    client.expect("ERR idle for 500ms, closing\n");
}

#[test]
fn no_idle_timeout_means_for_ever() {
    let server = Setup::new()
        .with("--idle-timeout 0s --max-clients 2")
        .start();
    let mut quiet = server.client("Client01");
    let mut busy = server.client("Client02");
    meanwhile(&mut busy, |elapsed| elapsed > Duration::from_secs(1));
    quiet.echo();
}

#[test]
fn a_slow_download_is_neither_idle_nor_stalled() {
    let server = Setup::new()
        .with("--idle-timeout 300ms --stall-timeout 300ms")
        .sparse("big", BIG)
        .start();
    let mut other = server.client("Client01");
    let mut slow = server.client("Client02");
    assert_eq!(slow.start("get big"), BIG);
    let mut left = BIG;
    let mut last = Duration::ZERO;
    // Ten times the timeouts: a third of a megabyte now and then, with pauses below a timeout.
    meanwhile(&mut other, |elapsed| {
        if elapsed > last + Duration::from_millis(30) {
            last = elapsed;
            left -= slow.read(300_000).len() as u64;
        }
        elapsed > Duration::from_secs(3)
    });
    while left > 0 {
        left -= slow.read(left.min(1 << 20) as usize).len() as u64;
    }
    slow.expect("END\n");
    slow.echo();
}

#[test]
fn a_client_that_takes_nothing_is_closed_and_its_berth_is_free() {
    let server = Setup::new()
        .with("--stall-timeout 400ms --max-clients 2")
        .sparse("big", BIG)
        .start();
    let mut other = server.client("Client01");
    let mut stuck = server.client("Client02");
    assert_eq!(stuck.start("get big"), BIG);
    let start = Instant::now();
    meanwhile(&mut other, |_| server.log().contains("Client02 gone"));
    assert!(start.elapsed() >= Duration::from_millis(350));
    assert_eq!(reason(&mut other, "Client02").as_deref(), Some("stalled"));
    server.client("Client03").echo();
}

#[test]
fn told_to_stop_the_server_finishes_what_is_under_way() {
    let bytes = noise(32 << 20);
    let mut server = Setup::new().file("big", &bytes).start();
    let mut idle = server.client("Client01");
    let mut busy = server.client("Client02");
    busy.send("get big\nnever answered\n");
    busy.expect(format!("START {}\n", bytes.len()));
    server.signal(Signal::TERM);
    idle.expect("ERR server shutting down\n");
    idle.expect_end();
    let refused = TcpStream::connect(server.address);
    assert!(refused.is_err(), "nobody new is let in");
    assert!(busy.read(bytes.len()) == bytes, "the file is whole");
    busy.expect("END\nERR server shutting down\n");
    busy.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn interrupted_with_nobody_inside_the_server_stops_at_once() {
    let mut server = Server::start();
    let start = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "it waited for nobody"
    );
}

#[test]
fn a_client_that_is_stuck_holds_the_stop_up_no_longer_than_the_drain_timeout() {
    let mut server = Setup::new()
        .with("--drain-timeout 300ms")
        .sparse("big", BIG)
        .start();
    let mut stuck = server.client("Client01");
    assert_eq!(stuck.start("get big"), BIG);
    let start = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(server.log().contains("clients cut: 1"), "{}", server.log());
}

#[test]
fn told_twice_the_server_stops_at_once() {
    let mut server = Setup::new()
        .with("--drain-timeout 1h")
        .sparse("big", BIG)
        .start();
    let mut stuck = server.client("Client01");
    let mut idle = server.client("Client02");
    assert_eq!(stuck.start("get big"), BIG);
    server.signal(Signal::TERM);
    idle.expect("ERR server shutting down\n");
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(1));
    // What was announced was not sent, and nothing pretends that it was.
    let mut rest = Vec::new();
    let _ = stuck.stream().read_to_end(&mut rest);
    assert!((rest.len() as u64) < BIG);
}
