//! The part: what came of an upload until now, as a file in the staging folder.
//!
//! Owns its bytes and their digest. Must never write anywhere but at the end of what came before,
//! nor read more in one step than other clients can wait for.

use std::fmt;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs as sys;
use rustix::io::{Errno, pread, pwrite};
use sha2::{Digest as _, Sha256};

use crate::server::uploads::syncer::{Syncer, Ticket, Work};
use crate::wire::Digest;
use crate::wire::reply::{Hex, parse_digest};

/// After so many bytes the disk is asked to write them. A disk of 100 MB/s takes 80 ms for them.
const SYNC_BYTES: u64 = 8 << 20;

/// No more is taken while so many bytes are not known to be on the disk. It bounds how long the
/// kernel would make a write wait, and what a crash of the machine can cost.
pub(super) const UNSYNCED_BYTES_MAX: u64 = 32 << 20;

/// Read again in one step: see [`crate::server::files::digest`].
const REREAD_BYTES: usize = 256 * 1024;

/// Reserved in one step, which takes about a millisecond.
const RESERVE_BYTES: u64 = 256 << 20;

/// Says which upload a part belongs to, on the disk as in memory: two that want the same bytes
/// under the same name are the same upload, whoever sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId {
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// The first bytes of the digest of its name.
    name: [u8; 8],
}

impl PartId {
    pub(super) fn new(digest: Digest, size: u64, name: &[u8]) -> Self {
        let named: Digest = Sha256::digest(name).into();
        let (name, _) = named.split_first_chunk().expect("a digest has 32 bytes");
        Self {
            digest,
            size,
            name: *name,
        }
    }

    /// Reads the name of a part.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut words = text.split(|&byte| byte == b'-');
        let digest = parse_digest(words.next()?)?;
        let size = str::from_utf8(words.next()?).ok()?.parse().ok()?;
        let name = u64::from_str_radix(str::from_utf8(words.next()?).ok()?, 16);
        let name = name.ok()?.to_be_bytes();
        let id = Self { digest, size, name };
        // Names that only look alike are not its own.
        (id.to_string().as_bytes() == text).then_some(id)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = u64::from_be_bytes(self.name);
        write!(f, "{}-{}-{name:016x}", Hex(&self.digest), self.size)
    }
}

/// The bytes that came, and the way to the disk.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) file: Arc<OwnedFd>,
    /// Its name in the staging folder.
    pub(super) entry: String,
    /// Of the bytes before `written`.
    pub(super) hasher: Sha256,
    /// So many bytes came and are digested.
    pub(super) written: u64,
    /// So many of them are known to be on the disk.
    synced: u64,
    /// What is being synced, and how many bytes that are.
    syncing: Option<(u64, Ticket)>,
    /// There is room on the disk up to here.
    reserved: u64,
}

impl Part {
    /// A part whose file has `size` bytes, and the digest of the first `written`.
    pub(super) fn new(
        file: Arc<OwnedFd>,
        entry: String,
        size: u64,
        digested: (Sha256, u64),
    ) -> Self {
        let (hasher, written) = digested;
        Self {
            file,
            entry,
            hasher,
            written,
            // Nobody knows, but no more than this can be missing.
            synced: written.saturating_sub(UNSYNCED_BYTES_MAX),
            syncing: None,
            reserved: size,
        }
    }

    /// Digests what is there up to `end`, for one step. `true`: that was all.
    pub(super) fn reread(&mut self, end: u64, piece: &mut Vec<u8>) -> Result<bool, Errno> {
        piece.resize(REREAD_BYTES, 0);
        let left = usize::try_from(end - self.written).unwrap_or(usize::MAX);
        let piece = &mut piece[..left.min(REREAD_BYTES)];
        match pread(&self.file, &mut *piece, self.written) {
            Ok(0) if left > 0 => return Err(Errno::IO),
            Ok(n) => {
                self.hasher.update(&piece[..n]);
                self.written += n as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if self.written == end {
            self.synced = end.saturating_sub(UNSYNCED_BYTES_MAX);
        }
        Ok(self.written == end)
    }

    /// Reserves room up to `size`, for one step. `true`: that was all, or this file system cannot.
    pub(super) fn reserve(&mut self, size: u64) -> Result<bool, Errno> {
        let step = (size - self.reserved).min(RESERVE_BYTES);
        if step == 0 {
            return Ok(true);
        }
        match sys::fallocate(
            &self.file,
            sys::FallocateFlags::KEEP_SIZE,
            self.reserved,
            step,
        ) {
            Ok(()) => {
                self.reserved += step;
                Ok(self.reserved == size)
            }
            Err(Errno::INTR) => Ok(false),
            Err(errno @ (Errno::NOSPC | Errno::DQUOT)) => Err(errno),
            // Not posix_fallocate(3) instead: that writes zeros.
            Err(_) => Ok(true),
        }
    }

    /// No room is reserved any more.
    pub(super) const fn unreserve(&mut self) {
        self.reserved = self.written;
    }

    /// Adds these bytes. With an error, as many as there was room for.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match pwrite(&self.file, bytes, self.written) {
                Ok(0) => return Err(Errno::IO),
                Ok(n) => {
                    self.hasher.update(&bytes[..n]);
                    self.written += n as u64;
                    bytes = &bytes[n..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Has the disk write what came, if that is enough to be worth it.
    pub(super) fn sync(&mut self, syncer: &Syncer) -> Result<(), Errno> {
        if let Some((upto, ticket)) = &self.syncing {
            let Some(done) = ticket.poll() else {
                return Ok(());
            };
            done?;
            self.synced = *upto;
            self.syncing = None;
        }
        if self.written - self.synced >= SYNC_BYTES {
            let ticket = syncer.ask(Work::Data(Arc::clone(&self.file)));
            self.syncing = Some((self.written, ticket));
        }
        Ok(())
    }

    /// What became of the last [`Part::sync`]. To be called after work that was asked for later is
    /// done: an error is told once, so it must not be missed.
    pub(super) fn synced(&mut self) -> Result<(), Errno> {
        self.syncing
            .take()
            .map_or(Ok(()), |(_, ticket)| ticket.poll().unwrap_or(Ok(())))
    }

    /// What is still being synced.
    pub(super) fn into_ticket(self) -> Option<Ticket> {
        self.syncing.map(|(_, ticket)| ticket)
    }

    /// So many bytes have their room on the disk.
    pub(super) fn covered(&self) -> u64 {
        self.reserved.max(self.written)
    }

    /// Whether the disk has to write before more is taken.
    pub(super) const fn is_ahead(&self) -> bool {
        self.written - self.synced >= UNSYNCED_BYTES_MAX
    }

    /// The digest of all that came.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_part_says_which_upload_it_is() {
        let id = PartId::new([0xab; 32], 15, b"inbox/tide.txt");
        let text = id.to_string();
        assert_eq!(text.len(), 64 + 1 + 2 + 1 + 16);
        assert_eq!(PartId::parse(text.as_bytes()), Some(id));
        assert_ne!(id, PartId::new([0xab; 32], 15, b"inbox/other.txt"));
        assert_ne!(id, PartId::new([0xab; 32], 16, b"inbox/tide.txt"));
        let (hex, rest) = text.split_at(64);
        for bad in [
            "boot".to_owned(),
            "put-1".to_owned(),
            hex.to_owned(),
            format!("{hex}{rest}0"),
            format!("{hex}{rest}-"),
            format!("{hex}-015{}", &rest[3..]),
            format!("{hex}-+15{}", &rest[3..]),
            format!("{}{rest}", hex.to_uppercase()),
        ] {
            assert_eq!(PartId::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
