//! The requests: one line each, parsed without copying.
//!
//! Owns their grammar; that of uploads is in [`crate::wire::put`]. Must never judge whether a
//! request can be served: a name is taken verbatim, and resolved in the served folder.

use crate::wire::put::Put;

/// The longest request, in bytes before its LF (a CR there counts).
///
/// A file's path is at most 4095 bytes long on Linux (`PATH_MAX` in path_resolution(7)), so this
/// fits all but the deepest names behind `get `, and keeps what one stranger can make the server
/// hold small.
pub const LINE_BYTES_MAX: usize = 4096;

/// One request, borrowing its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `status`: the connected clients and the latest that left.
    Status,
    /// `list`: the files.
    List,
    /// `get NAME` or `get@OFFSET NAME`: the file's bytes from `offset` on.
    Get {
        /// The rest of the line, verbatim; at least one byte.
        name: &'a [u8],
        /// The first byte wanted; 0 for a plain `get`.
        offset: u64,
    },
    /// `sha256 NAME`: the digest of the file's bytes.
    Sha256 {
        /// The rest of the line, verbatim; at least one byte.
        name: &'a [u8],
    },
    /// `stat NAME`: what a listing says of the file.
    Stat {
        /// The rest of the line, verbatim; at least one byte.
        name: &'a [u8],
    },
    /// `put …` and `replace …`: a file comes.
    Put(Put<'a>),
    /// `exit`: the client leaves.
    Exit,
    /// A command that takes a name, such as `get`, without one; its word in small letters.
    NoName(&'static str),
    /// `get@OFFSET NAME` with an offset that no file can have (it does not fit 64 bits).
    GetTooFar,
    /// Anything else: it comes back with ` ACK`.
    Message(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Reads one line, given without its line end. Every sequence of bytes is some request.
    #[must_use]
    #[inline]
    pub fn parse(line: &'a [u8]) -> Self {
        // Most lines are messages, and most of those are known by their first byte.
        let request = match line.first().map_or(0, u8::to_ascii_lowercase) {
            b'e' | b'g' | b'l' | b'p' | b'r' | b's' => Self::parse_command(line),
            _ => None,
        };
        request.unwrap_or(Self::Message(line))
    }

    fn parse_command(line: &'a [u8]) -> Option<Self> {
        Self::parse_word(line)
            .or_else(|| Self::parse_get(line))
            .or_else(|| Self::parse_naming(line, "sha256", |name| Self::Sha256 { name }))
            .or_else(|| Self::parse_naming(line, "stat", |name| Self::Stat { name }))
            .or_else(|| Put::parse(line).map(Self::Put))
    }

    /// `status`, `list` and `exit` are the whole line but for blanks behind them.
    fn parse_word(line: &[u8]) -> Option<Self> {
        let blanks = line.iter().rev().take_while(|b| matches!(b, b' ' | b'\t'));
        let word = &line[..line.len() - blanks.count()];
        [
            (&b"status"[..], Self::Status),
            (b"list", Self::List),
            (b"exit", Self::Exit),
        ]
        .into_iter()
        .find_map(|(name, request)| word.eq_ignore_ascii_case(name).then_some(request))
    }

    /// `get NAME` and `get@OFFSET NAME`: one space, then the name to the end of the line.
    fn parse_get(line: &'a [u8]) -> Option<Self> {
        let (verb, rest) = line.split_at_checked(3)?;
        if !verb.eq_ignore_ascii_case(b"get") {
            return None;
        }
        let (offset, rest) = match rest {
            [b'@', rest @ ..] => {
                let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                let (digits, rest) = rest.split_at(digits);
                (Some(digits).filter(|digits| !digits.is_empty())?, rest)
            }
            rest => (&b"0"[..], rest),
        };
        Some(match (parse_name(rest)?, parse_u64(offset)) {
            ([], _) => Self::NoName("get"),
            (name, Some(offset)) => Self::Get { name, offset },
            (_, None) => Self::GetTooFar,
        })
    }

    /// `WORD NAME`: one space, then the name to the end of the line.
    fn parse_naming(
        line: &'a [u8],
        word: &'static str,
        request: impl FnOnce(&'a [u8]) -> Self,
    ) -> Option<Self> {
        let (verb, rest) = line.split_at_checked(word.len())?;
        if !verb.eq_ignore_ascii_case(word.as_bytes()) {
            return None;
        }
        Some(match parse_name(rest)? {
            [] => Self::NoName(word),
            name => request(name),
        })
    }
}

/// What stands behind a command that takes a name: one space and the name, which is empty where it
/// was left out. `None` if the command's word goes on.
fn parse_name(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        [b' ', name @ ..] => Some(name),
        _ => None,
    }
}

/// Reads decimal digits. `None` when there are none, when anything else stands among them, or
/// when the number does not fit.
#[must_use]
pub fn parse_u64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_the_request_that_the_protocol_says() {
        use Request::*;
        let get = |name, offset| Get { name, offset };
        let table: &[(&[u8], Request<'_>)] = &[
            (b"status", Status),
            (b"STATUS", Status),
            (b"Status \t ", Status),
            (b"status please", Message(b"status please")),
            (b" status", Message(b" status")),
            (b"statuss", Message(b"statuss")),
            (b"list", List),
            (b"LiSt\t", List),
            (b"list\0", Message(b"list\0")),
            (b"exit", Exit),
            (b"exit  ", Exit),
            (b" exit", Message(b" exit")),
            (b"exit now", Message(b"exit now")),
            (b"", Message(b"")),
            (b" ", Message(b" ")),
            (b"\xff\xfe\0", Message(b"\xff\xfe\0")),
            (b"get a", get(b"a", 0)),
            (b"GET a b ", get(b"a b ", 0)),
            (b"get  a", get(b" a", 0)),
            (b"get   ", get(b"  ", 0)),
            (b"get \t", get(b"\t", 0)),
            (b"get", NoName("get")),
            (b"get ", NoName("get")),
            (b"get\t", Message(b"get\t")),
            (b"get\ta", Message(b"get\ta")),
            (b"getaway", Message(b"getaway")),
            (b"ge", Message(b"ge")),
            (b"get@0 a", get(b"a", 0)),
            (b"get@007 a", get(b"a", 7)),
            (b"gEt@12 a@3", get(b"a@3", 12)),
            (b"get@18446744073709551615 a", get(b"a", u64::MAX)),
            (b"get@18446744073709551616 a", GetTooFar),
            (b"get@99999999999999999999999999 a", GetTooFar),
            (b"get@5", NoName("get")),
            (b"get@5 ", NoName("get")),
            (b"get@", Message(b"get@")),
            (b"get@ a", Message(b"get@ a")),
            (b"get@-1 f", Message(b"get@-1 f")),
            (b"get@+1 f", Message(b"get@+1 f")),
            (b"get@5a f", Message(b"get@5a f")),
            (b"get@5\tf", Message(b"get@5\tf")),
        ];
        for (line, request) in table {
            assert_eq!(Request::parse(line), *request, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_command_that_takes_a_name_is_its_word_one_space_and_the_name() {
        use Request::*;
        let table: &[(&[u8], Request<'_>)] = &[
            (b"sha256 a b ", Sha256 { name: b"a b " }),
            (b"SHA256  a", Sha256 { name: b" a" }),
            (b"sha256", NoName("sha256")),
            (b"sha256 ", NoName("sha256")),
            (b"sha256\ta", Message(b"sha256\ta")),
            (b"sha256sum a", Message(b"sha256sum a")),
            (b"sha25", Message(b"sha25")),
            (b" sha256 a", Message(b" sha256 a")),
            (b"stat a b ", Stat { name: b"a b " }),
            (b"Stat  us", Stat { name: b" us" }),
            (b"STAT", NoName("stat")),
            (b"stat ", NoName("stat")),
            (b"stat\ta", Message(b"stat\ta")),
            (b"stats", Message(b"stats")),
            (b"statu s", Message(b"statu s")),
            (b" stat a", Message(b" stat a")),
        ];
        for (line, request) in table {
            assert_eq!(Request::parse(line), *request, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"18446744073709551616",
            b"1e3",
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
        ] {
            assert_eq!(parse_u64(bad), None, "{}", bad.escape_ascii());
        }
    }
}
