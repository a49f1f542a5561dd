//! Having a file's bytes in memory before they are due.
//!
//! Owns how far ahead of its reader a file was asked for. Must never wait for a disk: sendfile(2)
//! and read(2) do, and meanwhile the whole loop does.
//!
//! Left to itself the kernel reads ahead too, in windows as large as the device's setting says, and
//! finds the memory for a whole window at once: with 8 MiB that took 18 ms, for everybody. So it is
//! told not to, and is asked piece by piece instead, a little more in each turn than is sent.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::ops::Range;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

/// How far ahead a file is asked for. At 2 GiB/s, which is a fast disk, this is what arrives in
/// 2 ms; a slow one with a wait of 10 ms for each request still delivers 400 MiB/s.
const LEAD_BYTES: u64 = 4 * 1024 * 1024;

/// How much is asked for at once: a tenth of a millisecond to find the memory for. It is more than
/// a turn sends, or the lead would never grow.
const ASK_BYTES: u64 = 384 * 1024;

/// How much of a file that is in memory is taken on trust between two looks. What was thrown out
/// of memory in between is waited for.
const TRUST_BYTES: u64 = 1024 * 1024;

/// How far the kernel was asked for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Nobody looked yet.
    Unknown,
    /// In memory up to here, or taken for it.
    Cached(u64),
    /// Not in memory when it was due; asked for up to here since.
    Asked(u64),
}

impl Ahead {
    /// Sees to it that `piece` of `file`, and what comes behind it, is in memory soon. To be called
    /// before each piece is read, in their order; it takes at most two system calls, and three the
    /// first time.
    #[must_use]
    pub fn fetch(self, file: &File, piece: Range<u64>) -> Self {
        if self == Self::Unknown {
            // No file system has to heed it.
            let _ = fadvise(file, 0, None, Advice::Random);
        }
        let (next, asked) = self.next(piece, |at| is_cached(file, at));
        if let Some(len) = NonZeroU64::new(asked.end - asked.start) {
            // Nor this; what is not there is then waited for.
            let _ = fadvise(file, asked.start, Some(len), Advice::WillNeed);
        }
        next
    }

    /// What is known after `piece` was about to be read, and what to ask for before.
    fn next(self, piece: Range<u64>, is_cached: impl Fn(u64) -> bool) -> (Self, Range<u64>) {
        let nothing = piece.start..piece.start;
        match self {
            Self::Cached(until) if piece.end <= until => (self, nothing),
            Self::Unknown | Self::Cached(_) => {
                let until = piece.end.max(piece.start + TRUST_BYTES);
                if is_cached(until - 1) {
                    (Self::Cached(until), nothing)
                } else {
                    Self::Asked(piece.start).next(piece, is_cached)
                }
            }
            Self::Asked(until) => {
                let from = until.max(piece.start);
                let to = (piece.start + LEAD_BYTES).min(from + ASK_BYTES).max(from);
                (Self::Asked(to), from..to)
            }
        }
    }
}

/// Whether the byte at `at` can be read without a wait, or nothing can be done about it: behind the
/// end of the file, and on file systems that cannot say.
fn is_cached(file: &File, at: u64) -> bool {
    let mut byte = [0];
    let read = preadv2(
        file,
        &mut [IoSliceMut::new(&mut byte)],
        at,
        ReadWriteFlags::NOWAIT,
    );
    read != Err(Errno::AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: u64 = 256 * 1024;

    /// Goes through `pieces` of a file and returns what was asked for before each.
    fn walk(pieces: u64, is_cached: impl Fn(u64) -> bool) -> Vec<Range<u64>> {
        let mut ahead = Ahead::Unknown;
        let ask = |number| {
            let asked;
            let piece = number * PIECE..(number + 1) * PIECE;
            (ahead, asked) = ahead.next(piece, &is_cached);
            asked
        };
        (0..pieces).map(ask).collect()
    }

    #[test]
    fn what_is_in_memory_is_never_asked_for_and_looked_at_once_a_mebibyte() {
        let looks = std::cell::Cell::new(0);
        let asked = walk(64, |_| {
            looks.set(looks.get() + 1);
            true
        });
        assert!(asked.iter().all(Range::is_empty), "{asked:?}");
        assert!(looks.get() <= 64 * PIECE / TRUST_BYTES, "{looks:?}");
    }

    #[test]
    fn what_is_on_disk_is_asked_for_once_in_order_and_before_it_is_due() {
        let asked = walk(1000, |_| false);
        let mut until = 0;
        for (number, asked) in (0..).zip(&asked) {
            let due = number * PIECE..(number + 1) * PIECE;
            assert!(asked.end - asked.start <= ASK_BYTES, "{asked:?}");
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
    fn a_file_is_read_as_it_is_whatever_was_asked_for() {
        use std::os::unix::fs::FileExt;
        let temp = tempfile::tempfile().expect("a file can be made");
        let bytes: Vec<u8> = (0..3 * PIECE).map(|at| (at % 251) as u8).collect();
        temp.write_all_at(&bytes, 0).expect("it is new");
        temp.sync_all().expect("it is a file");
        let _ = fadvise(&temp, 0, None, Advice::DontNeed);
        let mut ahead = Ahead::Unknown;
        for number in 0..3 {
            let piece = number * PIECE..(number + 1) * PIECE;
            ahead = ahead.fetch(&temp, piece.clone());
            let mut read = vec![0; PIECE as usize];
            temp.read_exact_at(&mut read, piece.start)
                .expect("it is so long");
            assert!(read == bytes[piece.start as usize..piece.end as usize]);
        }
        assert_ne!(ahead, Ahead::Unknown);
    }
}
