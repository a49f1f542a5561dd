//! Reports changes in folders, with inotify(7).
//!
//! Owns the inotify descriptor and its watches. Must never parse the events, only check whether
//! there are any, and never block on them.

use std::os::fd::AsRawFd;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::{Errno, read};

/// Watches removed in one step, at one to two microseconds each.
const STEP_WATCHES: usize = 256;

/// Read at once: hundreds of events, and never less than one.
const EVENT_BYTES: usize = 16 * 1024;

/// The events that can change the listing of a folder.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// The watched folders.
///
/// It is not to be dropped while clients are served: close(2) of the descriptor blocks until no
/// processor uses a watch any more (SRCU), which took up to 20 ms where it was measured. Removing
/// watches one by one takes a few microseconds each and does not block.
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

    /// The descriptor's number, by which /proc shows its watches.
    #[cfg(test)]
    pub(super) fn number(&self) -> i32 {
        self.inotify.as_raw_fd()
    }

    /// Watches one more.
    pub(super) fn place(&mut self, folder: BorrowedFd<'_>) -> Result<(), Errno> {
        // By descriptor: the watched folder is the one that was opened, even if it was renamed.
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        let watch = inotify::add_watch(&self.inotify, path, CHANGES | WatchFlags::ONLYDIR);
        self.placed.push(watch?);
        Ok(())
    }

    /// Whether there was no event since the last call. Only EAGAIN means that: a queue overflow is
    /// an event too, and any other error proves nothing.
    pub(super) fn are_quiet(&self) -> bool {
        read(&self.inotify, &mut [0; EVENT_BYTES]) == Err(Errno::AGAIN)
    }

    /// Removes watches for one step. `true`: no watch and no unread event is left.
    pub(super) fn clear(&mut self) -> bool {
        if self.placed.is_empty() {
            return self.are_quiet();
        }
        let keep = self.placed.len().saturating_sub(STEP_WATCHES);
        for watch in self.placed.drain(keep..) {
            // The kernel has removed the watch of a removed folder already, so this may fail.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
        false
    }
}
