//! The order of system calls, which is what STORED rests on.
//!
//! Where strace is missing or not permitted, that is said and the test left out.

use crate::support::{Peer, Strace, can_trace};
use crate::{setup, stored, upload, waiting};

/// The calls of a server while these requests are answered, a line each, in their order.
fn calls(ask: impl FnOnce(&mut Peer)) -> Option<Vec<String>> {
    if !can_trace() {
        return None;
    }
    let server = setup().start();
    let mut peer = server.client("Client01");
    let what = "pwrite64,fsync,fdatasync,utimensat,mkdirat,renameat2,sendto,write";
    let strace = Strace::watch(&server, what)?;
    ask(&mut peer);
    let lines = strace.detach();
    // Before a call there is the number of its thread.
    let call = |line: &String| {
        let (_, call) = line.split_once(' ')?;
        Some(call.trim_start().to_owned())
    };
    Some(lines.iter().filter_map(call).collect())
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
