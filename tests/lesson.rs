//! The guided tour shows what the server does today, and explains all of it.
//!
//! Where strace is missing or not permitted, that is said and the comparison left out.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use support::{can_trace, skip};

const LOOP: &str = include_str!("../docs/loop.md");

/// The transcript in the document: the lines of its blocks.
fn documented() -> String {
    let blocks = LOOP.split("```strace\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().expect("a split has a first part"));
    let transcript = blocks.collect::<String>();
    assert!(transcript.lines().count() > 20, "the transcript is read");
    transcript
}

/// The name of the call that a line shows. A debug build checks a descriptor before it closes it,
/// which a release build does not.
fn call(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_check = name == "fcntl" && line.contains("F_GETFD");
    (is_name && !is_check).then_some(name)
}

/// The names of the calls in their order. How often a file is gone on with depends on the kernel's
/// buffers and on how fast the peer reads, and what is done for it besides on where its bytes are:
/// all of that is one step here. So is a line that has to wait until the bytes before it are out.
fn steps(transcript: &str) -> Vec<&str> {
    let mut steps: Vec<&str> = Vec::new();
    let mut lines = transcript.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(name) = call(line) else {
            continue;
        };
        if name == "sendto" && line.contains("EAGAIN") {
            // Behind it is the wait for its turn.
            lines.next_if(|line| call(line) == Some("epoll_wait"));
            continue;
        }
        let name = match name {
            "preadv2" => "fadvise64",
            name => name,
        };
        if name == "sendfile" {
            let before = steps
                .iter()
                .rposition(|step| !matches!(*step, "epoll_wait" | "fadvise64"));
            if let Some(at) = before.filter(|&at| steps[at] == name) {
                steps.truncate(at + 1);
                continue;
            }
        }
        let goes_on = matches!(name, "epoll_wait" | "fadvise64");
        if !(goes_on && steps.last() == Some(&name)) {
            steps.push(name);
        }
    }
    steps
}

#[test]
fn the_transcript_is_what_the_server_does() {
    if !can_trace() {
        return;
    }
    let output = Command::new("scripts/strace.sh")
        .arg("--transcript")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("BERTHD", env!("CARGO_BIN_EXE_berthd"))
        .output()
        .expect("bash is there");
    let transcript = String::from_utf8(output.stdout).expect("strace writes text");
    let errors = String::from_utf8_lossy(&output.stderr);
    if transcript.is_empty() && errors.contains("Operation not permitted") {
        return skip("strace may not be attached here", "run as root");
    }
    assert!(output.status.success(), "{errors}");
    assert_eq!(steps(&transcript), steps(&documented()), "{transcript}");
}

#[test]
fn every_call_of_the_transcript_is_explained() {
    let transcript = documented();
    for name in transcript.lines().filter_map(call).collect::<BTreeSet<_>>() {
        let explained = format!("`{name}`");
        assert!(LOOP.contains(&explained), "{name} is not explained");
    }
}

#[test]
fn the_rules_would_notice() {
    let sent = "sendfile(8) = 1\nepoll_wait(4) = 0\nsendfile(8) = 1\n... 3 lines like these\n\
                sendfile(8) = -1 EAGAIN\nepoll_wait(4) = 1\nsendfile(8) = 2\nclose(9) = 0\n";
    assert_eq!(steps(sent), ["sendfile", "close"]);
    let fetched = "setsockopt(8) = 0\nfadvise64(9) = 0\npreadv2(9) = 1\n\
                   sendfile(8) = 1\nepoll_wait(4) = 0\nfadvise64(9) = 0\nsendfile(8) = 1\n";
    assert_eq!(steps(fetched), ["setsockopt", "fadvise64", "sendfile"]);
    let late = "close(9) = 0\nsendto(8) = -1 EAGAIN\nepoll_wait(4) = 1\nsendto(8) = 4\n";
    assert_eq!(steps(late), ["close", "sendto"]);
    let once = "sendfile(8) = 9\nfcntl(9, F_GETFD) = 1\nclose(9) = 0\n";
    assert_eq!(steps(once), ["sendfile", "close"]);
    assert_ne!(steps("read(8) = 1\nread(8) = 1\n"), steps("read(8) = 1\n"));
}
