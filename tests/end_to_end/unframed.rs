//! Clients that send no LF, where they are helped out, and that nobody else is cut.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::{Peer, Setup, outcome, skip};

/// What one read returns, as a client has it that reads once for each answer.
fn read_once(peer: &Peer) -> String {
    let mut buffer = [0; 100_000];
    let n = peer.stream().read(&mut buffer).expect("an answer comes");
    String::from_utf8(buffer[..n].to_vec()).expect("it is text")
}

/// Waits longer than 300 ms, by the clock of the server: a first line without LF is answered.
fn pause(other: &mut Peer) {
    other.send("a pause");
    other.expect("a pause ACK\n");
}

#[test]
fn who_sends_no_lf_and_reads_once_has_each_answer_whole() {
    let text = "line\n".repeat(200);
    let server = Setup::new()
        .file("welcome.txt", text.as_bytes())
        .with("--unframed")
        .start();
    let mut peer = server.connect();
    assert_eq!(read_once(&peer), "Welcome Client01\n");
    peer.send("status");
    let status = read_once(&peer);
    assert!(
        status.starts_with("STATUS\nClient01 127.0.0.1:"),
        "{status}"
    );
    assert!(status.ends_with("Z\nEND\n"), "{status}");
    for request in ["get welcome.txt", "welcome.txt"] {
        peer.send(request);
        assert_eq!(read_once(&peer), format!("START 1000\n{text}END\n"));
    }
    peer.send("list");
    let list = read_once(&peer);
    assert!(list.starts_with("LIST\n1000 ") && list.ends_with(" welcome.txt\nEND\n"));
    peer.send("no file");
    assert_eq!(read_once(&peer), "no file ACK\n");
    peer.send("exit");
    assert_eq!(read_once(&peer), "Goodbye Client01\n");
    peer.expect_end();
}

#[test]
fn who_has_ever_ended_a_line_is_never_cut() {
    let server = Setup::new().with("--unframed --max-clients 9").start();
    let mut peer = server.client("Client01");
    let mut first = server.client("Client02");
    let mut second = server.client("Client03");
    peer.send("hello\nsta");
    peer.expect("hello ACK\n");
    pause(&mut first);
    peer.send("tus\n");
    peer.expect("STATUS\n");
    while peer.text() != "END" {}
    // Also who was unframed until then.
    let mut late = server.client("Client04");
    late.send("hello");
    late.expect("hello ACK\n");
    late.send("one\ntw");
    late.expect("one ACK\n");
    pause(&mut second);
    late.send("o\n");
    late.expect("two ACK\n");
}

#[test]
fn who_speaks_telnet_ends_its_lines() {
    let server = Setup::new().with("--unframed").start();
    let mut telnet = server.client("Client01");
    let mut other = server.client("Client02");
    telnet.send(b"\xff\xfb\x1fsta");
    pause(&mut other);
    telnet.send(b"tus\r\0");
    telnet.expect("STATUS\n");
}

#[test]
fn the_name_of_a_file_that_is_refused_is_refused_and_not_echoed() {
    let server = Setup::new().file("f", b"").with("--unframed").start();
    let mut peer = server.client("Client01");
    for message in ["../f", "/etc/hostname", ".", "f/", "a\0b", "\u{1b}[2J"] {
        peer.send(message);
        peer.expect(format!("{message} ACK\n"));
    }
    peer.send("f");
    peer.expect("START 0\nEND\n");
}

#[test]
fn without_the_flag_a_pause_ends_no_line() {
    let helpful = Setup::new().with("--unframed").start();
    let server = Setup::new().start();
    let mut peer = server.client("Client01");
    peer.send("sta");
    pause(&mut helpful.client("Client01"));
    peer.send("tus\n");
    peer.expect("STATUS\n");
}

#[test]
fn the_client_in_the_readme_works() {
    let readme = include_str!("../../README.md");
    let (_, client) = readme.split_once("```python\n").expect("it is there");
    let (client, _) = client.split_once("```").expect("it ends");
    let server = Setup::new()
        .file("welcome.txt", b"Mind the tide.\n")
        .with("--unframed")
        .start();
    let client = client.replace("23784", &server.address.port().to_string());
    if Command::new("python3")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        return skip("no python3 here", "apt-get install python3");
    }
    let (code, said, wrong) = outcome(Command::new("python3").arg("-c").arg(client));
    assert_eq!(code, Some(0), "{wrong}");
    let said = said.replace(">", "\n>");
    assert!(said.starts_with("Welcome Client01\n"), "{said}");
    for answer in [
        "> hello\nhello ACK\n",
        "> status\nSTATUS\nClient01 ",
        "> list\nLIST\n15 ",
        "> welcome.txt\nSTART 15\nMind the tide.\nEND\n",
        "> exit\nGoodbye Client01\n",
    ] {
        assert!(said.contains(answer), "{answer}: {said}");
    }
}
