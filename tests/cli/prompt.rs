//! A person at the prompt: what is typed into a pseudo-terminal, and what appears on it.

use std::fs;
use std::net::SocketAddr;
use std::process::Child;
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Folder, finish};
use crate::server::{Peer, Server};
use crate::support;
use crate::terminal::Terminal;

/// What a terminal would obey, hide or be confused by, and must never get.
const CORPUS: &[&[u8]] = &[
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\x1b]52;c;aGk=\x07",
    b"\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    b"\x9b2J",
    "\u{9b}2J".as_bytes(),
    b"good\rbad",
    b"a\x08b",
    "\u{202e}exe".as_bytes(),
    "a\u{200b}b".as_bytes(),
];

/// The program with all three streams at this terminal.
pub(crate) fn at(terminal: &Terminal, folder: &Folder, server: SocketAddr) -> Child {
    let mut command = folder.berth_at(server);
    command
        .stdin(terminal.stream())
        .stdout(terminal.stream())
        .stderr(terminal.stream());
    command.spawn().unwrap()
}

pub(crate) fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

/// Nothing of the corpus has come through, and all of it was shown in some other way.
pub(crate) fn assert_harmless(screen: &str) {
    for bytes in CORPUS {
        let raw = String::from_utf8_lossy(bytes);
        // A byte that is no text would be seen as a replacement character.
        assert!(
            !screen.contains(&*raw),
            "{}: {screen:?}",
            bytes.escape_ascii()
        );
    }
    assert!(!screen.contains(['\u{9b}', '\u{fffd}', '\u{202e}', '\u{200b}', '\x07']));
}

#[test]
fn nothing_of_a_strangers_reaches_the_terminal_raw() {
    let marks = [b"a", "\u{301}".repeat(2048).as_bytes()].concat();
    let corpus = CORPUS.iter().copied().chain([marks.as_slice()]);
    for evil in corpus.map(<[u8]>::to_vec) {
        let evil: &'static [u8] = evil.leak();
        let server = Server::polite(move |peer| {
            let stamp = &b" 2026-11-22T10:00:00Z"[..];
            peer.expect(b"hello");
            peer.say(&[evil, b" ACK\n"].concat());
            peer.expect(b"list");
            peer.say(&[b"LIST\n1", stamp, b" ", evil, b"\n", evil, b"\nEND\n"].concat());
            peer.expect(b"status");
            let address = [evil, b" ", evil, b" connected", stamp, b"\nEND\n"].concat();
            peer.say(&[b"STATUS\n", &address[..]].concat());
            peer.expect_after_lists(b"sha256 x", b"LIST\nEND\n");
            peer.say(&[b"ERR no such file: ", evil, b"\n"].concat());
            peer.expect_after_lists(b"exit", b"LIST\nEND\n");
            peer.say(&[b"ERR ", evil, b"\n"].concat());
            peer.expect_after_lists(b"get x", &[b"LIST\n", evil, b"\nEND\n"].concat());
            peer.say(&[b"START ", evil, b"\n"].concat());
        });
        let mut terminal = Terminal::new(80);
        let folder = Folder::new();
        let child = at(&terminal, &folder, server.address);
        for line in ["hello", "list", "status", "sha256 x", "exit", "get x"] {
            terminal.answer("Client01@127.0.0.1:", format!("{line}\r").as_bytes());
        }
        assert_eq!(finish(child, b"").code, 65);
        let screen = terminal.all();
        assert_harmless(&screen);
        assert!(screen.matches('\u{301}').count() < 100, "{screen:?}");
        server.join();
    }
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
    let child = at(&terminal, &folder, server.address);
    terminal.answer("\\u{1b}[2J@127.0.0.1", b"exit\r");
    assert_eq!(finish(child, b"").code, 0);
    assert_harmless(&terminal.all());
    server.join();
}

#[test]
fn what_was_typed_is_there_the_next_time_and_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    for (keys, line) in [
        (&b"hello there\r"[..], "hello there"),
        (b"\x1b[A\r", "hello there"),
    ] {
        let server = Server::polite(move |peer| {
            peer.expect(line.as_bytes());
            peer.say(b"came back ACK\n");
            peer.expect_exit();
        });
        let mut terminal = Terminal::new(80);
        let child = at(&terminal, &folder, server.address);
        terminal.answer("Client01@", keys);
        terminal.next("came back ACK");
        terminal.answer("Client01@", b"\x04");
        assert_eq!(finish(child, b"").code, 0);
        server.join();
    }
    let mode = fs::metadata(folder.history()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        fs::read_to_string(folder.history())
            .unwrap()
            .contains("hello there")
    );
}

#[test]
fn ctrl_c_drops_the_line_and_ctrl_d_leaves() {
    let server = Server::polite(|peer| {
        peer.expect(b" help");
        peer.say(b" help ACK\n");
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"never sent");
    terminal.answer("never sent", b"\x03");
    terminal.answer("Client01@", b"help\r");
    terminal.next("makes a message of a command: ");
    terminal.answer("Client01@", b" help\r");
    terminal.next("help ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_server_that_went_away_is_told_of_and_looked_for_again() {
    let server = Server::polite_each(vec![
        Box::new(|peer: &mut Peer| {
            peer.expect(b"one");
            peer.say(b"one ACK\nERR server shutting down\n");
        }),
        Box::new(|peer: &mut Peer| {
            peer.expect(b"three");
            peer.say(b"three ACK\n");
            peer.expect(b"four");
        }),
    ]);
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"one\r");
    terminal.next("one ACK");
    terminal.answer("Client01@", b"two\r");
    terminal.next("ERR server shutting down");
    terminal.next("berth: the server closed the connection: server shutting down");
    terminal.answer("connect again? [Y/n] ", b"\r");
    terminal.next("Welcome Client02");
    terminal.answer("Client02@", b"three\r");
    terminal.next("three ACK");
    terminal.answer("Client02@", b"four\r");
    terminal.answer("connect again? [Y/n] ", b"n\r");
    assert_eq!(finish(child, b"").code, 18);
    server.join();
}

#[test]
fn ctrl_c_ends_a_download_but_not_the_prompt() {
    let (half, come) = mpsc::channel::<()>();
    let entry = b"LIST\n10 2026-11-22T10:00:00Z a\nEND\n";
    let server = Server::polite_each(vec![
        Box::new(move |peer: &mut Peer| {
            peer.expect_after_lists(b"get a", entry);
            peer.say(b"START 10\n12345");
            half.send(()).unwrap();
        }),
        Box::new(move |peer: &mut Peer| {
            peer.expect_after_lists(b"get@5 a", entry);
            peer.say(b"START 5\n67890END\n");
            peer.expect(b"sha256 a");
            let digest = "c775e7b757ede630cd0aa1113bd102661ab38829ca52a6422ab782862f268646";
            peer.say(format!("SHA256 {digest} 10\n").as_bytes());
            peer.expect_after_lists(b"exit", entry);
            peer.say(b"Goodbye Client02\n");
        }),
    ]);
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get a\r");
    come.recv().unwrap();
    terminal.next(" 50.00 % ");
    interrupt(&child);
    terminal.next("the part of a is kept");
    terminal.answer("Client02@", b"get a\r");
    terminal.next("resuming at 50 % of a");
    terminal.next("saved a, 10 B");
    terminal.answer("Client02@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(folder.names(), ["a"]);
    server.join();
}

#[test]
fn a_person_is_asked_about_a_file_that_is_there() {
    let server = support::Setup::new().file("f", b"new").start();
    for (keys, left, names) in [
        (&b"s\n"[..], &b"old"[..], &["f"][..]),
        (b"huh\no\n", b"new", &["f"]),
        (b"r\n", b"old", &["f", "f.1"]),
        (b"\n", b"old", &["f"]),
    ] {
        let mut terminal = Terminal::new(80);
        let folder = Folder::new();
        fs::write(folder.path("f"), b"old").unwrap();
        let mut command = folder.berth_at(server.address);
        command.args(["get", "f"]);
        command.stdin(terminal.stream()).stderr(terminal.stream());
        let child = command.spawn().unwrap();
        drop(command);
        terminal.next("f exists: [o]verwrite it, [r]ename the new one, or [s]kip it? ");
        terminal.press(keys);
        let code = if keys == b"\n" { 73 } else { 0 };
        assert_eq!(finish(child, b"").code, code);
        assert_eq!(fs::read(folder.path("f")).unwrap(), left);
        assert_eq!(folder.names(), names);
    }
}

#[test]
fn a_bar_at_the_prompt_fits_a_wide_and_a_narrow_terminal() {
    for columns in [20, 80] {
        let (seen, go) = mpsc::channel::<()>();
        let server = Server::polite(move |peer| {
            peer.expect_after_lists(b"get a", b"LIST\n10 2026-11-22T10:00:00Z a\nEND\n");
            peer.say(b"START 10\n12345");
            go.recv().unwrap();
            peer.say(b"67890END\n");
            peer.expect_after_lists(b"exit", b"LIST\nEND\n");
            peer.say(b"Goodbye Client01\n");
        });
        let mut terminal = Terminal::new(columns);
        let folder = Folder::new();
        let child = at(&terminal, &folder, server.address);
        terminal.answer("Client01@", b"get a\r");
        terminal.next(" 50.00 % ");
        seen.send(()).unwrap();
        terminal.next("saved a, 10 B");
        terminal.answer("Client01@", b"\x04");
        assert_eq!(finish(child, b"").code, 0);
        let screen = terminal.all();
        let mut bars = screen
            .split(['\r', '\n'])
            .filter(|line| line.contains(" % "));
        assert!(
            bars.all(|bar| bar.len() < usize::from(columns)),
            "{screen:?}"
        );
        server.join();
    }
}
