//! What happens at a terminal, and nowhere else: the prompt, harmless text, the bar.

use std::process::Command;
use std::sync::mpsc;

use crate::program::{Folder, finish};
use crate::server::Server;
use crate::terminal::Terminal;

/// Nothing that a terminal obeys, but line ends and the CR that pbr draws with.
fn assert_harmless(screen: &str) {
    let bad = |c: char| c.is_control() && !matches!(c, '\r' | '\n') || c == '\u{202e}';
    assert!(!screen.contains(bad), "{screen:?}");
}

/// A person's terminal: all three streams.
fn at(terminal: &Terminal, command: &mut Command) {
    command
        .stdin(terminal.stream())
        .stdout(terminal.stream())
        .stderr(terminal.stream());
}

#[test]
fn a_person_gets_a_prompt_and_only_harmless_text() {
    let evil = b"\x1b]0;x\x07\x9b2J\xe2\x80\xae\r";
    let server = Server::polite(move |peer| {
        peer.expect(b"hello");
        peer.say(&[evil, &b" ACK\n"[..]].concat());
        peer.expect(b"list");
        peer.say(&[b"LIST\n", &evil[..], b"\nEND\n"].concat());
        peer.expect(b"get a");
        peer.say(&[b"ERR no such file: ", &evil[..], b"\n"].concat());
        peer.expect(b"get b");
        peer.say(&[b"START ", &evil[..], b"\n"].concat());
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    at(&terminal, &mut command);
    let child = command.spawn().unwrap();
    drop(command);
    terminal.see("Welcome Client01\r\nstatus, list, get NAME, exit");
    terminal.see("Client01> ");
    terminal.press(b"hello\nlist\nget a\nget b\n");
    assert_eq!(finish(child, b"").code, 65);
    let screen = terminal.all();
    assert_harmless(&screen);
    assert_eq!(
        screen
            .matches("\\u{1b}]0;x\\u{7}\\x9b2J\\u{202e}\\r")
            .count(),
        4
    );
    assert_eq!(screen.matches("Client01> ").count(), 4);
    server.join();
}

#[test]
fn a_name_given_by_the_server_is_harmless_in_the_prompt() {
    let server = Server::mute(|peer| {
        peer.say(b"Welcome \x1b[2J\n");
        peer.expect(b"exit");
        peer.say(b"Goodbye \x1b[2J\n");
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    at(&terminal, &mut command);
    let child = command.spawn().unwrap();
    drop(command);
    terminal.see("\\u{1b}[2J> ");
    terminal.press(b"exit\n");
    assert_eq!(finish(child, b"").code, 0);
    assert_harmless(&terminal.all());
    server.join();
}

#[test]
fn the_end_of_input_says_exit_and_what_was_refused_does_not_count() {
    let server = Server::polite(|peer| {
        peer.expect(b"get nope");
        peer.say(b"ERR no such file: nope\n");
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    at(&terminal, &mut command);
    let child = command.spawn().unwrap();
    drop(command);
    terminal.press(b"get ..\nget nope\n\x04");
    assert_eq!(finish(child, b"").code, 0);
    let screen = terminal.all();
    assert!(screen.contains("berth: no file can be saved under"));
    assert!(!screen.contains("the server refused"), "{screen:?}");
    assert!(screen.ends_with("Client01> \r\nGoodbye Client01\r\n"));
    server.join();
}

#[test]
fn a_script_at_a_terminal_is_shown_harmless_and_without_a_prompt() {
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        peer.say(b"\x1b[2J ACK\n");
        peer.expect_exit();
    });
    let terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.stdout(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    assert_eq!(finish(child, b"hello\n").code, 0);
    assert_eq!(terminal.all(), "\\u{1b}[2J ACK\r\n");
    server.join();
}

#[test]
fn a_bar_is_drawn_on_a_terminal_and_fits_it() {
    for columns in [20, 80] {
        let (seen, go) = mpsc::channel::<()>();
        let server = Server::polite(move |peer| {
            peer.expect(b"get a");
            peer.say(b"START 10\n12345");
            go.recv().unwrap();
            peer.say(b"67890END\n");
            peer.expect_exit();
        });
        // Only standard error is a terminal, so its width counts and not that of another stream.
        let mut terminal = Terminal::new(columns);
        let folder = Folder::new();
        let mut command = folder.berth_at(server.address);
        command.stderr(terminal.stream());
        let child = command.spawn().unwrap();
        drop(command);
        let waiting = std::thread::spawn(move || finish(child, b"get a\n"));
        terminal.see(" 50.00 % ");
        seen.send(()).unwrap();
        let ended = waiting.join().unwrap();
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
        let screen = terminal.all();
        assert!(screen.contains(" 100.00 %"), "{screen:?}");
        assert_eq!(screen.contains("/s"), columns == 80, "{screen:?}");
        assert!(screen.ends_with("\nsaved a, 10 B\r\n"), "{screen:?}");
        let lines = screen.split(['\r', '\n']);
        assert!(
            lines.clone().all(|line| line.len() < columns.into()),
            "{screen:?}"
        );
        assert_harmless(&screen);
        server.join();
    }
}

#[test]
fn a_bar_that_fails_claims_nothing_and_ends_its_line() {
    let server = Server::polite(|peer| {
        peer.expect(b"get a");
        peer.say(b"START 10\n12345");
    });
    let terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    assert_eq!(finish(child, b"get a\n").code, 18);
    let screen = terminal.all();
    assert!(!screen.contains("100.00"), "{screen:?}");
    assert!(screen.contains("\nberth: line 1: the connection ended after 5 of 10 bytes of a"));
    assert_eq!(folder.names(), [""; 0]);
    server.join();
}
