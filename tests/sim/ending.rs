//! Why nothing more comes to a peer.
//!
//! Owns the reasons, and which word each has in the protocol.

use berth::wire::CloseReason;

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There was no berth.
    Refused,
    /// It left before it had shown a token.
    LetGo,
    /// Its token is not valid any more.
    Token,
    /// The client said so.
    Exit,
    /// The client shut down its sending side.
    Eof,
    /// Its upload failed, or was refused with too much of it to come.
    Upload,
    /// Nothing came of what it had announced.
    Stalled,
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
    pub(crate) const fn reason(self) -> CloseReason {
        match self {
            Self::Refused | Self::LetGo | Self::Exit => CloseReason::Exit,
            Self::Eof => CloseReason::Eof,
            Self::Cut | Self::Broken => CloseReason::Error,
            Self::Upload => CloseReason::Upload,
            Self::Stalled => CloseReason::Stalled,
            Self::Token => CloseReason::Token,
            Self::Web => CloseReason::Web,
            Self::Idle => CloseReason::Idle,
            Self::Shutdown => CloseReason::Shutdown,
        }
    }
}
