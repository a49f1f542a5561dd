//! Every announced byte arrives, or `END` does not; and what `status` says of it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use socket2::SockRef;

use crate::support::{Peer, Server, Setup, meanwhile, noise};

/// More than the buffers of two sockets hold, so that it is under way until it is read.
const BIG: usize = 64 << 20;

/// A server with a big file, of which a client was announced the size and has read nothing yet.
fn under_way() -> (Server, Peer, Vec<u8>) {
    let bytes = noise(BIG);
    let server = Setup::new().file("big", &bytes).start();
    let mut client = server.client("Client01");
    assert_eq!(client.start("get big"), BIG as u64);
    (server, client, bytes)
}

#[test]
fn an_offset_gives_the_rest() {
    let server = Setup::new().file("f", b"0123456789").start();
    let mut client = server.client("Client01");
    assert_eq!(client.get("get@0 f"), b"0123456789");
    assert_eq!(client.get("GET@7 f"), b"789");
    assert_eq!(client.get("get@10 f"), b"");
    assert_eq!(
        client.ask("get@11 f"),
        "ERR offset beyond the end, the file has 10 bytes"
    );
    assert_eq!(client.ask("get@-1 f"), "get@-1 f ACK");
    assert_eq!(
        client.ask("get@18446744073709551616 f"),
        "ERR offset larger than any file"
    );
    assert_eq!(
        client.ask("get@18446744073709551615 f"),
        client.ask("get@11 f")
    );
}

#[test]
fn every_size_around_a_border_arrives_whole() {
    for border in [0_usize, 1, 4096, 16 << 10, 64 << 10, 256 << 10] {
        for size in [border.saturating_sub(1), border, border + 1] {
            let bytes = noise(size);
            let server = Setup::new().file("f", &bytes).start();
            assert!(server.client("Client01").get("get f") == bytes, "{size}");
        }
    }
}

#[test]
fn offsets_behind_four_gibibytes_are_right() {
    let size = (4_u64 << 30) + 1;
    let setup = Setup::new().sparse("f", size);
    let file = OpenOptions::new()
        .write(true)
        .open(setup.repo().join("f"))
        .expect("it is there");
    file.write_all_at(b"the end", size - 7)
        .expect("it is written");
    let server = setup.start();
    let mut client = server.client("Client01");
    assert_eq!(
        client.get(&format!("get@{} f", size - 10)),
        b"\0\0\0the end"
    );
    assert_eq!(client.start("get f"), size);
}

#[test]
fn a_file_that_grows_under_way_is_sent_as_it_was() {
    let (server, mut client, bytes) = under_way();
    let mut file = OpenOptions::new()
        .append(true)
        .open(server.path("big"))
        .expect("it is there");
    file.write_all(b"more").expect("it grows");
    assert!(client.read(BIG) == bytes);
    client.expect("END\n");
    client.echo();
}

#[test]
fn a_file_that_shrinks_under_way_ends_without_end() {
    let (server, mut client, _) = under_way();
    let mut other = server.client("Client02");
    let file = OpenOptions::new()
        .write(true)
        .open(server.path("big"))
        .expect("it is there");
    file.set_len(BIG as u64 / 2).expect("it shrinks");
    let rest = client.rest();
    assert!(
        rest.len() < BIG && !rest.ends_with(b"END\n"),
        "{} bytes came",
        rest.len()
    );
    let status = other.lines("status");
    assert!(status[1].ends_with(" error"), "{status:?}");
}

#[test]
fn a_file_that_is_replaced_or_deleted_under_way_is_sent_as_it_was() {
    let (server, mut client, bytes) = under_way();
    fs::write(server.path("new"), "new").expect("it is written");
    fs::rename(server.path("new"), server.path("big")).expect("it is ours");
    assert!(client.read(BIG / 2) == bytes[..BIG / 2]);
    fs::remove_file(server.path("big")).expect("it is ours");
    assert!(client.read(BIG / 2) == bytes[BIG / 2..]);
    client.expect("END\n");
    assert_eq!(client.ask("get big"), "ERR no such file: big");
}

#[test]
fn a_client_that_resets_under_way_is_gone_and_nobody_else_notices() {
    let (server, client, _) = under_way();
    let mut other = server.client("Client02");
    let before = server.descriptors().len();
    SockRef::from(client.stream())
        .set_linger(Some(Duration::ZERO))
        .expect("it is a socket");
    drop(client);
    meanwhile(&mut other, |_| server.log().contains("Client01 gone"));
    let status = other.lines("status");
    assert!(status[1].ends_with(" reset"), "{status:?}");
    // The socket and the file.
    assert_eq!(server.descriptors().len(), before - 2);
}

#[test]
fn status_shows_who_is_there_and_who_was_and_why_they_went() {
    let server = Server::start();
    let mut first = server.client("Client01");
    let mut second = server.client("Client02");
    first.send("exit\n");
    first.expect("Goodbye Client01\n");
    let _third = server.client("Client03");
    let status = second.lines("STATUS  ");
    assert_eq!(status.len(), 5, "{status:?}");
    let words: Vec<&str> = status[1].split(' ').collect();
    assert_eq!(
        (words[0], words[2], words[4], words[6]),
        ("Client01", "connected", "disconnected", "exit")
    );
    assert!(words[3].ends_with('Z') && words[5] >= words[3]);
    let here: Vec<&str> = status[2].split(' ').collect();
    let port = second
        .stream()
        .local_addr()
        .expect("it is connected")
        .port();
    assert_eq!(here.len(), 4);
    assert_eq!(
        here[..3],
        ["Client02", &format!("127.0.0.1:{port}"), "connected"]
    );
}
