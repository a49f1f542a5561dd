//! What a download asks before it asks for bytes.

use std::fs;

use crate::program::Folder;
use crate::server::Server;
use crate::survival::run;

#[test]
fn an_older_server_is_asked_for_its_list() {
    let server = Server::polite(|peer| {
        peer.expect(b"stat a");
        peer.say(b"stat a ACK\n");
        peer.expect(b"list");
        peer.say(b"LIST\n1 2026-11-22T10:00:00Z a\n2 2026-11-22T10:00:00Z b\nEND\n");
        peer.expect(b"get a");
        peer.say(b"START 1\nxEND\n");
        peer.expect(b"get b");
        peer.say(b"START 2\nxyEND\n");
        peer.expect_exit();
    });
    let folder = Folder::new();
    let ended = run(&folder, server.address, &["get", "a", "b"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(folder.names(), ["a", "b"]);
    server.join();
}

#[test]
fn one_file_of_many_is_fetched_without_their_list() {
    let server = Server::polite(|peer| {
        peer.expect(b"stat a");
        peer.say(b"STAT 2 2026-11-22T10:00:00Z a\n");
        peer.expect(b"get@1 a");
        peer.say(b"START 1\nyEND\n");
        peer.expect_exit();
    });
    let folder = Folder::new();
    fs::write(folder.path(".a.part"), b"x").unwrap();
    fs::write(folder.path(".a.part.meta"), b"2 2026-11-22T10:00:00Z a\n").unwrap();
    let ended = run(&folder, server.address, &["get", "a", "--no-verify"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(fs::read(folder.path("a")).unwrap(), b"xy");
    server.join();
}
