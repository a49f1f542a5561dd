//! The question what is to become of a file that is there.
//!
//! Owns its words, and the answers that are understood. Must never hold anybody up where no person
//! is there to answer.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::Error;
use super::error::Excerpt;
use super::options::OnExist;
use super::part::shown;

/// Asks the person at the terminal. Where there is none, nothing may be touched.
///
/// # Errors
/// When the answer is Ctrl-C, or cannot be read.
pub fn ask(target: &Path) -> Result<OnExist, Error> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(OnExist::Error);
    }
    let question = format!(
        "{} exists: [o]verwrite, [r]ename the new one, [s]kip or [l]eave it? ",
        Excerpt(&shown(target))
    );
    loop {
        let Some(answer) = read(&question)? else {
            return Ok(OnExist::Error);
        };
        match answer.trim().to_ascii_lowercase().as_str() {
            "o" | "overwrite" => return Ok(OnExist::Overwrite),
            "r" | "rename" => return Ok(OnExist::Rename),
            "s" | "skip" => return Ok(OnExist::Skip),
            "l" | "leave" | "" => return Ok(OnExist::Error),
            _ => {}
        }
    }
}

/// An answer; none at the end of the input.
fn read(question: &str) -> Result<Option<String>, Error> {
    if !io::stdout().is_terminal() {
        return read_plain(question);
    }
    // Here Ctrl-C is a key like others. As a signal it would not end the wait for a line, and a
    // prompt would stand still.
    let answer = DefaultEditor::new().and_then(|mut editor| editor.readline(question));
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ReadlineError::Eof) => Ok(None),
        Err(ReadlineError::Interrupted) => Err(Error::Interrupted),
        Err(err) => Err(Error::Stdin(io::Error::other(err.to_string()))),
    }
}

/// The same without standard output, which somebody else reads.
fn read_plain(question: &str) -> Result<Option<String>, Error> {
    let _ = io::stderr().write_all(question.as_bytes());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok_and(|n| n > 0).then_some(answer))
}
