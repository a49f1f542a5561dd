//! Killed at any moment, again and again: nothing that was promised is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::book::{Book, number, of, read, texts};
use crate::support::{Server, noise};
use crate::visitors::{Crowd, FILE, FILE_BYTES, Seen};

/// How often the server is killed; `BERTH_KILLS=200` for a longer night.
fn kills() -> usize {
    let kills = env::var("BERTH_KILLS").ok();
    kills.and_then(|kills| kills.parse().ok()).unwrap_or(15)
}

/// Kills the server in the middle of its work, after a number of visits that nobody can foresee.
fn kill_at_work(mut server: Server, visits: u64) -> Vec<Seen> {
    let crowd = Crowd::default();
    let address = server.address;
    thread::scope(|scope| {
        let visitors = crowd.send(scope, address, 4);
        crowd.wait_for(visits);
        server.signal(Signal::KILL);
        server.wait();
        let seen = |visitor: thread::ScopedJoinHandle<'_, Seen>| {
            visitor.join().expect("what a visitor was told was right")
        };
        visitors.into_iter().map(seen).collect()
    })
}

/// What `status` says of each client: the last word, or `inside`.
fn status(server: &Server) -> BTreeMap<String, String> {
    let lines = server.connect_and(|peer| {
        peer.text();
        peer.lines("status")
    });
    let clients = lines[1..lines.len() - 1].iter();
    let client = |line: &String| {
        let words: Vec<&str> = line.split(' ').collect();
        let last = if words.len() > 4 { words[6] } else { "inside" };
        (words[0].to_owned(), last.to_owned())
    };
    clients.map(client).collect()
}

#[test]
fn killed_at_any_moment_no_record_is_lost_and_no_name_is_used_twice() {
    let book = Book::new();
    let bytes = noise(FILE_BYTES);
    let start = || {
        let setup = book.setup().with("--max-clients 3 --log warn");
        setup.file(FILE, &bytes).start()
    };
    let mut names = BTreeSet::new();
    for round in 0..kills() {
        let visits = [0, 1, 7, 23, 40][round % 5] + round as u64 % 3;
        let seen = kill_at_work(start(), visits);
        let server = start();
        let status = status(&server);
        crate::book::kill(server);
        for seen in &seen {
            judge(seen, &status, &mut names);
        }
    }
    let (records, damaged) = read(&book.path());
    assert!(
        damaged <= kills(),
        "{damaged} torn lines of {} kills",
        kills()
    );
    judge_whole(&records, &names);
}

/// What a visitor was told before the kill is known after it.
fn judge(seen: &Seen, status: &BTreeMap<String, String>, names: &mut BTreeSet<String>) {
    for (visit, name) in seen.names.iter().enumerate() {
        assert!(names.insert(name.clone()), "{name} was given twice");
        let said = status.get(name).map(String::as_str);
        // That it was let in again shows that its visit before was over, and on record.
        let was_over = visit + 1 < seen.names.len();
        let expected: &[_] = if was_over {
            &["exit"]
        } else {
            &["exit", "crash"]
        };
        assert!(
            said.is_some_and(|said| expected.contains(&said)),
            "{name}: {said:?}"
        );
    }
}

/// The journal as a whole: numbers that only grow, and an end for every client that came.
fn judge_whole(records: &[Value], names: &BTreeSet<String>) {
    let numbers: Vec<u64> = records.iter().map(|record| number(record, "seq")).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "records are numbered");
    let connected = texts(&of(records, "connected"), "client");
    let unique: BTreeSet<&String> = connected.iter().collect();
    assert_eq!(unique.len(), connected.len(), "nobody is let in twice");
    assert!(names.iter().all(|name| unique.contains(name)));
    let gone: BTreeSet<String> = texts(&of(records, "disconnected"), "client")
        .into_iter()
        .collect();
    // The last to look at the status may have been cut off too, and nobody started after that.
    let left = connected.iter().filter(|name| !gone.contains(*name));
    assert!(left.count() <= 1);
    let whole = of(records, "transfer");
    let whole = whole.iter().filter(|record| record["whole"] == true);
    assert!(
        whole
            .clone()
            .all(|record| record["bytes_sent"] == FILE_BYTES)
    );
    assert!(whole.count() > 0);
}
