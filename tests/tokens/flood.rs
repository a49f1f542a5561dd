//! Wrong tokens without end, from one network.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::door::Guard;
use crate::support::{Peer, connect_from, in_own_network, ip};

const SERVER: &str = "[fd00:1::1]:7001";
const PENALTY: &[u8] = b"Too many failed tries from your address, try later\n";
const FAILURES: usize = 10_000;

fn come(from: &str) -> Peer {
    let address = |text: &str| text.parse::<SocketAddr>().expect("it is an address");
    let from = address(&format!("[{from}]:0"));
    Peer::new(connect_from(from, address(SERVER)))
}

/// Shows a token that is none. Says whether it was looked at.
fn fail(mut peer: Peer) -> bool {
    let first = peer.line();
    if first == PENALTY {
        peer.expect_end();
        return false;
    }
    assert_eq!(first, b"AUTH token\n");
    peer.send("auth wrong\n");
    peer.expect("ERR not let in\n");
    peer.expect_end();
    true
}

/// How many records there are of refusals for this reason, and of how many refusals.
fn refusals(guard: &Guard, reason: &str) -> (usize, u64) {
    let journal = guard.journal();
    let records = journal.lines().map(serde_json::from_str::<Value>);
    let records = records.map(|record| record.expect("each line is a record"));
    let counts = records
        .filter(|record| record["event"] == "refused" && record["reason"] == reason)
        .map(|record| record["count"].as_u64().expect("it is a number"));
    let counts: Vec<u64> = counts.collect();
    (counts.len(), counts.iter().sum())
}

#[test]
fn ten_thousand_failures_from_one_network_are_its_own_loss_and_nobody_elses() {
    in_own_network(|| {
        for address in ["fd00:1::1", "fd00:1::2", "fd00:1::3", "fd00:2::1"] {
            assert!(ip(&format!("addr add {address}/64 dev lo nodad")));
        }
        let guard = Guard::new();
        let token = guard.add("alice --rights echo");
        let arguments = format!("--tokens-in-clear --listen {SERVER}");
        let mut server = guard.quiet_setup().with(&arguments).start();
        let auth = format!("auth {token}");
        let mut other = come("fd00:2::1");
        other.expect("AUTH token\n");
        assert_eq!(other.ask(&auth), "Welcome Client01");
        let began = Instant::now();
        let (mut failed, mut penalised, mut slowest) = (0, 0, Duration::ZERO);
        for i in 0..FAILURES {
            // All of them count as one: whoever has an address has 2^64.
            match fail(come(["fd00:1::2", "fd00:1::3"][i % 2])) {
                true => failed += 1,
                false => penalised += 1,
            }
            assert!(i >= 10 || penalised == 0, "{i}: too early");
            assert!(i != 10 || penalised == 1, "the eleventh is turned away");
            if i % 100 == 0 {
                let asked = Instant::now();
                other.echo();
                slowest = slowest.max(asked.elapsed());
            }
        }
        let periods = began.elapsed().as_secs() / 15 + 1;
        assert!(failed <= 10 * periods, "{failed} in {periods} periods");
        assert!(slowest < Duration::from_secs(1), "an echo took {slowest:?}");
        // Whoever tries all the while gets in when the penalty is over: it is not extended.
        let flooded = Instant::now();
        let mut right = loop {
            let mut peer = come("fd00:1::2");
            if peer.line() == b"AUTH token\n" {
                break peer;
            }
            other.echo();
            assert!(
                flooded.elapsed() < Duration::from_secs(20),
                "it is extended"
            );
        };
        assert_eq!(right.ask(&auth), "Welcome Client02");
        // This machine itself is never penalised.
        for _ in 0..20 {
            assert!(fail(server.connect()), "it is penalised");
        }
        drop((right, other));
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(server.wait().code(), Some(0));
        let seconds = usize::try_from(began.elapsed().as_secs()).expect("it is small");
        let (records, count) = refusals(&guard, "penalty");
        assert!(records <= 2 * (seconds + 2), "{records} in {seconds} s");
        assert!(count >= penalised, "{count} of {penalised}");
    });
}
