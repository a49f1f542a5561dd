//! A token that a person types, or pastes, at a terminal.

use std::fs;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::program::{Ended, Folder, finish};
use crate::support::Setup;
use crate::terminal::Terminal;

const SERVER: &str = "files.example.org:7";

fn token() -> String {
    format!("berth1-Zk3vQ1xA-{}", "s".repeat(43))
}

/// What a person sees and gets who answers the question with these keys.
fn login(folder: &Folder, keys: &[u8]) -> (Ended, String) {
    let mut terminal = Terminal::new(80);
    // Most terminals show what is typed.
    let line = terminal.line();
    let mut modes = tcgetattr(&line).unwrap();
    modes.local_modes |= LocalModes::ECHO;
    tcsetattr(&line, OptionalActions::Now, &modes).unwrap();
    drop(line);
    let before = terminal.modes();
    let mut command = folder.berth();
    command.args(["--server", SERVER, "login"]);
    command.stdin(terminal.stream());
    command.stdout(terminal.stream());
    command.stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    terminal.next("which is not shown:");
    terminal.press(keys);
    let ended = finish(child, b"");
    assert_eq!(terminal.modes(), before, "the terminal is as it was");
    (ended, terminal.all())
}

#[test]
fn a_typed_token_is_kept_and_never_shown() {
    let folder = Folder::new();
    let (ended, screen) = login(&folder, format!("{}\r", token()).as_bytes());
    assert_eq!(ended.code, 0, "{screen}");
    assert!(
        screen.contains("is kept") && !screen.contains("sss"),
        "{screen}"
    );
    let kept = fs::read_to_string(folder.tokens()).unwrap();
    assert_eq!(kept, format!("{SERVER} {}\n", token()));
}

#[test]
fn ctrl_c_ends_the_question_at_once_and_nothing_is_kept() {
    for begun in ["", "berth1-Zk3v"] {
        let folder = Folder::new();
        let (ended, screen) = login(&folder, format!("{begun}\x03").as_bytes());
        assert_eq!(ended.code, 130, "{screen}");
        assert!(!screen.contains("Zk3v"), "{screen}");
        assert!(!folder.tokens().exists());
    }
}

#[test]
fn no_token_is_kept_where_none_was_typed() {
    for typed in ["\r", "   \r", "hunter2\r", "\x04"] {
        let folder = Folder::new();
        let (ended, screen) = login(&folder, typed.as_bytes());
        assert_eq!(ended.code, 2, "{screen}");
        assert!(screen.contains("that is no token"), "{screen}");
        assert!(!screen.contains("hunter2"), "{screen}");
        assert!(!folder.tokens().exists());
    }
}

#[test]
fn a_token_typed_at_the_prompt_is_neither_sent_nor_remembered() {
    let server = Setup::new().start();
    let folder = Folder::new();
    let mut terminal = Terminal::new(120);
    let mut command = folder.berth_at(server.address);
    command.stdin(terminal.stream());
    command.stdout(terminal.stream());
    command.stderr(terminal.stream());
    let child = command.spawn().unwrap();
    drop(command);
    let prompt = format!("Client01@{}> ", server.address);
    terminal.answer(&prompt, format!("auth {}\r", token()).as_bytes());
    terminal.next("berth login");
    terminal.answer(&prompt, b"hello\r");
    terminal.next("hello ACK");
    terminal.answer(&prompt, b"exit\r");
    assert_eq!(finish(child, b"").code, 0);
    let remembered = fs::read_to_string(folder.history()).unwrap();
    assert!(remembered.contains("hello"), "{remembered}");
    assert!(!remembered.contains("berth1"), "{remembered}");
}
