//! What a peer speaks.
//!
//! Owns the one enum for it. Must never read a byte: heads and frames are taken apart in
//! [`crate::wire::web`].

use crate::wire::web::{End, Frames, Scheme};

/// What a peer speaks. The listener that it came through decides whether it begins with lines or
/// with HTTP.
#[derive(Debug, Default)]
pub enum Speech {
    /// The line protocol, as it is.
    #[default]
    Lines,
    /// HTTP: one request, one answer.
    Http(Scheme),
    /// The line protocol, in the frames of a WebSocket.
    Socket(Box<Socket>),
}

impl Speech {
    /// Whether lines are spoken, in frames or not.
    #[must_use]
    pub const fn is_lines(&self) -> bool {
        match self {
            Self::Lines | Self::Socket(_) => true,
            Self::Http(_) => false,
        }
    }
}

/// The state of a WebSocket.
#[derive(Debug, Default)]
pub struct Socket {
    /// What the peer is in the middle of sending.
    pub(super) frames: Frames,
    /// How its frames have ended, if they have.
    pub(super) end: Option<End>,
    /// The number of the news that the peer was told last.
    pub(super) told: u64,
    /// Unsent bytes that nobody asked for. That they leave is no sign that the peer is there.
    pub(super) unasked: usize,
    /// Whether the transport has reported the end of the input too.
    pub(super) has_hung_up: bool,
}
