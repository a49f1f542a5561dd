//! A trace as a page: one file that a browser shows without asking anybody for anything.
//!
//! Owns the way from the one to the other. Must never believe what is in a trace: names came from
//! the network, so nothing of it is ever read as HTML or as a script.
//!
//! A trace is read line by line, as it was written, so what a crash left of one is a trace too: a
//! line that is no event is left out and counted.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Split, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::wire::Harmless;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// Why there is no page.
#[derive(Debug)]
pub enum Failure {
    /// The trace cannot be read, or there is no event in it.
    Read(PathBuf, io::Error),
    /// The page cannot be written to this path, or to standard output.
    Write(Option<PathBuf>, io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |path: &PathBuf| Harmless(path.as_os_str().as_encoded_bytes()).to_string();
        match self {
            Self::Read(path, error) => {
                write!(f, "cannot make a page of '{}': {error}", named(path))
            }
            Self::Write(Some(path), error) => {
                write!(f, "cannot write the page '{}': {error}", named(path))
            }
            Self::Write(None, error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Writes the page for the trace at `path` to `page`, or to standard output. Returns how many lines
/// of the trace were left out.
///
/// # Errors
/// When the trace cannot be read or has no event in it, and then nothing is touched; when the page
/// cannot be written. That nobody reads standard output any more is no error.
pub fn make(path: &Path, page: Option<&Path>) -> Result<u64, Failure> {
    let unreadable = |error| Failure::Read(path.to_owned(), error);
    let unwritable = |error| Failure::Write(page.map(Path::to_owned), error);
    let file = File::open(path).map_err(unreadable)?;
    if page.is_some_and(|page| is_at(&file, page)) {
        return Err(unwritable(io::Error::other("that is the trace itself")));
    }
    let mut events = Events::new(BufReader::new(file));
    let none = || Err(io::Error::other("there is no event of a trace in it"));
    let first = events.next().unwrap_or_else(none).map_err(unreadable)?;
    let written = match page {
        None => write(&first, &mut events, io::stdout().lock()),
        Some(page) => File::create(page)
            .map_err(Side::Page)
            .and_then(|page| write(&first, &mut events, page)),
    };
    match written {
        Err(Side::Trace(error)) => Err(unreadable(error)),
        Err(Side::Page(error)) if page.is_some() || error.kind() != ErrorKind::BrokenPipe => {
            Err(unwritable(error))
        }
        _ => Ok(events.damaged),
    }
}

/// On which side it went wrong.
#[derive(Debug)]
enum Side {
    Trace(io::Error),
    Page(io::Error),
}

fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(there)) = (file.metadata(), path.metadata()) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

/// Writes the page with these events in it, as a JSON array that may stand there.
fn write<R: BufRead>(first: &str, rest: &mut Events<R>, out: impl Write) -> Result<(), Side> {
    let mut out = BufWriter::new(out);
    let (before, after) = parts(PAGE, "@TRACE@");
    let (between, after) = parts(after, "@SCRIPT@");
    let begun = write!(out, "{before}[{first}");
    begun.map_err(Side::Page)?;
    for event in rest {
        let event = event.map_err(Side::Trace)?;
        write!(out, ",\n{event}").map_err(Side::Page)?;
    }
    let ended = write!(out, "]{between}{SCRIPT}{after}");
    ended.and_then(|()| out.flush()).map_err(Side::Page)
}

fn parts<'a>(text: &'a str, at: &str) -> (&'a str, &'a str) {
    text.split_once(at).expect("the page has a place for it")
}

/// The events of a trace, in the form in which they may stand in a page.
struct Events<R> {
    lines: Split<R>,
    /// Lines that were none.
    damaged: u64,
}

impl<R: BufRead> Events<R> {
    fn new(trace: R) -> Self {
        let lines = trace.split(b'\n');
        Self { lines, damaged: 0 }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        loop {
            let line = match self.lines.next()? {
                Ok(line) => line,
                Err(error) => return Some(Err(error)),
            };
            let line = line.trim_ascii();
            let line = line.strip_suffix(b",").unwrap_or(line);
            if matches!(line, b"" | b"[" | b"]") {
                continue;
            }
            match event(line) {
                Some(event) => return Some(Ok(event)),
                None => self.damaged += 1,
            }
        }
    }
}

/// The event in a line, if it is one, in a form in which no `<` can end the script that it is in.
fn event(line: &[u8]) -> Option<String> {
    let event: serde_json::Value = serde_json::from_slice(line).ok()?;
    event.get("ph")?.as_str()?;
    Some(event.to_string().replace('<', "\\u003c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(trace: &str) -> (Vec<String>, u64) {
        let mut events = Events::new(trace.as_bytes());
        let read = events.by_ref().collect::<io::Result<_>>();
        (read.expect("memory can be read"), events.damaged)
    }

    #[test]
    fn what_a_crash_left_of_a_trace_is_a_trace() {
        let (events, damaged) = read("[\n{\"ph\":\"i\"},\n{\"ph\":\"X\",\"du");
        assert_eq!(
            (&events[..], damaged),
            (&["{\"ph\":\"i\"}".to_owned()][..], 1)
        );
        assert_eq!(read("").0.len(), 0);
    }

    #[test]
    fn a_name_from_the_network_cannot_end_the_script_it_is_in() {
        let (events, _) = read("[\n{\"ph\":\"B\",\"name\":\"get </script><b>\"}\n]\n");
        let [event] = &events[..] else {
            panic!("{events:?}");
        };
        assert!(!event.contains('<'), "{event}");
        let back: serde_json::Value = serde_json::from_str(event).expect("it is JSON");
        assert_eq!(back["name"], "get </script><b>");
    }
}
