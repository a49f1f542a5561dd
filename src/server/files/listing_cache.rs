//! The cached answer to `list`, valid for as long as inotify reports no change.
//!
//! Owns the cached listing and decides which walk may fill the cache. Must never answer from the
//! cache without asking inotify first, nor wait for inotify: it is read when a `list` arrives and
//! at no other time, so a change causes no wakeup. What inotify cannot report is not cached, or not
//! for long: see [`Uncacheable`] and `MAX_AGE`.

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
/// inotify does not report some changes: a write through mmap(2) or io_submit(2), a write to a file
/// through a hard link made outside the folder since, a mount placed over a folder. For those the
/// answer may be a minute old, and a walk a minute is cheap.
/// A folder that cannot be cached is not tried again for as long.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The longest listing that is cached: 300 000 files with names of ordinary length, and little
/// memory on any machine that serves so many.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most folders that are watched. Each costs the kernel about a kilobyte, and the least number
/// that a user has to share among all programs was 8192 for many years.
const FOLDERS_MAX: usize = 8192;

/// Copied in one step: as much as a connection queues at most before it takes the next request, so
/// that a long answer takes few turns. The copy takes less than a hundredth of a millisecond.
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

/// The last listing, and the watches that report when it is out of date.
#[derive(Debug, Default)]
pub struct ListingCache {
    /// Made for the first fill, and kept.
    watches: Option<Watches>,
    cached: Option<Cached>,
    /// The number of the last fill. A fill with an older number is void: another one was begun, or
    /// another folder is served.
    generation: u64,
    /// The fill that is under way. There is one at a time; other walks meanwhile fill nothing.
    current: Option<Current>,
    /// No fill begins before this moment, as something in the folder forbids it.
    retry_at: Option<Instant>,
    /// The cause that was logged last, so that it is logged once.
    logged: Option<Uncacheable>,
}

#[derive(Debug)]
struct Cached {
    text: Rc<Vec<u8>>,
    expires_at: Instant,
}

/// What the cache knows of the fill that is under way.
#[derive(Debug)]
struct Current {
    began: Instant,
    /// Dead once the fill was dropped, as with the connection of the client that asked.
    alive: Weak<()>,
}

/// Why a walk cannot be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncacheable {
    /// A symbolic link was listed, or a file with several hard links: it may change outside the
    /// watched folders.
    Linked,
    /// stat(2) or open(2) failed on an entry, mostly because it has just been removed. This cause
    /// is temporary: the next walk may fill the cache.
    Unseen,
    /// Files may change without this kernel's knowing.
    FileSystem,
    /// A folder of another file system is mounted in the served one.
    Mount,
    /// The listing is longer than `BYTES_MAX`.
    TooLong,
    /// There are more folders than `FOLDERS_MAX`.
    TooManyFolders,
    /// inotify failed: /proc is missing, or the user's share of watches is used up.
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
    /// The cached listing, if there is one and inotify has reported no change.
    pub fn get(&mut self, now: Instant) -> Option<CachedListing> {
        // Without a cached listing inotify is not read: its events are for the fill under way.
        let cached = self.cached.take()?;
        if now >= cached.expires_at || !self.watches.as_ref()?.are_quiet() {
            return None;
        }
        let text = Rc::clone(&cached.text);
        self.cached = Some(cached);
        Some(CachedListing { text, at: 0 })
    }

    /// Another folder is served from now on: the cached listing is dropped, and a fill that is
    /// under way is void.
    pub fn invalidate(&mut self) {
        self.cached = None;
        self.generation += 1;
        self.current = None;
        self.retry_at = None;
    }

    /// Begins to fill the cache from a walk over the folder `root`, unless another walk fills it or
    /// the folder forbids it.
    pub fn begin_fill(&mut self, root: BorrowedFd<'_>, now: Instant) -> CacheFill {
        let is_suspended = self.retry_at.is_some_and(|retry_at| now < retry_at);
        if is_suspended || self.current.as_ref().is_some_and(|it| it.is_valid(now)) {
            return CacheFill::Off;
        }
        self.cached = None;
        match self.prepare(root) {
            Ok(device) => CacheFill::Clearing(self.next_fill(device, now)),
            Err(cause) => {
                self.suspend(cause, now);
                CacheFill::Off
            }
        }
    }

    fn next_fill(&mut self, device: u64, began: Instant) -> FillState {
        let alive = Rc::new(());
        self.generation += 1;
        self.current = Some(Current {
            began,
            alive: Rc::downgrade(&alive),
        });
        FillState {
            generation: self.generation,
            began,
            device,
            text: Vec::new(),
            _alive: alive,
        }
    }

    /// Makes sure that inotify works at all. Returns the device that the folder is on.
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

    /// Caches what the fill collected, if nothing has changed since it began.
    fn store(&mut self, mut fill: FillState) {
        self.current = None;
        if self.watches.as_ref().is_some_and(Watches::are_quiet) {
            log::debug!(
                "the listing of the folder is remembered: {} B",
                fill.text.len()
            );
            fill.text.shrink_to_fit();
            self.cached = Some(Cached {
                text: Rc::new(fill.text),
                expires_at: fill.began + MAX_AGE,
            });
        }
    }

    /// Begins no fill for `MAX_AGE`.
    fn suspend(&mut self, cause: Uncacheable, now: Instant) {
        self.retry_at = Some(now + MAX_AGE);
        if self.logged != Some(cause) {
            self.logged = Some(cause);
            log::debug!("the listing of the folder is not remembered: {cause}");
        }
    }
}

impl Current {
    /// Whether the fill may still be stored. A walk is only as fast as its client reads: one that
    /// is older than a cached listing may be does not keep others from filling the cache.
    fn is_valid(&self, now: Instant) -> bool {
        self.alive.strong_count() > 0 && now < self.began + MAX_AGE
    }
}

/// The part of a walk that fills the [`ListingCache`]. When it is dropped another walk may fill the
/// cache; the watches that it placed are removed before that one begins.
#[derive(Debug)]
pub enum CacheFill {
    /// This walk fills nothing.
    Off,
    /// The watches of the fill before are being removed. The walk has not begun.
    Clearing(FillState),
    /// Every folder is watched and every byte kept.
    On(FillState),
    /// The walk met something that cannot be cached. The fill had begun at this moment.
    Abandoned(Uncacheable, Instant),
}

/// What a walk has collected so far.
#[derive(Debug)]
pub struct FillState {
    /// Void unless it is the generation of the cache.
    generation: u64,
    began: Instant,
    /// The device that every folder has to be on.
    device: u64,
    text: Vec<u8>,
    /// Tells the cache that this fill was not dropped.
    _alive: Rc<()>,
}

impl CacheFill {
    /// Whether the walk may begin, or go on. Until then, each call is one step.
    pub fn is_ready(&mut self, cache: &mut ListingCache) -> bool {
        let fill = match std::mem::replace(self, Self::Off) {
            Self::Clearing(fill) | Self::On(fill) if fill.generation != cache.generation => {
                return true;
            }
            Self::Clearing(fill) => fill,
            other => {
                *self = other;
                return true;
            }
        };
        let is_clear = cache.watches.as_mut().is_none_or(Watches::clear);
        *self = if is_clear {
            Self::On(fill)
        } else {
            Self::Clearing(fill)
        };
        is_clear
    }

    /// Places a watch on `folder`. To be called before its entries are read.
    pub fn watch(&mut self, folder: BorrowedFd<'_>, cache: &mut ListingCache) {
        let (Self::On(fill), Some(watches)) = (&*self, &mut cache.watches) else {
            return;
        };
        let watched = match fstat(folder) {
            Ok(stat) if stat.st_dev != fill.device => Err(Uncacheable::Mount),
            Ok(_) if watches.count() == FOLDERS_MAX => Err(Uncacheable::TooManyFolders),
            Ok(_) => watches.place(folder).map_err(Uncacheable::Unwatched),
            Err(errno) => Err(Uncacheable::Unwatched(errno)),
        };
        if let Err(cause) = watched {
            self.abandon(cause);
        }
    }

    /// Keeps what the walk wrote.
    pub fn keep(&mut self, text: &[u8]) {
        let Self::On(fill) = self else { return };
        if fill.text.len() + text.len() > BYTES_MAX {
            return self.abandon(Uncacheable::TooLong);
        }
        fill.text.extend_from_slice(text);
    }

    /// The walk met something that cannot be cached.
    pub fn abandon(&mut self, cause: Uncacheable) {
        if let Self::Clearing(fill) | Self::On(fill) = self {
            *self = Self::Abandoned(cause, fill.began);
        }
    }

    /// The walk is over, in a step that was ready.
    pub fn end(&mut self, cache: &mut ListingCache) {
        match std::mem::replace(self, Self::Off) {
            Self::On(fill) => cache.store(fill),
            Self::Abandoned(Uncacheable::Unseen, _) => {}
            Self::Abandoned(cause, began) => cache.suspend(cause, began),
            _ => {}
        }
    }

    /// Whether the walk still fills the cache.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::Clearing(_) | Self::On(_))
    }
}

/// A cached listing that is being sent to one client.
#[derive(Debug)]
pub struct CachedListing {
    /// Shared with the cache and with other clients.
    text: Rc<Vec<u8>>,
    /// How many bytes were queued.
    at: usize,
}

impl CachedListing {
    /// Queues the bytes of one step.
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
        cache: ListingCache,
        now: Instant,
    }

    #[derive(Debug, PartialEq, Eq)]
    enum From {
        Walk,
        Cache,
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
                cache: ListingCache::default(),
                now: Instant::now(),
            }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join("served").join(name)
        }

        /// What `list` is answered, and from where.
        fn list(&mut self) -> (From, String) {
            let mut out = Vec::new();
            if let Some(mut cached) = self.cache.get(self.now) {
                while cached.resume(&mut out) == Step::More {}
                return (From::Cache, String::from_utf8(out).unwrap());
            }
            let mut walk = self.begin();
            while self.step(&mut walk, &mut out) == Step::More {}
            (From::Walk, String::from_utf8(out).unwrap())
        }

        fn begin(&mut self) -> Listing {
            Listing::new(self.cache.begin_fill(self.served_dir.root(), self.now))
        }

        fn step(&mut self, walk: &mut Listing, out: &mut Vec<u8>) -> Step {
            walk.resume(&mut self.served_dir, &mut self.cache, out)
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

        fn is_cached(&mut self) -> bool {
            self.list();
            self.list().0 == From::Cache
        }

        /// How many folders the kernel itself says that it watches.
        fn watched(&self) -> usize {
            let watches = self.cache.watches.as_ref().unwrap();
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
            assert_eq!(rig.list(), (From::Cache, first.1.clone()));
        }
        assert_eq!(rig.watched(), 3);
        File::open(rig.at("a")).unwrap();
        fs::read_dir(rig.at("sub")).unwrap().count();
        assert_eq!(rig.list().0, From::Cache, "to be read changes nothing");
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
            assert!(rig.is_cached());
            let (_, before) = rig.list();
            change(&rig.at(""));
            let truth = rig.truth();
            assert_ne!(truth, before, "a file {what}");
            assert_eq!(rig.list(), (From::Walk, truth.clone()), "a file {what}");
            assert_eq!(rig.list(), (From::Cache, truth), "a file {what}");
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
        assert!(rig.is_cached());
        file.write_all(b"more").unwrap();
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
    }

    #[test]
    fn a_folder_that_came_after_a_change_is_watched_too() {
        let mut rig = Rig::new();
        assert!(rig.is_cached());
        create_dir(rig.at("later")).unwrap();
        assert!(rig.is_cached());
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
            rig.cache = ListingCache::default();
            let (mut walk, mut out) = (rig.begin(), Vec::new());
            let is_over = (0..steps).any(|_| rig.step(&mut walk, &mut out) == Step::Done);
            append(&rig.at("a"));
            while !is_over && rig.step(&mut walk, &mut out) == Step::More {}
            let (from, text) = rig.list();
            assert!(text == rig.truth(), "stale after {steps} steps");
            // What changes before the first step is not yet listed, and so not missed.
            assert_eq!(from == From::Cache, steps == 0, "after {steps} steps");
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
        assert!(rig.cache.cached.is_none());
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
        assert_eq!(rig.list(), (From::Cache, rig.truth()));
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
            assert!(rig.is_cached());
            link(&rig.at(""));
            write(rig.at("told"), "").unwrap();
            assert!(!rig.is_cached());
            assert_eq!(rig.list(), (From::Walk, rig.truth()));
            assert_eq!(rig.cache.retry_at, Some(rig.now + MAX_AGE));
        }
    }

    #[test]
    fn a_folder_is_tried_again_after_a_while() {
        let mut rig = Rig::new();
        symlink("a", rig.at("link")).unwrap();
        assert!(!rig.is_cached());
        remove_file(rig.at("link")).unwrap();
        rig.now += MAX_AGE - Duration::from_nanos(1);
        assert!(!rig.is_cached());
        rig.now += Duration::from_nanos(1);
        assert!(rig.is_cached());
    }

    #[test]
    fn what_is_too_old_is_walked_again() {
        let mut rig = Rig::new();
        let (mut walk, mut out) = (rig.begin(), Vec::new());
        rig.now += MAX_AGE - Duration::from_nanos(1);
        while rig.step(&mut walk, &mut out) == Step::More {}
        assert_eq!(rig.list().0, From::Cache);
        rig.now += Duration::from_nanos(1);
        assert_eq!(rig.list().0, From::Walk, "it counts from when a walk began");
        assert_eq!(rig.list().0, From::Cache);
    }

    #[test]
    fn no_more_than_so_many_bytes_and_folders_are_remembered() {
        let mut rig = Rig::new();
        let mut fill = rig.cache.begin_fill(rig.served_dir.root(), rig.now);
        assert!(fill.is_ready(&mut rig.cache));
        fill.keep(&vec![0; BYTES_MAX]);
        assert!(fill.is_on());
        fill.keep(b"x");
        assert!(matches!(
            fill,
            CacheFill::Abandoned(Uncacheable::TooLong, _)
        ));

        let mut fill = rig.cache.begin_fill(rig.served_dir.root(), rig.now);
        assert!(fill.is_ready(&mut rig.cache));
        for _ in 0..FOLDERS_MAX {
            fill.watch(rig.served_dir.root(), &mut rig.cache);
        }
        assert!(fill.is_on());
        fill.watch(rig.served_dir.root(), &mut rig.cache);
        let is_abandoned = matches!(fill, CacheFill::Abandoned(Uncacheable::TooManyFolders, _));
        assert!(is_abandoned);
    }

    #[test]
    fn where_changes_may_go_unheard_nothing_is_remembered() {
        let mut rig = Rig::new();
        let elsewhere = File::open("/proc").unwrap();
        let fill = rig.cache.begin_fill(elsewhere.as_fd(), rig.now);
        assert!(!fill.is_on());
        assert_eq!(rig.cache.logged, Some(Uncacheable::FileSystem));

        let mut rig = Rig::new();
        let mut fill = rig.cache.begin_fill(rig.served_dir.root(), rig.now);
        assert!(fill.is_ready(&mut rig.cache));
        fill.watch(elsewhere.as_fd(), &mut rig.cache);
        assert!(matches!(fill, CacheFill::Abandoned(Uncacheable::Mount, _)));
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
        assert!(rig.watched() > 50 && rig.cache.cached.is_none());
        fs::remove_dir_all(rig.at("sub")).unwrap();
        for number in 3..1000 {
            // It is still there, so that the kernel does not forget it by itself.
            let gone = format!("../gone {number}");
            rename(rig.at(&number.to_string()), rig.at(&gone)).unwrap();
        }
        assert!(rig.is_cached());
        assert_eq!(rig.watched(), 4);
        assert_eq!(rig.list(), (From::Cache, rig.truth()));
    }

    #[test]
    fn one_walk_is_recorded_at_a_time_and_a_slow_one_loses_its_turn() {
        let mut rig = Rig::new();
        let (mut slow, mut out) = (rig.begin(), Vec::new());
        assert!(!rig.is_cached(), "another fills the cache");
        rig.now += MAX_AGE;
        let (mut next, mut other) = (rig.begin(), Vec::new());
        while rig.step(&mut slow, &mut out) == Step::More {}
        assert!(rig.cache.cached.is_none(), "another fill was begun");
        while rig.step(&mut next, &mut other) == Step::More {}
        assert_eq!(out, other);
        assert_eq!(rig.list().0, From::Cache);
    }

    #[test]
    fn more_than_the_kernel_can_tell_forces_a_walk() {
        let mut rig = Rig::new();
        assert!(rig.is_cached());
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        for _ in 0..=limit.trim().parse::<usize>().unwrap() / 2 {
            write(rig.at("sub/new"), "").unwrap();
            remove_file(rig.at("sub/new")).unwrap();
        }
        append(&rig.at("a"));
        assert_eq!(rig.list(), (From::Walk, rig.truth()));
        assert_eq!(rig.list(), (From::Cache, rig.truth()));
    }

    #[test]
    fn a_long_answer_from_the_cache_takes_few_steps_and_is_shared() {
        let mut rig = Rig::new();
        let text = Rc::new(vec![b'x'; 3 * STEP_BYTES]);
        rig.list();
        rig.cache.cached.as_mut().unwrap().text = Rc::clone(&text);
        let mut cached = rig.cache.get(rig.now).unwrap();
        let mut out = Vec::new();
        for n in 1..=2 {
            assert_eq!(cached.resume(&mut out), Step::More);
            assert_eq!(out.len(), n * STEP_BYTES);
        }
        assert_eq!(cached.resume(&mut out), Step::Done);
        assert_eq!(Rc::strong_count(&text), 3);
    }
}
