//! The served folder as a whole is moved, removed or replaced.

use std::fs;

use rustix::process::Signal;

use crate::support::{Peer, Server, Setup, meanwhile};

/// The folder is moved away, another is put into its place, and the first is removed.
fn replace(server: &Server) {
    let moved = server.repo().with_extension("1");
    fs::rename(server.repo(), &moved).expect("it is ours");
    fs::create_dir(server.repo()).expect("the place is free");
    fs::write(server.path("new"), "of the new one").expect("it is ours");
    fs::remove_dir_all(moved).expect("it is ours");
}

fn count(server: &Server, told: &str) -> usize {
    server.log().matches(told).count()
}

fn is_told_that_it_is_gone(client: &mut Peer) {
    for request in ["list", "get file", "sha256 file", "stat file", "list"] {
        assert_eq!(client.ask(request), "ERR the served folder is gone");
    }
    client.echo();
}

#[test]
fn a_folder_that_was_moved_is_served_on_and_said_once_to_be_elsewhere() {
    let server = Setup::new().file("file", b"inside").start();
    let mut client = server.client("Client01");
    let before = client.lines("list");
    fs::rename(server.repo(), server.repo().with_extension("1")).expect("it is ours");
    for _ in 0..2 {
        assert_eq!(client.lines("list"), before);
        assert_eq!(client.get("get file"), b"inside");
    }
    assert_eq!(count(&server, "another folder, or none, is at '"), 1);
    fs::rename(server.repo().with_extension("1"), server.repo()).expect("it is ours");
    assert_eq!(client.lines("list"), before);
    assert_eq!(count(&server, "is at '"), 2, "and back: {}", server.log());
}

#[test]
fn a_folder_that_was_removed_is_no_empty_list() {
    let server = Setup::new().file("file", b"inside").start();
    let mut client = server.client("Client01");
    client.lines("list");
    replace(&server);
    is_told_that_it_is_gone(&mut client);
    assert_eq!(count(&server, "the served folder was removed from '"), 1);
    // The sandbox around the old folder keeps the new one out; without one it is served.
    server.signal(Signal::HUP);
    meanwhile(&mut client, |_| {
        server.log().contains("cannot be served") || server.log().contains("that is served")
    });
    if count(&server, "cannot be served") == 1 {
        assert_eq!(count(&server, "restart berthd"), 2);
        assert_eq!(count(&server, "SIGHUP"), 0, "it would be no use");
        is_told_that_it_is_gone(&mut client);
    }
}

#[test]
fn an_empty_folder_that_was_listed_and_removed_is_no_empty_list() {
    let server = Setup::new().with("--sandbox off").start();
    let mut client = server.client("Client01");
    for _ in 0..2 {
        assert_eq!(client.lines("list"), ["LIST", "END"]);
    }
    fs::remove_dir_all(server.repo()).expect("it is ours");
    is_told_that_it_is_gone(&mut client);
    assert_eq!(count(&server, "SIGHUP reopens the path"), 1);
}

#[test]
fn a_list_that_is_remembered_tells_the_log_of_another_folder_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("above/served")).expect("it is new");
    fs::write(at("above/served/file"), "inside").expect("it is new");
    let server = Setup::new().serving(&at("above/served")).start();
    let mut client = server.client("Client01");
    let before = client.lines("list");
    assert_eq!(client.lines("list"), before);
    // The kernel tells nobody of the folder above.
    fs::rename(at("above"), at("moved")).expect("it is ours");
    assert_eq!(client.lines("list"), before);
    assert_eq!(count(&server, "another folder, or none, is at '"), 1);
}

#[test]
fn a_hangup_opens_the_path_anew_and_forgets_what_was_listed() {
    let setup = Setup::new().file("file", b"inside");
    let server = setup.with("--sandbox off").start();
    let mut client = server.client("Client01");
    client.lines("list");
    server.signal(Signal::HUP);
    client.echo();
    assert_eq!(client.get("get file"), b"inside");
    replace(&server);
    server.signal(Signal::HUP);
    meanwhile(&mut client, |_| server.log().contains("that is served"));
    for _ in 0..2 {
        let list = client.lines("list");
        assert!(list.len() == 3 && list[1].ends_with(" new"), "{list:?}");
    }
    assert_eq!(client.get("get new"), b"of the new one");
    assert_eq!(client.ask("get file"), "ERR no such file: file");
    fs::write(server.path("later"), "").expect("it is ours");
    assert_eq!(client.lines("list").len(), 4, "the new one is watched");
}

#[test]
fn a_folder_behind_a_link_that_was_turned_is_the_new_one_after_a_hangup() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    for release in ["1", "2"] {
        fs::create_dir(at(release)).expect("it is new");
        fs::write(at(release).join("file"), release).expect("it is new");
    }
    symlink("1", at("current")).expect("the place is free");
    let setup = Setup::new().serving(&at("current"));
    let server = setup.with("--sandbox off").start();
    let mut client = server.client("Client01");
    fs::remove_file(at("current")).expect("it is ours");
    symlink("2", at("current")).expect("the place is free");
    assert_eq!(client.get("get file"), b"1");
    server.signal(Signal::HUP);
    meanwhile(&mut client, |_| server.log().contains("that is served"));
    assert_eq!(client.get("get file"), b"2");
}
