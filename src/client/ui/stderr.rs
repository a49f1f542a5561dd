//! Messages and errors on standard error.
//!
//! Owns how they are written: each in one write, so that other programs' output does not come
//! between, and no messages with --quiet. Must never carry an answer. Callers sanitize foreign
//! bytes.

use std::fmt::Display;
use std::io::Write;

use crate::client::error::Error;
use crate::client::options::{Color, Options};
use crate::streams::{self, Stream};

/// Standard error, with the options for it.
#[derive(Clone, Copy, Debug)]
pub struct Stderr {
    quiet: bool,
    color: bool,
}

impl Stderr {
    /// With the colour and the quiet that `options` ask for.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            quiet: options.quiet,
            color: is_colored(options.color, streams::stderr()),
        }
    }

    /// Writes a message, unless --quiet.
    pub fn info(self, text: impl Display) {
        if !self.quiet {
            write(format_args!("{text}"));
        }
    }

    /// Reports an error, unless it is a closed pipe. Returns the exit code.
    pub fn error(self, err: &Error) -> u8 {
        self.error_at("", err)
    }

    /// Reports an error in these words, which are sanitized.
    pub fn error_text(self, text: &str) {
        write(format_args!("{} {text}", self.name()));
    }

    const fn name(self) -> &'static str {
        match self.color {
            true => "\x1b[1;31mberth:\x1b[0m",
            false => "berth:",
        }
    }

    /// Reports an error at a line of a script.
    pub fn error_at(self, place: &str, err: &Error) -> u8 {
        if !err.is_quiet() {
            self.error_text(&format!("{place}{err}"));
        }
        err.exit_code()
    }

    /// Whether only errors are written.
    #[must_use]
    pub const fn is_quiet(self) -> bool {
        self.quiet
    }
}

/// Ignores errors: there is nowhere to report that standard error is closed.
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
