//! The staging folder `.berth`: where the parts of unfinished uploads are.
//!
//! Owns the folder and the index of the parts that nobody is at. Must never name a path, nor take
//! anything in it for a part that a person could have put there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fd::OwnedFd;
use rustix::fs::{self as sys, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::{Digest as _, Sha256};

use crate::server::uploads::part::{Part, PartId};
use crate::server::uploads::start::Found;
use crate::server::uploads::syncer::{Syncer, Ticket, Work};

/// So many interrupted uploads can go on without reading what came before: each has a descriptor.
pub(super) const WARM_MAX: usize = 16;

/// So many parts may wait for somebody to go on with them. When there is one more, the oldest is
/// removed: whoever sends a byte of each of a million files takes no inode from others.
const PARTS_MAX: usize = 1024;

/// Parts removed in one step, a rename each.
const STEP_PARTS: usize = 64;

/// The staging folder.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) dir: Arc<OwnedFd>,
    /// The file system that it is on.
    pub(super) device: u64,
    /// Of the next entry that is called after a number.
    number: u64,
    /// The parts that nobody is at.
    idle: BTreeMap<PartId, Idle>,
    /// Those of them whose file is open, the one that is so for longest first.
    warm: VecDeque<PartId>,
}

/// A part that nobody is at.
#[derive(Debug)]
struct Idle {
    bytes: u64,
    since: SystemTime,
    /// What the disk has still to do with it.
    unsettled: Vec<Ticket>,
    /// Its file, and the digest of all its bytes.
    warm: Option<(Arc<OwnedFd>, Sha256)>,
}

impl Staging {
    /// Keeps the parts in `dir`, of which `found` are there.
    pub(super) fn new(dir: OwnedFd, found: Vec<Found>, number: u64) -> Result<Self, Errno> {
        let device = sys::fstat(&dir)?.st_dev;
        let idle = found.into_iter().map(|Found { id, bytes, since }| {
            let (unsettled, warm) = (Vec::new(), None);
            let idle = Idle {
                bytes,
                since,
                unsettled,
                warm,
            };
            (id, idle)
        });
        Ok(Self {
            dir: Arc::new(dir),
            device,
            number,
            idle: idle.collect(),
            warm: VecDeque::new(),
        })
    }

    /// How many bytes of this upload came before, as far as is known.
    pub(super) fn bytes_of(&self, id: &PartId) -> u64 {
        self.idle.get(id).map_or(0, |idle| idle.bytes)
    }

    /// How many bytes the parts have that nobody is at.
    pub(super) fn bytes(&self) -> u64 {
        self.idle.values().map(|idle| idle.bytes).sum()
    }

    /// Whether the disk is done with the part.
    pub(super) fn is_settled(&mut self, id: &PartId, syncer: &Syncer) -> bool {
        let Some(idle) = self.idle.get_mut(id) else {
            return true;
        };
        while let Some(ticket) = idle.unsettled.last() {
            match ticket.poll() {
                None => return false,
                Some(Ok(())) => drop(idle.unsettled.pop()),
                Some(Err(errno)) => {
                    log::error!("a part is thrown away: {errno}");
                    self.forget(*id, syncer);
                    return true;
                }
            }
        }
        true
    }

    /// Opens the part of this upload, or makes it. It has to be settled. The number of its bytes
    /// comes along: those that are not digested have to be read again.
    pub(super) fn open(&mut self, id: PartId, syncer: &Syncer) -> Result<(Part, u64), Errno> {
        let entry = id.to_string();
        self.warm.retain(|warm| *warm != id);
        if let Some(idle) = self.idle.remove(&id)
            && let Some((file, hasher)) = idle.warm
            && self.size_of(&file, &entry) == Some(idle.bytes)
        {
            let digested = (hasher, idle.bytes);
            return Ok((Part::new(file, entry, idle.bytes, digested), idle.bytes));
        }
        // What cannot be opened, or is none of its own, makes way.
        if let Ok(file) = self.open_entry(&entry, OFlags::CREATE)
            && let Some(size) = self.size_of(&file, &entry).filter(|&size| size <= id.size)
        {
            let digested = (Sha256::new(), 0);
            return Ok((Part::new(Arc::new(file), entry, size, digested), size));
        }
        self.discard(&entry, None, syncer);
        Ok((self.create(entry)?, 0))
    }

    /// Makes the part of an upload that nobody can go on with.
    pub(super) fn create_unnamed(&mut self) -> Result<Part, Errno> {
        let entry = self.numbered("put");
        self.create(entry)
    }

    fn create(&self, entry: String) -> Result<Part, Errno> {
        let file = self.open_entry(&entry, OFlags::CREATE | OFlags::EXCL)?;
        Ok(Part::new(Arc::new(file), entry, 0, (Sha256::new(), 0)))
    }

    fn open_entry(&self, entry: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        // As in the served folder, nothing may block and no link is followed.
        let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // The final mode, under the umask: the folder hides it until it has its name.
        let mode = Mode::from_raw_mode(0o666);
        sys::openat(&self.dir, entry, OFlags::RDWR | flags | careful, mode)
    }

    /// How many bytes the part has that is open as `file`. `None`: something else is called `entry`
    /// by now, or it is called something else as well.
    pub(super) fn size_of(&self, file: &OwnedFd, entry: &str) -> Option<u64> {
        let opened = sys::fstat(file).ok()?;
        let named = sys::statat(&self.dir, entry, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_same = (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino);
        part_size(&opened).filter(|_| is_same)
    }

    /// Nobody is at this part any more, of which `bytes` are on the disk or on the way there.
    pub(super) fn keep(
        &mut self,
        id: PartId,
        part: Part,
        bytes: u64,
        since: SystemTime,
        syncer: &Syncer,
    ) {
        if bytes == 0 {
            return self.discard_part(part, syncer);
        }
        let file = Arc::clone(&part.file);
        let warm = (part.written == bytes).then(|| (Arc::clone(&file), part.hasher.clone()));
        // Until this is done, the room that was reserved for the rest is missing to others.
        let shorten = syncer.ask(Work::Shorten(file, bytes));
        let unsettled = part.into_ticket().into_iter().chain([shorten]).collect();
        if warm.is_some() {
            self.warm.push_back(id);
        }
        let idle = Idle {
            bytes,
            since,
            unsettled,
            warm,
        };
        self.idle.insert(id, idle);
        if self.warm.len() > WARM_MAX
            && let Some(cold) = self.warm.pop_front()
            && let Some(idle) = self.idle.get_mut(&cold)
        {
            idle.warm = None;
        }
        if self.idle.len() > PARTS_MAX {
            let oldest = self.idle.iter().min_by_key(|(_, idle)| idle.since);
            let oldest = oldest.map(|(id, _)| *id);
            oldest.into_iter().for_each(|id| self.forget(id, syncer));
        }
    }

    /// Removes parts that nobody was at for `keep`, for one step. `true`: that was all.
    pub(super) fn sweep(&mut self, now: SystemTime, keep: Duration, syncer: &Syncer) -> bool {
        let is_stale = |idle: &Idle| now.duration_since(idle.since).is_ok_and(|age| age >= keep);
        let stale = self.idle.iter().filter(|(_, idle)| is_stale(idle));
        let stale: Vec<PartId> = stale.map(|(id, _)| *id).take(STEP_PARTS).collect();
        for id in &stale {
            self.forget(*id, syncer);
        }
        if !stale.is_empty() {
            log::info!(
                "unfinished uploads removed that nobody went on with: {}",
                stale.len()
            );
        }
        stale.len() < STEP_PARTS
    }

    /// Throws away a part that nobody is at.
    fn forget(&mut self, id: PartId, syncer: &Syncer) {
        self.warm.retain(|warm| *warm != id);
        let file = self.idle.remove(&id).and_then(|idle| idle.warm);
        self.discard(&id.to_string(), file.map(|(file, _)| file), syncer);
    }

    /// Throws a part away.
    pub(super) fn discard_part(&mut self, part: Part, syncer: &Syncer) {
        self.discard(&part.entry, Some(part.file), syncer);
    }

    /// Throws an entry away. The name is free at once, the blocks are when the disk is done.
    pub(super) fn discard(&mut self, entry: &str, file: Option<Arc<OwnedFd>>, syncer: &Syncer) {
        let gone = self.numbered("gone");
        match sys::renameat(&self.dir, entry, &self.dir, gone.as_str()) {
            // Without an entry, the file may still have to be closed.
            Ok(()) | Err(Errno::NOENT) => {}
            // The sandbox lets only files be renamed; a link or a FIFO has no blocks to free.
            Err(_) => drop(sys::unlinkat(&self.dir, entry, AtFlags::empty())),
        }
        syncer.ask(Work::Remove(gone, file));
    }

    fn numbered(&mut self, word: &str) -> String {
        self.number += 1;
        format!("{word}-{}", self.number)
    }

    /// Whether a file can be made here and removed again.
    ///
    /// # Errors
    /// What the kernel says if not.
    pub(super) fn try_out(&mut self) -> Result<(), Errno> {
        let entry = self.create_unnamed()?.entry;
        sys::unlinkat(&self.dir, entry, AtFlags::empty())
    }
}

/// The size of a part, if it looks like one: a file of this user that has one name.
pub(super) fn part_size(stat: &Stat) -> Option<u64> {
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_own = stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1;
    u64::try_from(stat.st_size)
        .ok()
        .filter(|_| is_file && is_own)
}
