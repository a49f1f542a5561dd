//! What people see of a journal.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::book::{Book, stop};
use crate::support::{Server, outcome};

pub(crate) fn journal(book: &Book, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berthd"));
    command.arg("journal").arg(book.path());
    command.args(arguments.split_whitespace());
    command
}

/// What is shown, which has to go well.
pub(crate) fn shown(book: &Book, arguments: &str) -> String {
    let (code, out, err) = outcome(&mut journal(book, arguments));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments}: {out}");
    out
}

/// The first column of a table, without its head.
fn names(out: &str) -> Vec<&str> {
    let rows = out.lines().skip(1);
    rows.map(|row| row.split(' ').next().unwrap_or_default())
        .collect()
}

fn leave(server: &Server, name: &str, requests: &str) {
    let mut client = server.client(name);
    client.send(format!("{requests}exit\n"));
    client.rest();
}

/// Two who said exit, one who closed, one who was there when the server died.
fn a_day() -> Book {
    let book = Book::new();
    let setup = book.setup().with("--max-clients 2");
    let server = setup
        .file("a b", &[b'x'; 2048])
        .file("\u{1b}[2J", b"evil")
        .start();
    leave(&server, "Client01", "get a b\nget \u{1b}[2J\nget a b\n");
    leave(&server, "Client02", "");
    let third = server.client("Client03");
    let _inside = server.client("Client04");
    let mut fifth = server.connect();
    fifth.expect("Server full, try later\n");
    fifth.expect_end();
    third.half_close();
    third.expect_end();
    // The second in which those turned away are counted goes by.
    let refused = || fs::read_to_string(book.path()).is_ok_and(|text| text.contains("refused"));
    while !refused() {
        std::thread::yield_now();
    }
    crate::book::kill(server);
    stop(book.setup().start());
    book
}

#[test]
fn the_table_shows_the_latest_sessions_and_the_conditions_choose_among_them() {
    let book = a_day();
    let all = shown(&book, "");
    assert!(all.starts_with("CLIENT    ADDRESS"), "{all}");
    assert_eq!(
        names(&all),
        ["Client01", "Client02", "Client03", "Client04"]
    );
    let reasons = all.lines().skip(1).map(|row| row.split_whitespace().nth(4));
    let reasons: Vec<&str> = reasons.flatten().collect();
    assert_eq!(reasons, ["exit", "exit", "eof", "crash"], "{all}");
    for (arguments, expected) in [
        ("--last 2", &["Client03", "Client04"][..]),
        ("--client Client02", &["Client02"]),
        ("--reason exit", &["Client01", "Client02"]),
        ("--reason crash --since 2h", &["Client04"]),
        ("--address 127.0.0.1 --reason eof", &["Client03"]),
        ("--address 10.0.0.1", &[]),
        ("--since 0s", &[]),
    ] {
        assert_eq!(names(&shown(&book, arguments)), expected, "{arguments}");
    }
}

#[test]
fn the_summary_counts_everything_and_its_names_are_harmless() {
    let book = a_day();
    let text = shown(&book, "summary");
    assert!(text.contains("crash 1, eof 1, exit 2"), "{text}");
    assert!(text.contains("\n4.0 KiB  2      a b\n"), "{text}");
    assert!(
        text.contains("\\u{1b}[2J\n") && !text.contains('\u{1b}'),
        "{text}"
    );
    let sums: Value = serde_json::from_str(&shown(&book, "summary --json")).expect("an object");
    for (field, expected) in [
        ("sessions", 4),
        ("refusals", 1),
        ("transfers", 3),
        ("transfers_whole", 3),
        ("bytes_sent", 4100),
        ("peak_clients", 2),
        ("records_lost", 0),
        ("damaged", 0),
    ] {
        assert_eq!(sums[field], expected, "{field}");
    }
    assert_eq!(sums["files"][0]["file"], "a b");
    assert!(sums["median_ms"].as_u64() <= sums["longest_ms"].as_u64());
}

#[test]
fn records_for_programs_are_the_lines_themselves() {
    let book = a_day();
    let text = fs::read_to_string(book.path()).expect("it is text");
    assert_eq!(shown(&book, "--json"), text);
    let exits = shown(&book, "--json --reason exit");
    assert_eq!(exits.lines().count(), 2);
    assert!(exits.lines().all(|line| text.contains(line)));
}

#[test]
fn those_who_were_turned_away_are_shown_for_the_reason_that_is_asked_for() {
    let book = a_day();
    let out = shown(&book, "--reason full");
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(rows[0], "TURNED AWAY           ADDRESS    REASON  COUNT");
    assert!(rows[1].ends_with("Z  127.0.0.1  full    1"), "{out}");
    assert_eq!(rows.len(), 2, "{out}");
    for nobody in ["--reason crowded", "--reason full --address ::1"] {
        let out = shown(&book, nobody);
        assert_eq!(out, "no sessions, and nobody turned away\n");
    }
    assert!(!shown(&book, "").contains("TURNED"), "sessions stand alone");
}

#[test]
fn what_programs_read_says_the_same_and_no_terminal_obeys_it() {
    let book = Book::new();
    let evil = "\u{9b}31m\u{202e}\u{7f}\u{1f6a5}é";
    let server = book.setup().file(evil, b"x").start();
    leave(&server, "Client01", &format!("get {evil}\n"));
    stop(server);
    for arguments in ["--json", "summary --json"] {
        let out = shown(&book, arguments);
        let obeyed = ['\u{9b}', '\u{202e}', '\u{7f}'];
        assert!(!out.contains(obeyed) && out.contains("\u{1f6a5}é"), "{out}");
        let objects: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str(line).expect("it is JSON"))
            .collect();
        let names = objects.iter().flat_map(|object| match &object["files"][0] {
            Value::Null => object["file"].as_str(),
            busiest => busiest["file"].as_str(),
        });
        assert_eq!(names.collect::<Vec<_>>(), [evil], "{arguments}");
    }
}

#[test]
fn the_last_records_are_shown_if_not_all_are_asked_for() {
    let book = a_day();
    let all = shown(&book, "--json");
    let last = |n: usize| {
        let lines: Vec<&str> = all.lines().collect();
        lines[lines.len() - n..].join("\n") + "\n"
    };
    for n in [1, 3] {
        assert_eq!(shown(&book, &format!("--json --last {n}")), last(n));
    }
    assert_eq!(shown(&book, "--json --last 0"), "");
    let exits = shown(&book, "--json --reason exit");
    let one = shown(&book, "--json --reason exit --last 1");
    assert_eq!(exits.lines().next_back(), one.strip_suffix('\n'));
}

#[test]
fn damaged_lines_are_read_around_and_counted() {
    let book = a_day();
    let before = shown(&book, "");
    let text = fs::read(book.path()).expect("it is there");
    let torn = [
        &text[..],
        b"{\"time\":\"20\n\xff\xff\n\n",
        &text[text.len() / 2..],
    ]
    .concat();
    fs::write(book.path(), torn).expect("it can be written");
    let after = shown(&book, "--last 4");
    let end = after
        .strip_suffix("damaged lines, skipped: 3\n")
        .expect("they are counted");
    assert_eq!(names(end).len(), names(&before).len());
    let (code, out, err) = outcome(&mut journal(&book, "--json"));
    assert_eq!(code, Some(0));
    assert!(
        out.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
    assert_eq!(err, "berthd: damaged lines, skipped: 3\n");
}

#[test]
fn what_cannot_be_read_is_1_and_what_cannot_be_meant_is_2() {
    let book = Book::new();
    let (code, out, err) = outcome(&mut journal(&book, ""));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.starts_with("berthd: cannot read the journal '"),
        "{err}"
    );
    assert_eq!(err.lines().count(), 1);
    for wrong in [
        "--client 7",
        "--reason two.words",
        "--since soon",
        "--address here",
        "sumary",
        "summary --follow",
        "summary --last 3",
        "--no-such-flag",
    ] {
        let (code, out, err) = outcome(&mut journal(&book, wrong));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{wrong}");
        assert!(
            err.starts_with("berthd: ") && err.lines().count() == 1,
            "{err}"
        );
    }
    let (code, help, _) = outcome(&mut journal(&book, "--help"));
    assert_eq!(code, Some(0));
    assert!(
        help.lines().all(|line| line.chars().count() <= 100),
        "{help}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let book = a_day();
    let line = fs::read_to_string(book.path()).expect("it is text");
    // More than a pipe holds, so that the end of it is noticed.
    fs::write(book.path(), line.repeat(500)).expect("it can be written");
    let mut show = journal(&book, "--json");
    show.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut show = show.spawn().expect("the program was built");
    let mut lines = BufReader::new(show.stdout.take().expect("it is piped")).lines();
    lines.next().expect("a line comes").expect("it is text");
    drop(lines);
    let output = show.wait_with_output().expect("it is our child");
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(0), &b""[..])
    );
}

/// Somebody who watches. Dropping it ends that.
struct Watcher {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Watcher {
    fn new(book: &Book, arguments: &str) -> Self {
        let mut command = journal(book, arguments);
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let lines = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, lines }
    }

    /// Reads until a line says this. Returns what came before it.
    fn until(&mut self, said: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            let mut line = String::new();
            let n = self.lines.read_line(&mut line).expect("it is text");
            assert!(n > 0, "no {said} behind {before:?}");
            if line.contains(said) {
                return before;
            }
            before.push(line);
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn followed_a_journal_shows_what_happens_also_after_it_was_moved_away() {
    let book = Book::new();
    let server = book.setup().start();
    leave(&server, "Client01", "");
    let mut watcher = Watcher::new(&book, "--follow");
    watcher.until("Client01");
    let mut records = Watcher::new(&book, "--follow --json --client Client03");
    leave(&server, "Client02", "");
    watcher.until("Client02 127.0.0.1:");
    watcher.until("gone: exit");
    fs::rename(book.path(), book.moved(1)).expect("it is there");
    let mut old = OpenOptions::new()
        .append(true)
        .open(book.moved(1))
        .expect("it is there");
    old.write_all(b"torn").expect("it can be written");
    server.signal(Signal::HUP);
    while !fs::metadata(book.path()).is_ok_and(|file| file.len() > 0) {
        std::thread::yield_now();
    }
    leave(&server, "Client03", "");
    assert_eq!(
        watcher.until("Client03 127.0.0.1:"),
        ["a damaged line, skipped\n"]
    );
    watcher.until("gone: exit");
    assert_eq!(
        records.until("\"connected\",\"client\":\"Client03\""),
        [""; 0]
    );
    assert_eq!(records.until("\"reason\":\"exit\""), [""; 0]);
    stop(server);
}

#[test]
fn who_follows_a_journal_ends_with_the_reader_though_nothing_happens() {
    let book = Book::new();
    fs::write(book.path(), "").expect("it is ours");
    for arguments in ["--follow", "--follow --json"] {
        let mut command = journal(&book, arguments);
        command.stdout(Stdio::piped());
        let mut watching = command.spawn().expect("it was built");
        drop(watching.stdout.take());
        let ended = watching.wait().expect("it is our child");
        assert_eq!(ended.code(), Some(0), "{arguments}");
    }
}
