//! The answer to `list`, made a step at a time.
//!
//! Owns how far a listing has come. Must never read a folder whole in one step, nor hold more
//! than one descriptor: others wait while a step is made, and descriptors are counted. Must never
//! let a walk fill the cache that met an entry it could not look at.

use std::collections::BTreeSet;

use rustix::fd::AsFd;
use rustix::fs::{Dir, FileType};

use crate::engine::ports::Step;
use crate::server::files::listing_cache::{CacheFill, ListingCache, Uncacheable};
use crate::server::files::root::{Refusal, ServedDir};
use crate::wire::{LINE_BYTES_MAX, Reply};

/// How much is done in one step, in entries read or written. Each costs a microsecond or two,
/// mostly for its stat(2), so a step takes about half a millisecond.
const STEP_ENTRIES: usize = 256;

/// Opening a folder costs as much as an entry for each so many bytes of its path, all of whose
/// components are looked up.
const ENTRY_PATH_BYTES: usize = 32;

/// What it costs to have a folder watched, in entries: about ten microseconds.
const ENTRIES_WATCH: usize = 6;

/// A step ends when it has written this much, so that long names do not make it a large one.
const STEP_BYTES: usize = 16 * 1024;

/// The longest name listed: one that a `get` can ask for.
const NAME_BYTES_MAX: usize = LINE_BYTES_MAX - b"get ".len();

/// A walk over the served folder in the order of its names, byte by byte.
///
/// A folder is walked as if its name ended in `/`, which is the order of the full names of the
/// files. It is what is there while the walk passes: files may be added and removed meanwhile.
#[derive(Debug)]
pub struct Listing {
    /// The folders from the served one down to where the walk is.
    folders: Vec<Folder>,
    /// What it collects for the cache, so that the next `list` needs no walk.
    fill: CacheFill,
}

/// What a walk has at hand while it makes a step.
struct Tools<'a> {
    served_dir: &'a mut ServedDir,
    cache: &'a mut ListingCache,
    fill: &'a mut CacheFill,
}

#[derive(Debug)]
struct Folder {
    /// Empty for the served folder, otherwise the name and `/`.
    path: Vec<u8>,
    stage: Stage,
    /// Entries still to be walked; those of sub-folders end in `/`.
    entries: BTreeSet<Vec<u8>>,
    /// Open while this is the folder that the walk is in.
    dir: Option<Dir>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its entries are being read.
    Reading,
    /// All are read; they are being written in order.
    Writing,
}

impl Listing {
    /// A walk that has not begun.
    #[must_use]
    pub fn new(fill: CacheFill) -> Self {
        Self {
            folders: vec![Folder::new(Vec::new())],
            fill,
        }
    }

    /// Goes on for one step and appends what it found.
    pub fn resume(
        &mut self,
        served_dir: &mut ServedDir,
        cache: &mut ListingCache,
        out: &mut Vec<u8>,
    ) -> Step {
        if !self.fill.is_ready(cache) {
            return Step::More;
        }
        let before = out.len();
        let step = self.walk(served_dir, cache, out);
        self.fill.keep(&out[before..]);
        if step == Step::Done {
            self.fill.end(cache);
        }
        step
    }

    fn walk(
        &mut self,
        served_dir: &mut ServedDir,
        cache: &mut ListingCache,
        out: &mut Vec<u8>,
    ) -> Step {
        let mut tools = Tools {
            served_dir,
            cache,
            fill: &mut self.fill,
        };
        let full = out.len() + STEP_BYTES;
        let mut left = STEP_ENTRIES;
        while left > 0 && out.len() < full {
            let Some(folder) = self.folders.last_mut() else {
                Reply::End.write(out);
                return Step::Done;
            };
            left = left.saturating_sub(folder.cost(tools.fill));
            match folder.advance(&mut tools, out) {
                Walk::Here => {}
                Walk::Down(path) => self.folders.push(Folder::new(path)),
                Walk::Up => drop(self.folders.pop()),
            }
        }
        Step::More
    }
}

/// Whether a name holds what would break its line, or a control character of any other kind.
pub(in crate::server) fn has_control(name: &[u8]) -> bool {
    let is_control = |text: &str| text.chars().any(char::is_control);
    name.utf8_chunks().any(|chunk| is_control(chunk.valid()))
}

/// Where a walk goes after an entry.
enum Walk {
    Here,
    Down(Vec<u8>),
    Up,
}

impl Folder {
    const fn new(path: Vec<u8>) -> Self {
        Self {
            path,
            stage: Stage::Reading,
            entries: BTreeSet::new(),
            dir: None,
        }
    }

    /// What [`Folder::advance`] will cost, in entries.
    const fn cost(&self, fill: &CacheFill) -> usize {
        let opening = 1 + self.path.len() / ENTRY_PATH_BYTES;
        match (&self.dir, self.stage) {
            (Some(_), _) => 1,
            (None, Stage::Reading) if fill.is_on() => opening + ENTRIES_WATCH,
            (None, _) => opening,
        }
    }

    /// Reads or writes one entry.
    fn advance(&mut self, tools: &mut Tools<'_>, out: &mut Vec<u8>) -> Walk {
        if self.dir.is_none() {
            self.dir = self.open(tools);
        }
        let Some(dir) = &mut self.dir else {
            // It was removed, or may not be read: nothing in it can be had.
            return Walk::Up;
        };
        match self.stage {
            Stage::Reading => match dir.read() {
                Some(Ok(entry)) => {
                    let name = entry.file_name().to_bytes();
                    self.take(name, entry.file_type(), tools);
                }
                Some(Err(error)) => {
                    log::warn!("a folder could not be read to its end: {error}");
                    tools.fill.abandon(Uncacheable::Unseen);
                    self.stage = Stage::Writing;
                }
                None => self.stage = Stage::Writing,
            },
            Stage::Writing => return self.write(tools, out),
        }
        Walk::Here
    }

    /// Opens the folder, and has it watched before anything in it is read.
    fn open(&self, tools: &mut Tools<'_>) -> Option<Dir> {
        let folder = match tools.served_dir.folder(self.name()) {
            Ok(folder) => folder,
            // A chmod that makes it readable is an event of the parent folder.
            Err(Refusal::Denied) => return None,
            Err(_) => {
                tools.fill.abandon(Uncacheable::Unseen);
                return None;
            }
        };
        if self.stage == Stage::Reading {
            tools.fill.watch(folder.as_fd(), tools.cache);
        }
        let dir = Dir::new(folder);
        if dir.is_err() {
            tools.fill.abandon(Uncacheable::Unseen);
        }
        dir.ok()
    }

    /// Notes an entry that may be listed.
    fn take(&mut self, name: &[u8], kind: FileType, tools: &mut Tools<'_>) {
        if name.starts_with(b".") {
            return;
        }
        let too_long = self.path.len() + name.len() > NAME_BYTES_MAX;
        if too_long || has_control(name) {
            tools.served_dir.warn_unlisted(&[&self.path, name].concat());
            return;
        }
        if kind == FileType::Symlink {
            // Also one that leads nowhere: some day it may.
            tools.fill.abandon(Uncacheable::Linked);
        }
        match kind {
            FileType::Directory => self.entries.insert([name, b"/"].concat()),
            FileType::RegularFile | FileType::Symlink => self.entries.insert(name.to_vec()),
            FileType::Unknown if self.is_folder(name) => self.entries.insert([name, b"/"].concat()),
            FileType::Unknown => self.entries.insert(name.to_vec()),
            _ => return,
        };
    }

    /// Some file systems do not say in a folder what an entry is.
    fn is_folder(&self, name: &[u8]) -> bool {
        let Some(fd) = self.dir.as_ref().and_then(|dir| dir.fd().ok()) else {
            return false;
        };
        rustix::fs::statat(fd, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// Writes the next entry, or finds that it is a folder to go down to.
    fn write(&mut self, tools: &mut Tools<'_>, out: &mut Vec<u8>) -> Walk {
        let Some(entry) = self.entries.pop_first() else {
            return Walk::Up;
        };
        let name = [&self.path[..], &entry].concat();
        if name.ends_with(b"/") {
            // Its own listing needs the descriptor; this folder is opened again afterwards.
            self.dir = None;
            return Walk::Down(name);
        }
        let Some(fd) = self.dir.as_ref().and_then(|dir| dir.fd().ok()) else {
            return Walk::Up;
        };
        let details = tools.served_dir.details(fd.as_fd(), &entry, &name);
        match details.map(|file| file.has_one_name) {
            Some(true) => {}
            Some(false) => tools.fill.abandon(Uncacheable::Linked),
            None => tools.fill.abandon(Uncacheable::Unseen),
        }
        if let Some(file) = details {
            file.of(&name).write(out);
        }
        Walk::Here
    }

    /// The folder's name as the served_dir knows it.
    fn name(&self) -> &[u8] {
        self.path.strip_suffix(b"/").unwrap_or(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, write};

    #[test]
    fn a_step_is_a_bounded_piece_of_work() {
        const FILES: usize = 1000;
        let folder = tempfile::tempdir().expect("a folder can be made");
        create_dir(folder.path().join("sub")).expect("it is new");
        for number in 0..FILES {
            write(folder.path().join(format!("sub/{number}")), "").expect("it is new");
        }
        let mut served_dir = ServedDir::open(folder.path()).expect("it is there");
        let mut listing = Listing::new(CacheFill::Off);
        let mut out = Vec::new();
        let mut steps = 1;
        let mut cache = ListingCache::default();
        while listing.resume(&mut served_dir, &mut cache, &mut out) == Step::More {
            steps += 1;
        }
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), FILES + 1);
        // Each file is read once and written once, and each of that is one of a step's entries.
        assert!(steps >= 7, "only {steps} steps");
        assert!(steps <= 2 * FILES, "{steps} steps get nowhere");
    }
}
