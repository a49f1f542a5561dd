//! Recognizes the commands of a Telnet client (RFC 854).
//!
//! Owns which bytes are a command. Must never skip a byte that is not part of a whole command: all
//! else is text.

/// Interpret as command. No text in UTF-8 holds this byte.
pub const IAC: u8 = 255;
const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
/// With the byte before it also how text in UTF-16 begins, so the option has to be one that no text
/// goes on with. A client sends neither this nor WONT unless it was asked to, and we do not ask.
const DONT: u8 = 254;
/// The option TIMING-MARK: RFC 860.
const TIMING_MARK: u8 = 6;
/// The largest number of an option that is in use and no printable character.
const OPTION_MAX: u8 = 47;

/// The longest command. Real ones are a few bytes long, and what follows an option comes only if
/// it was asked for.
const COMMAND_BYTES_MAX: usize = 256;

/// The answer to a [`Command`] that [`asks_for_a_mark`](Command::asks_for_a_mark): IAC WONT
/// TIMING-MARK. The client that asked shows again what comes behind it.
pub const NO_MARK: &[u8] = &[IAC, WONT, TIMING_MARK];

/// A command, which is not for us but to be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// In bytes.
    pub len: usize,
    /// Whether it is IAC DO TIMING-MARK, which a client sends behind an interrupt: until it is
    /// answered, all output is thrown away.
    pub asks_for_a_mark: bool,
}

/// The command that `bytes` begin with; `None` if there is none, or none yet.
#[must_use]
pub fn command(bytes: &[u8]) -> Option<Command> {
    let bytes = &bytes[..bytes.len().min(COMMAND_BYTES_MAX)];
    let (len, asks_for_a_mark) = match *bytes {
        [IAC, 236..=239 | 241..=249, ..] => (2, false),
        [IAC, verb @ (WILL | DO), option, ..] if is_option(option) => {
            (3, verb == DO && option == TIMING_MARK)
        }
        [IAC, WONT | DONT, option, ..] if is_option(option) && option < b' ' => (3, false),
        [IAC, SB, option, ref rest @ ..] if is_option(option) => (3 + parameters(rest)?, false),
        _ => return None,
    };
    Some(Command {
        len,
        asks_for_a_mark,
    })
}

/// Some numbers are also those of a line's end, and no client uses them.
const fn is_option(byte: u8) -> bool {
    byte <= OPTION_MAX && byte != b'\n' && byte != b'\r'
}

/// The length of what follows an option up to IAC SE, with these two. A line's end ends it too.
fn parameters(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match bytes[at..] {
            [IAC, SE, ..] => return Some(at + 2),
            [IAC, IAC, ..] => 2,
            [IAC, ..] | [b'\n', ..] | [] => return None,
            [_, ..] => 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_by_its_bytes_and_only_when_all_have_come() {
        let table: &[(&[u8], usize)] = &[
            (b"\xff\xf1", 2),
            (b"\xff\xf4rest", 2),
            (b"\xff\xfb\x1f\xff\xfb\x20", 3),
            (b"\xff\xfd\x03", 3),
            (b"\xff\xfe\x00x", 3),
            (b"\xff\xfa\x18\x00xterm\xff\xf0status", 11),
            (b"\xff\xfa\x1f\0\x50\xff\xff\xff\xf0", 9),
        ];
        for (bytes, len) in table {
            let found = command(bytes).expect("it is one");
            assert_eq!(found.len, *len, "{}", bytes.escape_ascii());
            assert!(!found.asks_for_a_mark);
            for end in 0..*len {
                assert_eq!(command(&bytes[..end]), None, "{}", bytes.escape_ascii());
            }
        }
        let mark = command(b"\xff\xfd\x06").expect("it is one");
        assert_eq!((mark.len, mark.asks_for_a_mark), (3, true));
        assert!(!command(b"\xff\xfb\x06").expect("it is one").asks_for_a_mark);
    }

    #[test]
    fn what_may_be_text_is_no_command() {
        for bytes in [
            &b"\xff\xfe\x80 is not UTF-8"[..],
            b"\xff\xfeh\0i\0",
            b"\xff\xfe not text",
            b"\xff\xfc!",
            b"\xff\xff\xf4",
            b"\xff\xf0",
            b"\xff\xfd\n",
            b"\xff\xfd\r\n",
            b"\xff\xfb1",
            b"\xff\xfa\x1f\0\x50\0\n\xff\xf0",
            b"\xff\xfa\x1f\xff\xfb\x01\xff\xf0",
            b"a\xff\xf4",
            b"",
        ] {
            assert_eq!(command(bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
