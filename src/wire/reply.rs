//! The replies: every reply line, written for the server and parsed for the client.
//!
//! Owns their words. Must never decide which reply is sent.

use std::fmt;

use crate::wire::entry::ListedFile;
pub use crate::wire::error_reply::{
    DIGEST_DIFFERS, EXISTS, ErrorReply, NO_OVERWRITE, NO_ROOM, NO_UPLOADS, TAKEN_OVER, is_cut,
    is_last_word,
};
use crate::wire::request::parse_u64;
use crate::wire::telnet::NO_MARK;

/// A client's name: `Client` and its number, at least two digits wide.
///
/// Numbers start at 1, grow by one for each client let in and are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientName(pub u64);

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client{:02}", self.0)
    }
}

/// A SHA-256, as bytes.
pub type Digest = [u8; 32];

/// A digest as sha256sum writes it.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a Digest);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a client went: the last word of its line in `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// It said `exit`.
    Exit,
    /// It closed its sending side, and all it had asked for was answered.
    Eof,
    /// The connection broke under it.
    Reset,
    /// No byte moved for the idle timeout.
    Idle,
    /// It took nothing for the stall timeout while output was owed to it.
    Stalled,
    /// The server was told to stop.
    Shutdown,
    /// It spoke HTTP.
    Web,
    /// The token that it had shown is not valid any more.
    Token,
    /// Its upload failed, or was refused with its body on the way.
    Upload,
    /// The server could not keep a promise, such as a file that shrank while it was sent.
    Error,
}

impl CloseReason {
    /// Every reason, in the order of the protocol.
    pub const ALL: [Self; 10] = [
        Self::Exit,
        Self::Eof,
        Self::Reset,
        Self::Idle,
        Self::Stalled,
        Self::Shutdown,
        Self::Web,
        Self::Token,
        Self::Upload,
        Self::Error,
    ];
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exit => "exit",
            Self::Eof => "eof",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Shutdown => "shutdown",
            Self::Web => "web",
            Self::Token => "token",
            Self::Upload => "upload",
            Self::Error => "error",
        })
    }
}

/// One line from the server. The entries of `status` and `list`
/// are written in [`crate::wire::entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// The first line where a token is demanded.
    Auth,
    /// The first line to a client let in.
    Welcome(ClientName),
    /// The only line to a peer turned away because all berths are taken.
    Full,
    /// The only line to a peer turned away because its address holds its share of them.
    Crowded,
    /// The only line to a peer from whose address too many wrong tokens came.
    Penalised,
    /// The last line to a client that said `exit`.
    Goodbye(ClientName),
    /// A message comes back.
    Ack(&'a [u8]),
    /// The clients follow, a line each, then [`Reply::End`].
    Status,
    /// The files follow, a line each, then [`Reply::End`].
    List,
    /// So many raw bytes follow, then [`Reply::End`].
    Start(u64),
    /// The digest of a file, and how many bytes it is the digest of.
    Sha256(&'a Digest, u64),
    /// The body of an upload is expected, from this byte on.
    Ready(u64),
    /// The file is there, whole and on the disk: its digest and its size.
    Stored(&'a Digest, u64),
    /// What a listing says of a file.
    Stat(ListedFile<'a>),
    /// The end of an answer of several lines or of a file.
    End,
    /// What a Telnet client waits for behind an interrupt; not a line.
    NoMark,
    /// The request could not be met; the session goes on unless the reason says otherwise.
    Error(ErrorReply<'a>),
}

impl Reply<'_> {
    /// Appends the line, its LF included.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Auth => out.extend_from_slice(AUTH),
            Self::Welcome(name) => push(out, format_args!("Welcome {name}")),
            Self::Full => out.extend_from_slice(FULL),
            Self::Crowded => out.extend_from_slice(CROWDED),
            Self::Penalised => out.extend_from_slice(PENALISED),
            Self::Goodbye(name) => push(out, format_args!("Goodbye {name}")),
            Self::Ack(line) => {
                out.extend_from_slice(line);
                out.extend_from_slice(b" ACK");
            }
            Self::Status => out.extend_from_slice(STATUS),
            Self::List => out.extend_from_slice(LIST),
            Self::Start(size) => push(out, format_args!("START {size}")),
            Self::Sha256(digest, size) => {
                out.extend_from_slice(SHA256);
                push(out, format_args!("{} {size}", Hex(digest)));
            }
            Self::Ready(offset) => push(out, format_args!("READY {offset}")),
            Self::Stored(digest, size) => push(out, format_args!("STORED {} {size}", Hex(digest))),
            Self::Stat(file) => {
                out.extend_from_slice(STAT);
                return file.write(out);
            }
            Self::NoMark => return out.extend_from_slice(NO_MARK),
            Self::End => out.extend_from_slice(END),
            Self::Error(error_reply) => {
                out.extend_from_slice(ERROR);
                error_reply.write(out);
            }
        }
        out.push(b'\n');
    }
}

const WELCOME: &[u8] = b"Welcome ";
const GOODBYE: &[u8] = b"Goodbye ";
const START: &[u8] = b"START ";
const SHA256: &[u8] = b"SHA256 ";
const READY: &[u8] = b"READY ";
const STORED: &[u8] = b"STORED ";
const STAT: &[u8] = b"STAT ";
const ERROR: &[u8] = b"ERR ";

/// How the reason begins when nothing of a name is served.
pub const NO_SUCH_FILE: &[u8] = b"no such file: ";
/// The reason for a peer that did not speak TLS where it is spoken.
pub const SPEAKS_TLS: &[u8] = b"this port speaks TLS";
/// How the reason begins when a token gives no right to a request.
pub const NOT_ALLOWED: &[u8] = b"not allowed: ";
/// The line for a peer that finds every berth taken.
pub const FULL: &[u8] = b"Server full, try later";
/// The line for a peer whose address holds its share of the berths.
pub const CROWDED: &[u8] = b"Too many clients from your address, try later";
/// The line for a peer from whose address too many wrong tokens came.
pub const PENALISED: &[u8] = b"Too many failed tries from your address, try later";
/// The line that demands a token.
pub const AUTH: &[u8] = b"AUTH token";
/// The line that begins the answer to `status`.
pub const STATUS: &[u8] = b"STATUS";
/// The line that begins the answer to `list`.
pub const LIST: &[u8] = b"LIST";
/// The line that ends an answer of several lines or of a file.
pub const END: &[u8] = b"END";

/// Reads the first line of a session (without its LF): the name that was given.
#[must_use]
pub fn parse_welcome(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(WELCOME).filter(|name| !name.is_empty())
}

/// Reads `START SIZE` (without its LF): how many bytes follow.
#[must_use]
pub fn parse_start(line: &[u8]) -> Option<u64> {
    parse_u64(line.strip_prefix(START)?)
}

/// Reads `SHA256 HEX SIZE` (without its LF): the digest, and of how many bytes.
#[must_use]
pub fn parse_sha256(line: &[u8]) -> Option<(Digest, u64)> {
    parse_digest_and_size(line.strip_prefix(SHA256)?)
}

/// Reads `STORED HEX SIZE` (without its LF): what is on the server's disk now.
#[must_use]
pub fn parse_stored(line: &[u8]) -> Option<(Digest, u64)> {
    parse_digest_and_size(line.strip_prefix(STORED)?)
}

/// Reads `READY OFFSET` (without its LF): from which byte on the body is expected.
#[must_use]
pub fn parse_ready(line: &[u8]) -> Option<u64> {
    parse_u64(line.strip_prefix(READY)?)
}

fn parse_digest_and_size(words: &[u8]) -> Option<(Digest, u64)> {
    let (hex, size) = words.split_at_checked(64)?;
    Some((parse_digest(hex)?, parse_u64(size.strip_prefix(b" ")?)?))
}

/// Reads a digest as sha256sum writes it: 64 digits.
#[must_use]
pub fn parse_digest(hex: &[u8]) -> Option<Digest> {
    let mut digest = Digest::default();
    if hex.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.as_chunks::<2>().0) {
        *byte = parse_digit(pair[0])? << 4 | parse_digit(pair[1])?;
    }
    Some(digest)
}

/// Reads `STAT SIZE TIME NAME` (without its LF): the line that a listing has for the file.
#[must_use]
pub fn parse_stat(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(STAT)
}

/// A hexadecimal digit, of which the protocol knows only the small ones.
fn parse_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Reads `ERR REASON` (without its LF): the reason.
#[must_use]
pub fn parse_error(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(ERROR)
}

/// Reads the answer to `exit` (without its LF): the name that leaves.
#[must_use]
pub fn parse_goodbye(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(GOODBYE).filter(|name| !name.is_empty())
}

/// Whether a first line turns the peer away for now: every berth is taken, its address has its
/// share, or too many wrong tokens came from there.
#[must_use]
pub fn is_refusal(line: &[u8]) -> bool {
    line.starts_with(b"Server full")
        || line.starts_with(b"Too many clients")
        || line.starts_with(b"Too many failed tries")
}

/// Appends formatted text. Writing to a vector cannot fail, so there is nothing to return.
pub(super) fn push(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    use std::io::Write;
    out.write_fmt(text)
        .expect("a vector takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::token::TokenEnd;
    use std::time::{Duration, UNIX_EPOCH};

    const LINES: &[(Reply<'_>, &[u8])] = &[
        (Reply::Welcome(ClientName(1)), b"Welcome Client01\n"),
        (Reply::Welcome(ClientName(100)), b"Welcome Client100\n"),
        (Reply::Full, b"Server full, try later\n"),
        (
            Reply::Crowded,
            b"Too many clients from your address, try later\n",
        ),
        (
            Reply::Penalised,
            b"Too many failed tries from your address, try later\n",
        ),
        (Reply::Auth, b"AUTH token\n"),
        (Reply::Goodbye(ClientName(99)), b"Goodbye Client99\n"),
        (Reply::Ack(b"\xff a\0"), b"\xff a\0 ACK\n"),
        (Reply::Ack(b""), b" ACK\n"),
        (Reply::Status, b"STATUS\n"),
        (Reply::List, b"LIST\n"),
        (Reply::Start(u64::MAX), b"START 18446744073709551615\n"),
        (Reply::End, b"END\n"),
        (
            Reply::Sha256(&[0xa5; 32], 15),
            b"SHA256 a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5 15\n",
        ),
        (
            Reply::Error(ErrorReply::LineTooLong),
            b"ERR line longer than 4096 bytes\n",
        ),
        (
            Reply::Stat(ListedFile {
                size: 15,
                modified: UNIX_EPOCH,
                name: b"a \xff",
            }),
            b"STAT 15 1970-01-01T00:00:00Z a \xff\n",
        ),
        (
            Reply::Error(ErrorReply::NoName("get")),
            b"ERR usage: get NAME\n",
        ),
        (
            Reply::Error(ErrorReply::OffsetTooLarge),
            b"ERR offset larger than any file\n",
        ),
        (
            Reply::Error(ErrorReply::OffsetBeyondEnd(7)),
            b"ERR offset beyond the end, the file has 7 bytes\n",
        ),
        (
            Reply::Error(ErrorReply::NoSuchFile(b"nope.txt")),
            b"ERR no such file: nope.txt\n",
        ),
        (
            Reply::Error(ErrorReply::NotAFile(b"d")),
            b"ERR not a file: d\n",
        ),
        (
            Reply::Error(ErrorReply::Outside(b"../x")),
            b"ERR outside the served folder: ../x\n",
        ),
        (
            Reply::Error(ErrorReply::Denied(b"k")),
            b"ERR permission denied: k\n",
        ),
        (
            Reply::Error(ErrorReply::Unreadable(b"k")),
            b"ERR cannot read: k\n",
        ),
        (
            Reply::Error(ErrorReply::FolderGone),
            b"ERR the served folder is gone\n",
        ),
        (
            Reply::Error(ErrorReply::Busy),
            b"ERR too many open files, try later\n",
        ),
        (
            Reply::Error(ErrorReply::Idle(Duration::from_secs(600))),
            b"ERR idle for 10m, closing\n",
        ),
        (
            Reply::Error(ErrorReply::ShuttingDown),
            b"ERR server shutting down\n",
        ),
        (
            Reply::Error(ErrorReply::NotWeb),
            b"ERR this is not a web server\n",
        ),
        (Reply::Error(ErrorReply::AuthFirst), b"ERR auth first\n"),
        (Reply::Error(ErrorReply::AlreadyIn), b"ERR already in\n"),
        (Reply::Error(ErrorReply::NotLetIn), b"ERR not let in\n"),
        (
            Reply::Error(ErrorReply::TokenExpired(UNIX_EPOCH)),
            b"ERR token expired 1970-01-01\n",
        ),
        (
            Reply::Error(ErrorReply::TokenInUse(2, 2)),
            b"ERR token in use by 2, allowed 2\n",
        ),
        (
            Reply::Error(ErrorReply::NoAuth(Duration::from_secs(10))),
            b"ERR no auth within 10s, closing\n",
        ),
        (
            Reply::Error(ErrorReply::NotAllowed("list")),
            b"ERR not allowed: list\n",
        ),
        (
            Reply::Error(ErrorReply::TokenEnded(TokenEnd::Revoked)),
            b"ERR token revoked, closing\n",
        ),
        (Reply::Ready(5), b"READY 5\n"),
        (
            Reply::Stored(&[0xa5; 32], 15),
            b"STORED a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5 15\n",
        ),
        (
            Reply::Error(ErrorReply::NoUploads),
            b"ERR no uploads here\n",
        ),
        (
            Reply::Error(ErrorReply::NoName("put SIZE")),
            b"ERR usage: put SIZE NAME\n",
        ),
        (
            Reply::Error(ErrorReply::SizeTooLarge),
            b"ERR size larger than any file\n",
        ),
        (Reply::Error(ErrorReply::Exists(b"a")), b"ERR exists: a\n"),
        (
            Reply::Error(ErrorReply::BeingUploaded(b"a")),
            b"ERR being uploaded: a\n",
        ),
        (
            Reply::Error(ErrorReply::NotAName(b"\t")),
            b"ERR cannot be a name: \t\n",
        ),
        (
            Reply::Error(ErrorReply::TooLarge(9)),
            b"ERR too large, 9 bytes at most\n",
        ),
        (
            Reply::Error(ErrorReply::NoRoom { free: 5, kept: 1 }),
            b"ERR no room: 5 bytes are free, 1 stay so\n",
        ),
        (
            Reply::Error(ErrorReply::PartsFull(9)),
            b"ERR no room: unfinished uploads may hold 9 bytes together\n",
        ),
        (
            Reply::Error(ErrorReply::NoOverwrite),
            b"ERR nothing is replaced here\n",
        ),
        (
            Reply::Error(ErrorReply::OtherFileSystem(b"m/a")),
            b"ERR another file system: m/a\n",
        ),
        (
            Reply::Error(ErrorReply::CannotWrite(b"a")),
            b"ERR cannot write: a\n",
        ),
        (
            Reply::Error(ErrorReply::DigestDiffers(b"a")),
            b"ERR digest differs: a\n",
        ),
        (
            Reply::Error(ErrorReply::TakenOver),
            b"ERR taken over by another connection\n",
        ),
        (
            Reply::Error(ErrorReply::NothingCame(Duration::from_secs(30))),
            b"ERR nothing came for 30s, closing\n",
        ),
        (
            Reply::Error(ErrorReply::Cut {
                came: 5,
                size: 15,
                name: b"a",
            }),
            b"ERR 5 of 15 bytes came: a\n",
        ),
        (Reply::NoMark, b"\xff\xfc\x06"),
    ];

    #[test]
    fn every_reply_is_the_line_of_the_protocol() {
        for (reply, line) in LINES {
            let mut out = Vec::new();
            reply.write(&mut out);
            assert_eq!(out, *line, "{reply:?}");
        }
    }

    #[test]
    fn what_the_server_writes_the_client_reads() {
        assert_eq!(parse_welcome(b"Welcome Client07"), Some(&b"Client07"[..]));
        assert_eq!(parse_welcome(b"Welcome "), None);
        assert_eq!(parse_welcome(FULL), None);
        assert_eq!(parse_start(b"START 0"), Some(0));
        assert_eq!(
            parse_error(b"ERR no such file: x"),
            Some(&b"no such file: x"[..])
        );
        let hex = "0123456789abcdef".repeat(4);
        let read = |line: &str| parse_sha256(line.as_bytes());
        let (digest, size) = read(&format!("SHA256 {hex} 15")).expect("it is one");
        assert_eq!((Hex(&digest).to_string(), size), (hex.clone(), 15));
        for bad in [
            format!("SHA256 {hex}"),
            format!("SHA256 {hex}15"),
            format!("SHA256 {hex} 1x"),
            format!("SHA256 {} 15", &hex[1..]),
            format!("SHA256 {} 15", hex.to_uppercase()),
            format!("sha256 {hex} 15"),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
        let stored = format!("STORED {hex} 15");
        assert_eq!(parse_stored(stored.as_bytes()), Some((digest, 15)));
        assert_eq!(parse_stored(format!("STORED {hex}").as_bytes()), None);
        assert_eq!(parse_ready(b"READY 7"), Some(7));
        for bad in [&b"READY"[..], b"READY ", b"READY 7 ", b"ready 7"] {
            assert_eq!(parse_ready(bad), None, "{}", bad.escape_ascii());
        }
        let stat = &b"STAT 15 2026-11-22T10:00:00Z a b"[..];
        assert_eq!(parse_stat(stat), Some(&stat[5..]));
        for bad in [&stat[5..], b"STAT", b"stat x ACK", b"STATUS"] {
            assert_eq!(parse_stat(bad), None, "{}", bad.escape_ascii());
        }
        for bad in [
            &b"START"[..],
            b"START ",
            b"START x",
            b"START 1e30",
            b"START -1",
            b"start 1",
        ] {
            assert_eq!(parse_start(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn the_client_knows_which_lines_end_a_session() {
        assert!(is_refusal(FULL));
        assert!(is_refusal(CROWDED) && is_refusal(PENALISED));
        assert!(!is_refusal(b"Welcome Server full"));
        for error_reply in [
            ErrorReply::Idle(Duration::from_secs(90)),
            ErrorReply::ShuttingDown,
            ErrorReply::NotWeb,
            ErrorReply::TakenOver,
            ErrorReply::NothingCame(Duration::from_secs(30)),
            ErrorReply::TokenEnded(TokenEnd::Revoked),
            ErrorReply::TokenEnded(TokenEnd::Expired),
        ] {
            let mut line = Vec::new();
            Reply::Error(error_reply).write(&mut line);
            line.pop();
            assert!(is_last_word(parse_error(&line).unwrap()), "{error_reply:?}");
        }
        assert!(!is_last_word(b"no such file: server shutting down"));
        assert_eq!(parse_goodbye(b"Goodbye Client01"), Some(&b"Client01"[..]));
        assert_eq!(parse_goodbye(b"Goodbye "), None);
    }

    #[test]
    fn each_farewell_has_a_word_of_its_own() {
        let words = CloseReason::ALL.map(|reason| reason.to_string());
        assert_eq!(
            words.join(" "),
            "exit eof reset idle stalled shutdown web token upload error"
        );
    }
}
