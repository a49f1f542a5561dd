//! A file on its way.
//!
//! Owns how far it came. Must never send a byte of it.

/// The transfer of a range of a file, and how far it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Transfer<F> {
    /// Where the bytes are.
    pub file: F,
    /// The first byte that was to be sent.
    pub offset: u64,
    /// The number of bytes to be sent.
    pub size: u64,
    /// The number of bytes sent.
    pub sent: u64,
}

impl<F> Transfer<F> {
    /// Whether all bytes were sent.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.sent == self.size
    }
}

/// A file whose bytes were queued as bytes.
#[derive(Debug)]
pub(super) struct Carried<F> {
    pub(super) transfer: Transfer<F>,
    /// The position of its first byte among the bytes from memory.
    pub(super) starts_at: u64,
}

impl<F> Carried<F> {
    /// The transfer, when so many bytes from memory were sent.
    pub(super) fn at(mut self, bytes_sent: u64) -> Transfer<F> {
        let sent = bytes_sent.saturating_sub(self.starts_at);
        self.transfer.sent = sent.min(self.transfer.size);
        self.transfer
    }
}
