//! The close reason that follows from an I/O error.
//!
//! Owns the distinction between errors of the peer and of the server. Must never be given an error
//! after which the operation is retried.

use std::io::{self, ErrorKind};

use crate::wire::CloseReason;

/// Why the connection ends: the peer is gone (`Reset`), or the server failed (`Error`).
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
