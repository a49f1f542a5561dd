//! What a person types and pastes, with all that may be in it.

use std::fs;

use crate::program::{Ended, Folder, finish};
use crate::prompt::at;
use crate::server::Server;
use crate::support;
use crate::terminal::Terminal;

/// Six lines as they are copied from somewhere.
const SIX: &str = "one\nget a\nget x/b\nsha256 a\nno such command\nstatus";

fn with_files() -> support::Server {
    let setup = support::Setup::new();
    setup.file("a", b"of a").file("x/b", b"of b").start()
}

/// Six lines have been obeyed, each by itself and in their order.
fn assert_six(terminal: &mut Terminal, folder: &Folder) {
    for answer in [
        "one ACK",
        "saved a, 4 B",
        "saved b, 4 B",
        "SHA256 ",
        "no such command ACK",
        "CLIENT",
    ] {
        terminal.next(answer);
    }
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"of a");
    assert_eq!(fs::read(folder.path("b")).unwrap(), b"of b");
    let history = fs::read_to_string(folder.history()).unwrap();
    assert_eq!(history, format!("#V2\n{SIX}\n"));
}

#[test]
fn pasted_lines_are_obeyed_one_after_another_whatever_the_terminal_puts_around_them() {
    let plain = SIX.replace('\n', "\r") + "\r";
    let marked = format!("\x1b[200~{}\x1b[201~\r", SIX.replace('\n', "\r"));
    let with_line_ends = format!("\x1b[200~{}\r\n\x1b[201~\r", SIX.replace('\n', "\r\n"));
    for keys in [plain, SIX.to_owned() + "\n", marked, with_line_ends] {
        let server = with_files();
        let mut terminal = Terminal::new(80);
        let folder = Folder::new();
        let child = at(&terminal, &folder, server.address);
        terminal.answer("Client01@", keys.as_bytes());
        assert_six(&mut terminal, &folder);
        terminal.next("Client01@");
        terminal.press(b"\x04");
        assert_eq!(finish(child, b"").code, 0);
    }
}

#[test]
fn more_than_a_screenful_is_pasted_and_every_line_is_obeyed() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    let lines: String = (0..200).map(|n| format!("line {n}\r")).collect();
    terminal.next("Client01@");
    terminal.press(lines.as_bytes());
    for n in 0..200 {
        terminal.next(&format!("line {n} ACK"));
    }
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
}

#[test]
fn what_was_pasted_behind_a_download_is_no_answer_to_its_question() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    fs::write(folder.path("a"), b"mine").unwrap();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get a\rover there\r");
    terminal.next("a exists: [o]verwrite it, [r]ename the new one, or [s]kip it? ");
    terminal.press(b"r\r");
    terminal.next("over there ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"mine");
    assert_eq!(fs::read(folder.path("a.1")).unwrap(), b"of a");
}

#[test]
fn a_long_paste_behind_a_download_is_no_answer_to_its_question_and_obeyed_after_it() {
    for (term, end) in [("xterm", "\r"), ("dumb", "\n")] {
        let server = with_files();
        let mut terminal = Terminal::new(80);
        let folder = Folder::new();
        fs::write(folder.path("a"), b"mine").unwrap();
        let mut command = folder.berth_at(server.address);
        command.env("TERM", term).stdin(terminal.stream());
        command.stdout(terminal.stream()).stderr(terminal.stream());
        let child = command.spawn().unwrap();
        drop(command);
        let lines = |n| format!("{n} of the mäny lines{end}");
        let lines: String = (0..1000).map(lines).collect();
        terminal.next("Client01@");
        terminal.press(format!("get a{end}{lines}begun").as_bytes());
        terminal.next("[s]kip it? ");
        if term == "dumb" {
            // Such a terminal gives whole lines only: what is begun is the answer's beginning.
            terminal.press(b"\n");
            terminal.next("[s]kip it? ");
        }
        terminal.press(format!("r{end}").as_bytes());
        terminal.next("saved a.1, 4 B");
        for n in 0..1000 {
            terminal.next(&format!("{n} of the mäny lines ACK"));
        }
        if term == "xterm" {
            terminal.answer("> begun", b" and ended\r");
            terminal.next("begun and ended ACK");
        }
        terminal.next("Client01@");
        terminal.press(b"\x04");
        assert_eq!(finish(child, b"").code, 0);
        assert_eq!(fs::read(folder.path("a")).unwrap(), b"mine");
    }
}

#[test]
fn a_byte_that_is_no_text_costs_its_line_and_nothing_else() {
    let evil: [&[u8]; 4] = [b"\xe9", b"\xff", b"\xc3\x28", b"\xed\xa0\x80"];
    for evil in evil {
        let server = with_files();
        let mut terminal = Terminal::new(80);
        let folder = Folder::new();
        let child = at(&terminal, &folder, server.address);
        terminal.answer("Client01@", &[b"caf", evil, b" x\r"].concat());
        terminal.next("that is no UTF-8 text");
        terminal.answer("Client01@", b"after\r");
        terminal.next("after ACK");
        terminal.answer("Client01@", b"\x04");
        assert_eq!(finish(child, b"").code, 0);
        let screen = terminal.all();
        assert!(
            !screen.contains(" x ACK") && !screen.contains("\nx ACK"),
            "{screen:?}"
        );
    }
}

#[test]
fn a_terminal_without_editing_takes_the_same_lines() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    command.env("TERM", "dumb").stdin(terminal.stream());
    command.stdout(terminal.stream()).stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.next("Client01@");
    terminal.press(b"one\ncaf\xe9\n\nget x/b\n");
    for answer in ["one ACK", "that is no UTF-8 text", "saved b, 4 B"] {
        terminal.next(answer);
    }
    terminal.next("Client01@");
    terminal.press(b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(fs::read(folder.path("b")).unwrap(), b"of b");
}

#[test]
fn a_byte_that_is_no_text_is_no_answer_to_a_question() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    fs::write(folder.path("a"), b"mine").unwrap();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"get a\r");
    for keys in [&b"\xe9\r"[..], b"\xff", b"what?\r", b"o\r"] {
        terminal.next("[s]kip it? ");
        terminal.press(keys);
        terminal.next("\x1b[?2004l");
    }
    terminal.next("saved a, 4 B");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"of a");
}

#[test]
fn a_byte_that_is_no_text_is_no_answer_where_only_standard_error_is_a_terminal() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    fs::write(folder.path("a"), b"mine").unwrap();
    let mut command = folder.berth_at(server.address);
    command.args(["get", "a"]);
    command.stdin(terminal.stream()).stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    for keys in [&b"\xe9\n"[..], b"o\n"] {
        terminal.next("[s]kip it? ");
        terminal.press(keys);
    }
    assert_eq!(finish(child, b"").code, 0);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"of a");
}

#[test]
fn a_byte_that_is_no_text_does_not_answer_whether_to_connect_again() {
    let server = Server::polite(|peer| {
        peer.expect(b"one");
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"one\r");
    terminal.answer("connect again? [Y/n] ", b"\xe9\r");
    terminal.next("that is no UTF-8 text");
    terminal.answer("connect again? [Y/n] ", b"n\r");
    assert_eq!(finish(child, b"").code, 18);
    server.join();
}

#[test]
fn enter_on_nothing_does_nothing() {
    let server = Server::polite(|peer| {
        peer.expect(b"x");
        peer.say(b"x ACK\n");
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    for keys in [&b"\r"[..], b"  \r", b"\x1b[200~\r\r\x1b[201~\r", b"x\r"] {
        terminal.answer("Client01@", keys);
    }
    terminal.next("x ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn control_bytes_end_no_session_and_are_not_remembered() {
    let server = with_files();
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    // Ctrl-V takes the next one as it is.
    terminal.answer("Client01@", b"a\x16\x01b\x16\x00c\r");
    terminal.next("a\\u{1}b\\0c ACK");
    terminal.answer("Client01@", b"\x1b[200~d\x07e\x1b[201~\r");
    terminal.next("d\\u{7}e ACK");
    terminal.answer("Client01@", b"one\x16\ntwo\r");
    terminal.next("one ACK");
    terminal.next("two ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    let history = fs::read_to_string(folder.history()).unwrap();
    assert_eq!(history, "#V2\none\ntwo\n");
}

#[test]
fn ctrl_c_drops_what_was_pasted_behind_what_it_ends() {
    let (ask, asked) = std::sync::mpsc::channel();
    let server = Server::polite_each(vec![
        Box::new(move |peer: &mut crate::server::Peer| {
            peer.expect(b"one");
            ask.send(()).unwrap();
            peer.expect(b"");
        }),
        Box::new(|peer: &mut crate::server::Peer| {
            peer.expect(b"four");
            peer.say(b"four ACK\n");
            peer.expect_exit();
        }),
    ]);
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"\x1b[200~one\rtwo\rthree\x1b[201~\r");
    terminal.next("> one\r\n");
    asked.recv().unwrap();
    crate::prompt::interrupt(&child);
    terminal.next("pasted lines that are dropped: 2");
    terminal.answer("Client02@", b"four\r");
    terminal.next("four ACK");
    terminal.answer("Client02@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_script_may_begin_with_a_byte_order_mark() {
    let server = Server::polite(|peer| {
        peer.expect(b"hello");
        peer.say(b"hello ACK\n");
        peer.expect_exit();
    });
    let ended = Folder::new().script(server.address, b"\xef\xbb\xbfhello\r\n");
    let stdout = "hello ACK\n".to_owned();
    let (code, stderr) = (0, String::new());
    assert_eq!(
        ended,
        Ended {
            code,
            stdout,
            stderr
        }
    );
    server.join();
}

#[test]
fn a_script_in_utf_16_is_refused_before_anything_is_sent() {
    let server = Server::polite(|peer| peer.expect(b""));
    let ended = Folder::new().script(server.address, b"\xff\xfeh\0i\0\n\0");
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("UTF-16"), "{}", ended.stderr);
    server.join();
}
