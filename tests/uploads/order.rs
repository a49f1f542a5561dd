//! The order of system calls, which is what STORED rests on.
//!
//! Where strace is missing or not permitted, that is said and the test left out.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::injected::can_trace;
use crate::support::{Peer, skip};
use crate::{setup, stored, upload, waiting};

/// Kills what it holds when it is dropped.
struct Traced(Child);

impl Drop for Traced {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The calls of a server while these requests are answered, a line each, in their order.
fn calls(ask: impl FnOnce(&mut Peer)) -> Option<Vec<String>> {
    if !can_trace() {
        return None;
    }
    let trace = tempfile::NamedTempFile::new().unwrap();
    let what = "trace=pwrite64,fsync,fdatasync,utimensat,mkdirat,renameat2,sendto,write";
    let setup = setup();
    let berthd = setup.command();
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-s", "80", "-e", what, "-o"])
        .arg(trace.path());
    strace.arg(berthd.get_program()).args(berthd.get_args());
    let mut traced = Traced(
        strace
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    let stdout = traced.0.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let Some(address) = line.trim_end().strip_prefix("berthd listening on ") else {
        skip("under strace the server does not start", "run as root");
        return None;
    };
    let mut peer = Peer::new(TcpStream::connect(address).unwrap());
    peer.expect("Welcome Client01\n");
    ask(&mut peer);
    peer.send("exit\n");
    peer.expect("Goodbye Client01\n");
    peer.expect_end();
    drop(traced);
    let text = std::fs::read_to_string(trace.path()).unwrap();
    // Before a call there is the number of its thread.
    let call = |line: &str| {
        line.split_once(' ')
            .map(|(_, call)| call.trim_start().to_owned())
    };
    Some(text.lines().filter_map(call).collect())
}

fn position(calls: &[String], after: usize, wanted: impl Fn(&str) -> bool) -> usize {
    let found = calls[after..].iter().position(|call| wanted(call));
    after + found.unwrap_or_else(|| panic!("it is not after {after} in {calls:#?}"))
}

#[test]
fn stored_is_said_after_the_bytes_the_name_and_its_folder_are_on_the_disk() {
    let bytes = b"Mind the tide.\n";
    let time = "2026-11-22T09:30:00Z";
    let line = waiting("put", bytes, "new/tide.txt").replace(" - ", &format!(" {time} "));
    let calls = calls(|peer| assert_eq!(upload(peer, &line, bytes), stored(bytes)));
    let Some(calls) = calls else { return };
    let begins = |name: &'static str| move |call: &str| call.starts_with(name);
    // A call of one thread that waits may be told in two lines, the second when it is done.
    let synced = |call: &str| {
        let is_sync = call.starts_with("fsync(") || call.contains("fsync resumed>");
        is_sync && call.trim_end().ends_with("= 0")
    };
    let ready = position(&calls, 0, |call| call.contains("READY 0"));
    let written = position(&calls, ready, begins("pwrite64("));
    let stamped = position(&calls, written, begins("utimensat("));
    let part_synced = position(&calls, stamped, synced);
    let made = position(&calls, part_synced, begins("mkdirat("));
    let folder_synced = position(&calls, made + 1, synced);
    let named = position(&calls, folder_synced, begins("renameat2("));
    assert!(
        calls[named].contains("\"tide.txt\", RENAME_NOREPLACE"),
        "{}",
        calls[named]
    );
    let name_synced = position(&calls, named + 1, synced);
    let said = position(&calls, 0, |call| call.contains("STORED "));
    assert!(said > name_synced, "{calls:#?}");
    let late = calls[part_synced..]
        .iter()
        .find(|call| call.starts_with("pwrite64("));
    assert_eq!(late, None, "nothing is written after the last sync");
}
