//! `put`: offered by its digest, sent from where the server says, and done when the server says so.

mod lines;
mod local;
mod names;
#[cfg(target_os = "linux")]
mod person;
mod refusals;
#[cfg(target_os = "linux")]
mod whole;

use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::exit_codes::run;
use crate::program::{Ended, Folder};
use crate::server::{Peer, Server};

/// The time of every file that is uploaded here.
const TIME: &str = "2026-11-22T09:30:00Z";

fn hex(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder with this file in it, which has its time.
fn with(name: &str, content: &[u8]) -> Folder {
    let folder = Folder::new();
    write(&folder, name, content);
    folder
}

fn write(folder: &Folder, name: &str, content: &[u8]) {
    let path = folder.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(1_795_339_800);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

/// Takes the request of an upload.
pub(crate) fn offered(peer: &mut Peer, content: &[u8], name: &str) {
    let line = format!("put@{} {} {TIME} {name}", hex(content), content.len());
    peer.expect(line.as_bytes());
}

/// Takes the question that comes before a long read.
fn probed(peer: &mut Peer, answer: &[u8]) {
    peer.expect(format!("put@{} 0", "0".repeat(64)).as_bytes());
    peer.say(answer);
}

const USAGE: &[u8] = b"ERR usage: put@SHA256 SIZE TIME NAME\n";

/// Takes the bytes from `offset` on, and says that all are stored.
fn takes(peer: &mut Peer, content: &[u8], offset: usize) {
    peer.say(format!("READY {offset}\n").as_bytes());
    let body = peer.take(content.len() - offset);
    assert!(body == content[offset..], "another body came");
    stored(peer, content);
}

fn stored(peer: &mut Peer, content: &[u8]) {
    peer.say(format!("STORED {} {}\n", hex(content), content.len()).as_bytes());
}

/// Uploads the file `f` with this content to a server that does so.
fn put(content: &'static [u8], arguments: &[&str], talk: fn(&mut Peer)) -> Ended {
    let server = Server::polite(talk);
    let folder = with("f", content);
    let ended = run(
        &folder,
        server.address,
        &[&["put", "f"], arguments].concat(),
    );
    server.join();
    assert_eq!(folder.names(), ["f"]);
    ended
}

/// More than fits into what a client and a server have of a connection in memory.
const LARGE: usize = 16 << 20;

fn large() -> &'static [u8] {
    vec![b'x'; LARGE].leak()
}
