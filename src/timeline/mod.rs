//! A trace as a page: one file that a browser shows without asking anybody for anything.
//!
//! Owns the way from the one to the other. Must never believe what is in a trace: names came from
//! the network, so nothing of it is ever read as HTML or as a script.
//!
//! A trace is read line by line, as it was written, so what a crash left of one is a trace too: a
//! line that is no event is left out and counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");

/// What was made of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Events on the page.
    pub events: u64,
    /// Lines that were none.
    pub damaged: u64,
}

/// Writes the page for the trace at `path` to `out`.
///
/// # Errors
/// When the trace cannot be read, has no event in it, or the page cannot be written.
pub fn write(path: &Path, out: &mut impl Write) -> io::Result<Made> {
    let (before, rest) = parts(PAGE, "@TRACE@");
    let (between, after) = parts(rest, "@SCRIPT@");
    out.write_all(before.as_bytes())?;
    let made = copy(BufReader::new(File::open(path)?), out)?;
    if made.events == 0 {
        return Err(io::Error::other("there is no event of a trace in it"));
    }
    for text in [between, SCRIPT, after] {
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(made)
}

fn parts<'a>(text: &'a str, at: &str) -> (&'a str, &'a str) {
    text.split_once(at).expect("the page has a place for it")
}

/// Copies the events into a JSON array that may stand in a page.
fn copy(trace: impl BufRead, out: &mut impl Write) -> io::Result<Made> {
    let mut made = Made {
        events: 0,
        damaged: 0,
    };
    out.write_all(b"[")?;
    for line in trace.split(b'\n') {
        let line = line?;
        let line = line.trim_ascii();
        let line = line.strip_suffix(b",").unwrap_or(line);
        if matches!(line, b"" | b"[" | b"]") {
            continue;
        }
        let Some(event) = event(line) else {
            made.damaged += 1;
            continue;
        };
        if made.events > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(event.as_bytes())?;
        made.events += 1;
    }
    out.write_all(b"]")?;
    Ok(made)
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

    fn copied(trace: &str) -> (String, Made) {
        let mut out = Vec::new();
        let made = copy(trace.as_bytes(), &mut out).expect("memory takes everything");
        (String::from_utf8(out).expect("it is text"), made)
    }

    #[test]
    fn what_a_crash_left_of_a_trace_is_a_trace() {
        let (text, made) = copied("[\n{\"ph\":\"i\"},\n{\"ph\":\"X\",\"du");
        assert_eq!(text, "[{\"ph\":\"i\"}]");
        assert_eq!((made.events, made.damaged), (1, 1));
        assert_eq!(copied("").1.events, 0);
    }

    #[test]
    fn a_name_from_the_network_cannot_end_the_script_it_is_in() {
        let (text, made) = copied("[\n{\"ph\":\"B\",\"name\":\"get </script><b>\"}\n]\n");
        assert_eq!(made.events, 1);
        assert!(!text.contains('<'), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(back[0]["name"], "get </script><b>");
    }
}
