//! Standard streams that are not what one thinks: closed, full, or in no mood to wait.

use std::fs;
use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Command, Stdio};
use std::thread;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::program::{Folder, finish};
use crate::prompt::at;
use crate::server::Server;
use crate::support;
use crate::terminal::Terminal;

const BERTH: &str = env!("CARGO_BIN_EXE_berth");
const BERTHD: &str = env!("CARGO_BIN_EXE_berthd");

fn stop_waiting(stream: impl std::os::fd::AsFd) {
    let flags = fcntl_getfl(&stream).unwrap();
    fcntl_setfl(&stream, flags | OFlags::NONBLOCK).unwrap();
}

/// A pipe for an output that does not wait, and nobody reads it yet.
fn impatient() -> (PipeReader, Stdio) {
    let (reader, writer) = pipe().unwrap();
    stop_waiting(&writer);
    (reader, writer.into())
}

fn server() -> support::Server {
    let noise = support::noise(1 << 20);
    let mut setup = support::Setup::new().file("big", &noise);
    for n in 0..3000 {
        setup = setup.file(&format!("{n:0>60}"), b"x");
    }
    setup.start()
}

#[test]
fn an_output_that_does_not_wait_gets_all_of_it() {
    let server = server();
    let folder = Folder::new();
    for (words, script) in [
        (&["list"][..], &b""[..]),
        (&["list", "--json"], b""),
        (&["get", "big", "-o", "-"], b""),
        (&[], b"list\n"),
    ] {
        let waiting = folder.berth_at(server.address).args(words).spawn().unwrap();
        let expected = finish(waiting, script).stdout.len();
        let (mut reader, output) = impatient();
        let mut command = folder.berth_at(server.address);
        let child = command.args(words).stdout(output).spawn().unwrap();
        drop(command);
        let ending = thread::spawn(move || finish(child, script));
        // What is more than a pipe holds has to wait for this reader.
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let ended = ending.join().unwrap();
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
        let text = match String::from_utf8(all) {
            Ok(text) => text,
            Err(bytes) => bytes.as_bytes().escape_ascii().to_string(),
        };
        assert_eq!(text.len(), expected, "{words:?}");
    }
}

#[test]
fn a_journal_and_a_page_get_through_an_output_that_does_not_wait() {
    let folder = Folder::new();
    let journal = folder.path("journal");
    let journal = journal.to_str().unwrap();
    let server = support::Setup::new()
        .with(&format!("--journal {journal}"))
        .start();
    assert_eq!(folder.script(server.address, b"").code, 0);
    drop(server);
    let records = fs::read(journal).unwrap();
    fs::write(journal, records.repeat(600)).unwrap();
    let event = "{\"name\":\"x\",\"ph\":\"i\",\"ts\":1,\"pid\":1,\"tid\":1,\"s\":\"g\"}";
    let trace = format!("[\n{}", format!("{event},\n").repeat(5000));
    fs::write(folder.path("trace"), trace).unwrap();
    let trace = folder.path("trace");
    for words in [
        &["journal", journal, "--last", "100000", "--json"][..],
        &["trace", trace.to_str().unwrap()],
    ] {
        let waiting = Command::new(BERTHD).args(words).output().unwrap();
        assert!(waiting.stdout.len() > 64 * 1024, "{words:?}: {waiting:?}");
        let (mut reader, output) = impatient();
        let mut command = Command::new(BERTHD);
        let mut child = command.args(words).stdout(output).spawn().unwrap();
        drop(command);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}");
        assert_eq!(all.len(), waiting.stdout.len(), "{words:?}");
    }
}

#[test]
fn an_input_that_does_not_wait_is_waited_for() {
    let server = Server::polite(|peer| {
        peer.expect(b"one");
        peer.say(b"one ACK\n");
        peer.expect(b"two");
        peer.say(b"two ACK\n");
        peer.expect_exit();
    });
    let folder = Folder::new();
    let (reader, mut writer) = pipe().unwrap();
    stop_waiting(&reader);
    let mut command = folder.berth_at(server.address);
    command.stdin(Stdio::from(reader));
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut answers = child.stdout.take().unwrap();
    for line in ["one", "two"] {
        writer.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = [0; 8];
        answers.read_exact(&mut answer).unwrap();
        assert_eq!(str::from_utf8(&answer), Ok(&*format!("{line} ACK\n")));
    }
    drop(writer);
    assert_eq!(finish(child, b"").code, 0);
    server.join();
}

#[test]
fn a_terminal_that_does_not_wait_is_a_prompt_all_the_same_and_is_left_so() {
    let server = server();
    let mut terminal = Terminal::new(80);
    let line = terminal.line();
    stop_waiting(&line);
    let folder = Folder::new();
    let child = at(&terminal, &folder, server.address);
    terminal.answer("Client01@", b"one\r");
    terminal.next("one ACK");
    terminal.answer("Client01@", b"list\r");
    terminal.next("big\r\n");
    terminal.answer("Client01@", b"\x04");
    terminal.next("Goodbye Client01");
    assert_eq!(finish(child, b"").code, 0);
    assert!(fcntl_getfl(&line).unwrap().contains(OFlags::NONBLOCK));
}

/// What a shell does with this line, in which the two programs are `berth` and `berthd`.
fn shell(server: &support::Server, folder: &Folder, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new("bash");
    command.current_dir(folder.path("."));
    command.env("BERTH_SERVER", server.address.to_string());
    command.args([
        "-c",
        &format!("berth() {{ {BERTH} \"$@\"; }}\nberthd() {{ {BERTHD} \"$@\"; }}\n{line}"),
    ]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), told)
}

#[test]
fn an_output_that_is_closed_or_full_is_no_success() {
    let folder = Folder::new();
    let journal = format!("--journal {}", folder.path("journal").display());
    let setup = support::Setup::new().file("a", b"of a");
    let server = setup.with(&journal).start();
    assert_eq!(folder.script(server.address, b"").code, 0);
    let trace = "[\n{\"name\":\"x\",\"ph\":\"i\",\"ts\":1,\"pid\":1,\"tid\":1,\"s\":\"g\"},\n";
    fs::write(folder.path("trace"), trace).unwrap();
    for (program, code) in [
        ("berth list", 23),
        ("berth list --json", 23),
        ("berth status", 23),
        ("berth stat a", 23),
        ("berth sha256 a", 23),
        ("berth send hello", 23),
        ("berth get a -o -", 23),
        ("echo list | berth", 23),
        ("echo hello | berth", 23),
        ("echo exit | berth", 23),
        ("berth --help", 23),
        ("berth --version", 23),
        ("berth get --help", 23),
        ("berthd --help", 1),
        ("berthd --version", 1),
        ("berthd journal --help", 1),
        ("berthd journal journal", 1),
        ("berthd journal journal summary", 1),
        ("berthd journal journal --json", 1),
        ("berthd journal journal --follow", 1),
        ("berthd trace trace", 1),
    ] {
        for (output, reason) in [
            (">&-", "Bad file descriptor"),
            (">/dev/full", "No space left"),
        ] {
            let line = format!("{program} {output}");
            let (ended, told) = shell(&server, &folder, &line);
            assert_eq!(ended, Some(code), "{line}: {told}");
            assert!(told.contains("cannot write"), "{line}: {told}");
            assert!(told.contains(reason), "{line}: {told}");
        }
    }
}

#[test]
fn an_output_to_nowhere_is_a_success_however_it_was_opened() {
    let server = support::Setup::new().file("a", b"of a").start();
    let folder = Folder::new();
    for output in [">/dev/null", "1<>/dev/null"] {
        let line = format!("berth list {output}");
        assert_eq!(shell(&server, &folder, &line), (Some(0), String::new()));
    }
}

#[test]
fn an_input_that_is_closed_is_1_and_what_needs_none_does_not_care() {
    let server = support::Setup::new().file("a", b"of a").start();
    let folder = Folder::new();
    let (code, told) = shell(&server, &folder, "berth <&-");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("cannot read standard input"), "{told}");
    for line in ["berth get a <&-", "berth list <&- 2>&-"] {
        let (code, told) = shell(&server, &folder, line);
        assert_eq!(code, Some(0), "{line}: {told}");
    }
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"of a");
}
