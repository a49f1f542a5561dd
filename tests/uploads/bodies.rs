//! Bodies: of every size, cut anywhere, refused, and full of what looks like requests.

use std::fs;

use crate::support::{exists, noise};
use crate::{parts, setup, stored, until_parts, upload, waiting};

#[test]
fn files_of_every_size_around_a_border_are_stored_whole_both_ways() {
    let server = setup().start();
    let mut peer = server.client("Client01");
    let piece = 256 << 10;
    let sync = 8 << 20;
    for size in [
        0,
        1,
        15,
        16 << 10,
        piece - 1,
        piece,
        piece + 1,
        sync - 1,
        sync + 1,
        40 << 20,
    ] {
        let bytes = noise(size);
        let name = format!("waiting/{size}");
        assert_eq!(
            upload(&mut peer, &waiting("put", &bytes, &name), &bytes),
            stored(&bytes)
        );
        assert!(fs::read(server.path(&name)).unwrap() == bytes, "{name}");
        let name = format!("at once/{size}");
        peer.send(format!("put {size} {name}\n"));
        peer.send(&bytes);
        assert_eq!(peer.text(), stored(&bytes));
        assert!(fs::read(server.path(&name)).unwrap() == bytes, "{name}");
    }
    assert_eq!(parts(&server.repo()), [""; 0]);
    let listed = peer.lines("list");
    assert_eq!(
        listed.len(),
        2 + 20,
        "each is listed, and no part is: {listed:?}"
    );
}

#[test]
fn a_body_that_is_cut_at_any_byte_is_the_same_file() {
    let server = setup().start();
    let mut peer = server.client("Client01");
    let body = b"exit\nput 1 x\nget y\n\r\n";
    let request = format!("put {} a\n", body.len());
    let all = [request.as_bytes(), body, b"hello\n"].concat();
    for at in 0..=all.len() {
        let (first, second) = all.split_at(at);
        peer.send(first);
        // The server has read the first piece when it answers somebody else.
        server.connect_and(|other| drop(other.line()));
        peer.send(second);
        assert_eq!(peer.text(), stored(body), "cut at {at}");
        assert_eq!(peer.text(), "hello ACK");
        assert_eq!(fs::read(server.path("a")).unwrap(), body);
        fs::remove_file(server.path("a")).unwrap();
    }
}

#[test]
fn a_refused_body_is_never_read_as_requests() {
    let server = setup()
        .with("--overwrite")
        .file("exists.txt", b"old")
        .file("victim", b"old");
    let server = server.start();
    let mut peer = server.client("Client01");
    let body = b"replace 0 victim\nexit\nput 1 x\n";
    let all = [
        format!("put {} exists.txt\n", body.len()).as_bytes(),
        body,
        b"hello\n",
    ]
    .concat();
    for at in 0..=all.len() {
        let (first, second) = all.split_at(at);
        peer.send(first);
        server.connect_and(|other| drop(other.line()));
        peer.send(second);
        assert_eq!(peer.text(), "ERR exists: exists.txt", "cut at {at}");
        assert_eq!(peer.text(), "hello ACK");
    }
    assert_eq!(fs::read(server.path("victim")).unwrap(), b"old");
    assert!(!exists(&server.path("x")));
}

#[test]
fn a_refused_body_of_sixteen_mebibytes_is_discarded_and_a_longer_one_ends_the_session() {
    let server = setup().file("exists.txt", b"old").start();
    let most: usize = 16 << 20;
    let mut peer = server.client("Client01");
    peer.send(format!("put {most} exists.txt\n"));
    peer.send(vec![b'\n'; most]);
    assert_eq!(peer.text(), "ERR exists: exists.txt");
    peer.echo();
    peer.send(format!("put {} exists.txt\nhello\n", most + 1));
    assert_eq!(peer.text(), "ERR exists: exists.txt");
    peer.expect_end();
}

#[test]
fn the_edges_of_sizes_are_told_apart() {
    let server = setup().with("--max-upload 4").start();
    let mut peer = server.client("Client01");
    let zero = "0".repeat(64);
    for (line, answer) in [
        (
            format!("put@{zero} 5 - a"),
            "ERR too large, 4 bytes at most",
        ),
        (
            format!("put@{zero} 18446744073709551615 - a"),
            "ERR too large, 4 bytes at most",
        ),
        (
            format!("put@{zero} 18446744073709551616 - a"),
            "ERR size larger than any file",
        ),
        (
            format!("put@{zero} {} - a", "9".repeat(4000)),
            "ERR size larger than any file",
        ),
        (format!("put@{zero} -1 - a"), "put@{zero} -1 - a ACK"),
    ] {
        let answer = answer.replace("{zero}", &zero);
        assert_eq!(peer.ask(&line), answer);
    }
    assert_eq!(
        upload(&mut peer, &waiting("put", b"four", "a"), b"four"),
        stored(b"four")
    );
    peer.send("put 0004 b\nfourput 0 c\n");
    assert_eq!(peer.text(), stored(b"four"));
    assert_eq!(peer.text(), stored(b""));
    // Of a size that cannot be counted nobody knows where it ends.
    peer.send("put 18446744073709551616 d\nexit\n");
    assert_eq!(peer.text(), "ERR size larger than any file");
    peer.expect_end();
}

#[test]
fn a_digest_that_lies_leaves_nothing_and_the_session_goes_on() {
    let server = setup().start();
    let mut peer = server.client("Client01");
    let line = waiting("put", b"abc", "a");
    assert_eq!(upload(&mut peer, &line, b"abX"), "ERR digest differs: a");
    peer.echo();
    until_parts(&mut peer, &server.repo(), 0);
    assert!(!exists(&server.path("a")));
    assert_eq!(upload(&mut peer, &line, b"abc"), stored(b"abc"));
}

#[test]
fn without_uploads_every_word_of_them_is_one_line_and_nothing_is_made() {
    let server = crate::support::Setup::new().start();
    let mut peer = server.client("Client01");
    for line in ["put 3 a", "replace 3 a", &waiting("put", b"abc", "a")] {
        assert_eq!(peer.ask(line), "ERR no uploads here");
        peer.echo();
    }
    assert!(!exists(&server.path(".berth")));
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid().as_raw_nonzero())).unwrap();
    assert_eq!(tasks.count(), 1, "one thread");
}
