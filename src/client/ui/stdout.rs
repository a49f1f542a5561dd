//! Standard output, buffered.
//!
//! Owns the decision how bytes from the server leave the program: raw into a pipe or file,
//! sanitized on a terminal. Must never panic on a closed output.

use std::fmt::Display;
use std::io::{BufWriter, Write};

use crate::client::error::Error;
use crate::client::options::Options;
use crate::client::ui::stderr::is_colored;
use crate::streams::{self, Stream};
use crate::wire::Sanitized;

/// Where answers go, a line at a time.
#[derive(Debug)]
pub struct Stdout<W: Write> {
    out: BufWriter<W>,
    /// Whether a terminal is at the other end.
    sanitized: bool,
    /// Whether headings are to stand out.
    color: bool,
}

impl Stdout<Stream> {
    /// Standard output.
    #[must_use]
    pub fn open(options: &Options) -> Self {
        let out = streams::stdout();
        let sanitized = out.is_terminal();
        let color = is_colored(options.color, out);
        Self {
            color,
            ..Self::new(out, sanitized)
        }
    }
}

impl<W: Write> Stdout<W> {
    /// An output; `sanitized` when it is a terminal.
    pub fn new(out: W, sanitized: bool) -> Self {
        Self {
            out: BufWriter::new(out),
            sanitized,
            color: false,
        }
    }

    /// Whether it is a terminal.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.sanitized
    }

    /// Writes one line from the server.
    ///
    /// # Errors
    /// [`Error::Stdout`], as with everything here.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        let written = if self.sanitized {
            writeln!(self.out, "{}", Sanitized(line))
        } else {
            self.out
                .write_all(line)
                .and_then(|()| self.out.write_all(b"\n"))
        };
        written.map_err(Error::Stdout)
    }

    /// Writes a line of this program, in which foreign bytes are sanitized.
    ///
    /// # Errors
    /// [`Error::Stdout`].
    pub fn text(&mut self, line: impl Display) -> Result<(), Error> {
        writeln!(self.out, "{line}").map_err(Error::Stdout)
    }

    /// Writes a heading.
    ///
    /// # Errors
    /// [`Error::Stdout`].
    pub fn heading(&mut self, line: &str) -> Result<(), Error> {
        match self.color {
            true => self.text(format_args!("\x1b[1m{line}\x1b[0m")),
            false => self.text(line),
        }
    }

    /// Flushes the buffer.
    ///
    /// # Errors
    /// [`Error::Stdout`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(Error::Stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_raw_bytes_and_a_terminal_harmless_ones() {
        let written = |sanitized| {
            let mut out = Vec::new();
            let mut stdout = Stdout::new(&mut out, sanitized);
            stdout.line(b"a\x1b[2J\xff").unwrap();
            stdout.flush().unwrap();
            drop(stdout);
            out
        };
        assert_eq!(written(false), b"a\x1b[2J\xff\n");
        assert_eq!(written(true), b"a\\u{1b}[2J\\xff\n");
    }
}
