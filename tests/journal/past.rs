//! What a server knows of the time before it started.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::book::{Book, kill, number, of, read, stop};
use crate::support::Server;

/// Says goodbye as a client.
fn leave(server: &Server, name: &str) {
    let mut client = server.client(name);
    client.send("exit\n");
    client.expect(format!("Goodbye {name}\n"));
    client.expect_end();
}

#[test]
fn after_a_restart_names_go_on_and_status_knows_who_was_there() {
    let book = Book::new();
    let server = book.setup().start();
    leave(&server, "Client01");
    let mut second = server.client("Client02");
    let before = second.lines("status");
    second.half_close();
    second.expect_end();
    stop(server);
    let server = book.setup().start();
    let after = server.client("Client03").lines("status");
    assert_eq!(after[1], before[1], "whoever was gone is shown as before");
    assert!(after[2].starts_with("Client02 127.0.0.1:"), "{after:?}");
    assert!(after[2].ends_with(" eof"), "{after:?}");
    assert_eq!(after.len(), 5);
}

#[test]
fn those_inside_when_the_server_died_are_gone_by_crash_at_its_last_record() {
    let book = Book::new();
    let server = book.setup().start();
    let _inside = [server.client("Client01"), server.client("Client02")];
    let last = book.records().pop().expect("there are records");
    kill(server);
    // Twice, because what is known once has to be known for good.
    for (number, name) in [(3, "Client03"), (4, "Client04")] {
        let server = book.setup().start();
        let mut client = server.client(name);
        let status = client.lines("status");
        for line in &status[1..3] {
            let at = last["time"].as_str().expect("it is text");
            let at = format!("disconnected {}Z crash", &at[..19]);
            assert!(line.ends_with(&at), "{line} at {at}");
        }
        assert_eq!(status.len(), number + 2);
        drop(client);
        stop(server);
    }
    let crashes = book.records();
    let crashes = of(&crashes, "disconnected");
    let crashes = crashes.iter().filter(|record| record["reason"] == "crash");
    assert_eq!(crashes.count(), 2, "each is written down once");
}

#[test]
fn a_torn_last_line_is_skipped_reported_and_closed_off() {
    let book = Book::new();
    let server = book.setup().start();
    leave(&server, "Client01");
    stop(server);
    let whole = book.records().len();
    let mut file = OpenOptions::new()
        .append(true)
        .open(book.path())
        .expect("it is there");
    file.write_all(b"{\"time\":\"2026-11-22T10:0")
        .expect("it can be written");
    let server = book.setup().start();
    assert!(server.log().contains("torn: 1"), "{}", server.log());
    leave(&server, "Client02");
    stop(server);
    let (records, damaged) = read(&book.path());
    assert_eq!(damaged, 1);
    assert_eq!(records.len(), whole + 4, "started, came, went, stopping");
    assert_eq!(number(&records[whole], "seq"), whole as u64 + 1);
}

#[test]
fn two_servers_never_write_one_journal() {
    let book = Book::new();
    let server = book.setup().start();
    let err = book.setup().refusal();
    assert!(err.contains("another server writes it"), "{err}");
    let records = book.records().len();
    server.client("Client01").echo();
    kill(server);
    assert!(book.records().len() > records, "the first goes on");
    // A lock goes with its process.
    stop(book.setup().start());
}

#[test]
fn what_is_no_journal_is_refused_and_left_as_it_is() {
    let book = Book::new();
    let text = "root:x:0:0:root:/root:/bin/sh\n";
    fs::write(book.path(), text).expect("it can be written");
    let err = book.setup().refusal();
    assert!(err.contains("it is there and is no journal"), "{err}");
    assert_eq!(fs::read_to_string(book.path()).expect("it is there"), text);
    fs::remove_file(book.path()).expect("it is there");
    fs::create_dir(book.path()).expect("the place is free");
    let err = book.setup().refusal();
    assert!(err.contains("cannot keep the journal '"), "{err}");
}

#[test]
fn a_journal_whose_numbers_leave_none_for_the_next_is_refused_and_left_as_it_is() {
    let line = |seq: u64, last_client: u64| {
        let time = r#""time":"2026-11-22T10:00:00.000Z""#;
        let event = format!(r#""event":"checkpoint","clients":[],"last_client":{last_client}"#);
        format!("{{{time},\"seq\":{seq},{event}}}\n")
    };
    let highest = u64::MAX >> 1;
    for (seq, last_client) in [
        (1, u64::MAX),
        (1, highest + 1),
        (u64::MAX, 1),
        (highest + 1, 1),
    ] {
        let book = Book::new();
        let text = line(1, 1) + &line(seq, last_client);
        fs::write(book.path(), &text).expect("it can be written");
        let err = book.setup().refusal();
        assert!(err.contains("names could come again"), "{err}");
        assert_eq!(fs::read_to_string(book.path()).expect("it is there"), text);
    }
    // Behind the highest that is taken there is enough, and still no name comes twice.
    let book = Book::new();
    fs::write(book.path(), line(1, highest)).expect("it can be written");
    let server = book.setup().start();
    server.client("Client9223372036854775808").echo();
    stop(server);
    let err = book.setup().refusal();
    assert!(err.contains("names could come again"), "{err}");
}

/// What the server has read since it was started, in bytes.
fn bytes_read(server: &Server) -> u64 {
    let path = format!("/proc/{}/io", server.pid().as_raw_nonzero());
    let io = fs::read_to_string(path).expect("it is our child");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|line| line.parse().ok())
        .expect("the kernel tells")
}

#[test]
fn a_start_reads_no_more_of_a_large_journal_than_of_a_small_one() {
    let book = Book::new();
    let server = book.setup().start();
    leave(&server, "Client01");
    stop(server);
    let sizes = [1_usize << 20, 1 << 26].map(|size| {
        let mut text = fs::read_to_string(book.path()).expect("it is text");
        let line = text
            .lines()
            .next_back()
            .expect("there are records")
            .to_owned()
            + "\n";
        text += &line.repeat(size.saturating_sub(text.len()) / line.len());
        // As a server would have written it: it says now and then how things stand.
        text += "{\"time\":\"2026-11-22T10:00:00.000Z\",\"seq\":999999,\"event\":\"checkpoint\",";
        text += "\"last_client\":7,\"clients\":[]}\n";
        fs::write(book.path(), text).expect("it can be written");
        let server = book.setup().start();
        let read = bytes_read(&server);
        server.client("Client08").echo();
        kill(server);
        fs::write(book.path(), "").expect("it can be cut");
        let server = book.setup().start();
        leave(&server, "Client01");
        stop(server);
        read
    });
    // The difference is what the loader and the allocator read, which is a few lines of text.
    assert!(sizes[1] < sizes[0] + 4096, "{sizes:?}");
    assert!(sizes[1] < 2 << 20, "{sizes:?}");
}

#[test]
fn a_flood_of_those_turned_away_is_counted_and_not_listed() {
    let book = Book::new();
    let server = book.setup().with("--max-clients 1").start();
    let inside = server.client("Client01");
    for _ in 0..500 {
        let mut caller = server.connect();
        caller.expect("Server full, try later\n");
        caller.expect_end();
    }
    drop(inside);
    stop(server);
    let records = book.records();
    let refused = of(&records, "refused");
    assert_eq!(
        refused
            .iter()
            .map(|record| number(record, "count"))
            .sum::<u64>(),
        500
    );
    assert!(
        refused
            .iter()
            .all(|record| record["address"] == "127.0.0.1")
    );
    assert!(refused.len() < 100, "{} records", refused.len());
}

#[test]
fn a_stop_that_cuts_a_download_says_how_far_it_came() {
    let book = Book::new();
    let setup = book.setup().with("--drain-timeout 100ms");
    let mut server = setup.sparse("big", 1 << 30).start();
    let mut client = server.client("Client01");
    assert_eq!(client.start("get@5 big"), (1 << 30) - 5);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    let records = book.records();
    let [.., stopping, transfer, gone] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (&stopping["event"], &stopping["clients"]),
        (&"stopping".into(), &1.into())
    );
    assert_eq!(transfer["whole"], false);
    assert_eq!(
        (number(transfer, "offset"), number(transfer, "size")),
        (5, (1 << 30) - 5)
    );
    let sent = number(transfer, "bytes_sent");
    assert!(sent > 0 && sent < 1 << 30);
    assert_eq!(gone["reason"], "shutdown");
    let header = "Welcome Client01\nSTART 1073741819\n".len() as u64;
    assert_eq!(number(gone, "bytes_out"), sent + header);
    assert_eq!(
        (number(gone, "bytes_in"), number(gone, "requests")),
        (10, 1)
    );
}

#[test]
fn a_journal_that_would_be_handed_out_is_warned_of() {
    let setup = crate::support::Setup::new();
    let inside = setup.repo().join("journal");
    let server = setup
        .with(&format!("--journal {}", inside.display()))
        .start();
    assert!(
        server.log().contains("the journal is in the served folder"),
        "{}",
        server.log()
    );
    let book = Book::new();
    let server = book.setup().start();
    assert!(
        !server.log().contains("in the served folder"),
        "{}",
        server.log()
    );
}
