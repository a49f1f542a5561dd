//! A partial file: `.NAME.part`, beside its final name.
//!
//! Owns what is on the disk before a file is complete, so that a kill at any moment leaves
//! something to resume or nothing:
//!
//! - the part holds the file's first bytes, and is locked while a download writes it;
//! - its metadata, `.NAME.part.meta`, says which file that is ([`super::metadata`]). It is written
//!   before the first byte and never changed, so a part with metadata is the beginning of just that
//!   file in that state.
//!
//! Must never give the final name to an incomplete file, nor write what another download writes.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::client::download::fallback::{self, Fallback};
use crate::client::download::metadata::Origin;
use crate::client::download::names;
use crate::client::download::permissions::Permissions;
use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::regular_file::{self, Links, NotRegular};
use crate::wire::{Digest, Sanitized};

/// How often a part that vanished between its opening and its locking is opened again: another
/// download finished in that moment.
const RACES_MAX: usize = 8;

/// Read at once to be digested.
const PIECE_BYTES: usize = 256 * 1024;

/// What happens to the part and its metadata when the part is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    /// They stay, to be resumed later, unless no byte has come.
    Keep,
    /// They are removed.
    Remove,
    /// Nothing: the part has its final name.
    Nothing,
}

/// A partial file, locked.
#[derive(Debug)]
pub struct Partial {
    /// Where the file will be.
    target: PathBuf,
    path: PathBuf,
    metadata_path: PathBuf,
    file: File,
    /// How many bytes are in it.
    have: u64,
    origin: Origin,
    drops: Drops,
    /// Those of the file that it may take the place of.
    permissions: Option<Permissions>,
    /// Set where the file system has no locks.
    unlocked: Option<Fallback>,
}

impl Partial {
    /// Opens the part of `target` or makes it. With `overwrite` it replaces the file that is there.
    ///
    /// # Errors
    /// When the folder cannot be written, something else is in the way, or another download has it.
    pub fn open(target: &Path, overwrite: bool) -> Result<Self, Error> {
        let failed = |err| Error::Local(path_bytes(target), err);
        let no_name = || failed(io::ErrorKind::InvalidFilename.into());
        let (path, metadata_path) = names::beside(target).ok_or_else(no_name)?;
        // What is in the way there is told before anything is asked for.
        let free = regular_file::check_at(&metadata_path, Links::Refused);
        free.map_err(|there| failed(in_the_way(&metadata_path, there.into())))?;
        let (mut file, unlocked) = open_and_lock(&path).map_err(failed)?;
        let have = file.seek(SeekFrom::End(0)).map_err(failed)?;
        let origin = match have {
            0 => Origin::Unknown,
            _ => Origin::read(&metadata_path),
        };
        let permissions = overwrite.then(|| Permissions::of(target)).flatten();
        if let Some(permissions) = permissions {
            permissions.guard(&file);
        }
        Ok(Self {
            target: target.to_owned(),
            path,
            metadata_path,
            file,
            have,
            origin,
            drops: Drops::Keep,
            permissions,
            unlocked,
        })
    }

    /// Set where the file system has no locks, so that another download may write it too.
    #[must_use]
    pub const fn unlocked(&self) -> Option<Fallback> {
        self.unlocked
    }

    /// Where the file will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// How many bytes have come.
    #[must_use]
    pub const fn have(&self) -> u64 {
        self.have
    }

    /// What is known of the file that it is a part of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Begins with nothing, of the file that is listed so; not to be gone on with where that is
    /// not known. The bytes go before the metadata does, so that no other file's are ever under it.
    ///
    /// # Errors
    /// When the disk takes no more. The file's bytes are on their way by then, as with
    /// [`Partial::write`].
    pub fn begin(&mut self, listed: Option<&[u8]>) -> Result<(), Error> {
        if self.have > 0 {
            let emptied = self.file.set_len(0);
            emptied
                .and_then(|()| self.file.seek(SeekFrom::Start(0)))
                .map_err(|err| self.unwritable(err))?;
        }
        self.have = 0;
        self.origin = Origin::of(listed);
        let line = listed.unwrap_or_default();
        let written = regular_file::replace(&self.metadata_path)
            .map_err(|err| in_the_way(&self.metadata_path, err))
            .and_then(|mut file| file.write_all(&[line, b"\n"].concat()));
        written.map_err(|err| self.unwritable(err))
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When the disk takes no more. What it took is kept.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.file.write(rest) {
                Ok(0) => return Err(self.unwritable(io::ErrorKind::WriteZero.into())),
                Ok(n) => {
                    self.have += n as u64;
                    rest = &rest[n..];
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(self.unwritable(err)),
            }
        }
        Ok(())
    }

    /// The digest of all that has come. How many bytes it has got further is told as it goes.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub fn digest(&mut self, tell: impl FnMut(u64)) -> Result<Digest, Error> {
        self.read_all(tell).map_err(|err| self.failed(err))
    }

    fn read_all(&mut self, mut tell: impl FnMut(u64)) -> io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut piece = vec![0; PIECE_BYTES];
        self.file.seek(SeekFrom::Start(0))?;
        loop {
            match self.file.read(&mut piece) {
                Ok(0) => return Ok(hasher.finalize().into()),
                Ok(n) => {
                    hasher.update(&piece[..n]);
                    tell(n as u64);
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }

    /// Gives the file its name, and replaces another only with `overwrite`. The bytes
    /// are on the disk before the name is, so that no crash can leave the name with less. Returns
    /// what of that this file system could not do.
    ///
    /// # Errors
    /// When there is another meanwhile, or the folder cannot be written. The part is kept.
    pub fn keep(mut self, overwrite: bool) -> Result<Vec<Fallback>, Error> {
        match self.settle(overwrite) {
            Ok(fallbacks) => {
                // What is left to do is tidying up; the file is there.
                let _ = remove(&self.metadata_path);
                sync_folder(&self.target);
                self.drops = Drops::Nothing;
                Ok(fallbacks)
            }
            Err(err) => {
                if !matches!(self.origin, Origin::Listed(_)) {
                    // It could not be resumed.
                    self.drops = Drops::Remove;
                }
                Err(match err.kind() {
                    io::ErrorKind::AlreadyExists => Error::Exists(path_bytes(&self.target)),
                    _ => self.failed(err),
                })
            }
        }
    }

    fn settle(&self, overwrite: bool) -> io::Result<Vec<Fallback>> {
        if let Some(permissions) = self.permissions.filter(|_| overwrite) {
            permissions.give(&self.file);
        }
        let synced = fallback::sync(&self.file)?;
        let renamed = match overwrite {
            true => fs::rename(&self.path, &self.target).map(|()| None)?,
            false => fallback::rename_to_nothing(&self.path, &self.target)?,
        };
        Ok(synced.into_iter().chain(renamed).collect())
    }

    /// Throws away what has come: it is wrong.
    pub fn discard(mut self) {
        self.drops = Drops::Remove;
    }

    fn failed(&self, err: io::Error) -> Error {
        Error::Local(path_bytes(&self.target), err)
    }

    fn unwritable(&self, err: io::Error) -> Error {
        Error::Write(path_bytes(&self.target), err)
    }
}

impl Drop for Partial {
    /// Removes a part that cannot be resumed.
    fn drop(&mut self) {
        let removes = match self.drops {
            Drops::Keep => self.have == 0,
            Drops::Remove => true,
            Drops::Nothing => false,
        };
        if removes {
            let _ = remove(&self.metadata_path);
            let _ = remove(&self.path);
        }
    }
}

fn open_and_lock(path: &Path) -> io::Result<(File, Option<Fallback>)> {
    for _ in 0..RACES_MAX {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = regular_file::open(path, &mut options, Links::Refused)
            .map_err(|err| in_the_way(path, err))?;
        if regular_file::has_another_name(&file) {
            let path = path_bytes(path);
            let path = Sanitized(&path);
            let why =
                format!("{path} is in the way: it is a file with another name too (a hard link)");
            return Err(io::Error::other(why));
        }
        let unlocked = fallback::lock(&file)?;
        if is_at(&file, path) {
            return Ok((file, unlocked));
        }
    }
    Err(io::Error::other("others keep replacing its part"))
}

/// An error of opening the file at `path`, which names it where the type of what is there is the
/// cause.
fn in_the_way(path: &Path, err: io::Error) -> io::Error {
    let Some(there) = NotRegular::of(&err) else {
        return err;
    };
    let path = path_bytes(path);
    let (path, kind) = (Sanitized(&path), there.kind());
    io::Error::other(format!("{path} is in the way: it is {kind}, and stays"))
}

/// Whether `path` still leads to `file`: the holder of the lock before may have renamed it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(file), Ok(there)) = (file.metadata(), path.symlink_metadata()) else {
        return false;
    };
    (file.dev(), file.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A name is on the disk when its folder is. Systems that cannot do this do it by themselves.
fn sync_folder(target: &Path) {
    let folder = target.parent().filter(|folder| *folder != Path::new(""));
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &[u8] = b"6 2026-11-22T10:00:00Z sub/f";

    #[test]
    fn a_part_is_found_again_with_what_it_is_a_part_of() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("f");
        let mut partial = Partial::open(&target, false).unwrap();
        assert_eq!((partial.have(), partial.origin()), (0, &Origin::Unknown));
        partial.begin(Some(LISTED)).unwrap();
        partial.write(b"abc").unwrap();
        drop(partial);
        let listed = Origin::of(Some(LISTED));
        let mut partial = Partial::open(&target, false).unwrap();
        assert_eq!((partial.have(), partial.origin()), (3, &listed));
        partial.write(b"def").unwrap();
        assert_eq!(
            partial.digest(|_| {}).unwrap(),
            <Digest>::from(Sha256::digest(b"abcdef"))
        );
        partial.keep(false).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abcdef");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn metadata_that_was_cut_is_none_and_a_part_of_nothing_goes() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("f");
        fs::write(folder.path().join(".f.part"), b"abc").unwrap();
        fs::write(folder.path().join(".f.part.meta"), &LISTED[..9]).unwrap();
        let mut partial = Partial::open(&target, false).unwrap();
        assert_eq!((partial.have(), partial.origin()), (3, &Origin::Unknown));
        partial.begin(Some(LISTED)).unwrap();
        drop(partial);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_do_not_write_one_part() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("f");
        let first = Partial::open(&target, false).unwrap();
        let err = Partial::open(&target, false).unwrap_err();
        assert!(err.to_string().contains("another berth"), "{err}");
        assert_eq!(err.exit_code(), 23);
        drop(first);
        assert!(Partial::open(&target, false).is_ok());
    }

    #[test]
    fn nothing_is_clobbered_unless_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("f");
        let partial = || {
            let mut partial = Partial::open(&target, false).unwrap();
            partial.begin(None).unwrap();
            partial.write(b"new").unwrap();
            partial
        };
        fs::write(&target, b"old").unwrap();
        assert_eq!(partial().keep(false).unwrap_err().exit_code(), 73);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        partial().keep(true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_part_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, b"mine").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(".f.part")).unwrap();
        assert!(Partial::open(&folder.path().join("f"), false).is_err());
        assert_eq!(fs::read(&other).unwrap(), b"mine");
    }
}
