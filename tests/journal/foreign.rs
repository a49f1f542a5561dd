//! What is asked of a journal and cannot be answered, as that is none, or nothing a journal has.

use std::fs;

use crate::book::Book;
use crate::support::outcome;
use crate::view::{journal, shown};

#[test]
fn what_is_no_journal_is_an_error_and_an_empty_one_is_none() {
    let book = Book::new();
    let record = r#"{"time":"2026-11-22T10:00:00.000Z","seq":1,"event":"stopping","clients":0}"#;
    let schema = include_str!("../../docs/journal.schema.json");
    let trace = "[\n{\"name\":\"x\",\"ph\":\"i\"}\n]\n";
    for foreign in [
        "# berth\n",
        schema,
        trace,
        "{\"a\":1}\n{\"a\":2}\n",
        "\0\u{1}\u{2}",
    ] {
        fs::write(book.path(), foreign).expect("it is ours");
        for arguments in [
            "",
            "summary",
            "--json",
            "summary --json",
            "--follow",
            "--last 1",
        ] {
            let (code, out, err) = outcome(&mut journal(&book, arguments));
            assert_eq!((code, out.as_str()), (Some(1), ""), "{foreign} {arguments}");
            assert_eq!(err.lines().count(), 1, "{err}");
            assert!(err.contains("it is no journal"), "{err}");
        }
        fs::write(book.path(), format!("{record}\n{foreign}")).expect("it is ours");
        let (code, out, _) = outcome(&mut journal(&book, ""));
        assert_eq!(code, Some(0), "{out}");
        assert!(out.contains("damaged lines, skipped: "), "{out}");
    }
    for empty in ["", "\n"] {
        fs::write(book.path(), empty).expect("it is ours");
        shown(&book, "");
        shown(&book, "summary");
    }
    fs::remove_file(book.path()).expect("it is ours");
    fs::create_dir(book.path()).expect("the place is free");
    let (code, _, err) = outcome(&mut journal(&book, ""));
    assert_eq!(code, Some(1));
    assert!(err.contains("directory"), "{err}");
}

#[test]
fn a_reason_that_no_record_has_is_wrong_usage() {
    let book = Book::new();
    fs::write(book.path(), "").expect("it is ours");
    for reason in ["foo", "ful", "", "Exit", "two words"] {
        let mut command = journal(&book, "--reason");
        let (code, out, err) = outcome(command.arg(reason));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{reason}: {err}");
        assert!(err.contains("exit, eof, "), "{err}");
        assert!(err.ends_with("; try 'berthd journal --help'\n"), "{err}");
    }
    let (_, _, err) = outcome(&mut journal(&book, "--reason ful"));
    assert!(err.contains("'full'"), "what was meant is named: {err}");
}
