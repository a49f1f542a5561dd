//! The lines inside the answers to `list`, `stat` and `status`.
//!
//! Owns their parts and the order of these, as the client reads them and, of a file, as the server
//! writes them. Must never be strict about what a part says: a server
//! newer than this client may know more reasons than this one.

use std::time::SystemTime;

use crate::wire::reply::push;
use crate::wire::request::parse_u64;
use crate::wire::timestamp::Timestamp;

/// One file of a `list`, or that of a `stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedFile<'a> {
    /// In bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: SystemTime,
    /// Relative to the served folder, with `/` between folders.
    pub name: &'a [u8],
}

impl<'a> ListedFile<'a> {
    /// Appends the line, its LF included.
    pub fn write(self, out: &mut Vec<u8>) {
        push(
            out,
            format_args!("{} {} ", self.size, Timestamp(self.modified)),
        );
        out.extend_from_slice(self.name);
        out.push(b'\n');
    }

    /// Reads `SIZE TIME NAME`, given without its LF.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        Some(Self {
            size: parse_u64(parts.next()?)?,
            modified: parse_time(parts.next()?)?,
            name: parts.next().filter(|name| !name.is_empty())?,
        })
    }
}

/// One client of a `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownClient<'a> {
    /// As the server calls it.
    pub name: &'a [u8],
    /// Where it came from.
    pub address: &'a [u8],
    /// When it came.
    pub connected: SystemTime,
    /// When and why it went; nothing while it is there.
    pub gone: Option<(SystemTime, &'a [u8])>,
}

impl<'a> KnownClient<'a> {
    /// Reads `NAME ADDRESS connected TIME`, behind which ` disconnected TIME REASON` may stand.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let (name, address, connected, rest) = match parts.as_slice() {
            [name, address, b"connected", time, rest @ ..] => {
                (*name, *address, parse_time(time)?, rest)
            }
            _ => return None,
        };
        let gone = match rest {
            [] => None,
            [b"disconnected", time, reason] => Some((parse_time(time)?, *reason)),
            _ => return None,
        };
        Some(Self {
            name,
            address,
            connected,
            gone,
        })
    }
}

/// Reads a moment in RFC 3339.
fn parse_time(text: &[u8]) -> Option<SystemTime> {
    humantime::parse_rfc3339(str::from_utf8(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_size_a_time_and_a_name_with_any_blanks() {
        let file = ListedFile::parse(b"12 2026-11-22T10:00:00Z a b  c ").unwrap();
        assert_eq!((file.size, file.name), (12, &b"a b  c "[..]));
        assert_eq!(Timestamp(file.modified).to_string(), "2026-11-22T10:00:00Z");
        let mut written = Vec::new();
        file.write(&mut written);
        assert_eq!(written, b"12 2026-11-22T10:00:00Z a b  c \n");
        for bad in [
            "",
            "END",
            "12",
            "12 x a",
            "x 2026-11-22T10:00:00Z a",
            "1 2026-11-22T10:00:00Z ",
        ] {
            assert_eq!(ListedFile::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_client_is_here_or_gone() {
        let here = b"Client01 127.0.0.1:5 connected 2026-11-22T10:00:00Z";
        let client = KnownClient::parse(here).unwrap();
        assert_eq!((client.name, client.gone), (&b"Client01"[..], None));
        let gone = [here, &b" disconnected 2026-11-22T10:00:01Z exit"[..]].concat();
        let client = KnownClient::parse(&gone).unwrap();
        assert_eq!(client.address, b"127.0.0.1:5");
        assert_eq!(client.gone.unwrap().1, b"exit");
        for bad in [&b""[..], b"Client01", &gone[..gone.len() - 5], b"a b c d"] {
            assert_eq!(KnownClient::parse(bad), None, "{}", bad.escape_ascii());
        }
    }
}
