//! The way to a server: a connection to the first of its addresses that answers.
//!
//! Owns the time that this may take. Must never say a word on the connection.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Instant;

use super::Error;
use super::options::Options;

/// Connects to the first address that answers. A host name often has one per IP version, and
/// which of them the server listens on is not known here.
pub(super) fn dial(options: &Options) -> Result<TcpStream, Error> {
    let failed = |source| Error::Connect {
        server: options.server.clone(),
        source,
    };
    let mut failure = failed(io::Error::new(
        io::ErrorKind::NotFound,
        "the name has no address",
    ));
    for address in options.server.to_socket_addrs().map_err(failed)? {
        let start = Instant::now();
        match TcpStream::connect_timeout(&address, options.connect_timeout) {
            Ok(stream) => return Ok(stream),
            // The system may give up before our time is over; that is no timeout of ours.
            Err(err) if is_timeout(&err) && start.elapsed() >= options.connect_timeout => {
                failure = Error::NotGreeted(options.connect_timeout);
            }
            Err(err) => failure = failed(err),
        }
    }
    Err(failure)
}

/// Which of the two it is differs between systems.
pub(super) fn is_timeout(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
