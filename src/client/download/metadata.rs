//! The metadata of a partial file: `.NAME.part.meta`, one line.
//!
//! Owns what it says: the line that the server listed the file with, or an empty line for a file
//! that was not listed. Must never be taken for whole when its line end is missing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::regular_file::{self, Links};

/// More than any line that a server lists a file with.
const BYTES_MAX: u64 = 64 * 1024;

/// What is known of the file that some bytes are the beginning of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing: there is no metadata.
    Unknown,
    /// This program began it and the file was not listed, so it cannot be resumed.
    Unlisted,
    /// The line that the file was listed with when its first byte came.
    Listed(Vec<u8>),
}

impl Origin {
    /// Of a file that is begun now and was listed so.
    #[must_use]
    pub fn of(listed: Option<&[u8]>) -> Self {
        listed.map_or(Self::Unlisted, |line| Self::Listed(line.to_vec()))
    }

    /// As the metadata at `path` says.
    #[must_use]
    pub(super) fn read(path: &Path) -> Self {
        match read_line(path) {
            None => Self::Unknown,
            Some(line) if line.is_empty() => Self::Unlisted,
            Some(line) => Self::Listed(line),
        }
    }
}

/// The line in the metadata; none where it was not written to its end.
fn read_line(path: &Path) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let file = regular_file::open(path, File::options().read(true), Links::Refused).ok()?;
    file.take(BYTES_MAX).read_to_end(&mut line).ok()?;
    line.pop_if(|last| *last == b'\n').map(|_| line)
}
