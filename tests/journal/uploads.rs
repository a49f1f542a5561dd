//! What is written of uploads, and when.

use std::process::Command;

use serde_json::{Value, json};

use crate::book::{Book, number, of, stop};
use crate::support::{Server, outcome};

const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn start(book: &Book) -> Server {
    book.setup()
        .with("--uploads . --overwrite --keep-free 0 --drain-timeout 50ms")
        .start()
}

/// A server to whom uploads happened in every way that takes no time.
fn every_end(book: &Book) -> Vec<Value> {
    let server = start(book);
    let mut client = server.client("Client01");
    client.send("put 3 a\u{fc}\nabc");
    assert_eq!(client.text(), format!("STORED {ABC} 3"));
    client.send("replace 3 a\u{fc}\nabc");
    assert_eq!(client.text(), format!("STORED {ABC} 3"));
    assert_eq!(client.ask("put 3 a\u{fc}\nabcping"), "ERR exists: a\u{fc}");
    assert_eq!(client.text(), "ping ACK");
    assert_eq!(client.ask(&format!("put@{ABC} 3 - b")), "READY 0");
    assert_eq!(client.ask("abX"), "ERR digest differs: b");
    // What is left over of the line above.
    assert_eq!(client.text(), " ACK");
    assert_eq!(client.ask(&format!("put@{ABC} 3 - c")), "READY 0");
    std::fs::write(server.path("c"), "").expect("the folder is there");
    client.send("abc");
    assert_eq!(client.text(), "ERR exists: c");
    let mut second = server.client("Client02");
    assert_eq!(second.ask(&format!("put@{ABC} 3 - d")), "READY 0");
    second.send("a");
    second.half_close();
    assert_eq!(second.text(), "ERR 1 of 3 bytes came: d");
    second.expect_end();
    let mut third = server.client("Client03");
    assert_eq!(third.ask(&format!("put@{ABC} 3 - d")), "READY 1");
    assert_eq!(client.ask(&format!("put@{ABC} 3 - d")), "READY 1");
    third.send("b");
    assert_eq!(third.text(), "ERR taken over by another connection");
    third.expect_end();
    stop(server);
    book.records()
}

#[test]
fn an_upload_has_a_record_that_says_how_it_ended() {
    let book = Book::new();
    let records = every_end(&book);
    let uploads = of(&records, "upload");
    let ends: Vec<Value> = uploads
        .iter()
        .map(|it| {
            json!([
                it["file"],
                it["offset"],
                it["bytes_received"],
                it["stored"],
                it["replaced"],
                it["reason"]
            ])
        })
        .collect();
    let expected = json!([
        ["a\u{fc}", 0, 3, true, false, null],
        ["a\u{fc}", 0, 3, true, true, null],
        ["b", 0, 3, false, null, "digest"],
        ["c", 0, 3, false, null, "exists"],
        ["d", 0, 1, false, null, "cut"],
        ["d", 1, 0, false, null, "taken"],
        ["d", 1, 0, false, null, "shutdown"],
    ]);
    assert_eq!(Value::from(ends), expected);
    for stored in &uploads[..2] {
        assert_eq!(stored["sha256"], ABC);
        assert_eq!(number(stored, "size"), 3);
    }
    assert_eq!(uploads[4]["client"], "Client02");
}

#[test]
fn the_report_counts_uploads_and_finds_them_by_their_reason() {
    let book = Book::new();
    every_end(&book);
    let report = |words: &[&str]| {
        let mut berthd = Command::new(env!("CARGO_BIN_EXE_berthd"));
        berthd.arg("journal").arg(book.path()).args(words);
        let (code, out, err) = outcome(&mut berthd);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        out
    };
    let summary = report(&["summary"]);
    assert!(
        summary.contains("uploads          7, 2 of them stored\n"),
        "{summary}"
    );
    assert!(summary.contains("bytes of those   13 B\n"), "{summary}");
    let json: Value = serde_json::from_str(&report(&["summary", "--json"])).expect("it is JSON");
    assert_eq!(
        (&json["uploads"], &json["uploads_stored"]),
        (&json!(7), &json!(2))
    );
    assert_eq!(json["bytes_received"], 13);
}

/// For the schema.
pub(crate) fn records() -> Vec<Value> {
    every_end(&Book::new())
}
