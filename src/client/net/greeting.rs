//! A server that does not greet.
//!
//! Owns how it is found out that such a server waits for TLS. Must never take any other line for a
//! greeting, as what was sent to find out is a request.

use std::time::Duration;

use crate::client::error::Error;
use crate::client::net::connection::{Client, LAST_WORDS_TIMEOUT};
use crate::client::net::stream::Stream;
use crate::wire::reply::{SPEAKS_TLS, parse_error};

impl Client {
    /// The first line of a server that has not greeted within `time`: one that waits for TLS says
    /// so to a client that sends anything else.
    pub(super) fn what_it_says_then(&mut self, time: Duration) -> Result<Vec<u8>, Error> {
        if matches!(self.reader.get_ref(), Stream::Tls(_)) {
            return Err(Error::NotGreeted(time));
        }
        self.send(b"")?;
        let line = self.line_within(time.min(LAST_WORDS_TIMEOUT));
        match line {
            Ok(line) if parse_error(&line) == Some(SPEAKS_TLS) => Ok(line),
            _ => Err(Error::NotGreeted(time)),
        }
    }
}
