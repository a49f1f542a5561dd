//! Requests and answers of one line.
//!
//! Owns what such a line may be and what it means. Must never show it.

use crate::client::error::Error;
use crate::client::net::connection::Client;
use crate::wire::reply::{is_last_word, parse_error, parse_goodbye, parse_sha256, parse_stat};
use crate::wire::{Digest, ListedFile, Request};

/// What the answer to `sha256` should be.
const DIGEST_LINE: &str = "SHA256, a digest and a size";

/// What the answer to `stat` should be.
const STAT_LINE: &str = "STAT, a size, a time and the name";

/// A request as it is sent: with its line end, and with a second CR behind one that it ends with,
/// because the server takes the last for a part of the line end.
///
/// # Errors
/// When it is more than one line: all answers behind it would be taken for those to other requests.
pub(super) fn framed(line: &[u8]) -> Result<Vec<u8>, Error> {
    if line.contains(&b'\n') {
        let reason =
            "a message or a name with a line end in it cannot be sent; a request is a line";
        return Err(Error::Usage(reason.into()));
    }
    let cr: &[u8] = if line.ends_with(b"\r") { b"\r" } else { b"" };
    Ok([line, cr, b"\n"].concat())
}

/// What the answer to `request` should be, if this line is no answer to it.
pub(super) fn missing(request: Request<'_>, line: &[u8]) -> Option<&'static str> {
    let (is_answer, expected) = match request {
        Request::Sha256 { .. } => (parse_sha256(line).is_some(), DIGEST_LINE),
        Request::Stat { name } => (listed(name, line).is_some(), STAT_LINE),
        Request::Exit => (parse_goodbye(line).is_some(), "a goodbye"),
        Request::NoName(_) | Request::GetTooFar => (false, "ERR"),
        // A server newer than this client may know a message as a command: shown as it is.
        _ => (true, ""),
    };
    (!is_answer).then_some(expected)
}

/// The line that a listing has for the file `name`, from an answer to its `stat`.
fn listed<'a>(name: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    let is_its = |listed: &&[u8]| ListedFile::parse(listed).is_some_and(|it| it.name == name);
    parse_stat(line).filter(is_its)
}

/// What a refusal means: that the server goes, or just no.
pub(super) fn refusal(reason: &[u8]) -> Error {
    match is_last_word(reason) {
        true => Error::Dismissed(reason.to_vec()),
        false => Error::Refused(reason.to_vec()),
    }
}

/// The reason in an `ERR` line; none when the line is a message that came back and looks like one.
pub(super) fn refusal_of<'a>(first: &'a [u8], request: Request<'_>) -> Option<&'a [u8]> {
    let came_back = |text| first.strip_suffix(b" ACK") == Some(text);
    match request {
        Request::Message(text) if came_back(text) => None,
        _ => parse_error(first),
    }
}

pub(super) fn unexpected(expected: &'static str, line: Vec<u8>) -> Error {
    Error::Protocol { expected, line }
}

impl Client {
    /// Asks for the digest of the file `name`, does `meanwhile`, and reads the answer.
    ///
    /// # Errors
    /// As [`Client::ask`], and those of `meanwhile`.
    pub fn digest<T>(
        &mut self,
        name: &[u8],
        meanwhile: impl FnOnce() -> Result<T, Error>,
    ) -> Result<(Digest, u64, T), Error> {
        let request = [b"sha256 ", name].concat();
        self.send(&request)?;
        let done = meanwhile()?;
        let line = self.wait_for_work(&request, Self::line)?;
        if let Some(reason) = parse_error(&line) {
            return Err(refusal(reason));
        }
        match parse_sha256(&line) {
            Some((digest, size)) => Ok((digest, size, done)),
            None => Err(unexpected(DIGEST_LINE, line)),
        }
    }

    /// Asks for the line that a listing has for the file `name`, which is cheaper than the listing.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn stat(&mut self, name: &[u8]) -> Result<Vec<u8>, Error> {
        let mut answer = Vec::new();
        self.ask(&[b"stat ", name].concat(), |line| {
            answer.extend_from_slice(line);
            Ok(())
        })?;
        let listed = listed(name, &answer).unwrap_or_default();
        Ok(listed.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_and_comes_as_it_was_meant() {
        assert_eq!(framed(b"get a").unwrap(), b"get a\n");
        assert_eq!(framed(b"get a\r").unwrap(), b"get a\r\r\n");
        assert_eq!(framed(b"a\rb").unwrap(), b"a\rb\n");
        for many in [&b"get a\nget b"[..], b"a\n", b"\n"] {
            assert!(matches!(framed(many), Err(Error::Usage(_))));
        }
    }

    #[test]
    fn a_message_that_looks_like_a_refusal_is_none_when_it_comes_back() {
        let message = Request::parse(b"ERR no such file: a");
        assert_eq!(refusal_of(b"ERR no such file: a ACK", message), None);
        assert_eq!(refusal_of(b"ERR busy", message), Some(&b"busy"[..]));
        assert_eq!(
            refusal_of(b"ERR busy ACK", Request::Status),
            Some(&b"busy ACK"[..])
        );
    }
}
