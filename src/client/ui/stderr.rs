//! What the program itself says, on standard error.
//!
//! Owns how it is said: each time in one piece, so that no other program's words come between, and
//! not at all where nobody wants to hear it. Must never carry an answer, nor show a stranger's
//! bytes raw: whoever hands them in has made them harmless.

use std::fmt::Display;
use std::io::Write;

use crate::client::error::Error;
use crate::client::options::{Color, Options};
use crate::streams::{self, Stream};

/// Standard error, in the manner that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Notes {
    quiet: bool,
    color: bool,
}

impl Notes {
    /// In the manner that `options` ask for.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            quiet: options.quiet,
            color: is_colored(options.color, streams::stderr()),
        }
    }

    /// Says something that is good to know.
    pub fn info(self, text: impl Display) {
        if !self.quiet {
            write(format_args!("{text}"));
        }
    }

    /// Says what went wrong, unless nothing is to be said of it. Returns the exit code.
    pub fn error(self, err: &Error) -> u8 {
        self.complain_at("", err)
    }

    /// Says what went wrong, in these harmless words.
    pub fn complain_of(self, text: &str) {
        write(format_args!("{} {text}", self.name()));
    }

    const fn name(self) -> &'static str {
        match self.color {
            true => "\x1b[1;31mberth:\x1b[0m",
            false => "berth:",
        }
    }

    /// The same of a place in a script.
    pub fn complain_at(self, place: &str, err: &Error) -> u8 {
        if !err.is_quiet() {
            self.complain_of(&format!("{place}{err}"));
        }
        err.exit_code()
    }

    /// Whether nothing but failures is to be said.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        self.quiet
    }
}

/// Nobody can be told that standard error is closed.
fn write(text: impl Display) {
    let _ = streams::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Whether `stream` is to be coloured.
#[must_use]
pub fn is_colored(color: Color, stream: Stream) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stream.takes_color(),
    }
}
