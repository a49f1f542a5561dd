//! Questions to the person at the terminal.
//!
//! Owns their words and the answers to them. Must never block where no terminal is, nor take lines
//! that were pasted at the prompt for an answer.

use std::io::{BufRead, BufReader, Write};

use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::options::OnExist;
use crate::client::ui::keyboard::{self, NOT_TEXT, Typed};
use crate::client::ui::stderr::Stderr;
use crate::streams;

/// Asks what to do with a file that exists. Without a terminal or an answer the file stays.
///
/// # Errors
/// When the answer is Ctrl-C, or cannot be read.
pub fn ask(target: &[u8]) -> Result<OnExist, Error> {
    if !streams::stdin().is_terminal() || !streams::stderr().is_terminal() {
        return Ok(OnExist::Error);
    }
    let question = format!(
        "{} exists: [o]verwrite it, [r]ename the new one, or [s]kip it? ",
        Excerpt(target)
    );
    keyboard::take_ahead()?;
    loop {
        let answer = match read(&question)? {
            Typed::Line(answer) => answer,
            Typed::Dropped => return Err(Error::Interrupted),
            Typed::End => return Ok(OnExist::Error),
            Typed::NotText => continue,
        };
        match answer.trim().to_ascii_lowercase().as_str() {
            "o" | "overwrite" => return Ok(OnExist::Overwrite),
            "r" | "rename" => return Ok(OnExist::Rename),
            "s" | "skip" => return Ok(OnExist::Skip),
            "" => return Ok(OnExist::Error),
            _ => {}
        }
    }
}

/// Asks whether to trust a server. Without a terminal the answer is no.
///
/// # Errors
/// When the answer is Ctrl-C, or cannot be read.
pub fn trust(question: &str) -> Result<bool, Error> {
    if !streams::stdin().is_terminal() || !streams::stderr().is_terminal() {
        return Ok(false);
    }
    keyboard::take_ahead()?;
    loop {
        let answer = match read(question)? {
            Typed::Line(answer) => answer,
            Typed::Dropped => return Err(Error::Interrupted),
            Typed::End => return Ok(false),
            Typed::NotText => continue,
        };
        match answer.trim().to_ascii_lowercase().as_str() {
            "yes" => return Ok(true),
            "" | "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

/// Asks whether to reconnect.
///
/// # Errors
/// When the answer cannot be read.
pub fn again(stderr: Stderr) -> Result<bool, Error> {
    keyboard::take_ahead()?;
    loop {
        let answer = match keyboard::read(&mut keyboard::plain()?, "connect again? [Y/n] ", "")? {
            Typed::Line(answer) => answer,
            Typed::Dropped | Typed::End => return Ok(false),
            Typed::NotText => {
                stderr.error_text(NOT_TEXT);
                continue;
            }
        };
        match answer.trim().to_ascii_lowercase().as_str() {
            "" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}

/// An answer.
fn read(question: &str) -> Result<Typed, Error> {
    if !streams::stdout().is_terminal() {
        return read_plain(question);
    }
    // Here Ctrl-C is a key like others. As a signal it would not end the wait for a line, and a
    // prompt would stand still.
    keyboard::read(&mut keyboard::plain()?, question, "")
}

/// The same where standard output is no terminal.
fn read_plain(question: &str) -> Result<Typed, Error> {
    let _ = streams::stderr().write_all(question.as_bytes());
    let mut answer = Vec::new();
    // A terminal gives a line at a time, so none is left in what is read ahead.
    let mut input = BufReader::new(streams::stdin());
    match input.read_until(b'\n', &mut answer) {
        Ok(0) | Err(_) => Ok(Typed::End),
        Ok(_) => Ok(String::from_utf8(answer).map_or(Typed::NotText, Typed::Line)),
    }
}
