//! What strangers write never breaks a line of the journal.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::book::{Book, of, stop};

/// Names that are harmless to a file system and to nothing else.
const NAMES: &[&[u8]] = &[
    b"plain",
    b"say \"hi\"",
    b"back\\slash\\",
    b"a\x1b[2J\x07b",
    b"tab\there",
    b"carriage\rreturn",
    b"{\"seq\":1,\"event\":\"stopping\"}",
    "Gr\u{fc}\u{df}e \u{202e}txt.exe".as_bytes(),
    "\u{2028}\u{2029}\u{feff}".as_bytes(),
    b"\xff\xfe not text \xc3",
    b"\x80",
];

fn bytes_of(record: &serde_json::Value) -> Vec<u8> {
    let text = record["file"].as_str().expect("it is text").as_bytes();
    let Some(hex) = record["file_hex"].as_str() else {
        return text.to_vec();
    };
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("it is hexadecimal"))
        .collect()
}

#[test]
fn names_with_quotes_escapes_and_bytes_that_are_no_text_are_kept_exactly() {
    let book = Book::new();
    let setup = book.setup();
    for name in NAMES {
        let path = setup.repo().join(OsStr::from_bytes(name));
        fs::write(path, name).expect("Linux takes any byte but two");
    }
    let server = setup.start();
    let mut client = server.client("Client01");
    for name in NAMES {
        client.send([b"get ", *name, b"\n"].concat());
        client.expect(format!("START {}\n", name.len()));
        client.expect([name, &b"END\n"[..]].concat());
        // What is echoed goes nowhere near the journal, whatever it is.
        client.send([name, &b"\"}\n"[..]].concat());
        client.expect([name, &b"\"} ACK\n"[..]].concat());
    }
    drop(client);
    stop(server);
    let records = book.records();
    let transfers = of(&records, "transfer");
    let names: Vec<Vec<u8>> = transfers.into_iter().map(bytes_of).collect();
    assert_eq!(names, NAMES);
    let text = fs::read(book.path()).expect("the journal is there");
    let is_safe = |&byte: &u8| byte == b'\n' || byte >= b' ';
    assert!(text.iter().all(is_safe) && str::from_utf8(&text).is_ok());
}
