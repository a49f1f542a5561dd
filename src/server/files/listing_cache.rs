//! The answer to the last `list`, kept for as long as the kernel tells of no change.
//!
//! Owns what a walk over the folder wrote, and whose walk is recorded. Must never answer from
//! memory without asking the kernel first, nor wait for the kernel: it is asked when somebody wants
//! a listing and at no other time, so it wakes nobody. What the kernel cannot tell of is not
//! remembered, or not for long: see [`Uncacheable`] and [`REMEMBERED_FOR`].

use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use rustix::fd::BorrowedFd;
use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;

use crate::engine::ports::Step;
use crate::server::files::inotify::Watches;

/// How old an answer may be, counted from the beginning of its walk.
///
/// Some changes nobody tells of: a write through mmap(2) or io_submit(2), a write to a file by a
/// second name that it has got outside the folder since, a mount placed over a folder. A minute is
/// what the answer may be behind in those, and a walk a minute is cheap.
/// A folder that cannot be remembered is not tried again for as long.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// The most that is remembered: 300 000 files with names of ordinary length, and little enough to
/// be had beside whatever else the machine does.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most folders that are watched. Each costs the kernel about a kilobyte, and the least number
/// that a user has to share among all programs was 8192 for many years.
const FOLDERS_MAX: usize = 8192;

/// Copied in one step: what a connection has queued at most before it takes more, so that a long
/// answer takes few turns. It is copied in less than a hundredth of a millisecond.
const STEP_BYTES: usize = 64 * 1024;

/// The file systems whose every change goes through this kernel, by their numbers in statfs(2):
/// ext2 to ext4, XFS, Btrfs, F2FS, tmpfs and overlayfs. Files on a network change elsewhere.
const FILE_SYSTEMS: [u32; 6] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x0102_1994,
    0x794c_7630,
];

/// What was listed last, and the kernel's promise to tell when that is no longer so.
#[derive(Debug, Default)]
pub struct ListingCache {
    /// Made for the first walk that is recorded, and kept.
    watches: Option<Watches>,
    known: Option<Known>,
    /// Of the walk that is being recorded: there is one at a time, and whoever else walks
    /// meanwhile only walks.
    turn: Weak<Instant>,
    /// Until then nothing is recorded, as something in the folder forbids it.
    again_at: Option<Instant>,
    /// What the log was told last, so that it is told once.
    told: Option<Uncacheable>,
}

#[derive(Debug)]
struct Known {
    text: Rc<Vec<u8>>,
    until: Instant,
}

/// Why a walk cannot be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncacheable {
    /// A link was listed, or a file with several names: it may change where nobody watches.
    Linked,
    /// An entry or a folder could not be looked at, mostly because it has just been removed. This
    /// one passes.
    Unseen,
    /// Files may change without this kernel's knowing.
    FileSystem,
    /// A folder of another file system is mounted in the served one.
    Mount,
    /// There is more of it than is remembered.
    TooLong,
    /// There are more folders than are watched.
    TooManyFolders,
    /// The kernel does not watch: /proc is missing, or the user's share of watches is used up.
    Unwatched(Errno),
}

impl fmt::Display for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked => f.write_str("a file has another name that may lead out of it"),
            Self::Unseen => f.write_str("something in it cannot be looked at"),
            Self::FileSystem => f.write_str("its file system may change without being heard"),
            Self::Mount => f.write_str("another file system is mounted in it"),
            Self::TooLong => write!(f, "its listing is longer than {BYTES_MAX} bytes"),
            Self::TooManyFolders => write!(f, "it has more than {FOLDERS_MAX} folders"),
            Self::Unwatched(errno) => write!(f, "the kernel does not watch it: {errno}"),
        }
    }
}

impl ListingCache {
    /// The listing from memory, if it is known and the kernel has told of no change.
    pub fn recall(&mut self, now: Instant) -> Option<CachedListing> {
        // While nothing is known the kernel is not asked: what it tells then is for the walk.
        let known = self.known.take()?;
        if now >= known.until || !self.watches.as_ref()?.are_quiet() {
            return None;
        }
        let text = Rc::clone(&known.text);
        self.known = Some(known);
        Some(CachedListing { text, at: 0 })
    }

    /// Another folder is served from now on: nothing is known of it, and a walk that is under way
    /// is not remembered.
    pub fn forget(&mut self) {
        self.known = None;
        self.turn = Weak::new();
        self.again_at = None;
    }

    /// Begins to record a walk over the folder `root`, unless another is being recorded or the
    /// folder forbids it.
    pub fn record(&mut self, root: BorrowedFd<'_>, now: Instant) -> CacheFill {
        // A walk goes on as fast as its client reads. One that takes too long to be remembered
        // does not keep others from it.
        let is_taken = self
            .turn
            .upgrade()
            .is_some_and(|at| now < *at + REMEMBERED_FOR);
        if is_taken || self.again_at.is_some_and(|at| now < at) {
            return CacheFill::Off;
        }
        self.known = None;
        match self.prepare(root) {
            Ok(device) => {
                let begun = Rc::new(now);
                self.turn = Rc::downgrade(&begun);
                let text = Vec::new();
                CacheFill::Clearing(FillState {
                    begun,
                    device,
                    text,
                })
            }
            Err(hindrance) => {
                self.refuse(hindrance, now);
                CacheFill::Off
            }
        }
    }

    /// Makes sure that the kernel watches at all. Returns the device that the folder is on.
    fn prepare(&mut self, root: BorrowedFd<'_>) -> Result<u64, Uncacheable> {
        let kind = fstatfs(root).map_err(Uncacheable::Unwatched)?.f_type;
        if !u32::try_from(kind).is_ok_and(|kind| FILE_SYSTEMS.contains(&kind)) {
            return Err(Uncacheable::FileSystem);
        }
        if self.watches.is_none() {
            self.watches = Some(Watches::new().map_err(Uncacheable::Unwatched)?);
        }
        let stat = fstat(root).map_err(Uncacheable::Unwatched)?;
        Ok(stat.st_dev)
    }

    /// Remembers what was recorded, if nothing has changed since it was.
    fn remember(&mut self, mut tape: FillState) {
        self.turn = Weak::new();
        if self.watches.as_ref().is_some_and(Watches::are_quiet) {
            log::debug!(
                "the listing of the folder is remembered: {} B",
                tape.text.len()
            );
            tape.text.shrink_to_fit();
            self.known = Some(Known {
                text: Rc::new(tape.text),
                until: *tape.begun + REMEMBERED_FOR,
            });
        }
    }

    /// Does not try again for a while.
    fn refuse(&mut self, hindrance: Uncacheable, now: Instant) {
        self.again_at = Some(now + REMEMBERED_FOR);
        if self.told != Some(hindrance) {
            self.told = Some(hindrance);
            log::debug!("the listing of the folder is not remembered: {hindrance}");
        }
    }

    fn has_given_turn_to(&self, tape: &FillState) -> bool {
        std::ptr::eq(self.turn.as_ptr(), Rc::as_ptr(&tape.begun))
    }
}

/// A walk's side of the [`ListingCache`]. Dropping it gives the turn back; the watches that it
/// placed are removed before the next walk is recorded.
#[derive(Debug)]
pub enum CacheFill {
    /// Nothing of this walk is kept.
    Off,
    /// The watches of the walk before are being removed. This walk has not begun.
    Clearing(FillState),
    /// Every folder is watched and every byte kept.
    On(FillState),
    /// Something was met that forbids to remember this folder, when recording had begun at this
    /// moment.
    Spoilt(Uncacheable, Instant),
}

/// What a walk has written so far.
#[derive(Debug)]
pub struct FillState {
    /// Shared with the memory, which tells by it whose turn it is.
    begun: Rc<Instant>,
    /// What every folder has to be on.
    device: u64,
    text: Vec<u8>,
}

impl CacheFill {
    /// Whether the walk may begin, or go on. Until then, each call is one step.
    pub fn is_ready(&mut self, memory: &mut ListingCache) -> bool {
        let tape = match std::mem::replace(self, Self::Off) {
            Self::Clearing(tape) | Self::On(tape) if !memory.has_given_turn_to(&tape) => {
                return true;
            }
            Self::Clearing(tape) => tape,
            other => {
                *self = other;
                return true;
            }
        };
        let is_clear = memory.watches.as_mut().is_none_or(Watches::clear);
        *self = if is_clear {
            Self::On(tape)
        } else {
            Self::Clearing(tape)
        };
        is_clear
    }

    /// Has `folder` watched. To be called before its entries are read.
    pub fn watch(&mut self, folder: BorrowedFd<'_>, memory: &mut ListingCache) {
        let (Self::On(tape), Some(watches)) = (&*self, &mut memory.watches) else {
            return;
        };
        let watched = match fstat(folder) {
            Ok(stat) if stat.st_dev != tape.device => Err(Uncacheable::Mount),
            Ok(_) if watches.count() == FOLDERS_MAX => Err(Uncacheable::TooManyFolders),
            Ok(_) => watches.place(folder).map_err(Uncacheable::Unwatched),
            Err(errno) => Err(Uncacheable::Unwatched(errno)),
        };
        if let Err(hindrance) = watched {
            self.spoil(hindrance);
        }
    }

    /// Keeps what the walk wrote.
    pub fn keep(&mut self, text: &[u8]) {
        let Self::On(tape) = self else { return };
        if tape.text.len() + text.len() > BYTES_MAX {
            return self.spoil(Uncacheable::TooLong);
        }
        tape.text.extend_from_slice(text);
    }

    /// The walk met what forbids to remember it.
    pub fn spoil(&mut self, hindrance: Uncacheable) {
        if let Self::Clearing(tape) | Self::On(tape) = self {
            *self = Self::Spoilt(hindrance, *tape.begun);
        }
    }

    /// The walk is over, in a step that was ready.
    pub fn end(&mut self, memory: &mut ListingCache) {
        match std::mem::replace(self, Self::Off) {
            Self::On(tape) => memory.remember(tape),
            Self::Spoilt(Uncacheable::Unseen, _) => {}
            Self::Spoilt(hindrance, begun) => memory.refuse(hindrance, begun),
            _ => {}
        }
    }

    /// Whether the walk is still being recorded.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::Clearing(_) | Self::On(_))
    }
}

/// A remembered listing on its way to one client.
#[derive(Debug)]
pub struct CachedListing {
    /// Shared with others who asked.
    text: Rc<Vec<u8>>,
    /// How far it has come.
    at: usize,
}

impl CachedListing {
    /// Goes on for one step.
    pub fn resume(&mut self, out: &mut Vec<u8>) -> Step {
        let rest = &self.text[self.at..];
        let piece = &rest[..rest.len().min(STEP_BYTES)];
        out.extend_from_slice(piece);
        self.at += piece.len();
        if self.at < self.text.len() {
            Step::More
        } else {
            Step::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::files::listing::Listing;
    use crate::server::files::root::ServedDir;
    use rustix::fd::AsFd;
    use std::fs::{self, File, FileTimes, create_dir, hard_link, remove_file, rename, write};
    use std::io::Write;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;
    use tempfile::TempDir;

    /// A folder that is served, in another, with a clock that stands still.
    struct Rig {
        folder: TempDir,
        served_dir: ServedDir,
        memory: ListingCache,
        now: Instant,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum From {
        Walk,
        Memory,
    }

    impl Rig {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("served/sub/deep")).unwrap();
            for name in ["a", "b", "sub/c", "sub/deep/d"] {
                write(folder.path().join("served").join(name), name).unwrap();
            }
            write(folder.path().join("elsewhere"), "").unwrap();
            Self {
                served_dir: ServedDir::open(&folder.path().join("served")).unwrap(),
                folder,
                memory: ListingCache::default(),
                now: Instant::now(),
            }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join("served").join(name)
        }

        /// What `list` is answered, and from where.
        fn list(&mut self) -> (From, String) {
            let mut out = Vec::new();
            if let Some(mut replay) = self.memory.recall(self.now) {
                while replay.resume(&mut out) == Step::More {}
                return (From::Memory, String::from_utf8(out).unwrap());
            }
            let mut walk = self.begin();
            while self.step(&mut walk, &mut out) == Step::More {}
            (From::Walk, String::from_utf8(out).unwrap())
        }

        fn begin(&mut self) -> Listing {
            Listing::new(self.memory.record(self.served_dir.root(), self.now))
        }

        fn step(&mut self, walk: &mut Listing, out: &mut Vec<u8>) -> Step {
            walk.resume(&mut self.served_dir, &mut self.memory, out)
        }

        /// What is really there.
        fn truth(&self) -> String {
            let mut served_dir = ServedDir::open(&self.at("")).unwrap();
            let (mut walk, mut out) = (Listing::new(CacheFill::Off), Vec::new());
            while walk.resume(&mut served_dir, &mut ListingCache::default(), &mut out) == Step::More
            {
            }
            String::from_utf8(out).unwrap()
        }

        fn is_remembered(&mut self) -> bool {
            self.list();
            self.list().0 == From::Memory
        }

        /// How many folders the kernel itself says that it watches.
        fn watched(&self) -> usize {
            let watches = self.memory.watches.as_ref().unwrap();
            fs::read_to_string(format!("/proc/self/fdinfo/{}", watches.number()))
                .unwrap()
                .matches("inotify wd:")
                .count()
        }
    }

    #[test]
    fn a_second_listing_of_an_unchanged_folder_is_the_same_and_does_not_walk() {
        let mut rig = Rig::new();
        let first = rig.list();
        assert_eq!(first, (From::Walk, rig.truth()));
        for _ in 0..3 {
            assert_eq!(rig.list(), (From::Memory, first.1.clone()));
        }
        assert_eq!(rig.watched(), 3);
        File::open(rig.at("a")).unwrap();
        fs::read_dir(rig.at("sub")).unwrap().count();
        assert_eq!(rig.list().0, From::Memory, "to be read changes nothing");
    }

    #[test]
    fn whatever_changes_shows_in_the_very_next_listing() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 16] = [
            ("grows", |at| append(&at.join("a"))),
            ("grows below", |at| append(&at.join("sub/deep/d"))),
            ("shrinks", |at| write(at.join("sub/c"), "").unwrap()),
            ("is added", |at| write(at.join("sub/new"), "").unwrap()),
            ("is removed", |at| remove_file(at.join("b")).unwrap()),
            ("is renamed", |at| {
                rename(at.join("b"), at.join("sub/b")).unwrap();
            }),
            ("is hidden", |at| {
                rename(at.join("b"), at.join(".b")).unwrap();
            }),
            ("is replaced", |at| {
                rename(at.join("b"), at.join("a")).unwrap();
            }),
            ("has another time", |at| {
                let file = File::options().write(true).open(at.join("sub/c"));
                file.unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }),
            ("has other times", |at| {
                let file = File::options().write(true).open(at.join("sub/c"));
                let times = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH);
                let times = times.set_modified(SystemTime::UNIX_EPOCH);
                file.unwrap().set_times(times).unwrap();
            }),
            ("comes from elsewhere", |at| {
                rename(at.join("../elsewhere"), at.join("sub/new")).unwrap();
            }),
            ("comes with its folder", |at| {
                create_dir(at.join("folder")).unwrap();
                write(at.join("folder/file"), "").unwrap();
            }),
            ("goes with its folder", |at| {
                fs::remove_dir_all(at.join("sub/deep")).unwrap();
            }),
            ("moves with its folder", |at| {
                rename(at.join("sub"), at.join("0")).unwrap();
            }),
            ("leaves with its folder", |at| {
                rename(at.join("sub"), at.join("../gone")).unwrap();
            }),
            ("becomes a folder", |at| {
                remove_file(at.join("a")).unwrap();
                create_dir(at.join("a")).unwrap();
            }),
        ];
        for (what, change) in changes {
            let mut rig = Rig::new();
            assert!(rig.is_remembered());
            let (_, before) = rig.list();
            change(&rig.at(""));
            let truth = rig.truth();
            assert_ne!(truth, before, "a file {what}");
            assert_eq!(rig.list(), (From::Walk, truth.clone()), "a file {what}");
            assert_eq!(rig.list(), (From::Memory, truth), "a file {what}");
        }
    }

    fn append(path: &Path) {
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(b"more").unwrap();
    }

    #[test]
    fn what_is_written_to_a_file_that_was_open_before_shows() {
        let mut rig = Rig::new();
        let mut file = File::options().append(true).open(rig.at("sub/c")).unwrap();
        rename(rig.at("sub/c"), rig.at("moved")).unwrap();
        assert!(rig.is_remembered());
        file.write_all(b"more").unwrap();
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
    }

    #[test]
    fn a_folder_that_came_after_a_change_is_watched_too() {
        let mut rig = Rig::new();
        assert!(rig.is_remembered());
        create_dir(rig.at("later")).unwrap();
        assert!(rig.is_remembered());
        assert_eq!(rig.watched(), 4);
        write(rig.at("later/file"), "").unwrap();
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
    }

    #[test]
    fn what_changes_during_the_walk_is_not_remembered() {
        let mut rig = Rig::new();
        for number in 0..1000 {
            write(rig.at(&format!("sub/{number}")), "").unwrap();
        }
        for steps in 0.. {
            rig.memory = ListingCache::default();
            let (mut walk, mut out) = (rig.begin(), Vec::new());
            let is_over = (0..steps).any(|_| rig.step(&mut walk, &mut out) == Step::Done);
            append(&rig.at("a"));
            while !is_over && rig.step(&mut walk, &mut out) == Step::More {}
            let (from, text) = rig.list();
            assert!(text == rig.truth(), "stale after {steps} steps");
            // What changes before the first step is not yet listed, and so not missed.
            assert_eq!(from == From::Memory, steps == 0, "after {steps} steps");
            if is_over {
                return assert!(steps > 5);
            }
        }
    }

    #[test]
    fn what_was_removed_during_the_walk_keeps_only_that_one_from_being_remembered() {
        let mut rig = Rig::new();
        let (mut walk, mut out) = (rig.begin(), Vec::new());
        for number in 0..300 {
            write(rig.at(&format!("sub/{number}")), "").unwrap();
        }
        while out.is_empty() {
            rig.step(&mut walk, &mut out);
        }
        fs::remove_dir_all(rig.at("sub")).unwrap();
        while rig.step(&mut walk, &mut out) == Step::More {}
        assert!(rig.memory.known.is_none());
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
        assert_eq!(rig.list(), (From::Memory, rig.truth()));
    }

    #[test]
    fn a_file_with_another_name_means_that_the_folder_is_not_remembered() {
        type Link = fn(&Path);
        let links: [Link; 5] = [
            |at| symlink("a", at.join("link")).unwrap(),
            |at| symlink("nowhere", at.join("link")).unwrap(),
            |at| symlink("/etc/passwd", at.join("link")).unwrap(),
            |at| symlink("sub", at.join("sub/link")).unwrap(),
            |at| hard_link(at.join("a"), at.join("../outside")).unwrap(),
        ];
        for link in links {
            let mut rig = Rig::new();
            assert!(rig.is_remembered());
            link(&rig.at(""));
            write(rig.at("told"), "").unwrap();
            assert!(!rig.is_remembered());
            assert_eq!(rig.list(), (From::Walk, rig.truth()));
            assert_eq!(rig.memory.again_at, Some(rig.now + REMEMBERED_FOR));
        }
    }

    #[test]
    fn a_folder_is_tried_again_after_a_while() {
        let mut rig = Rig::new();
        symlink("a", rig.at("link")).unwrap();
        assert!(!rig.is_remembered());
        remove_file(rig.at("link")).unwrap();
        rig.now += REMEMBERED_FOR - Duration::from_nanos(1);
        assert!(!rig.is_remembered());
        rig.now += Duration::from_nanos(1);
        assert!(rig.is_remembered());
    }

    #[test]
    fn what_is_too_old_is_walked_again() {
        let mut rig = Rig::new();
        let (mut walk, mut out) = (rig.begin(), Vec::new());
        rig.now += REMEMBERED_FOR - Duration::from_nanos(1);
        while rig.step(&mut walk, &mut out) == Step::More {}
        assert_eq!(rig.list().0, From::Memory);
        rig.now += Duration::from_nanos(1);
        assert_eq!(rig.list().0, From::Walk, "it counts from when a walk began");
        assert_eq!(rig.list().0, From::Memory);
    }

    #[test]
    fn no_more_than_so_many_bytes_and_folders_are_remembered() {
        let mut rig = Rig::new();
        let mut recording = rig.memory.record(rig.served_dir.root(), rig.now);
        assert!(recording.is_ready(&mut rig.memory));
        recording.keep(&vec![0; BYTES_MAX]);
        assert!(recording.is_on());
        recording.keep(b"x");
        assert!(matches!(
            recording,
            CacheFill::Spoilt(Uncacheable::TooLong, _)
        ));

        let mut recording = rig.memory.record(rig.served_dir.root(), rig.now);
        assert!(recording.is_ready(&mut rig.memory));
        for _ in 0..FOLDERS_MAX {
            recording.watch(rig.served_dir.root(), &mut rig.memory);
        }
        assert!(recording.is_on());
        recording.watch(rig.served_dir.root(), &mut rig.memory);
        let is_spoilt = matches!(recording, CacheFill::Spoilt(Uncacheable::TooManyFolders, _));
        assert!(is_spoilt);
    }

    #[test]
    fn where_changes_may_go_unheard_nothing_is_remembered() {
        let mut rig = Rig::new();
        let elsewhere = File::open("/proc").unwrap();
        let recording = rig.memory.record(elsewhere.as_fd(), rig.now);
        assert!(!recording.is_on());
        assert_eq!(rig.memory.told, Some(Uncacheable::FileSystem));

        let mut rig = Rig::new();
        let mut recording = rig.memory.record(rig.served_dir.root(), rig.now);
        assert!(recording.is_ready(&mut rig.memory));
        recording.watch(elsewhere.as_fd(), &mut rig.memory);
        assert!(matches!(
            recording,
            CacheFill::Spoilt(Uncacheable::Mount, _)
        ));
    }

    #[test]
    fn a_walk_given_up_half_way_leaves_nothing_behind() {
        let mut rig = Rig::new();
        for number in 0..1000 {
            create_dir(rig.at(&number.to_string())).unwrap();
        }
        for steps in [0, 1, 20] {
            let (mut walk, mut out) = (rig.begin(), Vec::new());
            for _ in 0..steps {
                rig.step(&mut walk, &mut out);
            }
            drop(walk);
        }
        assert!(rig.watched() > 50 && rig.memory.known.is_none());
        fs::remove_dir_all(rig.at("sub")).unwrap();
        for number in 3..1000 {
            // It is still there, so that the kernel does not forget it by itself.
            let gone = format!("../gone {number}");
            rename(rig.at(&number.to_string()), rig.at(&gone)).unwrap();
        }
        assert!(rig.is_remembered());
        assert_eq!(rig.watched(), 4);
        assert_eq!(rig.list(), (From::Memory, rig.truth()));
    }

    #[test]
    fn one_walk_is_recorded_at_a_time_and_a_slow_one_loses_its_turn() {
        let mut rig = Rig::new();
        let (mut slow, mut out) = (rig.begin(), Vec::new());
        assert!(!rig.is_remembered(), "another is being recorded");
        rig.now += REMEMBERED_FOR;
        let (mut next, mut other) = (rig.begin(), Vec::new());
        while rig.step(&mut slow, &mut out) == Step::More {}
        assert!(rig.memory.known.is_none(), "it was not its turn any more");
        while rig.step(&mut next, &mut other) == Step::More {}
        assert_eq!(out, other);
        assert_eq!(rig.list().0, From::Memory);
    }

    #[test]
    fn more_than_the_kernel_can_tell_forces_a_walk() {
        let mut rig = Rig::new();
        assert!(rig.is_remembered());
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        for _ in 0..=limit.trim().parse::<usize>().unwrap() / 2 {
            write(rig.at("sub/new"), "").unwrap();
            remove_file(rig.at("sub/new")).unwrap();
        }
        append(&rig.at("a"));
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
        assert_eq!(rig.list(), (From::Memory, rig.truth()));
    }

    #[test]
    fn a_long_answer_from_memory_takes_few_steps_and_is_shared() {
        let mut rig = Rig::new();
        let text = Rc::new(vec![b'x'; 3 * STEP_BYTES]);
        rig.list();
        rig.memory.known.as_mut().unwrap().text = Rc::clone(&text);
        let mut replay = rig.memory.recall(rig.now).unwrap();
        let mut out = Vec::new();
        for n in 1..=2 {
            assert_eq!(replay.resume(&mut out), Step::More);
            assert_eq!(out.len(), n * STEP_BYTES);
        }
        assert_eq!(replay.resume(&mut out), Step::Done);
        assert_eq!(Rc::strong_count(&text), 3);
    }
}
