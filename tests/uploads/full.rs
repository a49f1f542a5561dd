//! Disks that are full, or become so.
//!
//! Owns small disks of a server's own, mounted where nobody else sees them. Must never mount
//! anything in the namespace of the tests.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::statvfs;

use crate::support::{Server, Setup, Strace, can_trace, exists, noise, skip};
use crate::{hex, setup, stored, waiting};

const MIB: usize = 1 << 20;

/// A server whose folder is a disk of its own. `mount`: a shell's command for that, whose `$0` is
/// the folder. `None`, with a word, if that cannot be done here.
fn on_disk(mount: &str) -> Option<Server> {
    let setup = setup();
    let repo = setup.repo();
    let tried = Command::new("unshare")
        .args(["-m", "sh", "-c", mount])
        .arg(&repo)
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        skip(
            "no disk of its own can be mounted here",
            "run as root, with e2fsprogs",
        );
        return None;
    }
    let quoted = format!(
        "sh -c '{mount}' \"{}\" && exec \"$0\" \"$@\"",
        repo.display()
    );
    let inner = quoted.replace('\'', r"'\''");
    Some(in_namespace(setup, &inner).start())
}

fn in_namespace(setup: Setup, inner: &str) -> Setup {
    setup.after(&format!(
        "exec unshare -m sh -c '{inner}' \"$0\" \"$@\"; true"
    ))
}

/// The folder as the server sees it.
fn inside(server: &Server) -> PathBuf {
    let root = format!("/proc/{}/root", server.pid().as_raw_nonzero());
    let repo = server.repo();
    PathBuf::from(root).join(repo.strip_prefix("/").expect("it is absolute"))
}

fn free(server: &Server) -> u64 {
    let stat = statvfs(inside(server)).expect("it is a folder");
    stat.f_bavail * stat.f_frsize
}

/// Somebody else takes all the room there is.
fn fill(server: &Server) {
    let mut file = File::create(inside(server).join("filler")).expect("it is new");
    let piece = noise(64 << 10);
    while file.write_all(&piece).is_ok() {}
    // What is left of a piece.
    while file.write_all(b"x").is_ok() {}
}

const SMALL: &str = r#"mount -t tmpfs -o size=32m tmpfs "$0""#;
/// A file system that keeps what a reservation got that failed.
const EXT4: &str =
    r#"truncate -s 64M "$0.img" && /sbin/mkfs.ext4 -q -F "$0.img" && mount -o loop "$0.img" "$0""#;

#[test]
fn more_than_the_disk_has_is_refused_before_a_byte_and_costs_no_room() {
    for mount in [SMALL, EXT4] {
        let Some(server) = on_disk(mount) else {
            continue;
        };
        let mut peer = server.client("Client01");
        let before = free(&server);
        for size in [1 << 30, before + 1] {
            let answer = peer.ask(&format!("put@{} {size} - big", hex(b"nothing")));
            assert_eq!(
                answer,
                format!("ERR no room: {before} bytes are free, 0 stay so")
            );
            assert_eq!(free(&server), before);
        }
        peer.send(format!("put {} big\n", 1_u64 << 30));
        assert!(peer.text().starts_with("ERR no room: "));
        peer.expect_end();
        assert_eq!(free(&server), before);
    }
}

#[test]
fn room_that_was_promised_is_there_when_somebody_else_fills_the_disk() {
    for mount in [SMALL, EXT4] {
        let Some(server) = on_disk(mount) else {
            continue;
        };
        let bytes = noise(8 * MIB);
        let mut peer = server.client("Client01");
        assert_eq!(peer.ask(&waiting("put", &bytes, "a")), "READY 0");
        fill(&server);
        peer.send(&bytes);
        assert_eq!(peer.text(), stored(&bytes));
        assert!(fs::read(inside(&server).join("a")).unwrap() == bytes);
    }
}

#[test]
fn a_disk_that_fills_up_is_told_in_the_middle_and_what_came_is_gone_on_with() {
    if !can_trace() {
        return;
    }
    for mount in [SMALL, EXT4] {
        let Some(server) = on_disk(mount) else {
            continue;
        };
        let bytes = noise(8 * MIB);
        let line = waiting("put", &bytes, "a");
        let mut peer = server.client("Client01");
        let Some(strace) = Strace::attach(&server, "fallocate:error=EOPNOTSUPP") else {
            return;
        };
        assert_eq!(peer.ask(&line), "READY 0");
        peer.send(&bytes[..MIB]);
        fill(&server);
        // It only writes, and finds the reason all the same.
        drop(peer.stream().write_all(&bytes[MIB..]));
        let told = peer.text();
        assert!(told.starts_with("ERR no room: "), "{told}");
        drop(strace);
        let seen = inside(&server);
        assert!(!exists(&seen.join("a")));
        fs::remove_file(seen.join("filler")).unwrap();
        let mut peer = server.connect();
        peer.text();
        let ready = peer.ask(&line);
        let offset: usize = ready.strip_prefix("READY ").unwrap().parse().unwrap();
        assert!((1..bytes.len()).contains(&offset), "{offset}");
        peer.send(&bytes[offset..]);
        assert_eq!(peer.text(), stored(&bytes));
    }
}
