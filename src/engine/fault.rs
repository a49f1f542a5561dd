//! Whose fault it is that an operation failed.
//!
//! Owns the line between the two. Must never be asked about an operation that is to be tried again.

use std::io::{self, ErrorKind};

use crate::wire::Farewell;

/// Why the connection ends: through the peer, who is gone, or through us.
#[must_use]
pub fn farewell(error: &io::Error) -> Farewell {
    match error.kind() {
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::TimedOut
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown => Farewell::Reset,
        _ => Farewell::Error,
    }
}
