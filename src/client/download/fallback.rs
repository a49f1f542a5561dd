//! What a file system may not be able to do, and what is done instead.
//!
//! Owns the lock of a part, the way of its bytes to the disk, and its new name. Must never fail
//! where something weaker can be done, nor leave unsaid what is weaker.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use tempfile::TempPath;

use crate::client::excerpt::{Excerpt, path_bytes};
use crate::client::net::reconnect::Link;

/// A promise that a file system does not let us keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weaker {
    /// Nothing keeps two downloads of one file apart.
    Unlocked,
    /// A crash of the machine may lose bytes that have their name.
    Unsynced,
    /// A new name is given in two steps.
    Unguarded,
}

impl Weaker {
    /// Tells it, once in a session, of the first file that it concerns.
    pub(super) fn tell(self, link: &mut Link, path: &Path) {
        let kind = match self {
            Self::Unlocked => "unlocked",
            Self::Unsynced => "unsynced",
            Self::Unguarded => "unguarded",
        };
        let path = path_bytes(path);
        link.info_once(kind, self.note(Excerpt(&path)));
    }

    fn note(self, name: Excerpt<'_>) -> String {
        match self {
            Self::Unlocked => format!(
                "note: files cannot be locked here, so nothing keeps another berth from fetching \
                 {name} at the same time"
            ),
            Self::Unsynced => format!(
                "note: this file system does not say when a file is on the disk, so a crash of \
                 the machine may still take {name}"
            ),
            Self::Unguarded => format!(
                "note: this file system cannot give a name only where it is free, so {name} was \
                 reserved empty before it got its bytes"
            ),
        }
    }
}

/// Keeps others from the file, as long as it is open.
///
/// # Errors
/// When somebody else does.
pub(super) fn lock(file: &File) -> io::Result<Option<Weaker>> {
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::other("another berth is fetching it here now"))
        }
        Err(TryLockError::Error(_)) => Ok(Some(Weaker::Unlocked)),
    }
}

/// Waits until the file's bytes are on the disk.
///
/// # Errors
/// When they do not get there.
pub(super) fn sync(file: &File) -> io::Result<Option<Weaker>> {
    synced(file.sync_all())
}

/// A file system that cannot say so has lost nothing.
fn synced(outcome: io::Result<()>) -> io::Result<Option<Weaker>> {
    match outcome {
        Err(err) if is_refusal(&err) => Ok(Some(Weaker::Unsynced)),
        outcome => outcome.map(|()| None),
    }
}

/// Renames to a name that is free, and to no other.
///
/// # Errors
/// When the name is taken, and those of the system.
pub(super) fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<Option<Weaker>> {
    let Err(err) = TempPath::try_from_path(from)?.persist_noclobber(to) else {
        return Ok(None);
    };
    // It is not temporary: dropped, it would be gone.
    let _ = err.path.keep();
    match err.error.kind() {
        io::ErrorKind::AlreadyExists => Err(err.error),
        // Without hard links and without RENAME_NOREPLACE; systems differ in how they say so, and
        // whatever else it is comes up again.
        _ => in_two_steps(from, to).map(|()| Some(Weaker::Unguarded)),
    }
}

/// Takes the name with an empty file, which fails where there is one, and puts `from` in its place.
fn in_two_steps(from: &Path, to: &Path) -> io::Result<()> {
    drop(File::options().write(true).create_new(true).open(to)?);
    fs::rename(from, to).or_else(|_| {
        // Some take no name that is taken, and some fail for good; neither keeps the empty file.
        fs::remove_file(to)?;
        fs::rename(from, to)
    })
}

/// Whether the file system, or a filter before it, does not know what it was asked for.
fn is_refusal(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_two_steps_is_given_only_where_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("part"), b"new").unwrap();
        fs::write(at("taken"), b"old").unwrap();
        let err = in_two_steps(&at("part"), &at("taken")).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(at("taken")).unwrap(), b"old");
        assert!(in_two_steps(&at("nothing"), &at("free")).is_err());
        assert!(!at("free").exists());
        in_two_steps(&at("part"), &at("free")).unwrap();
        assert_eq!(fs::read(at("free")).unwrap(), b"new");
        assert!(!at("part").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sync_that_is_not_known_is_weaker_and_one_that_fails_an_error() {
        use rustix::io::Errno;
        for unknown in [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP] {
            let outcome = synced(Err(unknown.into()));
            assert_eq!(outcome.unwrap(), Some(Weaker::Unsynced), "{unknown}");
        }
        for failed in [Errno::IO, Errno::NOSPC, Errno::DQUOT] {
            assert!(synced(Err(failed.into())).is_err(), "{failed}");
        }
        assert_eq!(synced(Ok(())).unwrap(), None);
    }
}
