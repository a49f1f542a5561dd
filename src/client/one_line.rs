//! Requests and answers of one line: what each should be, and what it says.
//!
//! Owns the judgement of such a line. Must never read it from the connection, nor show it.

use super::{Client, Error};
use crate::wire::reply::{parse_goodbye, parse_sha256, parse_stat};
use crate::wire::{ListedFile, Request};

/// What the answer to `sha256` should be.
pub(super) const DIGEST_LINE: &str = "SHA256, a digest and a size";

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

impl Client {
    /// Asks for the line that a listing has for the file `name`, so that nobody fetches the listing
    /// for the sake of one line.
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
}
