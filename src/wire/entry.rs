//! The lines inside the answers to `list`, `stat` and `status`.
//!
//! Owns their fields and the order of these, for writing and for parsing. Must never reject an
//! unknown word while parsing: a newer server may know more reasons than this client.

use std::fmt::Display;
use std::time::SystemTime;

use crate::wire::reply::{ClientName, push};
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
    /// Its [`ClientName`] in text.
    pub name: &'a [u8],
    /// Its address and port in text.
    pub address: &'a [u8],
    /// When it connected.
    pub connected: SystemTime,
    /// When and why it disconnected; `None` while it is connected.
    pub gone: Option<(SystemTime, &'a [u8])>,
}

impl KnownClient<'_> {
    /// Appends the line, its LF included. The reason in `gone` is one word.
    pub fn write(
        out: &mut Vec<u8>,
        (name, address): (ClientName, impl Display),
        connected: SystemTime,
        gone: Option<(SystemTime, impl Display)>,
    ) {
        let connected = Timestamp(connected);
        push(out, format_args!("{name} {address} connected {connected}"));
        if let Some((time, reason)) = gone {
            let time = Timestamp(time);
            push(out, format_args!(" disconnected {time} {reason}"));
        }
        out.push(b'\n');
    }
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
    use crate::wire::CloseReason;
    use std::time::{Duration, UNIX_EPOCH};

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

    #[test]
    fn a_client_that_was_written_is_read_back() {
        let connected = UNIX_EPOCH + Duration::from_secs(1_795_341_600);
        let gone = Some((connected + Duration::from_secs(63), CloseReason::Idle));
        for (address, gone) in [
            ("127.0.0.1:51234", None),
            ("127.0.0.1:1", gone),
            ("[::1]:51236", None),
            ("[fe80::1%2]:65535", gone),
        ] {
            let mut line = Vec::new();
            KnownClient::write(&mut line, (ClientName(7), address), connected, gone);
            assert_eq!(line.pop(), Some(b'\n'));
            let word = gone.map(|(time, reason)| (time, reason.to_string()));
            let expected = KnownClient {
                name: b"Client07",
                address: address.as_bytes(),
                connected,
                gone: word.as_ref().map(|(time, word)| (*time, word.as_bytes())),
            };
            assert_eq!(KnownClient::parse(&line), Some(expected));
        }
    }
}
