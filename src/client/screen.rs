//! Standard output, as the client's answers see it.
//!
//! Owns the one decision of how bytes from the server leave the program: raw where a program reads
//! them, harmless where a terminal would obey them. Must never panic on a closed output.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use super::Error;
use crate::wire::Harmless;

/// Where answers go, a line at a time.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: BufWriter<W>,
    /// Whether a terminal is at the other end.
    harmless: bool,
}

impl Screen<StdoutLock<'static>> {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        let out = io::stdout();
        let harmless = out.is_terminal();
        Self::new(out.lock(), harmless)
    }
}

impl<W: Write> Screen<W> {
    /// An output; `harmless` when a terminal is at its other end.
    pub fn new(out: W, harmless: bool) -> Self {
        let out = BufWriter::new(out);
        Self { out, harmless }
    }

    /// Writes one line from the server.
    ///
    /// # Errors
    /// [`Error::Stdout`], as with everything here.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        let written = if self.harmless {
            writeln!(self.out, "{}", Harmless(line))
        } else {
            self.out
                .write_all(line)
                .and_then(|()| self.out.write_all(b"\n"))
        };
        written.map_err(Error::Stdout)
    }

    /// Writes the prompt of the client with this name, and shows it at once.
    ///
    /// # Errors
    /// [`Error::Stdout`].
    pub fn prompt(&mut self, name: &[u8]) -> Result<(), Error> {
        write!(self.out, "{}> ", Harmless(name)).map_err(Error::Stdout)?;
        self.flush()
    }

    /// Shows what has been written so far.
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
        let written = |harmless| {
            let mut out = Vec::new();
            let mut screen = Screen::new(&mut out, harmless);
            screen.line(b"a\x1b[2J\xff").unwrap();
            screen.flush().unwrap();
            drop(screen);
            out
        };
        assert_eq!(written(false), b"a\x1b[2J\xff\n");
        assert_eq!(written(true), b"a\\u{1b}[2J\\xff\n");
    }
}
