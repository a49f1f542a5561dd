//! The requests that are passed to the handler.
//!
//! Owns their enum. Must never answer one.

use crate::wire::{ClientName, Put};

/// A request whose answer is the handler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// Who is connected and who was.
    Status,
    /// The list of files.
    List,
    /// The bytes of the file `name` from `offset` on.
    Get {
        /// As the client wrote it.
        name: &'a [u8],
        /// The first byte wanted.
        offset: u64,
    },
    /// From an unframed connection: the bytes of the file that is called `text`, or, if there is
    /// none, the answer to a message.
    GetOrMessage {
        /// As the client wrote it.
        text: &'a [u8],
    },
    /// The digest of the bytes of the file `name`.
    Sha256 {
        /// As the client wrote it.
        name: &'a [u8],
    },
    /// The upload `put` from the client `from`. Its name is not empty.
    Put {
        /// As the client announced it.
        put: Put<'a>,
        /// The number of bytes in the whole file.
        size: u64,
        /// Who uploads it.
        from: ClientName,
    },
    /// What a listing says of the file `name`.
    Stat {
        /// As the client wrote it.
        name: &'a [u8],
    },
}
