//! What happens at a terminal, prompt or not: harmless text, the bar, a question.

use std::fs;
use std::sync::mpsc;

use crate::program::{Folder, finish};
use crate::prompt::at;
use crate::server::Server;
use crate::support::Setup;
use crate::terminal::Terminal;

/// Nothing that a terminal obeys, but line ends and the CR that pbr draws with.
fn assert_harmless(screen: &str) {
    let bad = |c: char| c.is_control() && !matches!(c, '\r' | '\n') || c == '\u{202e}';
    assert!(!screen.contains(bad), "{screen:?}");
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

#[test]
fn ctrl_c_at_a_question_ends_the_question_and_not_the_prompt() {
    let server = Setup::new().file("f", b"new").start();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    fs::write(folder.path("f"), b"old").unwrap();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get f\r");
    terminal.next("[s]kip it? ");
    terminal.press(b"\x03");
    terminal.next("interrupted");
    terminal.answer("Client02@", b"get f\r");
    terminal.next("[s]kip it? ");
    terminal.press(b"o\r");
    terminal.next("saved f, 3 B");
    terminal.answer("Client02@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"new");
}
