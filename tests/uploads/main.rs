//! Uploads on real sockets and real files.
//!
//! What is about order and time in general is the simulator's, and what is about one upload alone
//! stands beside `src/server/uploads`; here stands what only a kernel and a whole server can show.

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod failing;
mod full;
mod killed;
mod memory;
mod names;
mod order;
mod parts;
mod room;
mod same_name;
mod slow;
mod start;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use support::{Peer, Setup};

/// A server that accepts uploads into all of its folder, on a disk that may be nearly full.
fn setup() -> Setup {
    Setup::new().with("--uploads . --keep-free 0")
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The request that waits.
fn waiting(verb: &str, bytes: &[u8], name: &str) -> String {
    format!("{verb}@{} {} - {name}", hex(bytes), bytes.len())
}

fn stored(bytes: &[u8]) -> String {
    format!("STORED {} {}", hex(bytes), bytes.len())
}

/// Uploads a file from the offset that the server names, in pieces, and reads the last word.
fn upload(peer: &mut Peer, line: &str, bytes: &[u8]) -> String {
    let answer = peer.ask(line);
    let Some(offset) = answer.strip_prefix("READY ") else {
        return answer;
    };
    let offset: usize = offset.parse().expect("a number of bytes");
    peer.send(&bytes[offset..]);
    peer.text()
}

/// What is in the staging folder but for what is always there.
fn parts(repo: &Path) -> Vec<String> {
    let entries = fs::read_dir(repo.join(".berth")).expect("the server has made it");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let names = names.map(|name| name.into_string().expect("its names are text"));
    let mut names: Vec<String> = names.filter(|name| name != "boot").collect();
    names.sort();
    names
}

/// Asks the server something until the staging folder holds so many parts: what is thrown away goes
/// when the disk is done.
fn until_parts(peer: &mut Peer, repo: &Path, count: usize) {
    support::meanwhile(peer, |_| parts(repo).len() == count);
}
