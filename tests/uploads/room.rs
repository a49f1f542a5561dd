//! Room on the disk: promised to one, kept for others, and given back.

use rustix::fs::statvfs;

use crate::support::{Server, Setup, meanwhile, skip};
use crate::{hex, setup};

fn free(server: &Server) -> u64 {
    let stat = statvfs(server.repo()).expect("it is a folder");
    stat.f_bavail * stat.f_frsize
}

/// Something that nobody will send: so many bytes.
fn large(size: u64, name: &str) -> String {
    format!("put@{} {size} - {name}", hex(b"nothing"))
}

/// Small enough to be reserved and given back while others use the disk too.
const SIZE: u64 = 512 << 20;

#[test]
fn of_three_who_want_most_of_the_room_one_is_let_send() {
    let server = setup().start();
    // A little more than a third of it stays with the others.
    let size = free(&server) / 10 * 6;
    if size > 64 << 30 {
        skip(
            "the disk has too much room to reserve most of it",
            "use a smaller one for TMPDIR",
        );
        return;
    }
    let mut peers = ["Client01", "Client02", "Client03"].map(|name| server.client(name));
    let answers: Vec<String> = (0..)
        .zip(&mut peers)
        .map(|(i, peer)| peer.ask(&large(size, &format!("f{i}"))))
        .collect();
    assert_eq!(answers[0], "READY 0");
    for answer in &answers[1..] {
        assert!(answer.starts_with("ERR no room: "), "{answer}");
        assert!(answer.ends_with(" bytes are free, 0 stay so"), "{answer}");
    }
}

#[test]
fn room_is_reserved_at_ready_and_given_back_when_the_client_goes() {
    let server = setup().start();
    let mut watcher = server.client("Client01");
    let before = free(&server);
    let mut peer = server.client("Client02");
    assert_eq!(peer.ask(&large(SIZE, "f")), "READY 0");
    if free(&server) + SIZE / 2 > before {
        skip(
            "this file system reserves nothing",
            "use ext4 or tmpfs for TMPDIR",
        );
        return;
    }
    drop(peer);
    meanwhile(&mut watcher, |_| free(&server) + SIZE / 2 > before);
}

#[test]
fn room_that_a_killed_server_held_is_free_after_its_restart() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let server = setup().serving(folder.path()).start();
    let before = free(&server);
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&large(SIZE, "f")), "READY 0");
    peer.send("abc");
    meanwhile(&mut server.client("Client02"), |_| {
        let part = &crate::parts(folder.path())[0];
        folder
            .path()
            .join(".berth")
            .join(part)
            .metadata()
            .expect("it is there")
            .len()
            == 3
    });
    drop(server);
    let server = setup().serving(folder.path()).start();
    assert!(
        free(&server) + SIZE / 2 > before,
        "what was reserved is free again"
    );
    let mut peer = server.client("Client01");
    assert_eq!(peer.ask(&large(SIZE, "f")), "READY 3");
}

#[test]
fn what_has_to_stay_free_is_told_with_the_refusal() {
    let server = Setup::new()
        .with("--uploads . --keep-free 8388608TiB")
        .start();
    let mut peer = server.client("Client01");
    let answer = peer.ask(&large(1, "f"));
    assert!(answer.starts_with("ERR no room: "), "{answer}");
    assert!(
        answer.ends_with(" bytes are free, 9223372036854775808 stay so"),
        "{answer}"
    );
    let server = setup().with("--max-parts 10").start();
    let mut peer = server.client("Client01");
    let full = "ERR no room: unfinished uploads may hold 10 bytes together";
    assert_eq!(peer.ask(&large(11, "f")), full);
    assert_eq!(
        peer.ask("put 10 g\n0123456789status").split(' ').next(),
        Some("STORED")
    );
}
