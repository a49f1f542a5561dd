//! The client's errors and their exit codes.
//!
//! Owns the exit codes, which never change their meaning, and for each failure a hint what to do
//! next; [`super::cause`] says what happened. Must never let a byte from the server or of a file's
//! name out raw.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::regular_file::NotRegular;
use crate::wire::Digest;
use crate::wire::reply::{
    DIGEST_DIFFERS, EXISTS, NO_OVERWRITE, NO_ROOM, NO_SUCH_FILE, NO_UPLOADS, NOT_ALLOWED,
    TAKEN_OVER,
};

/// The exit code after Ctrl-C: 128 and the number of the signal, as shells count.
pub const INTERRUPTED: u8 = 130;

/// The exit code when a file or standard output cannot be written.
pub const UNWRITTEN: u8 = 23;

/// A failure of the client.
#[derive(Debug)]
pub enum Error {
    /// This client refuses to send it; nothing was asked.
    Usage(String),
    /// The handshake of TLS failed, for this reason.
    Handshake(String),
    /// The server is not trusted.
    Untrusted {
        /// What was named, as it was named.
        server: String,
        /// The pin of the key that it has.
        pin: String,
        /// Whether it is known by another pin.
        known: bool,
        /// That pin, or why no authority vouches for it.
        why: String,
    },
    /// A file that says whom to trust cannot be read, or others can change it.
    Trust(Vec<u8>, io::Error),
    /// The token cannot be taken from there.
    Token(Vec<u8>, io::Error),
    /// The server demands a token, and there is none for it.
    NoToken(String),
    /// The token was not sent, as others could read it on the way to this server.
    InClear(String),
    /// The server does not let the token in, for this reason.
    NotLetIn(Vec<u8>),
    /// No address of the server took the connection.
    Connect {
        /// What was named, as it was named.
        server: String,
        /// What the last address said.
        source: io::Error,
    },
    /// The server refused the connection with this line.
    TurnedAway(Vec<u8>),
    /// The server closed before an answer was complete, behind this beginning of a line.
    Closed(Vec<u8>),
    /// The server closed, and said why.
    Dismissed(Vec<u8>),
    /// The connection broke, behind this beginning of a line.
    Broken(io::Error, Vec<u8>),
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
    /// No greeting came within this time.
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
    /// The server sent this, the beginning of a line, and no line end within this time.
    Unended(Vec<u8>, Duration),
    /// The server sent a line that is longer than any line of the protocol and begins so.
    EndlessLine(Vec<u8>),
    /// The local file exists; nothing was asked or kept.
    Exists(Vec<u8>),
    /// The file could not be begun or put in its place. The server has no part in it.
    Local(Vec<u8>, io::Error),
    /// The file could not be written while its bytes came, so the rest is still on its way.
    Write(Vec<u8>, io::Error),
    /// The local file cannot be read, so that it was not uploaded.
    Unreadable(Vec<u8>, io::Error),
    /// The local file changed while it was uploaded; the server has not got it.
    Changed(Vec<u8>),
    /// What came on standard input could not be kept until it is uploaded.
    Unkept(io::Error),
    /// A script has the request of an upload as it is on the wire, so that what follows may be
    /// bytes and no requests.
    RawUpload(Vec<u8>),
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
            // The reader has closed the pipe, as in `berth | head -1`.
            _ if self.is_quiet() => 0,
            Self::Stdin(_) => 1,
            Self::Usage(_) | Self::RawUpload(_) => 2,
            Self::Connect { .. } => 7,
            Self::Closed(_) | Self::Dismissed(_) | Self::Broken(..) | Self::Cut { .. } => 18,
            Self::Mismatch { .. } => 19,
            Self::Handshake(_) => 35,
            Self::Untrusted { .. } | Self::InClear(_) => 60,
            Self::NoToken(_) | Self::NotLetIn(_) => 67,
            Self::Trust(..) | Self::Token(..) => 77,
            Self::NothingBelow(_) => 78,
            Self::Refused(reason) => code_of_refusal(reason),
            Self::Unreadable(..) => 26,
            Self::Local(..) | Self::Write(..) | Self::Stdout(_) | Self::Unkept(_) => UNWRITTEN,
            Self::NotFound(..) | Self::NotConnected(..) => 28,
            Self::NotGreeted(_) | Self::TimedOut(_) => 28,
            Self::CannotResume(..) | Self::Changed(_) => 33,
            Self::Protocol { .. } | Self::LeadsOut(_) => 65,
            Self::Unended(..) | Self::EndlessLine(_) => 65,
            Self::Exists(_) => 73,
            Self::TurnedAway(_) => 75,
            Self::Interrupted => INTERRUPTED,
        }
    }

    /// Whether the session can go on: both sides agree on where the next answer begins.
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
                | Self::Unreadable(..)
                | Self::Changed(_)
                | Self::Unkept(_)
        )
    }

    /// Whether a retry on another connection may succeed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::TurnedAway(_)
                | Self::Closed(_)
                | Self::Dismissed(_)
                | Self::Broken(..)
                | Self::Cut { .. }
                | Self::NotFound(..)
                | Self::NotConnected(..)
                | Self::NotGreeted(_)
                | Self::TimedOut(_)
                | Self::Unended(..)
        )
    }

    /// Whether another client goes on with the same upload.
    #[must_use]
    pub fn is_eviction(&self) -> bool {
        matches!(self, Self::Dismissed(reason) if reason == TAKEN_OVER)
    }

    /// Whether the server would refuse every other file with the same reason.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        matches!(self, Self::Refused(reason)
            if reason == NO_UPLOADS || reason.starts_with(NOT_ALLOWED))
    }

    /// What a person can do about it; nothing where that depends.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connect { .. } => {
                "is berthd running there? (--server or BERTH_SERVER names another)"
            }
            Self::Handshake(_) => "with --tls or berths:// the client speaks TLS, else not",
            Self::Untrusted { .. } => {
                "if the one who runs it names this pin, 'berth trust SERVER PIN' trusts it"
            }
            Self::NoToken(_) | Self::NotLetIn(_) => "'berth login SERVER' takes a token for it",
            Self::InClear(_) => "--tls or berths:// encrypts it",
            Self::TurnedAway(_) => "'berth --wait 5m' waits for a berth",
            Self::Closed(_) | Self::Dismissed(_) | Self::Broken(..) => "start again to go on",
            Self::Cut { .. } => "get it again",
            Self::NotFound(..) | Self::NotGreeted(_) => "--connect-timeout allows more",
            Self::NotConnected(..) => "is berthd running there? --connect-timeout allows more",
            Self::TimedOut(_) => "--timeout allows more",
            Self::CannotResume(..) => "--no-resume begins again",
            Self::Refused(reason) => return advice_on_refusal(reason),
            Self::Unreadable(_, err) => return advice_on_source(err),
            Self::Changed(_) => "upload it again when it is at rest",
            Self::Unkept(_) => "TMPDIR names another folder for it",
            Self::RawUpload(_) => "'put FILE' uploads a file",
            Self::NothingBelow(_) => "'berth list' shows the files",
            Self::Protocol { .. } | Self::Unended(..) | Self::EndlessLine(_) => "is it a berthd?",
            Self::Exists(_) => "move it away, or 'berth get --on-exist' says what to do with it",
            Self::Local(_, err) | Self::Write(_, err) => return advice(err),
            _ => return None,
        })
    }

    /// Whether it is not reported.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self, Self::Stdout(err) if err.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause())?;
        match self.hint() {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// The reasons that have an exit code of their own, by how they begin.
const REFUSALS: [(&[u8], u8); 6] = [
    (NOT_ALLOWED, 9),
    (DIGEST_DIFFERS, 19),
    (NO_UPLOADS, 25),
    (NO_ROOM, 70),
    (EXISTS, 73),
    (NO_SUCH_FILE, 78),
];

fn code_of_refusal(reason: &[u8]) -> u8 {
    let known = |(beginning, _): &&(&[u8], u8)| reason.starts_with(beginning);
    REFUSALS.iter().find(known).map_or(22, |(_, code)| *code)
}

/// What a person can do about a request that was refused; nothing where that depends.
fn advice_on_refusal(reason: &[u8]) -> Option<&'static str> {
    [
        (NO_SUCH_FILE, "'berth list' shows the files"),
        (NO_UPLOADS, "'berthd --uploads' accepts them"),
        (NO_OVERWRITE, "'berthd --overwrite' allows it"),
        (EXISTS, "'berth put --on-exist' says what to do with it"),
        (DIGEST_DIFFERS, "upload it again"),
    ]
    .into_iter()
    .find_map(|(beginning, advice)| reason.starts_with(beginning).then_some(advice))
}

/// What a person can do where a local file cannot be read; nothing where that depends.
fn advice_on_source(err: &io::Error) -> Option<&'static str> {
    Some(match err.kind() {
        io::ErrorKind::IsADirectory => "'berth put -r' uploads a folder",
        io::ErrorKind::PermissionDenied => "see that it can be read",
        _ if NotRegular::of(err).is_some() => "'berth put -' uploads standard input",
        _ => return None,
    })
}

/// What a person can do where a file cannot be written; nothing where that depends.
fn advice(err: &io::Error) -> Option<&'static str> {
    use io::ErrorKind::{
        FileTooLarge, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        QuotaExceeded, ReadOnlyFilesystem, StorageFull, WriteZero,
    };
    Some(match err.kind() {
        PermissionDenied | ReadOnlyFilesystem => "see that this folder can be written",
        StorageFull | QuotaExceeded | WriteZero => "make room and get it again",
        FileTooLarge => "a limit (ulimit -f) or the disk takes no file of this size",
        InvalidFilename => "'berth get -o' gives it another name",
        IsADirectory => "move that folder away, or 'berth get -o' gives it another name",
        NotADirectory | NotFound => "see that the folder it goes into is there",
        _ => return None,
    })
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
    fn a_cause_is_whole_whatever_a_stranger_wrote_in_it() {
        let err = Error::Dismissed(b"full; come back later".to_vec());
        assert_eq!(
            err.cause(),
            "the server closed the connection: full; come back later"
        );
        assert_eq!(err.hint(), Some("start again to go on"));
        assert_eq!(
            err.to_string(),
            format!("{}; start again to go on", err.cause())
        );
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
