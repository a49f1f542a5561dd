//! `--wait`: a berth that is waited for in the middle of a download.

use std::fs;

use crate::program::Folder;
use crate::server::{Peer, Server, Talk};
use crate::survival::run;

/// Sends half of the file `f`, and breaks off.
fn break_off(peer: &mut Peer) {
    peer.say(b"Welcome Client01\n");
    peer.expect(b"stat f");
    peer.say(b"STAT 10 2026-11-22T10:00:00Z f\n");
    peer.expect(b"get f");
    peer.say(b"START 10\n12345");
}

/// Lets one in that it breaks off with, turns so many away, and does as it is told with the last.
fn full_meanwhile(times: usize, last: Talk) -> Server {
    let mut talks: Vec<Talk> = vec![Box::new(break_off)];
    talks.resize_with(1 + times, || {
        Box::new(|peer| peer.say(b"Server full, try later\n"))
    });
    talks.push(last);
    Server::mute_each(talks)
}

#[test]
fn who_waits_for_a_berth_waits_for_one_to_go_on_in_too() {
    let inside: Talk = Box::new(|peer| {
        peer.say(b"Welcome Client02\n");
        peer.expect(b"stat f");
        peer.say(b"STAT 10 2026-11-22T10:00:00Z f\n");
        peer.expect(b"get@5 f");
        peer.say(b"START 5\n67890END\n");
        peer.expect_exit();
    });
    let server = full_meanwhile(2, inside);
    let folder = Folder::new();
    let waits = "get f --no-verify --wait 1m --retries 1".split(' ');
    let ended = run(&folder, server.address, &waits.collect::<Vec<_>>());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told = "Server full, try later: waiting for a berth, 1m at most\n";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"1234567890");
    server.join();
}

#[test]
fn a_wait_in_the_middle_of_a_file_that_is_over_is_75_and_keeps_the_part() {
    let full: Talk = Box::new(|peer| peer.say(b"Server full, try later\n"));
    let server = full_meanwhile(0, full);
    let folder = Folder::new();
    let waits = ["get", "f", "--wait", "1ns"];
    let ended = run(&folder, server.address, &waits);
    assert_eq!(ended.code, 75, "{}", ended.stderr);
    assert_eq!(fs::read(folder.path(".f.part")).unwrap(), b"12345");
    server.join();
}
