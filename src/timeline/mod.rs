//! `berthd trace FILE`: makes a page of a trace, one file that needs no network.
//!
//! Owns the conversion. Must never trust the content of a trace: names came from the network, so
//! none of it is parsed as HTML or as a script.
//!
//! A trace is read line by line, so a trace that a crash cut off is readable too. A line that is no
//! event is skipped and counted.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::timeline::target::Target;
use crate::wire::Sanitized;

mod target;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// A line longer than this is no event: a name in one is at most a few thousand bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

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
        let named = |path: &PathBuf| Sanitized(path.as_os_str().as_encoded_bytes()).to_string();
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

/// Writes the page for the trace at `path` to `page`, whole or not at all, or to standard output.
/// Returns how many lines of the trace were left out.
///
/// # Errors
/// When the trace cannot be read or has no event in it, and then nothing is touched; when the page
/// cannot be written. A closed standard output is no error.
pub fn make(path: &Path, page: Option<&Path>) -> Result<u64, Failure> {
    let unreadable = |error| Failure::Read(path.to_owned(), error);
    let unwritable = |error| Failure::Write(page.map(Path::to_owned), error);
    let file = File::open(path).map_err(unreadable)?;
    if page.is_some_and(|page| is_at(&file, page)) {
        return Err(unwritable(io::Error::other("that is the trace itself")));
    }
    let mut events = Events::new(BufReader::new(file));
    let first = events.first().map_err(unreadable)?;
    let first = format!("{},\n{first}", named(path));
    let mut target = Target::new(page).map_err(unwritable)?;
    let written = write(&first, &mut events, &mut target);
    match written.and_then(|()| target.take().map_err(Side::Page)) {
        Err(Side::Trace(error)) => Err(unreadable(error)),
        // Only standard output has a reader who goes.
        Err(Side::Page(error)) if error.kind() != ErrorKind::BrokenPipe => Err(unwritable(error)),
        _ => Ok(events.damaged),
    }
}

/// An event of no time that tells the page which file it was made of.
fn named(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let args = serde_json::json!({ "name": Sanitized(name).to_string() });
    let event = serde_json::json!({ "name": "file", "ph": "M", "args": args });
    event.to_string().replace('<', "\\u003c")
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
    trace: R,
    /// The line that is read, kept for its memory.
    line: Vec<u8>,
    /// Lines that were none.
    damaged: u64,
}

impl<R: BufRead> Events<R> {
    const fn new(trace: R) -> Self {
        Self {
            trace,
            line: Vec::new(),
            damaged: 0,
        }
    }

    /// The first event. It stands before anything that is none, or this is no trace: a file that
    /// is something else may be long, or without an end, and is not searched for one.
    fn first(&mut self) -> io::Result<String> {
        while self.read_line()?.is_some() {
            match self.event() {
                Ok(event) => return Ok(event),
                Err(Other::Bracket) => {}
                Err(Other::Damage) => break,
            }
        }
        let reason = "there is no event of a trace in it, as 'berthd --trace FILE' writes them";
        Err(io::Error::other(reason))
    }

    /// Reads the next line, or as much of it as an event can have. `None`: there is none left.
    /// `false`: it is longer.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let mut head = self.trace.by_ref().take(LINE_BYTES_MAX);
        if head.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        Ok(Some(head.limit() > 0 || self.line.ends_with(b"\n")))
    }

    /// What the line is that was read.
    fn event(&self) -> Result<String, Other> {
        let line = self.line.trim_ascii();
        let line = line.strip_suffix(b",").unwrap_or(line);
        match line {
            b"" | b"[" | b"]" => Err(Other::Bracket),
            line => event(line).ok_or(Other::Damage),
        }
    }

    fn read(&mut self) -> io::Result<Option<String>> {
        while let Some(fits) = self.read_line()? {
            if !fits {
                self.trace.skip_until(b'\n')?;
            }
            match self.event() {
                Ok(event) => return Ok(Some(event)),
                Err(Other::Bracket) => {}
                Err(Other::Damage) => self.damaged += 1,
            }
        }
        Ok(None)
    }
}

/// A line that is no event.
enum Other {
    /// It is empty, or begins or ends the array.
    Bracket,
    /// It is torn, or no event.
    Damage,
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        self.read().transpose()
    }
}

/// The event in a line, if it is one, in a form in which no `<` can end the script that it is in.
fn event(line: &[u8]) -> Option<String> {
    let event: serde_json::Value = serde_json::from_slice(line).ok()?;
    event.get("ph")?.as_str()?;
    event.get("name")?.as_str()?;
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
        let (events, damaged) = read("[\n{\"name\":\"\",\"ph\":\"i\"},\n{\"ph\":\"X\",\"du");
        assert_eq!(
            (&events[..], damaged),
            (&["{\"name\":\"\",\"ph\":\"i\"}".to_owned()][..], 1)
        );
        assert_eq!(read("").0.len(), 0);
    }

    #[test]
    fn a_line_that_does_not_end_is_passed_over_and_fills_no_memory() {
        let long = "x".repeat(3 << 20);
        let (events, damaged) = read(&format!(
            "[\n{long}\n{{\"name\":\"\",\"ph\":\"i\"}}\n{long}"
        ));
        assert_eq!((events.len(), damaged), (1, 2));
        let mut endless = Events::new(BufReader::new(io::repeat(b'x').take(64 << 20)));
        assert!(endless.next().is_none());
        assert!(endless.line.capacity() < 4 << 20);
        let mut without_end = Events::new(BufReader::new(io::repeat(b'x')));
        without_end.first().expect_err("it is no trace");
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
