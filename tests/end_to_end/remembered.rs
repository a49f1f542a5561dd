//! A listing is cached until it changes, and sent to every client that asks.

use std::fs;
use std::path::Path;

use crate::support::{Peer, Server, Setup};

/// How many folders the server has watched, as the kernel says.
fn watched(server: &Server) -> usize {
    server
        .descriptors()
        .iter()
        .map(|number| {
            let path = format!("/proc/{}/fdinfo/{number}", server.pid().as_raw_nonzero());
            // One that has been closed since has none.
            let info = fs::read_to_string(Path::new(&path)).unwrap_or_default();
            info.matches("inotify wd:").count()
        })
        .sum()
}

/// How often a listing was made by a walk and remembered.
fn walks(server: &Server) -> usize {
    server.log().matches("is remembered").count()
}

fn list(client: &mut Peer) -> Vec<String> {
    let mut lines = client.lines("list");
    // The time is that of the machine.
    for line in &mut lines {
        let words: Vec<&str> = line.split(' ').collect();
        *line = [words[0], words[words.len() - 1]].join(" ");
    }
    lines.retain(|line| line.as_str() != "LIST LIST" && line.as_str() != "END END");
    lines
}

fn served() -> Server {
    let setup = Setup::new().with("--log debug");
    setup.file("a", b"1").file("sub/b", b"22").start()
}

#[test]
fn one_walk_answers_all_who_ask_until_something_changes() {
    let server = served();
    assert_eq!(watched(&server), 0, "nothing is watched for nobody");
    let mut clients = ["Client01", "Client02"].map(|name| server.client(name));
    for _ in 0..3 {
        for client in &mut clients {
            assert_eq!(list(client), ["1 a", "2 sub/b"]);
        }
    }
    assert_eq!((walks(&server), watched(&server)), (1, 2));

    fs::write(server.path("sub/b"), "4444").expect("it is ours");
    assert_eq!(list(&mut clients[0]), ["1 a", "4 sub/b"]);
    assert_eq!(list(&mut clients[1]), ["1 a", "4 sub/b"]);
    assert_eq!(walks(&server), 2);

    fs::create_dir(server.path("new")).expect("it is new");
    fs::rename(server.path("sub/b"), server.path("new/c")).expect("it is there");
    assert_eq!(list(&mut clients[1]), ["1 a", "4 new/c"]);
    fs::remove_dir_all(server.path("new")).expect("it is there");
    assert_eq!(list(&mut clients[0]), ["1 a"]);
    assert_eq!((walks(&server), watched(&server)), (4, 2));
}

#[test]
fn lists_in_one_packet_with_changes_between_are_each_right() {
    let server = served();
    let mut client = server.client("Client01");
    for round in 0..50 {
        let name = format!("sub/{round}");
        fs::write(server.path(&name), "").expect("it is new");
        client.send("list\nlist\nlist\n");
        for _ in 0..3 {
            let mut lines = vec![client.text()];
            while lines.last().is_some_and(|line| line != "END") {
                lines.push(client.text());
            }
            assert_eq!(lines.len(), 4 + round + 1);
        }
    }
}

/// Comes until the one berth is free.
fn let_in(server: &Server) -> Peer {
    let mut peers = (0..100_000).map(|_| server.connect());
    let peer = peers.find_map(|mut peer| peer.text().starts_with("Welcome").then_some(peer));
    peer.expect("the one before has gone")
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_list_keeps_nobody_from_theirs() {
    const FILES: usize = 20_000;
    let setup = Setup::new().with("--log debug --max-clients 1");
    for i in 0..FILES {
        fs::write(setup.repo().join(format!("{i}{}", "x".repeat(200))), "").expect("it is new");
    }
    let server = setup.start();
    for _ in 0..3 {
        let mut client = let_in(&server);
        client.send("list\n");
        client.expect("LIST\n");
        // It goes with a reset, as most of the answer is unread.
        drop(client);
    }
    let mut client = let_in(&server);
    assert_eq!(client.lines("list").len(), FILES + 2);
    let walks_before = walks(&server);
    assert_eq!(client.lines("list").len(), FILES + 2);
    assert_eq!(walks(&server), walks_before, "the second is from memory");
    assert_eq!(watched(&server), 1);
}
