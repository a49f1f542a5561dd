//! What the server tells of itself while it runs.

use rustix::process::Signal;

use crate::support::{Peer, Server, Setup, meanwhile};

/// Asks for the figures and waits until the last of their lines is in the log. Figures of the
/// turns are there once there was one, and the asking itself makes some.
fn figures(server: &Server, busy: &mut Peer) -> String {
    let before = server.log().len();
    server.signal(Signal::USR1);
    let mut told = String::new();
    meanwhile(busy, |_| {
        told = server.log().split_off(before);
        told.contains("figures: slow 1:") && told.ends_with('\n')
    });
    told
}

/// The number before `what` in the line that begins with `line`.
fn number(told: &str, line: &str, what: &str) -> u64 {
    let rest = told
        .split_once(&format!("figures: {line}: "))
        .unwrap_or_else(|| panic!("no {line} in {told}"))
        .1;
    let rest = rest.lines().next().expect("a line");
    let part = rest.split(", ").find(|part| part.ends_with(what));
    let number = part.and_then(|part| part.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {what} in {rest}"))
}

#[test]
fn figures_are_logged_on_sigusr1_and_are_those_of_what_happened() {
    let server = Setup::new()
        .with("--max-clients 2")
        .file("file", &[7; 100_000])
        .start();
    let mut busy = server.client("Client01");
    let mut other = server.client("Client02");
    server.connect().expect("Server full, try later\n");
    assert_eq!(other.get("get file").len(), 100_000);
    other.lines("status");
    other.lines("list");
    other.ask("get@1x file");
    assert_eq!(other.ask("exit"), "Goodbye Client02");
    other.expect_end();

    let told = figures(&server, &mut busy);
    assert_eq!(number(&told, "clients", "let in"), 2);
    assert!(
        told.contains("refused 1 as all was full and 0 for"),
        "{told}"
    );
    assert_eq!(number(&told, "gone", "exit"), 1);
    for verb in ["status", "list", "get", "exit"] {
        assert_eq!(number(&told, "requests", verb), 1, "{verb}");
    }
    assert!(number(&told, "requests", "message") >= 1);
    assert!(number(&told, "bytes", "out") > 100_000);
    assert!(told.contains("events per poll: "), "{told}");
    assert!(told.contains("would-blocks: "), "{told}");
    assert!(told.contains("figures: turns below "), "{told}");
    busy.echo();
}

#[test]
fn a_slow_turn_is_logged_with_what_it_did() {
    let server = Setup::new().with("--slow-turn 0s").start();
    let mut client = server.client("Client01");
    client.lines("list");
    meanwhile(&mut client, |_| {
        let log = server.log();
        log.lines().any(|line| {
            line.contains("WARN")
                && line.contains("a slow turn")
                && line.contains("1 list, 5 B read")
        })
    });
}

#[test]
fn an_ordinary_turn_is_not_slow() {
    let server = Setup::new().with("--slow-turn 10s").start();
    let mut client = server.client("Client01");
    client.lines("list");
    assert!(!server.log().contains("slow turn"));
}
