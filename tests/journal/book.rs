//! A journal of one's own, and what stands in it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Server, Setup};

/// A folder with a journal in it.
pub(crate) struct Book {
    folder: TempDir,
}

impl Book {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        Self { folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Where the journal is after it was moved away for the `n`th time.
    pub(crate) fn moved(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("journal.{n}"))
    }

    /// A server that keeps this journal.
    pub(crate) fn setup(&self) -> Setup {
        Setup::new().with(&format!("--journal {}", self.path().display()))
    }

    /// Every record in it. Every line has to be one.
    pub(crate) fn records(&self) -> Vec<Value> {
        records(&self.path())
    }
}

/// Every record of a journal in which every line is one.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    let (records, damaged) = read(path);
    assert_eq!(damaged, 0, "{}", path.display());
    records
}

/// Every record, and how many lines are none. Lines that are empty do not count.
pub(crate) fn read(path: &Path) -> (Vec<Value>, usize) {
    let bytes = fs::read(path).expect("the journal is there");
    let lines = bytes.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let (records, damaged): (Vec<_>, Vec<_>) =
        lines.map(serde_json::from_slice).partition(Result::is_ok);
    (records.into_iter().flatten().collect(), damaged.len())
}

/// The records of one kind.
pub(crate) fn of<'a>(records: &'a [Value], event: &str) -> Vec<&'a Value> {
    let is = |record: &&Value| record["event"] == event;
    records.iter().filter(is).collect()
}

/// A field of each record, as text.
pub(crate) fn texts(records: &[&Value], field: &str) -> Vec<String> {
    let text = |record: &&Value| record[field].as_str().expect("it is text").to_owned();
    records.iter().map(text).collect()
}

/// A field of each record, as a number.
pub(crate) fn number(record: &Value, field: &str) -> u64 {
    record[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} is a number: {record}"))
}

pub(crate) fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}

/// As a loss of power would, but for what the kernel had not brought to the disk.
pub(crate) fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait();
}
