//! Why an upload is not stored.
//!
//! Owns the reasons, and what each is called on the wire and in the journal. Must never decide
//! which is due.

use rustix::io::Errno;

use crate::server::files::root::Refusal;
use crate::wire::{CloseReason, ErrorReply, Sanitized};

/// Why an upload is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No file may have the name.
    NotAName,
    /// It leads out of the served folder.
    Outside,
    /// It is not below the folder that is written to, or the server may not write there.
    Denied,
    /// What is there is never replaced.
    NoOverwrite,
    /// Something has that name.
    Exists,
    /// Something has that name that is no file, so it cannot be replaced.
    NotAFile,
    /// Somebody else is uploading something else under that name.
    BeingUploaded,
    /// No file may have more bytes than this.
    TooLarge(u64),
    /// The disk has too little room.
    NoRoom {
        /// So many bytes could be written now.
        free: u64,
        /// So many have to stay free.
        kept: u64,
    },
    /// Unfinished uploads may hold so many bytes and no more.
    PartsFull(u64),
    /// The name's folder is on another file system than the unfinished uploads.
    OtherFileSystem,
    /// The process has no file descriptor left.
    Busy,
    /// The served folder was removed.
    FolderGone,
    /// The server failed; the log says how.
    CannotWrite,
    /// Not what was announced has come.
    DigestDiffers,
    /// Another connection goes on with the upload.
    TakenOver,
}

/// The journal's word for an upload whose client left for this reason.
#[must_use]
pub const fn reason_of(why: CloseReason) -> &'static str {
    match why {
        CloseReason::Stalled | CloseReason::Idle => "stalled",
        CloseReason::Shutdown => "shutdown",
        CloseReason::Token => "token",
        CloseReason::Error => "error",
        _ => "cut",
    }
}

impl Failure {
    /// What the client is told, which has asked for `name`.
    #[must_use]
    pub const fn reply(self, name: &[u8]) -> ErrorReply<'_> {
        match self {
            Self::NotAName => ErrorReply::NotAName(name),
            Self::Outside => ErrorReply::Outside(name),
            Self::Denied => ErrorReply::Denied(name),
            Self::NoOverwrite => ErrorReply::NoOverwrite,
            Self::Exists => ErrorReply::Exists(name),
            Self::NotAFile => ErrorReply::NotAFile(name),
            Self::BeingUploaded => ErrorReply::BeingUploaded(name),
            Self::TooLarge(most) => ErrorReply::TooLarge(most),
            Self::NoRoom { free, kept } => ErrorReply::NoRoom { free, kept },
            Self::PartsFull(most) => ErrorReply::PartsFull(most),
            Self::OtherFileSystem => ErrorReply::OtherFileSystem(name),
            Self::Busy => ErrorReply::Busy,
            Self::FolderGone => ErrorReply::FolderGone,
            Self::CannotWrite => ErrorReply::CannotWrite(name),
            Self::DigestDiffers => ErrorReply::DigestDiffers(name),
            Self::TakenOver => ErrorReply::TakenOver,
        }
    }

    /// The journal's word for it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Exists | Self::NotAFile => "exists",
            Self::NoRoom { .. } | Self::PartsFull(_) => "full",
            Self::DigestDiffers => "digest",
            Self::TakenOver => "taken",
            _ => "error",
        }
    }

    /// Whether what came until now may be gone on with. What the disk failed with may not, nor what
    /// is known not to be what was announced; what can have no name is of no use.
    pub(super) const fn keeps_part(self) -> bool {
        !matches!(
            self,
            Self::CannotWrite | Self::DigestDiffers | Self::Exists | Self::NotAFile
        )
    }

    /// What an error of the kernel means for the upload of `name`. What is nobody's mistake goes to
    /// the log.
    pub(super) fn of(errno: Errno, name: &[u8]) -> Self {
        match errno {
            Errno::EXIST => Self::Exists,
            Errno::ISDIR | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG => Self::NotAName,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied,
            Errno::XDEV => Self::OtherFileSystem,
            Errno::MFILE | Errno::NFILE => {
                log::warn!("no file descriptor left to take an upload with");
                Self::Busy
            }
            errno => {
                log::error!("cannot write {}: {errno}", Sanitized(name));
                Self::CannotWrite
            }
        }
    }

    /// What it means for the upload of `name` that its folder cannot be opened.
    pub(super) fn of_folder(refusal: Refusal, name: &[u8]) -> Self {
        match refusal {
            // A link or a file stands where a folder should.
            Refusal::NoSuchFile | Refusal::NotAFile => Self::NotAName,
            Refusal::Outside => Self::Outside,
            Refusal::Denied => Self::Denied,
            Refusal::Busy => Self::of(Errno::MFILE, name),
            Refusal::Gone => Self::FolderGone,
            Refusal::Failed(errno) => Self::of(errno, name),
        }
    }
}
