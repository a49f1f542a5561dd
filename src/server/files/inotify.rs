//! What the kernel tells of changes in folders.
//!
//! Owns the inotify descriptor and the watches. Must never read what happened, only whether
//! anything did, and never wait for it.

use std::os::fd::AsRawFd;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{Errno, read};

/// Watches removed in one step, at one to two microseconds each.
const STEP_WATCHES: usize = 256;

/// Read at once of what the kernel tells: hundreds of events, and never less than one.
const EVENT_BYTES: usize = 16 * 1024;

/// What a folder's listing says, and what would make it say something else.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// The folders that the kernel watches for us.
///
/// It is not to be dropped while somebody is served: closing the descriptor makes the kernel wait
/// until no processor uses a watch any more, which took up to 20 ms where it was measured.
/// Removing them one by one takes a few microseconds each and waits for nobody.
#[derive(Debug)]
pub(super) struct Watches {
    inotify: OwnedFd,
    placed: Vec<i32>,
}

impl Watches {
    /// None yet.
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?,
            placed: Vec::new(),
        })
    }

    /// How many are watched.
    pub(super) const fn count(&self) -> usize {
        self.placed.len()
    }

    /// The descriptor's number, by which the kernel shows its watches.
    #[cfg(test)]
    pub(super) fn number(&self) -> i32 {
        self.inotify.as_raw_fd()
    }

    /// Watches one more.
    pub(super) fn place(&mut self, folder: BorrowedFd<'_>) -> Result<(), Errno> {
        // What is watched is what was opened, whatever its name leads to by now.
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let watch = inotify::add_watch(&self.inotify, path, CHANGES | WatchFlags::ONLYDIR);
        self.placed.push(watch?);
        Ok(())
    }

    /// Whether the kernel has told of nothing since it was last asked. Only that it would have to
    /// wait means so: an event that was lost is told of as well, and an error is no answer.
    pub(super) fn are_quiet(&self) -> bool {
        read(&self.inotify, &mut [0; EVENT_BYTES]) == Err(Errno::AGAIN)
    }

    /// Removes watches for one step. `true`: none is left, nor anything that was told of them.
    pub(super) fn clear(&mut self) -> bool {
        if self.placed.is_empty() {
            return self.are_quiet();
        }
        let keep = self.placed.len().saturating_sub(STEP_WATCHES);
        for watch in self.placed.drain(keep..) {
            // That of a folder which was removed has gone already, and fails.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
        false
    }
}
