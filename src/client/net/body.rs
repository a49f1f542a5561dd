//! The body of an upload.
//!
//! Owns how its bytes leave, and the look for an answer before each piece of them: a server that
//! refuses in the middle says why, and then closes. Must never read the file.

use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use crate::client::error::Error;
use crate::client::net::connection::{Client, LAST_WORDS_TIMEOUT};
use crate::client::net::dial::is_timeout;
use crate::client::net::one_line::{refusal, unexpected};
use crate::wire::reply::{NO_UPLOADS, is_cut, parse_error, parse_ready, parse_stored};
use crate::wire::{Digest, Hex, Put};

/// The answer to the request of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The body is expected, from this byte on.
    Ready(u64),
    /// The file is there already.
    Stored,
}

impl Client {
    /// Asks whether a file of this digest may come.
    ///
    /// # Errors
    /// When it may not, and as [`Client::ask`].
    pub fn offer(&mut self, put: Put<'_>, digest: &Digest) -> Result<Offer, Error> {
        let size = put.size.unwrap_or_default();
        let mut request = Vec::new();
        put.write(&mut request);
        request.pop();
        self.send(&request)?;
        let shown = [b"put ", put.name].concat();
        // It may have to read again what it has of the file.
        let line = self.wait_for_work(&shown, Self::line)?;
        if let Some(reason) = parse_error(&line) {
            return Err(refusal(reason));
        }
        // A server that knows no uploads takes it for a message.
        if line == [&request[..], b" ACK"].concat() {
            return Err(Error::Refused(NO_UPLOADS.to_vec()));
        }
        match parse_ready(&line) {
            Some(offset) if offset < size => return Ok(Offer::Ready(offset)),
            _ => {}
        }
        match parse_stored(&line) == Some((*digest, size)) {
            true => Ok(Offer::Stored),
            false => Err(unexpected("READY, STORED or ERR", line)),
        }
    }

    /// Finds out whether the server takes uploads at all, before a file is read for long: by a
    /// request that has no name, so that nothing can come of it.
    ///
    /// # Errors
    /// When it takes none, or none from this client, and as [`Client::ask`].
    pub fn take_uploads(&mut self) -> Result<(), Error> {
        let digest = Digest::default();
        let request = format!("put@{} 0", Hex(&digest));
        self.send(request.as_bytes())?;
        let line = self.line()?;
        let reason = match parse_error(&line) {
            Some(reason) => reason,
            None if line == format!("{request} ACK").as_bytes() => NO_UPLOADS,
            None => return Err(unexpected("ERR", line)),
        };
        match refusal(reason) {
            err @ Error::Refused(_) if !err.is_for_all() => Ok(()),
            err => Err(err),
        }
    }

    /// Whether the server has closed meanwhile, or is about to.
    pub(super) fn has_gone(&mut self) -> bool {
        self.is_answered()
    }

    /// Sends a piece of the body. Calls `tick` every second in which nothing of it leaves.
    ///
    /// # Errors
    /// What the server says meanwhile, and when the connection broke or moved nothing for too long.
    /// It is of no use for anything else then.
    pub fn push(&mut self, piece: &[u8], mut tick: impl FnMut()) -> Result<(), Error> {
        let wait = self.tick().max(Duration::from_millis(1));
        let _ = self.stream().set_write_timeout(Some(wait));
        let most = self.timeout.unwrap_or(Duration::MAX);
        let mut left = piece;
        let mut moved = Instant::now();
        if self.is_answered() {
            return Err(self.interjection());
        }
        loop {
            let stream = self.reader.get_mut();
            let written = match left.is_empty() {
                true => io::Write::flush(stream).map(|()| 0),
                false => stream.write_some(left),
            };
            match written {
                Ok(_) if left.is_empty() => return Ok(()),
                Ok(n) => {
                    left = &left[n..];
                    moved = Instant::now();
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) if is_timeout(&err) => {
                    tick();
                    if self.is_answered() {
                        return Err(self.interjection());
                    }
                    if moved.elapsed() >= most {
                        return Err(Error::TimedOut(most));
                    }
                }
                Err(_) => {
                    self.dying = true;
                    return Err(self.interjection());
                }
            }
        }
    }

    /// Reads the answer to a body that has left. Does `slow` if the server's disk takes its time.
    ///
    /// # Errors
    /// When the file is not stored.
    pub fn stored(&mut self, digest: &Digest, size: u64, slow: impl FnOnce()) -> Result<(), Error> {
        self.set_timeout(self.timeout);
        let line = self.wait_for_disk(slow)?;
        match parse_stored(&line) == Some((*digest, size)) {
            true => Ok(()),
            false => Err(refused("STORED with the digest and the size, or ERR", line)),
        }
    }

    /// Whether something has come, if only the end. Waits for nothing.
    fn is_answered(&mut self) -> bool {
        if !self.reader.buffer().is_empty() {
            return true;
        }
        if self.stream().set_nonblocking(true).is_err() {
            return false;
        }
        let nothing = self.reader.fill_buf().is_err_and(|err| {
            // Any other error comes again when a line is to be read.
            is_timeout(&err) || err.kind() == io::ErrorKind::Interrupted
        });
        let _ = self.stream().set_nonblocking(false);
        !nothing
    }

    /// What came before the body was whole.
    fn interjection(&mut self) -> Error {
        let timeout = match self.dying {
            true => Some(LAST_WORDS_TIMEOUT),
            false => self.timeout,
        };
        self.set_timeout(timeout);
        match self.line() {
            Ok(line) => refused("no answer but ERR in the middle of a file", line),
            Err(err) => err,
        }
    }
}

/// What a line means that is no success.
fn refused(expected: &'static str, line: Vec<u8>) -> Error {
    match parse_error(&line) {
        // The line was cut between the two, and another connection goes on.
        Some(reason) if is_cut(reason) => Error::Dismissed(reason.to_vec()),
        Some(reason) => refusal(reason),
        None => unexpected(expected, line),
    }
}
