//! A disk with no room left: clients notice nothing, and the journal says what is missing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};

use crate::book::{number, of, read, stop};
use crate::support::{Peer, Server, Setup, skip};

/// A file system in memory, gone with this.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    /// `None` where this may not be done.
    fn mount(path: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(path);
        let output = mount.output().ok()?;
        output.status.success().then_some(Self(path))
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        // If it fails, the folder cannot be removed either, and that is told.
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

fn server(journal: &Path) -> Server {
    let setup = Setup::new().with("--max-clients 2 --log warn");
    let setup = setup.with(&format!("--journal {}", journal.display()));
    setup.file("file", b"inside").start()
}

/// A visit in which everything is as it should be.
fn visit(server: &Server) {
    let mut peer = server.connect();
    assert!(peer.text().starts_with("Welcome Client"));
    peer.echo();
    assert_eq!(peer.get("get file"), b"inside");
    let goodbye = peer.ask("exit");
    assert!(goodbye.starts_with("Goodbye Client"));
    Peer::expect_end(peer);
}

/// Visits while there is room, while there is none, and when there is again.
fn play(server: Server, journal: &Path, fill: impl FnOnce(), clear: impl FnOnce()) {
    let mut witness = server.client("Client01");
    visit(&server);
    fill();
    // One line can still fit into what is left of a page, or a part of one.
    (0..40).for_each(|_| visit(&server));
    witness.echo();
    let before = read(journal).0.len();
    let log = server.log();
    assert_eq!(log.matches("cannot be written").count(), 1, "{log}");
    clear();
    visit(&server);
    visit(&server);
    let status = witness.lines("status");
    assert_eq!(
        status.len(),
        2 + 1 + 43,
        "status knows what the journal does not"
    );
    drop(witness);
    stop(server);
    let (records, damaged) = read(journal);
    assert!(damaged <= 1, "{damaged} lines are torn");
    assert!(records.len() > before + 4, "records appear again");
    let lost: u64 = records
        .iter()
        .filter_map(|record| record["lost"].as_u64())
        .sum();
    let last = records.last().expect("there are records");
    assert_eq!(
        number(last, "seq"),
        records.len() as u64 + lost,
        "each is there or missed"
    );
    assert!(lost > 0);
    // After the gap it is said how things stand.
    let gap = records
        .iter()
        .position(|record| record["lost"].is_u64())
        .expect("there is one");
    let checkpoints = of(&records[gap..], "checkpoint");
    assert_eq!(checkpoints[0]["clients"][0]["client"], "Client01");
}

#[test]
fn a_full_disk_costs_records_and_no_client_and_they_appear_again_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let Some(small) = Small::mount(folder.path()) else {
        skip("a tmpfs can be mounted by root only", "run as root");
        return;
    };
    let (journal, ballast) = (small.0.join("journal"), small.0.join("ballast"));
    let fill = || {
        let mut ballast = File::create(&ballast).expect("there is room yet");
        while ballast.write_all(&[0; 512]).is_ok() {}
    };
    let clear = || fs::remove_file(&ballast).expect("it is there");
    play(server(&journal), &journal, fill, clear);
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk_and_no_signal_to_die_of() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let journal = folder.path().join("journal");
    let server = server(&journal);
    let pid = server.pid();
    let limit = |current| {
        let limit = Rlimit {
            current,
            maximum: None,
        };
        prlimit(Some(pid), Resource::Fsize, limit).expect("it is our child");
    };
    let fill = || {
        let len = fs::metadata(&journal).expect("it is there").len();
        limit(Some(len + 100));
    };
    play(server, &journal, fill, || limit(None));
}
