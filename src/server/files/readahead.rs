//! Readahead: a file's bytes are in the page cache before they are sent.
//!
//! Owns how far ahead of its reader a file was requested. Must block on the disk as little as it
//! can: sendfile(2) and read(2) do, and block the whole loop.
//!
//! The kernel's own readahead uses windows as large as the device's setting, and allocates a whole
//! window at once: with 8 MiB that took 18 ms, for all clients. So it is switched off, and pieces
//! are requested explicitly instead, a little more in each turn than is sent. The first piece of a
//! file that is on the disk still blocks, and so does every piece while the peer is faster than the
//! disk, but never for more than a turn sends.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::ops::Range;

use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

/// How far ahead a file is requested. A fast disk of 2 GiB/s delivers this in 1 ms; a slow one with
/// a latency of 10 ms per request still delivers 200 MiB/s. It is page cache, which the kernel can
/// reclaim at any time.
const LEAD_BYTES: u64 = 2 * 1024 * 1024;

/// The most that is requested by one call. Of more than the device's maximum request or readahead
/// size the kernel silently drops the rest; 128 KiB has been Linux's default for twenty years, and
/// few devices take less.
const ASK_BYTES: u64 = 128 * 1024;

/// How much of a cached file is assumed to be in memory between two checks. A page that was
/// reclaimed in between blocks.
const TRUST_BYTES: u64 = 1024 * 1024;

/// How far a file was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readahead {
    /// Not checked yet.
    Unknown,
    /// In memory up to here, or assumed to be.
    Cached(u64),
    /// Not in memory when it was due, or not known to be; requested up to here since.
    Asked(u64),
}

impl Readahead {
    /// Sees to it that `piece` of `file`, and what comes behind it, is in memory soon. To be called
    /// before each piece is read, in their order. It takes two system calls for each
    /// `TRUST_BYTES` of a file that is in memory, and one for each `ASK_BYTES` of one that is
    /// not.
    #[must_use]
    pub fn fetch(self, file: &File, piece: Range<u64>) -> Self {
        if self == Self::Unknown {
            // Before the first check, which would start a whole window. A file system may ignore
            // this.
            let _ = fadvise(file, 0, None, Advice::Random);
        }
        let (next, mut asked) = self.next(piece, |at| is_cached(file, at));
        while let Some(len) = NonZeroU64::new(ASK_BYTES.min(asked.end - asked.start)) {
            // It may ignore this too; a missing page then blocks.
            let _ = fadvise(file, asked.start, Some(len), Advice::WillNeed);
            asked.start += len.get();
        }
        next
    }

    /// The state after `piece` is read, and the range to request before that.
    fn next(self, piece: Range<u64>, is_cached: impl Fn(u64) -> bool) -> (Self, Range<u64>) {
        let nothing = piece.start..piece.start;
        match self {
            Self::Cached(until) if piece.end <= until => (self, nothing),
            Self::Unknown | Self::Cached(_) => {
                let until = piece.end.max(piece.start + TRUST_BYTES);
                // The end of the trust may lie behind the end of the file; that of the piece never.
                if is_cached(piece.end - 1) && is_cached(until - 1) {
                    (Self::Cached(until), nothing)
                } else {
                    Self::ask(piece.start, piece)
                }
            }
            Self::Asked(until) => {
                let from = until.max(piece.start);
                // Once a mebibyte: files are often partly in memory.
                let looks = piece.start / TRUST_BYTES != piece.end / TRUST_BYTES;
                if looks && is_cached(from) && is_cached(from + TRUST_BYTES - 1) {
                    return (Self::Cached(from + TRUST_BYTES), nothing);
                }
                Self::ask(from, piece)
            }
        }
    }

    /// The range to request from `from` on while `piece` is read: half as much again as `piece`, so
    /// that the lead grows.
    fn ask(from: u64, piece: Range<u64>) -> (Self, Range<u64>) {
        let grows = (piece.end - piece.start) * 3 / 2;
        let to = (piece.start + LEAD_BYTES).min(from + grows).max(from);
        (Self::Asked(to), from..to)
    }
}

/// Whether the byte at `at` can be read without blocking, which is so behind the end of the file
/// too. Where the file system does not support the check (overlayfs and tmpfs), the answer is no:
/// to request a page that is cached costs little.
///
/// The check of a page that is missing has the kernel read that page.
fn is_cached(file: &File, at: u64) -> bool {
    let mut byte = [0];
    let mut space = [IoSliceMut::new(&mut byte)];
    preadv2(file, &mut space, at, ReadWriteFlags::NOWAIT).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = 256 * 1024;

    /// Goes through `pieces` of a file and returns what was asked for before each.
    fn walk(pieces: u64, is_cached: impl Fn(u64) -> bool) -> Vec<Range<u64>> {
        let mut ahead = Readahead::Unknown;
        let ask = |number| {
            let asked;
            let piece = number * PIECE..(number + 1) * PIECE;
            (ahead, asked) = ahead.next(piece, &is_cached);
            asked
        };
        (0..pieces).map(ask).collect()
    }

    #[test]
    fn what_is_in_memory_is_never_asked_for_and_looked_at_twice_a_mebibyte() {
        let looks = std::cell::Cell::new(0);
        let asked = walk(64, |_| {
            looks.set(looks.get() + 1);
            true
        });
        assert!(asked.iter().all(Range::is_empty), "{asked:?}");
        assert!(looks.get() <= 2 * 64 * PIECE / TRUST_BYTES, "{looks:?}");
    }

    #[test]
    fn what_is_on_disk_is_asked_for_once_in_order_and_before_it_is_due() {
        let asked = walk(1000, |_| false);
        let mut until = 0;
        for (number, asked) in (0..).zip(&asked) {
            let due = number * PIECE..(number + 1) * PIECE;
            assert!(asked.end - asked.start <= PIECE * 3 / 2, "{asked:?}");
            assert_eq!(asked.start, until, "no byte is left out or asked for twice");
            until = asked.end;
            assert!(due.end <= until, "{due:?} is due, and asked for to {until}");
            assert!(until <= due.start + LEAD_BYTES, "{until} is too far ahead");
        }
        assert_eq!(
            until,
            999 * PIECE + LEAD_BYTES,
            "the lead has grown to what it is to be"
        );
    }

    #[test]
    fn a_file_of_which_only_the_beginning_is_in_memory_is_asked_for_from_where_it_is_not() {
        let cached = 10 * PIECE;
        let asked = walk(100, |at| at < cached);
        let first = asked.iter().find(|asked| !asked.is_empty());
        let first = first.expect("most of it is on disk");
        assert!(first.start <= cached, "{first:?}");
        assert!(first.start + TRUST_BYTES >= cached, "{first:?}");
    }

    #[test]
    fn a_file_of_which_only_the_beginning_is_on_disk_is_not_asked_for_to_its_end() {
        let cached = 10 * PIECE;
        let asked = walk(100, |at| at >= cached);
        let some = asked.iter().filter(|asked| !asked.is_empty());
        let last = some.map(|asked| asked.end).max();
        let last = last.expect("some of it is on disk");
        assert!(last >= cached, "{last}");
        assert!(last <= cached + LEAD_BYTES + TRUST_BYTES, "{last}");
        let late = &asked[40..];
        assert!(late.iter().all(Range::is_empty), "{late:?}");
    }

    #[test]
    fn a_short_file_on_disk_is_asked_for_although_what_lies_behind_its_end_cannot_be() {
        for size in [PIECE / 2, PIECE, 900_000, TRUST_BYTES - 1, TRUST_BYTES + 1] {
            let behind_the_end = |at| at >= size;
            let (mut ahead, mut at, mut until) = (Readahead::Unknown, 0, 0);
            while at < size {
                let piece = at..(at + PIECE).min(size);
                let asked;
                (ahead, asked) = ahead.next(piece.clone(), behind_the_end);
                if until < size {
                    assert_eq!(asked.start, until, "{size}: {piece:?}");
                    until = asked.end;
                }
                assert!(piece.end <= until, "{size}: {piece:?} is due");
                at = piece.end;
            }
        }
    }

    #[test]
    fn where_nobody_can_tell_what_is_in_memory_a_file_is_asked_for() {
        let (file, _other) = std::os::unix::net::UnixStream::pair().expect("descriptors are free");
        let cannot_tell = File::from(std::os::fd::OwnedFd::from(file));
        assert!(!is_cached(&cannot_tell, 0));
        let ahead = Readahead::Unknown.fetch(&cannot_tell, 0..PIECE);
        assert!(
            matches!(ahead, Readahead::Asked(until) if until > PIECE),
            "{ahead:?}"
        );
    }
}
