//! What the handler is asked.
//!
//! Owns the questions, and nothing that acts on one.

/// A request whose answer is the handler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// Who is connected and who was.
    Status,
    /// What can be had.
    List,
    /// The bytes of the file `name` from `offset` on.
    Get {
        /// As the client wrote it.
        name: &'a [u8],
        /// The first byte wanted.
        offset: u64,
    },
    /// The digest of the bytes of the file `name`.
    Sha256 {
        /// As the client wrote it.
        name: &'a [u8],
    },
    /// What a listing says of the file `name`.
    Stat {
        /// As the client wrote it.
        name: &'a [u8],
    },
}
