//! What Tab offers at the prompt, and what that costs.

use crate::program::{Folder, finish};
use crate::prompt::{assert_harmless, at, interrupt};
use crate::server::{Peer, Server};
use crate::support;
use crate::terminal::Terminal;

#[test]
fn tab_completes_commands_and_the_names_that_are_listed() {
    let setup = support::Setup::new();
    let server = setup
        .file("alpha one.txt", b"1")
        .file("beta.txt", b"2")
        .start();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get al\t");
    terminal.answer("get alpha one.txt", b"\r");
    terminal.next("saved alpha one.txt, 1 B");
    terminal.answer("Client01@", b"sh\t");
    terminal.answer("sha256 ", b"b\t");
    terminal.answer("sha256 beta.txt", b"\r");
    terminal.next("SHA256 d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35 1");
    terminal.answer("Client01@", b"stat b\t");
    terminal.answer("stat beta.txt", b"\r");
    terminal.next("STAT 1 2");
    terminal.answer("Client01@", b"li\t\r");
    terminal.next("SIZE  CHANGED  NAME");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert!(terminal.all().contains("Goodbye Client01"));
    assert_eq!(folder.names(), ["alpha one.txt"]);
}

#[test]
fn names_are_asked_for_once_and_evil_ones_are_not_offered() {
    let server = Server::polite(|peer| {
        peer.expect(b"list");
        let stamp = "2026-11-22T10:00:00Z";
        peer.say(format!("LIST\n1 {stamp} ab\n1 {stamp} a\u{202e}c\nEND\n").as_bytes());
        // The next thing that comes is the line itself, however often Tab was pressed.
        peer.expect(b"sha256 ab");
        peer.say(format!("SHA256 {} 1\n", "0".repeat(64)).as_bytes());
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"sha256 a\t\t\t");
    terminal.answer("sha256 ab", b"\t\r");
    terminal.next("SHA256 000");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_harmless(&terminal.all());
    server.join();
}

#[test]
fn typing_a_name_asks_the_server_for_nothing() {
    let server = Server::polite(|peer| {
        // Nothing is asked before Enter.
        peer.expect(b"sha256 some name");
        peer.say(format!("SHA256 {} 1\n", "0".repeat(64)).as_bytes());
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.next("Client01@");
    for key in "sha256 some name".chars() {
        terminal.press(key.to_string().as_bytes());
        terminal.next(&key.to_string());
    }
    terminal.press(b"\r");
    terminal.next("SHA256 000");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_list_that_does_not_come_holds_tab_up_for_a_moment_and_ctrl_c_does_without_it() {
    let server = Server::polite_each(vec![
        Box::new(move |peer: &mut Peer| {
            peer.expect(b"list");
            peer.say(b"LIST\n");
            // It ends when the client cuts it.
            peer.expect(b"");
        }),
        Box::new(|peer: &mut Peer| {
            peer.expect(b"hello");
            peer.say(b"hello ACK\n");
            peer.expect(b"exit");
            peer.say(b"Goodbye Client02\n");
        }),
    ]);
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get a\t\x15");
    terminal.press(b"hello\r");
    terminal.next("the listing that Tab requested is still loading");
    interrupt(&child);
    terminal.next("hello ACK");
    terminal.answer("Client02@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}
