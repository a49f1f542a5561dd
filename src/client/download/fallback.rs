//! Fallbacks for file systems without locks, fsync or atomic renames.
//!
//! Owns the lock of a partial file, its fsync and its rename. Must never fail where a fallback
//! works, nor hide that it was used.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use tempfile::TempPath;

use crate::client::excerpt::{Excerpt, path_bytes};
use crate::client::net::reconnect::Link;

/// A guarantee that this file system does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing keeps two downloads of one file apart.
    Unlocked,
    /// A crash of the machine may lose bytes that have their name.
    Unsynced,
    /// A new name is given in two steps.
    Unguarded,
}

impl Fallback {
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

/// Locks the file as long as it is open.
///
/// # Errors
/// When another download has it.
pub(super) fn lock(file: &File) -> io::Result<Option<Fallback>> {
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::other("another berth is fetching it here now"))
        }
        Err(TryLockError::Error(_)) => Ok(Some(Fallback::Unlocked)),
    }
}

/// Flushes the file to the disk (fsync).
///
/// # Errors
/// When they do not get there.
pub(super) fn sync(file: &File) -> io::Result<Option<Fallback>> {
    synced(file.sync_all())
}

/// A file system that cannot say so has lost nothing.
fn synced(outcome: io::Result<()>) -> io::Result<Option<Fallback>> {
    match outcome {
        Err(err) if is_refusal(&err) => Ok(Some(Fallback::Unsynced)),
        outcome => outcome.map(|()| None),
    }
}

/// Renames, and fails if the new name is taken.
///
/// # Errors
/// When the name is taken, and those of the system.
pub(super) fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<Option<Fallback>> {
    let Err(err) = TempPath::try_from_path(from)?.persist_noclobber(to) else {
        return Ok(None);
    };
    // It is not temporary: dropped, it would be gone.
    let _ = err.path.keep();
    match err.error.kind() {
        io::ErrorKind::AlreadyExists => Err(err.error),
        // Without hard links and without RENAME_NOREPLACE; systems differ in how they say so, and
        // whatever else it is comes up again.
        _ => in_two_steps(from, to).map(|()| Some(Fallback::Unguarded)),
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
            assert_eq!(outcome.unwrap(), Some(Fallback::Unsynced), "{unknown}");
        }
        for failed in [Errno::IO, Errno::NOSPC, Errno::DQUOT] {
            assert!(synced(Err(failed.into())).is_err(), "{failed}");
        }
        assert_eq!(synced(Ok(())).unwrap(), None);
    }
}
