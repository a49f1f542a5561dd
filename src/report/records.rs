//! The matching records, as they are in the journal (`--json`).
//!
//! Owns the latest of them, for `--last`. Must never hold any back without `--last`.

use std::collections::VecDeque;
use std::io::{self, Write};

use crate::wire::SanitizedJson;

/// The records for a program.
#[derive(Debug)]
pub struct Records {
    /// How many are shown; `None`: all.
    latest: Option<usize>,
    kept: VecDeque<Vec<u8>>,
}

impl Records {
    /// Shows the latest so many, or all.
    #[must_use]
    pub const fn new(latest: Option<usize>) -> Self {
        Self {
            latest,
            kept: VecDeque::new(),
        }
    }

    /// Takes the next record's line. It is written at once unless a later one may push it out.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        let Some(latest) = self.latest else {
            return write_line(line, out);
        };
        self.kept.push_back(line.to_vec());
        if self.kept.len() > latest {
            self.kept.pop_front();
        }
        Ok(())
    }

    /// Writes those that were kept.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.kept.iter().try_for_each(|line| write_line(line, out))
    }
}

/// A record as it stands in the journal; what a terminal would obey in it is written as an escape,
/// which is the same to a program.
///
/// # Errors
/// When it cannot be written.
pub fn write_line(line: &[u8], out: &mut impl Write) -> io::Result<()> {
    let line = line.trim_ascii();
    let plain = |byte: &u8| (b' '..=b'~').contains(byte);
    if line.iter().all(plain) {
        out.write_all(line)?;
    } else {
        write!(out, "{}", SanitizedJson(&String::from_utf8_lossy(line)))?;
    }
    out.write_all(b"\n")
}
