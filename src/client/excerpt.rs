//! Bytes of unknown origin, in the sentences of this program.
//!
//! Owns how much of them is shown. Must never let a byte of them out raw.

use std::fmt;
use std::path::Path;

use crate::wire::Sanitized;

/// The beginning of some bytes of unknown origin, sanitized.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a>(pub &'a [u8]);

impl Excerpt<'_> {
    /// A file's name fits whole (255 bytes in every common file system); a flood does not.
    const BYTES_MAX: usize = 300;
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..Self::BYTES_MAX) {
            Some(beginning) if beginning.len() < self.0.len() => {
                write!(f, "{}...", Sanitized(beginning))
            }
            _ => Sanitized(self.0).fmt(f),
        }
    }
}

/// A path as bytes, for a message.
#[must_use]
pub fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}
