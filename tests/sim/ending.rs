//! Why nothing more comes to a peer.
//!
//! Owns the reasons, and which word each has in the protocol.

use berth::wire::Farewell;

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There was no berth.
    Refused,
    /// The client said so.
    Exit,
    /// The client shut down its sending side.
    Eof,
    /// A file was shorter than announced.
    Cut,
    /// A file could not be read to its end.
    Broken,
    /// It spoke HTTP.
    Web,
    /// Nothing moved for too long.
    Idle,
    /// The server was told to stop.
    Shutdown,
}

impl Ending {
    pub(crate) const fn farewell(self) -> Farewell {
        match self {
            Self::Refused | Self::Exit => Farewell::Exit,
            Self::Eof => Farewell::Eof,
            Self::Cut | Self::Broken => Farewell::Error,
            Self::Web => Farewell::Web,
            Self::Idle => Farewell::Idle,
            Self::Shutdown => Farewell::Shutdown,
        }
    }
}
