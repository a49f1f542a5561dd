//! Those who speak a little differently: browsers, Telnet clients, who forgets the LF, who is gone
//! before the answer.

use crate::support::{Setup, meanwhile};

#[test]
fn a_browser_reads_what_this_is_and_nothing_it_sent_is_obeyed() {
    let server = Setup::new().file("f", b"secret").start();
    for (number, first) in [
        "POST /x HTTP/1.1\r\n",
        "GET / HTTP/1.0\n",
        "OPTIONS * HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n",
        &format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut peer = server.connect();
        // More than is read before the answer, so that a close too early would be a reset.
        let body = "\nget f\nstatus\nexit\n".repeat(20_000);
        peer.send(format!("{first}Host: x\r\n\r\n{body}"));
        let number = number + 1;
        peer.expect(format!(
            "Welcome Client{number:02}\nERR this is not a web server\n"
        ));
        peer.expect_end();
    }
    let mut client = server.client("Client06");
    let status = client.lines("status");
    let webs = status.iter().filter(|line| line.ends_with(" web"));
    assert_eq!(webs.count(), 5, "{status:?}");
}

#[test]
fn who_says_exit_and_closes_at_once_has_left_by_exit() {
    let server = Setup::new().with("--max-clients 60").start();
    for _ in 0..50 {
        let mut peer = server.connect();
        assert!(peer.text().starts_with("Welcome "));
        peer.send("exit\n");
    }
    let mut client = server.client("Client51");
    let mut status = Vec::new();
    let gone = |line: &&String| line.contains(" disconnected ");
    while status.iter().filter(gone).count() < 50 {
        status = client.lines("status");
    }
    let exits = status.iter().filter(|line| line.ends_with(" exit"));
    assert_eq!(exits.count(), 50, "{status:?}");
}

#[test]
fn a_line_that_lacks_its_end_is_told_of_in_the_log_once() {
    let server = Setup::new().start();
    let mut client = server.client("Client01");
    let mut other = server.client("Client02");
    client.send("status");
    let said = || server.log().matches("a line ends with LF").count();
    meanwhile(&mut other, |_| said() > 0);
    client.send("\nsta");
    client.expect("STATUS\n");
    assert_eq!(said(), 1, "{}", server.log());
    assert!(
        server.log().contains("Client01 has begun a line"),
        "{}",
        server.log()
    );
}

#[test]
fn who_holds_a_berth_without_a_word_is_in_the_log_with_its_address() {
    let server = Setup::new().with("--idle-timeout 200ms").start();
    let mut quiet = server.client("Client01");
    quiet.expect("ERR idle for 200ms, closing\n");
    quiet.expect_end();
    let mut other = server.client("Client02");
    let told = "Client01 gone: idle, from 127.0.0.1:";
    meanwhile(&mut other, |_| server.log().contains(told));
}

#[test]
fn who_only_knocks_pushes_nobody_out_and_fills_no_log() {
    let server = Setup::new().start();
    let mut visitor = server.client("Client01");
    visitor.echo();
    visitor.send("exit\n");
    visitor.expect("Goodbye Client01\n");
    visitor.expect_end();
    for number in 2..=1100 {
        let mut knock = server.client(&format!("Client{number:02}"));
        if number % 2 == 0 {
            knock.send("GET /health HTTP/1.0\n");
            knock.expect("ERR this is not a web server\n");
        } else {
            knock.half_close();
        }
        knock.expect_end();
    }
    let status = server.client("Client1101").lines("status");
    assert_eq!(status.len(), 1 + 1000 + 1 + 1);
    assert!(status[1].starts_with("Client01 ") && status[1].ends_with(" exit"));
    let lines = server.log().lines().count();
    assert!(lines < 20, "{lines} lines: {}", server.log());
    assert!(server.log().contains("Client01 connected from 127.0.0.1:"));
}
