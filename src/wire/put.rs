//! The requests that upload a file: `put` and `replace`, in their two forms.
//!
//! Owns their grammar. Must never judge whether an upload can be accepted.

use std::time::SystemTime;

use crate::wire::reply::{Digest, Hex, parse_digest, push};
use crate::wire::request::parse_u64;
use crate::wire::timestamp::Timestamp;

/// An upload, as its request announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put<'a> {
    /// Whether a file that has the name already is replaced: `replace` instead of `put`.
    pub replaces: bool,
    /// The number of bytes in the whole file; `None` if it does not fit 64 bits.
    pub size: Option<u64>,
    /// When the body follows.
    pub form: Form,
    /// The rest of the line, verbatim; empty if it was left out.
    pub name: &'a [u8],
}

/// When the body of an upload follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// At once, behind the LF of the request: `put SIZE NAME`.
    AtOnce,
    /// When the server has said from which byte on: `put@SHA256 SIZE TIME NAME`.
    WhenReady {
        /// Of the whole file.
        digest: Digest,
        /// When the file was last changed, if its sender says so.
        modified: Option<SystemTime>,
    },
}

impl<'a> Put<'a> {
    /// Reads a line, given without its line end. `None`: it is another request, or a message.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (replaces, verb) = match line.first()? {
            b'p' | b'P' => (false, &b"put"[..]),
            b'r' | b'R' => (true, &b"replace"[..]),
            _ => return None,
        };
        let (word, rest) = line.split_at_checked(verb.len())?;
        if !word.eq_ignore_ascii_case(verb) {
            return None;
        }
        let (digest, rest) = match rest {
            [b'@', rest @ ..] => {
                let (hex, rest) = rest.split_at_checked(64)?;
                (Some(parse_digest(hex)?), rest)
            }
            rest => (None, rest),
        };
        let (size, rest) = take_word(rest)?;
        let size = size.iter().all(u8::is_ascii_digit).then(|| parse_u64(size));
        let (form, rest) = match digest {
            None => (Form::AtOnce, rest),
            Some(digest) => {
                let (modified, rest) = match rest {
                    [] | b" " => (None, &b""[..]),
                    rest => {
                        let (time, rest) = take_word(rest)?;
                        (parse_time(time)?, rest)
                    }
                };
                (Form::WhenReady { digest, modified }, rest)
            }
        };
        let name = match rest {
            [] => rest,
            [b' ', name @ ..] => name,
            _ => return None,
        };
        Some(Self {
            replaces,
            size: size?,
            form,
            name,
        })
    }

    /// Appends the line, its LF included. Its size has to be known.
    pub fn write(self, out: &mut Vec<u8>) {
        let verb = if self.replaces { "replace" } else { "put" };
        let size = self.size.expect("whoever sends a file knows its size");
        match self.form {
            Form::AtOnce => push(out, format_args!("{verb} {size} ")),
            Form::WhenReady { digest, modified } => {
                push(out, format_args!("{verb}@{} {size} ", Hex(&digest)));
                match modified {
                    Some(modified) => push(out, format_args!("{} ", Timestamp(modified))),
                    None => out.extend_from_slice(b"- "),
                }
            }
        }
        out.extend_from_slice(self.name);
        out.push(b'\n');
    }

    /// What stands before NAME in the request, for whoever left that out.
    #[must_use]
    pub const fn usage(self) -> &'static str {
        match (self.form, self.replaces) {
            (Form::AtOnce, false) => "put SIZE",
            (Form::AtOnce, true) => "replace SIZE",
            (Form::WhenReady { .. }, false) => "put@SHA256 SIZE TIME",
            (Form::WhenReady { .. }, true) => "replace@SHA256 SIZE TIME",
        }
    }
}

/// One space, and the bytes behind it up to the next one; there is at least one.
fn take_word(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b" ")?;
    let len = rest.iter().take_while(|&&byte| byte != b' ').count();
    Some(rest.split_at(len)).filter(|_| len > 0)
}

/// Reads `-`, or a time as a listing has it.
fn parse_time(word: &[u8]) -> Option<Option<SystemTime>> {
    if word == b"-" {
        return Some(None);
    }
    // humantime also reads fractions of a second, which no listing has.
    let text = str::from_utf8(word).ok().filter(|text| text.len() == 20)?;
    humantime::parse_rfc3339(text).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn put(size: u64, name: &[u8]) -> Put<'_> {
        Put {
            replaces: false,
            size: Some(size),
            form: Form::AtOnce,
            name,
        }
    }

    #[test]
    fn an_upload_is_its_verb_its_size_and_its_name() {
        let replace = |size, name| Put {
            replaces: true,
            ..put(size, name)
        };
        let no_size = |name| Put {
            size: None,
            ..put(0, name)
        };
        for (line, expected) in [
            (
                &b"put 15 inbox/tide.txt"[..],
                Some(put(15, b"inbox/tide.txt")),
            ),
            (b"PUT 0 a b ", Some(put(0, b"a b "))),
            (b"put 007 a", Some(put(7, b"a"))),
            (b"put 5  a", Some(put(5, b" a"))),
            (b"put 5", Some(put(5, b""))),
            (b"put 5 ", Some(put(5, b""))),
            (b"replace 1 x", Some(replace(1, b"x"))),
            (b"put 18446744073709551615 x", Some(put(u64::MAX, b"x"))),
            (b"put 18446744073709551616 x", Some(no_size(b"x"))),
            (b"put", None),
            (b"put ", None),
            (b"put notes.txt", None),
            (b"put the kettle on", None),
            (b"put -1 x", None),
            (b"put +1 x", None),
            (b"put  5 x", None),
            (b"put\t5 x", None),
            (b"put 5\tx", None),
            (b"put 5x y", None),
            (b" put 5 x", None),
            (b"puts 5 x", None),
            (b"put@ 5 x", None),
            (b"replaced 5 x", None),
        ] {
            assert_eq!(Put::parse(line), expected, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_form_that_waits_names_a_digest_and_a_time() {
        let hex = "ab".repeat(32);
        let at = UNIX_EPOCH + Duration::from_secs(1_795_341_600);
        let waiting = |modified, name| Put {
            form: Form::WhenReady {
                digest: [0xab; 32],
                modified,
            },
            ..put(15, name)
        };
        for (rest, expected) in [
            (
                " 15 2026-11-22T10:00:00Z a b",
                Some(waiting(Some(at), &b"a b"[..])),
            ),
            (" 15 - a", Some(waiting(None, b"a"))),
            (" 15 - ", Some(waiting(None, b""))),
            (" 15 -", Some(waiting(None, b""))),
            (" 15 ", Some(waiting(None, b""))),
            (" 15", Some(waiting(None, b""))),
            (" 15 now a", None),
            (" 15 2026-11-22T10:00:00.5Z a", None),
            (" 15 2026-11-22 a", None),
            (" 15 2026-13-22T10:00:00Z a", None),
            (" x - a", None),
            ("", None),
            ("0 15 - a", None),
        ] {
            let line = format!("put@{hex}{rest}");
            assert_eq!(Put::parse(line.as_bytes()), expected, "{line}");
        }
        let capitals = format!("put@{} 15 - a", hex.to_uppercase());
        assert_eq!(Put::parse(capitals.as_bytes()), None);
    }

    #[test]
    fn what_the_client_writes_the_server_reads() {
        let modified = Some(UNIX_EPOCH + Duration::from_secs(7));
        let digest = [0x5a; 32];
        for form in [
            Form::AtOnce,
            Form::WhenReady { digest, modified },
            Form::WhenReady {
                digest,
                modified: None,
            },
        ] {
            for replaces in [false, true] {
                let put = Put {
                    form,
                    replaces,
                    ..put(3, b" - \xff")
                };
                let mut line = Vec::new();
                put.write(&mut line);
                assert_eq!(line.pop(), Some(b'\n'));
                assert_eq!(Put::parse(&line), Some(put), "{}", line.escape_ascii());
            }
        }
    }
}
