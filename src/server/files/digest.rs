//! The answer to `sha256`, computed a step at a time, and a cache of digests.
//!
//! Owns the progress of each digest, and the cache. Must never read more of a file in one step than
//! other clients can wait for, nor cache the digest of a file that may have changed since.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::server::files::readahead::Readahead;
use crate::wire::Digest;

/// Read and digested in one step: a fraction of a millisecond from memory, with the instructions
/// that processors have for it, and two milliseconds without.
const STEP_BYTES: usize = 256 * 1024;

/// Read at once, so that the piece is still in the processor's cache when it is digested.
const PIECE_BYTES: usize = 64 * 1024;

/// How many digests are remembered: enough for every file that is asked for by many, in less than
/// 100 KiB, and few enough to be searched from end to end.
const REMEMBERED_MAX: usize = 512;

/// How old the last change of a file has to be for its digest to be remembered. Coarser clocks than
/// any file system's could give a later change the same time.
const SETTLED: Duration = Duration::from_secs(2);

/// Identifies one version of one file: two equal identities mean equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    /// In seconds and nanoseconds, as with the next.
    modified: (i64, i64),
    /// The ctime: unlike the mtime it cannot be set.
    changed: (i64, i64),
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let stat = file.metadata()?;
        Ok(Self {
            device: stat.dev(),
            inode: stat.ino(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
        })
    }

    /// Whether the last change lies far enough back to be told from one that comes now.
    fn is_settled(&self, now: SystemTime) -> bool {
        let changed = Duration::from_secs(u64::try_from(self.changed.0).unwrap_or(0));
        now.duration_since(UNIX_EPOCH)
            .is_ok_and(|now| now.saturating_sub(changed) >= SETTLED)
    }
}

/// The cache of the last digests.
#[derive(Debug, Default)]
pub struct Digests {
    /// The oldest is first.
    remembered: VecDeque<(Identity, Digest)>,
    /// The read buffer; allocated at the first use.
    piece: Vec<u8>,
}

/// A digest that is being computed.
#[derive(Debug)]
pub struct Digesting {
    file: File,
    /// As the client wrote it.
    name: Vec<u8>,
    /// The version of the file when it was opened.
    identity: Identity,
    hasher: Sha256,
    done: u64,
    /// The state of its readahead.
    ahead: Readahead,
}

impl Digesting {
    /// Digests `file`, which was asked for as `name`, as it is now.
    ///
    /// # Errors
    /// When the file cannot be looked at.
    pub fn begin(file: File, name: &[u8]) -> io::Result<Self> {
        Ok(Self {
            identity: Identity::of(&file)?,
            file,
            name: name.to_vec(),
            hasher: Sha256::new(),
            done: 0,
            ahead: Readahead::Unknown,
        })
    }

    /// The name that was asked for.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What is digested.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// How many bytes the digest is of.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.identity.size
    }

    /// Reads on for one step. `true`: that was all.
    fn advance(&mut self, piece: &mut [u8]) -> io::Result<bool> {
        let step = self.done..self.done + STEP_BYTES as u64;
        if step.end <= self.identity.size {
            self.ahead = self.ahead.fetch(&self.file, step);
        }
        for _ in 0..STEP_BYTES / PIECE_BYTES {
            let left = usize::try_from(self.identity.size - self.done).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(true);
            }
            let piece = &mut piece[..left.min(PIECE_BYTES)];
            match self.file.read_at(piece, self.done) {
                // It has shrunk since it was opened.
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.hasher.update(&piece[..n]);
                    self.done += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.done == self.identity.size)
    }
}

impl Digests {
    /// Reads and digests for one step. Returns the digest when it is complete; `now` is asked for
    /// the time then, and only then.
    ///
    /// # Errors
    /// When the file cannot be read to the end that it had.
    pub fn resume(
        &mut self,
        task: &mut Digesting,
        now: impl Fn() -> SystemTime,
    ) -> io::Result<Option<Digest>> {
        if task.done == 0
            && let Some(known) = self.find(&task.identity)
        {
            return Ok(Some(known));
        }
        self.piece.resize(PIECE_BYTES, 0);
        if !task.advance(&mut self.piece)? {
            return Ok(None);
        }
        let digest = task.hasher.finalize_reset().into();
        let unchanged = Identity::of(&task.file)? == task.identity;
        if unchanged && task.identity.is_settled(now()) {
            self.remember(task.identity, digest);
        }
        Ok(Some(digest))
    }

    fn find(&self, identity: &Identity) -> Option<Digest> {
        let known = self.remembered.iter().find(|(known, _)| known == identity);
        known.map(|(_, digest)| *digest)
    }

    fn remember(&mut self, identity: Identity, digest: Digest) {
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back((identity, digest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{OpenOptions, write};

    /// Long after anything that these tests do to files.
    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3600)
    }

    fn digest(digests: &mut Digests, file: &File, now: SystemTime) -> (Digest, u32) {
        let mut task = Digesting::begin(file.try_clone().unwrap(), b"f").unwrap();
        for steps in 1.. {
            if let Some(digest) = digests.resume(&mut task, || now).unwrap() {
                return (digest, steps);
            }
        }
        unreachable!("it ends before the numbers do");
    }

    #[test]
    fn a_digest_takes_a_step_for_each_piece_and_none_again() {
        let folder = tempfile::tempdir().unwrap();
        for (size, steps) in [
            (0, 1),
            (1, 1),
            (STEP_BYTES, 1),
            (STEP_BYTES + 1, 2),
            (3 * STEP_BYTES, 3),
        ] {
            let bytes: Vec<u8> = (0..size).map(|i| (i / 3) as u8).collect();
            let path = folder.path().join(size.to_string());
            write(&path, &bytes).unwrap();
            let file = File::open(path).unwrap();
            let mut digests = Digests::default();
            let expected = Sha256::digest(&bytes).into();
            let first = digest(&mut digests, &file, later());
            assert_eq!(first, (expected, steps), "{size}");
            assert_eq!(digest(&mut digests, &file, later()), (expected, 1));
        }
    }

    #[test]
    fn a_file_that_changes_or_just_did_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write(&path, vec![1; 2 * STEP_BYTES]).unwrap();
        let file = File::open(&path).unwrap();
        let mut digests = Digests::default();
        digest(&mut digests, &file, SystemTime::now());
        assert!(digests.remembered.is_empty(), "it has just been written");

        let mut task = Digesting::begin(file.try_clone().unwrap(), b"f").unwrap();
        assert_eq!(digests.resume(&mut task, later).unwrap(), None);
        let other = OpenOptions::new().append(true).open(&path).unwrap();
        other.write_at(b"x", 0).unwrap();
        assert!(digests.resume(&mut task, later).unwrap().is_some());
        assert!(digests.remembered.is_empty(), "it changed meanwhile");
    }

    #[test]
    fn a_file_that_shrinks_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write(&path, vec![1; 2 * STEP_BYTES]).unwrap();
        let mut digests = Digests::default();
        let mut task = Digesting::begin(File::open(&path).unwrap(), b"f").unwrap();
        assert_eq!(digests.resume(&mut task, later).unwrap(), None);
        write(&path, b"").unwrap();
        assert!(digests.resume(&mut task, later).is_err());
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut digests = Digests::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write(&path, b"x").unwrap();
        let mut identity = Identity::of(&File::open(&path).unwrap()).unwrap();
        for inode in 0..2 * REMEMBERED_MAX as u64 {
            identity.inode = inode;
            digests.remember(identity, [0; 32]);
        }
        assert_eq!(digests.remembered.len(), REMEMBERED_MAX);
        assert_eq!(digests.find(&identity), Some([0; 32]));
    }
}
