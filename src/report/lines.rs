//! Reads a journal line by line.
//!
//! Owns the position in the file, and the check that it is a journal. Must
//! never hold more of a file in memory than one line, nor stop at a damaged line of a journal.

use std::io::{self, BufRead, ErrorKind};

use crate::journal::{Line, Record};

/// A line longer than this is no record: half a million clients in one checkpoint are shorter.
const LINE_BYTES_MAX: usize = 128 << 20;

/// A file that begins with so many lines that are no records is no journal, and read no further:
/// it may have no end.
const FOREIGN_LINES_MAX: u64 = 1000;

/// The lines of a journal that are worth anything.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    position: u64,
    origin: Origin,
}

/// Whose file it is, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Another program's, after so many lines. With none it is empty, as a journal may be.
    Foreign(u64),
    /// The server's: there was a record in it, or what was left of one.
    Journal,
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
            origin: Origin::Foreign(0),
        }
    }

    /// Whether what was read shows that this is no journal.
    pub fn are_foreign(&self) -> bool {
        matches!(self.origin, Origin::Foreign(1..))
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
            if matches!(self.origin, Origin::Foreign(FOREIGN_LINES_MAX..)) {
                return Ok(None);
            }
            let Some(fits) = self.read_line(LINE_BYTES_MAX)? else {
                return Ok(None);
            };
            if !fits {
                self.note_damage();
                self.note_length();
                return Ok(Some(Found::Damaged));
            }
            match Line::parse(&self.line) {
                Line::Blank => {}
                Line::Damaged => {
                    self.note_damage();
                    return Ok(Some(Found::Damaged));
                }
                Line::Record(record) => {
                    self.origin = Origin::Journal;
                    return Ok(Some(Found::Record(record, &self.line)));
                }
            }
        }
    }

    /// What is left of a record begins like one; of the last, that may be less than its beginning.
    fn note_damage(&mut self) {
        if let Origin::Foreign(lines) = &mut self.origin {
            *lines += 1;
            if Line::begins_in(&self.line) {
                self.origin = Origin::Journal;
            }
        }
    }

    /// Another file's line that is too long was not read to its end, and may have none.
    fn note_length(&mut self) {
        if let Origin::Foreign(lines) = &mut self.origin {
            *lines = FOREIGN_LINES_MAX;
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
            // The first line of another file may have no end.
            let is_end = n == 0 || (!fits && self.origin != Origin::Journal);
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

    fn are_foreign(text: &[u8]) -> bool {
        let mut lines = Lines::new(text);
        while lines.find_next().expect("memory can be read").is_some() {}
        lines.are_foreign()
    }

    #[test]
    fn a_file_without_a_record_or_a_part_of_one_is_no_journal() {
        let record =
            r#"{"time":"2026-11-22T10:00:00.000Z","seq":1,"event":"stopping","clients":0}"#;
        for cut in 0..record.len() {
            assert!(!are_foreign(&record.as_bytes()[..cut]), "{cut}");
        }
        for foreign in [
            "# berth\n",
            "{\n",
            "{}\n",
            "\0\0\0",
            "[\n{\"name\":\"x\"}\n]\n",
            "\n\nx",
        ] {
            assert!(are_foreign(foreign.as_bytes()), "{foreign:?}");
            let with_a_record = format!("{foreign}\n{record}\n{foreign}");
            assert!(!are_foreign(with_a_record.as_bytes()), "{foreign:?}");
        }
        for empty in ["", "\n", "\n\n"] {
            assert!(!are_foreign(empty.as_bytes()));
        }
    }

    #[test]
    fn another_file_that_has_no_end_is_not_read_to_it() {
        use std::io::{BufReader, repeat};
        for byte in [b'x', b'\0'] {
            let mut lines = Lines::new(BufReader::new(repeat(byte)));
            while lines.find_next().expect("memory can be read").is_some() {}
            assert!(lines.are_foreign());
        }
        let text = "x\n".repeat(1_000_000);
        let mut lines = Lines::new(text.as_bytes());
        while lines.find_next().expect("memory can be read").is_some() {}
        assert_eq!(lines.position(), 2 * FOREIGN_LINES_MAX);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut lines = Lines::new(&b"xxxxxxxxxx\nab\nc"[..]);
        lines.origin = Origin::Journal;
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
