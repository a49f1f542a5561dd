//! The client's errors, in words.
//!
//! Owns what is said of each. Must never let a byte from the server or of a file's name out raw:
//! these sentences end on a terminal.

use std::fmt;

use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::wire::Hex;
use crate::wire::reply::{NO_SUCH_FILE, NO_UPLOADS};

impl Error {
    /// What happened, without what a person can do about it.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Usage(reason) => reason.clone(),
            Self::Connect { server, source } => {
                let server = Excerpt(server.as_bytes());
                format!("cannot connect to {server}: {source}")
            }
            Self::TurnedAway(line) => Excerpt(line).to_string(),
            Self::Closed(line) => format!("the server closed the connection{}", Within(line)),
            Self::Dismissed(reason) => {
                format!("the server closed the connection: {}", Excerpt(reason))
            }
            Self::Broken(err, line) => format!("the connection broke{}: {err}", Within(line)),
            Self::Interrupted => "interrupted".into(),
            Self::Handshake(_) | Self::Untrusted { .. } | Self::Trust(..) => self.cause_of_trust(),
            Self::Token(..) | Self::NoToken(_) | Self::InClear(_) | Self::NotLetIn(_) => {
                self.cause_of_token()
            }
            Self::Refused(reason) => match reason.strip_prefix(NO_SUCH_FILE) {
                Some(name) => format!("the server refused: no such file: '{}'", Excerpt(name)),
                None if reason == NO_UPLOADS => "the server takes no uploads".into(),
                None => format!("the server refused: {}", Excerpt(reason)),
            },
            Self::RawUpload(line) => format!(
                "'{}' announces bytes of a file, which are no requests: the script ends here",
                Excerpt(line)
            ),
            Self::Protocol { expected, line } => {
                let line = Excerpt(line);
                format!("the server broke the protocol: expected {expected}, got '{line}'")
            }
            Self::Unended(line, time) => {
                let (line, time) = (Excerpt(line), humantime::format_duration(*time));
                format!(
                    "the server broke the protocol: it sent '{line}' and no line end within {time}"
                )
            }
            Self::EndlessLine(line) => {
                let line = Excerpt(line);
                format!("the server broke the protocol: it sent a line that does not end, '{line}'")
            }
            Self::Stdin(err) => format!("cannot read standard input: {err}"),
            Self::Stdout(err) => format!("cannot write to standard output: {err}"),
            Self::NotFound(..)
            | Self::NotConnected(..)
            | Self::NotGreeted(_)
            | Self::TimedOut(_) => self.cause_of_time(),
            of_a_file => of_a_file.cause_of_a_file(),
        }
    }

    fn cause_of_trust(&self) -> String {
        match self {
            Self::Handshake(why) => {
                format!("no TLS with the server: {}", Excerpt(why.as_bytes()))
            }
            Self::Untrusted {
                server,
                pin,
                known,
                why,
            } => {
                let (server, why) = (Excerpt(server.as_bytes()), Excerpt(why.as_bytes()));
                match known {
                    true => format!(
                        "{server} is not the server that is known: its pin is {pin}, and was {why}"
                    ),
                    false => format!(
                        "{server} is not known, and its certificate is not trusted ({why}): its \
                         pin is {pin}"
                    ),
                }
            }
            Self::Trust(path, err) => {
                format!("cannot tell whom to trust, from '{}': {err}", Excerpt(path))
            }
            _ => unreachable!("the others are told elsewhere"),
        }
    }

    fn cause_of_token(&self) -> String {
        match self {
            Self::Token(from, err) => format!("cannot use the token of '{}': {err}", Excerpt(from)),
            Self::NoToken(server) => {
                let server = Excerpt(server.as_bytes());
                format!("{server} demands a token, and there is none for it")
            }
            Self::InClear(server) => {
                let server = Excerpt(server.as_bytes());
                format!("the token was not sent: others could read it on the way to {server}")
            }
            Self::NotLetIn(reason) => {
                format!("the server does not accept the token: {}", Excerpt(reason))
            }
            _ => unreachable!("the others are told elsewhere"),
        }
    }

    fn cause_of_time(&self) -> String {
        let (what, time) = match self {
            Self::NotFound(server, time) => {
                let server = Excerpt(server.as_bytes());
                (format!("no address for {server} was found within"), time)
            }
            Self::NotConnected(server, time) => {
                let server = Excerpt(server.as_bytes());
                (format!("no connection to {server} came about within"), time)
            }
            Self::NotGreeted(time) => ("no greeting came within".into(), time),
            Self::TimedOut(time) => ("nothing has moved for".into(), time),
            _ => unreachable!("the others are told elsewhere"),
        };
        format!("timed out: {what} {}", humantime::format_duration(*time))
    }

    fn cause_of_a_file(&self) -> String {
        match self {
            Self::Cut {
                name,
                got,
                size,
                source,
            } => {
                let name = Excerpt(name);
                let no_end = if got == size { " and no END" } else { "" };
                let source = source.as_ref().map(|err| format!(" ({err})"));
                let source = source.unwrap_or_default();
                format!(
                    "the connection ended after {got} of {size} bytes of {name}{no_end}{source}"
                )
            }
            Self::CannotResume(name, reason) => {
                let name = Excerpt(name);
                format!("cannot resume {name}: {reason}")
            }
            Self::Mismatch {
                name,
                local,
                remote,
            } => format!(
                "{} came wrong and was thrown away, get it again: its SHA-256 is {} here and {} on \
                 the server",
                Excerpt(name),
                Hex(local),
                Hex(remote)
            ),
            Self::LeadsOut(name) => format!(
                "the server lists '{}', which leads elsewhere than down: it was left out",
                Excerpt(name)
            ),
            Self::NothingBelow(folder) => {
                format!("the server lists no file in '{}'", Excerpt(folder))
            }
            Self::Exists(name) => format!("{} exists and is left as it is", Excerpt(name)),
            Self::Local(name, err) => format!("cannot save {}: {err}", Excerpt(name)),
            Self::Write(name, err) => format!("cannot write {}: {err}", Excerpt(name)),
            Self::Unreadable(name, err) => format!("cannot read {}: {err}", Excerpt(name)),
            Self::Changed(name) => format!(
                "{} changed while it was uploaded, and the server has not got it",
                Excerpt(name)
            ),
            Self::Unkept(err) => {
                format!("cannot keep standard input in a temporary file: {err}")
            }
            _ => unreachable!("the others have been told"),
        }
    }
}

/// The beginning of a line in which a connection ended; nothing if it ended between two.
struct Within<'a>(&'a [u8]);

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            line => write!(f, " in the middle of a line, '{}'", Excerpt(line)),
        }
    }
}
