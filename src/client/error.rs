//! What can go wrong for the client, in words and in exit codes.
//!
//! Owns the exit codes, which never change their meaning, and the sentence for each failure, which
//! says what to do next. Must never let a byte from the server or of a file's name out raw: these
//! sentences end on a terminal.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::client::excerpt::Excerpt;
use crate::wire::reply::NO_SUCH_FILE;
use crate::wire::{Digest, Hex};

/// The exit code after Ctrl-C: 128 and the number of the signal, as shells count.
pub const INTERRUPTED: u8 = 130;

/// The exit code when a file or standard output takes no more.
pub const UNWRITTEN: u8 = 23;

/// A failure of the client.
#[derive(Debug)]
pub enum Error {
    /// This client refuses to send it; nothing was asked.
    Usage(String),
    /// No address of the server took the connection.
    Connect {
        /// What was named, as it was named.
        server: String,
        /// What the last address said.
        source: io::Error,
    },
    /// The server turned this client away with this line.
    TurnedAway(Vec<u8>),
    /// The server closed, and no whole answer had come.
    Closed,
    /// The server closed, and said why.
    Dismissed(Vec<u8>),
    /// The connection broke.
    Broken(io::Error),
    /// The connection ended inside a file.
    Cut {
        /// The name that was asked for.
        name: Vec<u8>,
        /// How many bytes had come.
        got: u64,
        /// How many were promised.
        size: u64,
        /// What the system says of it; nothing when the server closed in good order.
        source: Option<io::Error>,
    },
    /// The name of the server was not looked up within this time.
    NotFound(String, Duration),
    /// None of the server's addresses has answered within this time.
    NotConnected(String, Duration),
    /// Nobody has greeted within this time.
    NotGreeted(Duration),
    /// No byte has moved for this long.
    TimedOut(Duration),
    /// A part is there that does not fit what the server has, for this reason.
    CannotResume(Vec<u8>, &'static str),
    /// What has come is not what the server has.
    Mismatch {
        /// The name that was asked for.
        name: Vec<u8>,
        /// The digest of what has come.
        local: Digest,
        /// The digest that the server gives.
        remote: Digest,
    },
    /// The server lists a name that leads elsewhere than down.
    LeadsOut(Vec<u8>),
    /// Nothing is listed in a folder of this name.
    NothingBelow(Vec<u8>),
    /// Ctrl-C ended it.
    Interrupted,
    /// The server refused a request with this reason; its line has been shown.
    Refused(Vec<u8>),
    /// The server said what the protocol does not allow.
    Protocol {
        /// What should have come.
        expected: &'static str,
        /// The beginning of what came instead.
        line: Vec<u8>,
    },
    /// The server sent a line that is longer than any line of the protocol.
    EndlessLine,
    /// The local file exists; nothing was asked or kept.
    Exists(Vec<u8>),
    /// The file could not be begun or put in its place. The server has no part in it.
    Local(Vec<u8>, io::Error),
    /// The file could not be written while its bytes came, so the rest is still on its way.
    Write(Vec<u8>, io::Error),
    /// Requests could not be read.
    Stdin(io::Error),
    /// Answers could not be written.
    Stdout(io::Error),
}

impl Error {
    /// The exit code of the program when this ends it, or is the first failure of a script.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            // Whoever reads the output has had enough of it, as in `berth | head -1`.
            _ if self.is_quiet() => 0,
            Self::Stdin(_) => 1,
            Self::Usage(_) => 2,
            Self::Connect { .. } => 7,
            Self::Closed | Self::Dismissed(_) | Self::Broken(_) | Self::Cut { .. } => 18,
            Self::Mismatch { .. } => 19,
            Self::Refused(reason) if reason.starts_with(NO_SUCH_FILE) => 78,
            Self::NothingBelow(_) => 78,
            Self::Refused(_) => 22,
            Self::Local(..) | Self::Write(..) | Self::Stdout(_) => UNWRITTEN,
            Self::NotFound(..) | Self::NotConnected(..) => 28,
            Self::NotGreeted(_) | Self::TimedOut(_) => 28,
            Self::CannotResume(..) => 33,
            Self::Protocol { .. } | Self::EndlessLine | Self::LeadsOut(_) => 65,
            Self::Exists(_) => 73,
            Self::TurnedAway(_) => 75,
            Self::Interrupted => INTERRUPTED,
        }
    }

    /// Whether the next request can be sent: both sides know where they are in the conversation.
    #[must_use]
    pub fn session_goes_on(&self) -> bool {
        matches!(
            self,
            Self::Usage(_)
                | Self::Refused(_)
                | Self::Exists(_)
                | Self::Local(..)
                | Self::CannotResume(..)
                | Self::Mismatch { .. }
                | Self::NothingBelow(_)
                | Self::LeadsOut(_)
        )
    }

    /// Whether the same may go well on another connection.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::TurnedAway(_)
                | Self::Closed
                | Self::Dismissed(_)
                | Self::Broken(_)
                | Self::Cut { .. }
                | Self::NotFound(..)
                | Self::NotConnected(..)
                | Self::NotGreeted(_)
                | Self::TimedOut(_)
        )
    }

    /// What happened, without what a person can do about it.
    #[must_use]
    pub fn cause(&self) -> String {
        let text = self.to_string();
        match text.split_once("; ") {
            Some((cause, _)) => cause.to_owned(),
            None => text,
        }
    }

    /// Whether nothing is to be said of it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Stdout(err) if err.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => f.write_str(reason),
            Self::Connect { server, source } => write!(
                f,
                "cannot connect to {}: {source}; is berthd running there? \
                 (--server or BERTH_SERVER names another)",
                Excerpt(server.as_bytes())
            ),
            Self::TurnedAway(line) => {
                write!(f, "{}; 'berth --wait 5m' waits for a berth", Excerpt(line))
            }
            Self::Closed => f.write_str("the server closed the connection; start again to go on"),
            Self::Dismissed(reason) => write!(
                f,
                "the server closed the connection: {}; start again to go on",
                Excerpt(reason)
            ),
            Self::Broken(err) => write!(f, "the connection broke: {err}; start again to go on"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Refused(reason) => match reason.strip_prefix(NO_SUCH_FILE) {
                Some(name) => write!(
                    f,
                    "the server refused: no such file: '{}'; 'berth list' shows what there is",
                    Excerpt(name)
                ),
                None => write!(f, "the server refused: {}", Excerpt(reason)),
            },
            Self::Protocol { expected, line } => write!(
                f,
                "the server broke the protocol: expected {expected}, got '{}'; is it a berthd?",
                Excerpt(line)
            ),
            Self::EndlessLine => f.write_str(
                "the server broke the protocol: it sent a line that does not end; is it a berthd?",
            ),
            Self::LeadsOut(name) => write!(
                f,
                "the server lists '{}', which leads elsewhere than down: it was left out",
                Excerpt(name)
            ),
            Self::NothingBelow(folder) => {
                write!(
                    f,
                    "the server lists no file in '{}'; 'berth list' shows what there is",
                    Excerpt(folder)
                )
            }
            Self::Stdin(err) => write!(f, "cannot read standard input: {err}"),
            Self::Stdout(err) => write!(f, "cannot write to standard output: {err}"),
            Self::NotFound(..)
            | Self::NotConnected(..)
            | Self::NotGreeted(_)
            | Self::TimedOut(_) => self.fmt_of_time(f),
            of_a_file => of_a_file.fmt_of_a_file(f),
        }
    }
}

impl Error {
    /// The sentences about time that is over.
    fn fmt_of_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(server, timeout) => write!(
                f,
                "timed out: no address for {} was found within {}; --connect-timeout allows more",
                Excerpt(server.as_bytes()),
                humantime::format_duration(*timeout)
            ),
            Self::NotConnected(server, timeout) => write!(
                f,
                "timed out: no connection to {} came about within {}; is berthd running there? \
                 --connect-timeout allows more",
                Excerpt(server.as_bytes()),
                humantime::format_duration(*timeout)
            ),
            Self::NotGreeted(timeout) => write!(
                f,
                "timed out: no greeting came within {}; --connect-timeout allows more",
                humantime::format_duration(*timeout)
            ),
            Self::TimedOut(timeout) => write!(
                f,
                "timed out: nothing has moved for {}; --timeout allows more",
                humantime::format_duration(*timeout)
            ),
            _ => unreachable!("the others are told elsewhere"),
        }
    }

    /// The sentences about a file.
    fn fmt_of_a_file(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut {
                name,
                got,
                size,
                source,
            } => {
                let name = Excerpt(name);
                write!(
                    f,
                    "the connection ended after {got} of {size} bytes of {name}"
                )?;
                if got == size {
                    f.write_str(" and no END")?;
                }
                if let Some(err) = source {
                    write!(f, " ({err})")?;
                }
                f.write_str("; get it again")
            }
            Self::CannotResume(name, reason) => write!(
                f,
                "cannot go on with what is here of {}: {reason}; --no-resume begins again",
                Excerpt(name)
            ),
            Self::Mismatch {
                name,
                local,
                remote,
            } => write!(
                f,
                "{} came wrong and was thrown away, get it again: its SHA-256 is {} here and {} on \
                 the server",
                Excerpt(name),
                Hex(local),
                Hex(remote)
            ),
            Self::Exists(name) => write!(
                f,
                "{} exists and is left as it is; move it away, or 'berth get --on-exist' says what \
                 to do with it",
                Excerpt(name)
            ),
            Self::Local(name, err) => {
                write!(f, "cannot save {}: {err}{}", Excerpt(name), advice(err))
            }
            Self::Write(name, err) => {
                write!(f, "cannot write {}: {err}{}", Excerpt(name), advice(err))
            }
            _ => unreachable!("the others have been told"),
        }
    }
}

impl std::error::Error for Error {}

/// What a person can do where a file cannot be written; nothing where that depends.
fn advice(err: &io::Error) -> &'static str {
    use io::ErrorKind::{
        FileTooLarge, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        QuotaExceeded, ReadOnlyFilesystem, StorageFull, WriteZero,
    };
    match err.kind() {
        PermissionDenied | ReadOnlyFilesystem => "; see that this folder can be written",
        StorageFull | QuotaExceeded | WriteZero => "; make room and get it again",
        FileTooLarge => "; a limit (ulimit -f) or the disk takes no file of this size",
        InvalidFilename => "; 'berth get -o' gives it another name",
        IsADirectory => "; move that folder away, or 'berth get -o' gives it another name",
        NotADirectory | NotFound => "; see that the folder it goes into is there",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_bytes_are_shown_harmless_and_short() {
        let text = Error::Refused([&b"\x1b[2J\n"[..], &[b'x'; 70_000]].concat()).to_string();
        assert!(text.starts_with("the server refused: \\u{1b}[2J\\nxxx"));
        assert!(text.ends_with("x..."));
        assert!(text.len() < 400);
        let name = [b'n'; 255];
        let text = Error::Exists(name.to_vec()).to_string();
        assert!(text.contains(&"n".repeat(255)));
    }

    #[test]
    fn each_cause_has_its_own_advice_or_none() {
        use io::ErrorKind::*;
        for (kind, said) in [
            (PermissionDenied, "; see that this folder can be written"),
            (ReadOnlyFilesystem, "; see that this folder can be written"),
            (StorageFull, "; make room and get it again"),
            (FileTooLarge, " takes no file of this size"),
            (InvalidFilename, "; 'berth get -o' gives it another name"),
            (
                IsADirectory,
                "; move that folder away, or 'berth get -o' gives it another name",
            ),
            (NotFound, "; see that the folder it goes into is there"),
        ] {
            for text in [
                Error::Local(b"f".to_vec(), kind.into()).to_string(),
                Error::Write(b"f".to_vec(), kind.into()).to_string(),
            ] {
                assert!(text.ends_with(said), "{text}");
                assert_eq!(text.matches(';').count(), 1, "{text}");
            }
        }
        let busy = io::Error::other("another berth is fetching it here now");
        let text = Error::Local(b"f".to_vec(), busy).to_string();
        assert_eq!(text, "cannot save f: another berth is fetching it here now");
    }

    #[test]
    fn a_reader_that_has_had_enough_is_no_failure() {
        let err = Error::Stdout(io::ErrorKind::BrokenPipe.into());
        assert!(err.is_quiet());
        assert_eq!(err.exit_code(), 0);
        let err = Error::Stdout(io::ErrorKind::StorageFull.into());
        assert!(!err.is_quiet());
        assert_eq!(err.exit_code(), 23);
    }
}
