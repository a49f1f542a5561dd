//! A journal, line by line.
//!
//! Owns where a line ends and how far the file was read. Must never hold more of a file in memory
//! than one line, nor stop at a damaged one.

use std::io::{self, BufRead, ErrorKind};

use crate::journal::{Line, Record};

/// A line longer than this is no record: half a million clients in one checkpoint are shorter.
const LINE_BYTES_MAX: usize = 128 << 20;

/// The lines of a journal that are worth anything.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    position: u64,
}

/// What was found.
#[derive(Debug)]
pub enum Found<'a> {
    /// A record, and the line that it stands in.
    Record(Box<Record>, &'a [u8]),
    /// Something else.
    Damaged,
}

impl<R: BufRead> Lines<R> {
    /// Reads from where `input` stands.
    pub const fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
            position: 0,
        }
    }

    /// How many bytes were read.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next record or damaged line; `None` at the end. A last line without LF is one too.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn find_next(&mut self) -> io::Result<Option<Found<'_>>> {
        loop {
            self.line.clear();
            let Some(fits) = self.read_line(LINE_BYTES_MAX)? else {
                return Ok(None);
            };
            if !fits {
                return Ok(Some(Found::Damaged));
            }
            match Line::parse(&self.line) {
                Line::Blank => {}
                Line::Damaged => return Ok(Some(Found::Damaged)),
                Line::Record(record) => return Ok(Some(Found::Record(record, &self.line))),
            }
        }
    }

    /// Reads a line with its LF. `None`: there is none left. `false`: it did not fit.
    fn read_line(&mut self, most: usize) -> io::Result<Option<bool>> {
        let (mut fits, mut is_line) = (true, false);
        loop {
            let bytes = match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let lf = memchr::memchr(b'\n', bytes);
            let n = lf.map_or(bytes.len(), |lf| lf + 1);
            is_line |= n > 0;
            fits &= self.line.len() + n <= most;
            if fits {
                self.line.extend_from_slice(&bytes[..n]);
            }
            let is_end = n == 0;
            self.input.consume(n);
            self.position += n as u64;
            if is_end || lf.is_some() {
                return Ok(is_line.then_some(fits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut lines = Lines::new(&b"xxxxxxxxxx\nab\nc"[..]);
        let mut fits = Vec::new();
        while let Some(fit) = lines.read_line(4).expect("memory can be read") {
            fits.push((fit, String::from_utf8(lines.line.clone()).expect("text")));
            lines.line.clear();
        }
        let line = |fit, text: &str| (fit, text.to_owned());
        assert_eq!(fits, [line(false, ""), line(true, "ab\n"), line(true, "c")]);
        assert_eq!(lines.position(), 15);
    }
}
