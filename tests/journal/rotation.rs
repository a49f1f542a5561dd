//! Moved away while it is written: what stands in all the files together is exact.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::book::{Book, number, of, records, stop};
use crate::support::{Setup, noise};
use crate::visitors::{Crowd, FILE, FILE_BYTES, Seen};

const MOVES: usize = 8;

#[test]
fn moved_away_under_load_the_sum_over_all_files_is_exact() {
    let book = Book::new();
    let setup = book.setup().with("--max-clients 3 --log info");
    let server = setup.file(FILE, &noise(FILE_BYTES)).start();
    let crowd = Crowd::default();
    let seen: Vec<Seen> = thread::scope(|scope| {
        let visitors = crowd.send(scope, server.address, 4);
        for n in 1..=MOVES {
            crowd.wait_for(n as u64 * 20);
            fs::rename(book.path(), book.moved(n)).expect("the journal is there");
            server.signal(Signal::HUP);
            while !fs::metadata(book.path()).is_ok_and(|file| file.len() > 0) {
                thread::yield_now();
            }
        }
        crowd.over.store(true, Ordering::Relaxed);
        let seen = visitors
            .into_iter()
            .map(|visitor| visitor.join().expect("all was right"));
        seen.collect()
    });
    stop(server);
    let mut all: Vec<Value> = Vec::new();
    for n in 1..=MOVES {
        all.extend(records(&book.moved(n)));
    }
    let last = book.records();
    assert_eq!(
        last[0]["event"], "checkpoint",
        "a new file says how things stand"
    );
    all.extend(last);
    let numbers: Vec<u64> = all.iter().map(|record| number(record, "seq")).collect();
    let expected: Vec<u64> = (1..=all.len() as u64).collect();
    assert_eq!(numbers, expected, "none is lost and none is there twice");
    let visits: usize = seen.iter().map(|seen| seen.names.len()).sum();
    assert_eq!(of(&all, "connected").len(), visits);
    assert_eq!(of(&all, "disconnected").len(), visits);
    let files: usize = seen.iter().map(|seen| seen.files).sum();
    let sent = of(&all, "transfer");
    let sent = sent.iter().map(|record| number(record, "bytes_sent"));
    assert_eq!(sent.sum::<u64>(), (files * FILE_BYTES) as u64);
}

#[test]
fn a_server_that_dies_after_the_move_knows_from_the_new_file_who_was_inside() {
    let book = Book::new();
    let server = book.setup().start();
    let _inside = server.client("Client01");
    fs::rename(book.path(), book.moved(1)).expect("the journal is there");
    server.signal(Signal::HUP);
    while !fs::metadata(book.path()).is_ok_and(|file| file.len() > 0) {
        thread::yield_now();
    }
    crate::book::kill(server);
    let server = book.setup().start();
    let status = server.client("Client02").lines("status");
    assert!(
        status[1].starts_with("Client01 ") && status[1].ends_with(" crash"),
        "{status:?}"
    );
}

#[test]
fn a_hangup_without_a_move_changes_nothing_and_a_move_to_nowhere_costs_nothing() {
    let book = Book::new();
    let server = book.setup().start();
    let mut client = server.client("Client01");
    server.signal(Signal::HUP);
    crate::support::meanwhile(&mut client, |_| server.log().contains("where it was"));
    // Somebody put a folder where the journal was.
    fs::rename(book.path(), book.moved(1)).expect("the journal is there");
    fs::create_dir(book.path()).expect("the place is free");
    server.signal(Signal::HUP);
    crate::support::meanwhile(&mut client, |_| server.log().contains("the old file"));
    client.echo();
    drop(client);
    stop(server);
    let records = records(&book.moved(1));
    assert_eq!(of(&records, "disconnected").len(), 1);
    assert_eq!(of(&records, "stopping").len(), 1);
}

/// What stands in the log and in two files after a journal that is reached through `link` was moved
/// away from `real`.
fn moved_behind_a_link(link: &Path, real: &Path) {
    let setup = Setup::new().with(&format!("--journal {}", link.display()));
    let server = setup.start();
    let mut client = server.client("Client01");
    let moved = real.with_extension("1");
    fs::rename(real, &moved).expect("the journal is there");
    server.signal(Signal::HUP);
    crate::support::meanwhile(&mut client, |_| {
        server.log().contains("the journal goes on")
    });
    assert!(server.log().contains("in a new file"), "{}", server.log());
    drop(client);
    stop(server);
    assert_eq!(of(&records(&moved), "connected").len(), 1);
    let new = records(real);
    assert_eq!(new[0]["event"], "checkpoint");
    assert_eq!(of(&new, "disconnected").len(), 1);
}

#[test]
fn a_journal_behind_a_link_goes_on_where_it_really_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("real/deep")).expect("it is new");
    // To a file that is not there yet, to one that is, and through a folder.
    symlink(at("real/journal"), at("link")).expect("the place is free");
    moved_behind_a_link(&at("link"), &at("real/journal"));
    fs::write(at("real/journal"), "").expect("it is ours");
    moved_behind_a_link(&at("link"), &at("real/journal"));
    symlink("real/deep", at("folder")).expect("the place is free");
    symlink("link-here", at("real/deep/twice")).expect("the place is free");
    let twice = at("folder/twice");
    moved_behind_a_link(&twice, &at("real/deep/link-here"));
}

#[test]
fn a_link_that_is_turned_under_way_is_named_and_not_followed() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("one"), "").expect("it is new");
    fs::write(at("two"), "").expect("it is new");
    symlink("one", at("link")).expect("the place is free");
    let setup = Setup::new().with(&format!("--journal {}", at("link").display()));
    let server = setup.start();
    let mut client = server.client("Client01");
    fs::remove_file(at("link")).expect("it is ours");
    symlink("two", at("link")).expect("the place is free");
    server.signal(Signal::HUP);
    let told = "link' leads elsewhere by now: the journal stays where it led at the start, '";
    crate::support::meanwhile(&mut client, |_| server.log().contains(told));
    assert!(server.log().contains("start berthd again"));
    drop(client);
    stop(server);
    assert_eq!(fs::read(at("two")).expect("it is there"), b"");
    assert_eq!(of(&records(&at("one")), "disconnected").len(), 1);
}

#[test]
fn what_is_no_journal_in_its_place_is_left_as_it_is() {
    for sandbox in ["off", "auto"] {
        let book = Book::new();
        let server = book.setup().with(&format!("--sandbox {sandbox}")).start();
        let mut client = server.client("Client01");
        fs::rename(book.path(), book.moved(1)).expect("the journal is there");
        fs::write(book.path(), "dear diary\n").expect("the place is free");
        server.signal(Signal::HUP);
        crate::support::meanwhile(&mut client, |_| server.log().contains("the old file"));
        drop(client);
        stop(server);
        assert_eq!(fs::read(book.path()).expect("it is there"), b"dear diary\n");
        assert_eq!(of(&records(&book.moved(1)), "disconnected").len(), 1);
    }
}

#[test]
fn a_link_that_comes_into_the_place_of_a_journal_is_not_followed() {
    let book = Book::new();
    let elsewhere = book.path().with_file_name("elsewhere");
    fs::write(&elsewhere, "").expect("the place is free");
    let server = book.setup().start();
    let mut client = server.client("Client01");
    fs::rename(book.path(), book.moved(1)).expect("the journal is there");
    symlink(&elsewhere, book.path()).expect("the place is free");
    server.signal(Signal::HUP);
    crate::support::meanwhile(&mut client, |_| server.log().contains("the old file"));
    assert!(server.log().contains("not a regular file but a link"));
    drop(client);
    stop(server);
    assert_eq!(fs::read(&elsewhere).expect("it is there"), b"");
    assert_eq!(of(&records(&book.moved(1)), "disconnected").len(), 1);
}
