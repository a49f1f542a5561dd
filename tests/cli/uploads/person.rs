//! A person who uploads: the bar, Ctrl-C, the prompt and what Tab offers there.

use std::fs;
use std::sync::mpsc;

use super::{hex, large, offered, stored, takes, with, write};
use crate::program::finish;
use crate::prompt::{assert_harmless, at, interrupt};
use crate::server::{Peer, Server};
use crate::terminal::Terminal;

#[test]
fn the_bar_says_what_is_waited_for() {
    let content = large();
    let (seen, go) = mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        offered(peer, content, "f");
        peer.say(b"READY 0\n");
        peer.take(content.len());
        go.recv().unwrap();
        stored(peer, content);
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(100);
    let folder = with("f", content);
    let mut command = folder.berth_at(server.address);
    command.args(["put", "f"]).stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.next("\rwaiting for the server's disk 16.0 MiB / 16.0 MiB ");
    seen.send(()).unwrap();
    terminal.next("\r16.0 MiB / 16.0 MiB ");
    terminal.next("stored f, 16.0 MiB");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn ctrl_c_says_how_to_go_on() {
    let content = large();
    let (half, come) = mpsc::channel::<()>();
    let server = Server::polite(move |peer| {
        offered(peer, content, "f\u{1b}[2J");
        peer.say(b"READY 0\n");
        peer.take(1000);
        half.send(()).unwrap();
        while !peer.take(1 << 20).is_empty() {}
    });
    let folder = with("f\u{1b}[2J", content);
    let mut command = folder.berth_at(server.address);
    let child = command.args(["put", "f\u{1b}[2J"]).spawn().unwrap();
    // Its bytes are on their way, and it waits for the answer.
    come.recv().unwrap();
    interrupt(&child);
    let ended = finish(child, b"");
    assert_eq!(ended.code, 130);
    let told = "keeps what it has of f\\u{1b}[2J, the same command goes on\n";
    assert!(ended.stderr.ends_with(told), "{}", ended.stderr);
    server.join();
}

#[test]
fn at_the_prompt_put_uploads_what_tab_completes() {
    let server = Server::polite(|peer| {
        offered(peer, b"1", "one two.txt");
        takes(peer, b"1", 0);
        offered(peer, b"2", "inbox/x");
        peer.say(b"ERR no room: 5 bytes are free, 1 stay so\n");
        peer.expect(b" put 5 x");
        peer.say(b" put 5 x ACK\n");
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = with("one two.txt", b"1");
    write(&folder, "sub/two", b"2");
    fs::write(folder.path("one\u{1b}[2J"), b"").unwrap();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"pu\t");
    terminal.answer("put ", b"on\t");
    terminal.answer("put one two.txt", b"\r");
    terminal.next("stored one two.txt, 1 B");
    terminal.answer("Client01@", b"put s\t");
    terminal.answer("put sub/", b"\t");
    terminal.answer("put sub/two", b" inbox/x\r");
    terminal.next("berth: the server refused: no room: 5 bytes are free, 1 stay so");
    terminal.answer("Client01@", b"put 5 x\r");
    terminal.next("'put FILE' uploads a file");
    terminal.answer("Client01@", b"put the kettle on\r");
    terminal.next("a space in front makes a message of the line");
    terminal.answer("Client01@", b" put 5 x\r");
    terminal.next(" put 5 x ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_harmless(&terminal.all());
    server.join();
}

#[test]
fn ctrl_c_ends_an_upload_but_not_the_prompt() {
    let content = large();
    let (half, come) = mpsc::channel::<()>();
    let server = Server::polite_each(vec![
        Box::new(move |peer: &mut Peer| {
            offered(peer, content, "f");
            peer.say(b"READY 0\n");
            peer.take(1000);
            half.send(()).unwrap();
            while !peer.take(1 << 20).is_empty() {}
        }),
        Box::new(move |peer: &mut Peer| {
            offered(peer, content, "f");
            takes(peer, content, content.len() / 2);
            peer.expect(b"exit");
            peer.say(b"Goodbye Client02\n");
        }),
    ]);
    let mut terminal = Terminal::new(80);
    let folder = with("f", content);
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"put f\r");
    come.recv().unwrap();
    interrupt(&child);
    terminal.next("the server keeps what it has of f, the same command goes on");
    terminal.answer("Client02@", b"put f\r");
    terminal.next("resuming at 50 % of f");
    terminal.next("stored f, 16.0 MiB");
    terminal.answer("Client02@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_person_is_asked_about_a_name_that_is_taken() {
    for (keys, verb, name, code) in [
        (&b"s\n"[..], "", "", 0),
        (b"huh\no\n", "replace", "f", 0),
        (b"r\n", "put", "f.1", 0),
        (b"\n", "", "", 73),
    ] {
        let server = Server::polite(move |peer| {
            offered(peer, b"new", "f");
            peer.say(b"ERR exists: f\n");
            if !verb.is_empty() {
                let line = format!("{verb}@{} 3 {} {name}", hex(b"new"), super::TIME);
                peer.expect(line.as_bytes());
                takes(peer, b"new", 0);
            }
            peer.expect_exit();
        });
        let mut terminal = Terminal::new(80);
        let folder = with("f", b"new");
        let mut command = folder.berth_at(server.address);
        command.args(["put", "f"]);
        command.stdin(terminal.stream()).stderr(terminal.stream());
        let child = command.spawn().unwrap();
        drop(command);
        terminal.next("f exists: [o]verwrite it, [r]ename the new one, or [s]kip it? ");
        terminal.press(keys);
        assert_eq!(finish(child, b"").code, code);
        server.join();
    }
}
