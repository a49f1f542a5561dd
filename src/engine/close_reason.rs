//! Whose fault it is that an operation failed.
//!
//! Owns the line between the two. Must never be asked about an operation that is to be tried again.

use std::io::{self, ErrorKind};

use crate::wire::CloseReason;

/// Why the connection ends: through the peer, who is gone, or through us.
#[must_use]
pub fn reason(error: &io::Error) -> CloseReason {
    match error.kind() {
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::TimedOut
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown => CloseReason::Reset,
        _ => CloseReason::Error,
    }
}
