//! What signals do to the client: it ends of them, and leaves the terminal as it was.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Folder, finish};
use crate::prompt::{at, interrupt};
use crate::server::Server;
use crate::support;
use crate::terminal::Terminal;

/// The signal that ended the program.
fn ended_by(mut child: Child) -> Option<i32> {
    child.wait().unwrap().signal()
}

#[test]
fn a_signal_at_the_prompt_ends_it_and_the_terminal_is_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT] {
        let server = support::Setup::new().start();
        let mut terminal = Terminal::new(80);
        let before = terminal.modes();
        let folder = Folder::new();
        let child = at(&terminal, &folder, server.address);
        terminal.answer("Client01@", b"half a line");
        terminal.next("half a line");
        assert_ne!(terminal.modes(), before, "the prompt reads keys");
        kill_process(Pid::from_child(&child), signal).unwrap();
        terminal.next("\x1b[?2004l");
        assert_eq!(ended_by(child), Some(signal.as_raw()));
        assert_eq!(terminal.modes(), before);
    }
}

#[test]
fn a_signal_at_a_question_ends_it_and_the_terminal_is_as_it_was() {
    let server = support::Setup::new().file("f", b"new").start();
    let mut terminal = Terminal::new(80);
    let before = terminal.modes();
    let folder = Folder::new();
    fs::write(folder.path("f"), b"old").unwrap();
    let mut command = folder.berth_at(server.address);
    command.args(["get", "f"]).stdin(terminal.stream());
    command.stdout(terminal.stream()).stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.next("[s]kip it? ");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended_by(child), Some(Signal::TERM.as_raw()));
    assert_eq!(terminal.modes(), before);
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"old");
}

#[test]
fn a_signal_at_the_prompt_while_an_answer_is_waited_for_ends_it() {
    let (ask, asked) = mpsc::channel();
    let server = Server::polite(move |peer| {
        peer.expect(b"one");
        ask.send(()).unwrap();
        peer.expect(b"");
    });
    let mut terminal = Terminal::new(80);
    let before = terminal.modes();
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"one\r");
    asked.recv().unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(ended_by(child), Some(Signal::TERM.as_raw()));
    assert_eq!(terminal.modes(), before);
    server.join();
}

#[test]
fn ctrl_c_is_what_ends_a_command_so_a_loop_around_it_ends_too() {
    let (half, come) = mpsc::channel();
    let server = Server::polite(move |peer| {
        peer.expect_after_lists(b"get a", b"LIST\n10 2026-11-22T10:00:00Z a\nEND\n");
        peer.say(b"START 10\n12345");
        half.send(()).unwrap();
        peer.expect(b"");
    });
    let folder = Folder::new();
    let mut command = folder.berth_at(server.address);
    let child = command.args(["get", "a"]).spawn().unwrap();
    come.recv().unwrap();
    interrupt(&child);
    assert_eq!(ended_by(child), Some(Signal::INT.as_raw()));
    server.join();
}

/// A shell that runs both programs under `ulimit -f 1`: nothing may grow beyond 1 KiB.
fn limited(folder: &Folder, line: &str) -> Command {
    let mut command = Command::new("bash");
    command.current_dir(folder.path("."));
    command.args(["-c", &format!("ulimit -f 1; {line}")]);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_the_end() {
    let noise = support::noise(100_000);
    let server = support::Setup::new().file("big", &noise).start();
    let folder = Folder::new();
    let berth = env!("CARGO_BIN_EXE_berth");
    let berthd = env!("CARGO_BIN_EXE_berthd");
    let address = server.address;
    for (line, code) in [
        (format!("exec {berth} --server {address} get big"), 23),
        (
            format!("exec {berth} --server {address} get -o - big >out"),
            23,
        ),
        (format!("exec {berth} --help >out"), 23),
        (format!("exec {berthd} --help >out"), 1),
    ] {
        let output = limited(&folder, &line).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {told}");
        assert!(told.contains("File too large"), "{line}: {told}");
    }
}

#[test]
fn a_limit_on_the_size_of_files_does_not_end_the_prompt() {
    let server = Server::polite(|peer| {
        let long = "x".repeat(1500);
        peer.expect(long.as_bytes());
        peer.say(b"came back ACK\n");
        peer.expect(b"two");
        peer.say(b"two ACK\n");
        peer.expect_exit();
    });
    let mut terminal = Terminal::new(80);
    let folder = Folder::new();
    let berth = env!("CARGO_BIN_EXE_berth");
    let mut command = limited(
        &folder,
        &format!("exec {berth} --server {}", server.address),
    );
    command.env("XDG_STATE_HOME", folder.path("state"));
    command.env("TERM", "xterm").stdin(terminal.stream());
    command.stdout(terminal.stream()).stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.answer("Client01@", format!("{}\r", "x".repeat(1500)).as_bytes());
    terminal.next("came back ACK");
    terminal.answer("Client01@", b"two\r");
    terminal.next("two ACK");
    terminal.answer("Client01@", b"\x04");
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_trace_that_does_not_fit_its_page_is_an_error_and_not_the_end() {
    let folder = Folder::new();
    let berthd = env!("CARGO_BIN_EXE_berthd");
    let trace = "[\n{\"name\":\"x\",\"ph\":\"i\",\"ts\":1,\"pid\":1,\"tid\":1,\"s\":\"g\"},\n";
    fs::write(folder.path("trace"), trace).unwrap();
    for line in ["trace trace -o page", "trace trace >page"] {
        let mut child = limited(&folder, &format!("exec {berthd} {line}"))
            .spawn()
            .unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{line}");
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(told.contains("File too large"), "{line}: {told}");
    }
    drop(File::open(folder.path("page")).unwrap());
}
