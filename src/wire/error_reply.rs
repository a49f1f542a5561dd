//! The reasons in `ERR` lines, written for the server and known to the client where they are the
//! last line.
//!
//! Owns their words. Must never decide which is due.

use std::time::{Duration, SystemTime};

use crate::wire::reply::{NO_SUCH_FILE, NOT_ALLOWED, SPEAKS_TLS, push};
use crate::wire::request::LINE_BYTES_MAX;
use crate::wire::timestamp::Timestamp;
use crate::wire::token::TokenEnd;

const IDLE: &[u8] = b"idle for ";
const CLOSING: &[u8] = b", closing";
const SHUTTING_DOWN: &[u8] = b"server shutting down";
const NOT_WEB: &[u8] = b"this is not a web server";
/// The reason where another connection goes on with the same upload.
pub const TAKEN_OVER: &[u8] = b"taken over by another connection";
/// The reason where files are handed out and not accepted.
pub const NO_UPLOADS: &[u8] = b"no uploads here";
/// The reason where what is there is never replaced.
pub const NO_OVERWRITE: &[u8] = b"nothing is replaced here";
/// How the reason begins when something has that name already.
pub const EXISTS: &[u8] = b"exists: ";
/// How the reason begins when the disk, or what may be used of it, is full.
pub const NO_ROOM: &[u8] = b"no room: ";
/// How the reason begins when the bytes that came are not those that were announced.
pub const DIGEST_DIFFERS: &[u8] = b"digest differs: ";
const NOTHING_CAME: &[u8] = b"nothing came for ";
const NOT_LET_IN: &[u8] = b"not let in";

/// The reason in an `ERR` line. Names are the client's own bytes, given back verbatim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReply<'a> {
    /// More than [`LINE_BYTES_MAX`] bytes came before a LF.
    LineTooLong,
    /// A command that takes a name came without one. This is its word.
    NoName(&'static str),
    /// An offset that no file can have.
    OffsetTooLarge,
    /// An offset behind the end of this file, whose size in bytes is given.
    OffsetBeyondEnd(u64),
    /// Nothing of that name is served.
    NoSuchFile(&'a [u8]),
    /// It exists and is a folder, a FIFO, a socket or a device.
    NotAFile(&'a [u8]),
    /// It leads out of the served folder.
    Outside(&'a [u8]),
    /// The server may not read it.
    Denied(&'a [u8]),
    /// The server failed to read it; its log says why.
    Unreadable(&'a [u8]),
    /// The server has no file descriptor left.
    Busy,
    /// The served folder itself was removed.
    FolderGone,
    /// No byte moved for this long.
    Idle(Duration),
    /// The server was told to stop.
    ShuttingDown,
    /// The first line was a request of HTTP.
    NotWeb,
    /// The first byte was none of TLS, on a port where TLS is spoken.
    SpeaksTls,
    /// A token has to be shown before anything else.
    AuthFirst,
    /// A token was shown already.
    AlreadyIn,
    /// What was shown is no token that is known: the same line for every wrong one.
    NotLetIn,
    /// The token was good until then.
    TokenExpired(SystemTime),
    /// So many sessions have the token, and no more may.
    TokenInUse(u32, u32),
    /// No token was shown in this time.
    NoAuth(Duration),
    /// The token gives no right to what was asked for. This is its word.
    NotAllowed(&'static str),
    /// The token is not valid any more.
    TokenEnded(TokenEnd),
    /// Files are handed out and not accepted.
    NoUploads,
    /// What is there is never replaced.
    NoOverwrite,
    /// A size that no file can have.
    SizeTooLarge,
    /// Something has that name already.
    Exists(&'a [u8]),
    /// Another client is uploading something else under that name.
    BeingUploaded(&'a [u8]),
    /// No file may have that name.
    NotAName(&'a [u8]),
    /// No file may have more bytes than this.
    TooLarge(u64),
    /// The disk has too little room.
    NoRoom {
        /// So many bytes could be written now.
        free: u64,
        /// So many have to stay free.
        kept: u64,
    },
    /// Unfinished uploads hold so many bytes already.
    PartsFull(u64),
    /// The folder of that name is on another file system than the unfinished uploads.
    OtherFileSystem(&'a [u8]),
    /// The server failed to write it; its log says why.
    CannotWrite(&'a [u8]),
    /// The bytes that came are not those that were announced.
    DigestDiffers(&'a [u8]),
    /// Another connection goes on with the same upload.
    TakenOver,
    /// Nothing of the body came for this long.
    NothingCame(Duration),
    /// The body ended early.
    Cut {
        /// So many bytes came.
        came: u64,
        /// So many were announced.
        size: u64,
        /// As the client wrote it.
        name: &'a [u8],
    },
}

impl ErrorReply<'_> {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::LineTooLong => push(out, format_args!("line longer than {LINE_BYTES_MAX} bytes")),
            Self::NoName(word) => push(out, format_args!("usage: {word} NAME")),
            Self::OffsetTooLarge => out.extend_from_slice(b"offset larger than any file"),
            Self::OffsetBeyondEnd(size) => {
                push(
                    out,
                    format_args!("offset beyond the end, the file has {size} bytes"),
                );
            }
            Self::NoSuchFile(name) => out.extend_from_slice(&[NO_SUCH_FILE, name].concat()),
            Self::NotAFile(name) => out.extend_from_slice(&[b"not a file: ", name].concat()),
            Self::Outside(name) => {
                out.extend_from_slice(&[b"outside the served folder: ", name].concat());
            }
            Self::Denied(name) => out.extend_from_slice(&[b"permission denied: ", name].concat()),
            Self::Unreadable(name) => out.extend_from_slice(&[b"cannot read: ", name].concat()),
            Self::FolderGone => out.extend_from_slice(b"the served folder is gone"),
            Self::Busy => out.extend_from_slice(b"too many open files, try later"),
            Self::Idle(quiet) => {
                push(
                    out,
                    format_args!("idle for {}, closing", humantime::format_duration(quiet)),
                );
            }
            Self::ShuttingDown => out.extend_from_slice(SHUTTING_DOWN),
            Self::NotWeb => out.extend_from_slice(NOT_WEB),
            Self::SpeaksTls => out.extend_from_slice(SPEAKS_TLS),
            Self::AuthFirst => out.extend_from_slice(b"auth first"),
            Self::AlreadyIn => out.extend_from_slice(b"already in"),
            Self::NotLetIn => out.extend_from_slice(NOT_LET_IN),
            Self::TokenExpired(at) => {
                let at = Timestamp(at).to_string();
                push(out, format_args!("token expired {}", &at[..10]));
            }
            Self::TokenInUse(by, allowed) => {
                push(out, format_args!("token in use by {by}, allowed {allowed}"));
            }
            Self::NoAuth(time) => {
                let time = humantime::format_duration(time);
                push(out, format_args!("no auth within {time}, closing"));
            }
            Self::NotAllowed(word) => {
                out.extend_from_slice(&[NOT_ALLOWED, word.as_bytes()].concat());
            }
            Self::TokenEnded(end) => push(out, format_args!("token {end}, closing")),
            refusal => refusal.write_upload(out),
        }
    }

    /// The reasons that only an upload has.
    fn write_upload(self, out: &mut Vec<u8>) {
        let mut about = |words: &[u8], name: &[u8]| out.extend_from_slice(&[words, name].concat());
        match self {
            Self::NoUploads => about(NO_UPLOADS, b""),
            Self::NoOverwrite => about(NO_OVERWRITE, b""),
            Self::SizeTooLarge => about(b"size larger than any file", b""),
            Self::Exists(name) => about(EXISTS, name),
            Self::BeingUploaded(name) => about(b"being uploaded: ", name),
            Self::NotAName(name) => about(b"cannot be a name: ", name),
            Self::OtherFileSystem(name) => about(b"another file system: ", name),
            Self::CannotWrite(name) => about(b"cannot write: ", name),
            Self::DigestDiffers(name) => about(DIGEST_DIFFERS, name),
            Self::TakenOver => about(TAKEN_OVER, b""),
            Self::TooLarge(most) => push(out, format_args!("too large, {most} bytes at most")),
            Self::NoRoom { free, kept } => {
                push(
                    out,
                    format_args!("no room: {free} bytes are free, {kept} stay so"),
                );
            }
            Self::PartsFull(most) => push(
                out,
                format_args!("no room: unfinished uploads may hold {most} bytes together"),
            ),
            Self::NothingCame(time) => {
                let time = humantime::format_duration(time);
                push(out, format_args!("nothing came for {time}, closing"));
            }
            Self::Cut { came, size, name } => {
                push(out, format_args!("{came} of {size} bytes came: "));
                out.extend_from_slice(name);
            }
            _ => unreachable!("all others are written above"),
        }
    }
}

/// Whether the server closes behind an `ERR` line with this reason, so that no answer follows it.
#[must_use]
pub fn is_last_word(reason: &[u8]) -> bool {
    [SHUTTING_DOWN, NOT_WEB, SPEAKS_TLS, TAKEN_OVER].contains(&reason)
        || (reason.ends_with(CLOSING)
            && (reason.starts_with(IDLE)
                || reason.starts_with(NOTHING_CAME)
                || is_token_end(reason)))
}

/// Whether the reason of a refused upload is that its body ended early.
#[must_use]
pub fn is_cut(reason: &[u8]) -> bool {
    let behind_number = |text: &'_ [u8]| -> Option<usize> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.count()).filter(|digits| *digits > 0)
    };
    let Some(rest) = behind_number(reason).and_then(|at| reason[at..].strip_prefix(b" of ")) else {
        return false;
    };
    behind_number(rest).is_some_and(|at| rest[at..].starts_with(b" bytes came: "))
}

fn is_token_end(reason: &[u8]) -> bool {
    reason.starts_with(b"token revoked") || reason.starts_with(b"token expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_ended_early_is_told_from_other_refusals() {
        let mut line = Vec::new();
        let (came, size, name) = (5, 15, &b"a"[..]);
        ErrorReply::Cut { came, size, name }.write(&mut line);
        assert!(is_cut(&line), "{}", line.escape_ascii());
        for other in [
            &b"exists: 5 of 15 bytes came: a"[..],
            b" of  bytes came: a",
            b"5 of  bytes came: a",
            b"5 of 15",
            b"",
        ] {
            assert!(!is_cut(other), "{}", other.escape_ascii());
        }
    }
}
