//! What strangers info, in our sentences.
//!
//! Owns how much of it is shown. Must never let a byte of it out raw.

use std::fmt;

use crate::wire::Sanitized;

/// The beginning of some bytes of unknown origin, made harmless.
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
