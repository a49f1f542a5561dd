//! One upload: what is wanted, and how far it is.
//!
//! Owns the order of its stages, from the question to the name. Must never take longer for one step
//! than other clients can wait, nor say that a file is stored before the disk has it.

use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::server::files::digest::{Digesting, Digests};
use crate::server::files::root::ServedDir;
use crate::server::uploads::Failure;
use crate::server::uploads::part::{Part, PartId};
use crate::server::uploads::shared::Shared;
use crate::server::uploads::syncer::{Ticket, Work};
use crate::server::uploads::target::Target;
use crate::wire::{Digest, Sanitized};

/// What an upload is to become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) size: u64,
    /// What its client waits for READY with; `None`: its bytes come at once, and are never gone on
    /// with.
    pub(super) id: Option<PartId>,
    pub(super) modified: Option<SystemTime>,
    pub(super) replaces: bool,
}

/// An upload under way, whichever connection it is on.
#[derive(Debug)]
pub(super) struct Active {
    /// Of the connection that it is on: a newer one takes it over.
    pub(super) generation: u64,
    pub(super) wanted: Wanted,
    pub(super) stage: Stage,
    /// There from [`Stage::Opening`] on.
    pub(super) part: Option<Part>,
    /// Of the bytes that are wanted, so many are there as long as there is no part.
    pub(super) expected: u64,
}

/// How far an upload is. It goes forward only, but for a part that turns out to be unreadable.
#[derive(Debug)]
pub(super) enum Stage {
    /// A file has the name, in this folder: whether it is what is wanted.
    Comparing(Box<Digesting>, Arc<OwnedFd>),
    /// The part is to be opened, once the disk is done with it.
    Opening,
    /// So many bytes of the part came before, and have to be digested.
    Rereading(u64),
    /// Room is reserved for the rest.
    Reserving,
    /// There is too little, and what was reserved is given back.
    GivingBack(Ticket),
    /// Bytes are wanted.
    Receiving,
    /// All came, and the disk writes them.
    Syncing(Ticket),
    /// The disk has them: the part gets its name, or a folder that is missing for it is made.
    Placing,
    /// The disk writes a folder that was made.
    MakingFolder(Ticket),
    /// It has its name, and the disk writes that. Whether another file had it before.
    Naming(Ticket, bool),
}

/// What the next step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More steps are needed.
    More,
    /// The disk is not done. The loop is woken when it is.
    Waiting,
    /// The bytes from here on are wanted, and the client waits to be told so.
    Ready(u64),
    /// So many bytes (not 0) are wanted.
    Body(u64),
    /// It is there, with this digest.
    Stored {
        /// Of the file.
        digest: Digest,
        /// Whether another file had the name before.
        replaced: bool,
    },
    /// It is not stored.
    Failed(Failure),
}

/// What a step needs of the outside.
pub struct Tools<'a> {
    /// The served folder.
    pub served: &'a ServedDir,
    /// Digests of the files that are there.
    pub digests: &'a mut Digests,
    /// The wall clock.
    pub now: &'a dyn Fn() -> SystemTime,
}

impl Active {
    /// So many bytes of room it will take of the disk beyond what it has.
    pub(super) fn promised(&self) -> u64 {
        let covered = self.part.as_ref().map_or(self.expected, Part::covered);
        self.wanted.size.saturating_sub(covered)
    }

    /// From which byte on the body is wanted, if it is.
    pub(super) fn wants_from(&self) -> Option<u64> {
        let written = self.part.as_ref()?.written;
        let wants = matches!(self.stage, Stage::Receiving) && written < self.wanted.size;
        wants.then_some(written)
    }

    pub(super) fn part(&mut self) -> &mut Part {
        self.part.as_mut().expect("it was opened before")
    }

    /// Does one step. `others`: how much room is promised to other uploads.
    pub(super) fn advance(
        &mut self,
        name: &[u8],
        others: u64,
        shared: &mut Shared,
        tools: &mut Tools<'_>,
    ) -> Result<Progress, Failure> {
        match &mut self.stage {
            Stage::Comparing(..) => self.compare(name, shared, tools),
            Stage::Opening => self.open(name, others, shared),
            Stage::Rereading(end) => {
                let end = *end;
                self.reread(end, name, shared)
            }
            Stage::Reserving => self.reserve(others, shared),
            Stage::GivingBack(ticket) => {
                let done = ticket.poll();
                self.after(done, name, Stage::Receiving)
            }
            Stage::Receiving => self.receive(name, shared, tools.served),
            Stage::Syncing(ticket) | Stage::MakingFolder(ticket) => {
                let done = ticket.poll();
                self.after(done, name, Stage::Placing)
            }
            Stage::Placing => self.place(name, shared, tools.served),
            Stage::Naming(ticket, replaced) => {
                let replaced = *replaced;
                match ticket.poll() {
                    None => Ok(Progress::Waiting),
                    Some(Err(errno)) => Err(disk_failed(errno, name)),
                    Some(Ok(())) => Ok(Progress::Stored {
                        digest: self.digest(),
                        replaced,
                    }),
                }
            }
        }
    }

    /// The digest of what is wanted, or of all that came.
    fn digest(&mut self) -> Digest {
        match self.wanted.id {
            Some(id) => id.digest,
            None => self.part().digest(),
        }
    }

    /// The disk is `done` with something: on to the next stage.
    fn after(
        &mut self,
        done: Option<Result<(), Errno>>,
        name: &[u8],
        next: Stage,
    ) -> Result<Progress, Failure> {
        let Some(done) = done else {
            return Ok(Progress::Waiting);
        };
        // An error is told to one sync only, which may have been the one before.
        done.and_then(|()| self.part().synced())
            .map_err(|errno| disk_failed(errno, name))?;
        self.stage = next;
        Ok(Progress::More)
    }

    fn compare(
        &mut self,
        name: &[u8],
        shared: &Shared,
        tools: &mut Tools<'_>,
    ) -> Result<Progress, Failure> {
        let Stage::Comparing(digesting, folder) = &mut self.stage else {
            unreachable!("this is called while comparing");
        };
        let digest = tools.digests.resume(digesting, tools.now);
        let wanted = self.wanted.id.map(|id| id.digest);
        match digest {
            Ok(None) => return Ok(Progress::More),
            Ok(Some(digest)) if Some(digest) == wanted => {
                // Perhaps it was written a moment ago, by whoever.
                let file = digesting.file().try_clone();
                let file = file.map_err(|_| Failure::of(Errno::MFILE, name))?;
                let all = vec![Arc::new(file.into()), Arc::clone(folder)];
                self.stage = Stage::Naming(shared.syncer().ask(Work::All(all)), false);
                return Ok(Progress::Waiting);
            }
            Ok(Some(_)) | Err(_) if self.wanted.replaces => self.stage = Stage::Opening,
            Ok(Some(_)) | Err(_) => return Err(Failure::Exists),
        }
        Ok(Progress::More)
    }

    fn open(&mut self, name: &[u8], others: u64, shared: &mut Shared) -> Result<Progress, Failure> {
        let Some(id) = self.wanted.id else {
            unreachable!("bytes that come at once have a part from the start");
        };
        let (staging, syncer) = shared.staging();
        if syncer.is_busy() || !staging.is_settled(&id, syncer) {
            return Ok(Progress::Waiting);
        }
        self.expected = staging.bytes_of(&id);
        shared.check_room(self.promised(), others)?;
        let (staging, syncer) = shared.staging();
        let opened = staging.open(id, syncer);
        let (part, end) = opened.map_err(|errno| match errno {
            // Not the file is there: its part is in the way.
            Errno::EXIST => disk_failed(errno, name),
            errno => Failure::of(errno, name),
        })?;
        self.stage = match part.written < end {
            true => Stage::Rereading(end),
            false => Stage::Reserving,
        };
        self.part = Some(part);
        Ok(Progress::More)
    }

    fn reread(&mut self, end: u64, name: &[u8], shared: &mut Shared) -> Result<Progress, Failure> {
        let part = self.part.as_mut().expect("it was opened before");
        match part.reread(end, &mut shared.piece) {
            Ok(false) => {}
            Ok(true) => self.stage = Stage::Reserving,
            Err(errno) => {
                log::warn!("what came of {} cannot be read: {errno}", Sanitized(name));
                let (staging, syncer) = shared.staging();
                let part = self.part.take().expect("it was opened before");
                staging.discard_part(part, syncer);
                self.stage = Stage::Opening;
            }
        }
        Ok(Progress::More)
    }

    fn reserve(&mut self, others: u64, shared: &mut Shared) -> Result<Progress, Failure> {
        let size = self.wanted.size;
        match self.part().reserve(size) {
            Ok(false) => {}
            Ok(true) => self.stage = Stage::Receiving,
            // Its bytes are on their way: perhaps there is room when they come. What a failed
            // reservation got is kept by some file systems, and missing to all.
            Err(_) if self.wanted.id.is_none() => {
                let part = self.part();
                part.unreserve();
                let given = Work::Shorten(Arc::clone(&part.file), part.written);
                self.stage = Stage::GivingBack(shared.syncer().ask(given));
            }
            Err(_) => return Err(shared.no_room(others)),
        }
        Ok(Progress::More)
    }

    fn receive(
        &mut self,
        name: &[u8],
        shared: &mut Shared,
        served: &ServedDir,
    ) -> Result<Progress, Failure> {
        let size = self.wanted.size;
        let part = self.part();
        if part.written == size {
            return self.complete(name, shared, served);
        }
        part.sync(shared.syncer())
            .map_err(|errno| disk_failed(errno, name))?;
        match part.is_ahead() {
            true => Ok(Progress::Waiting),
            false => Ok(Progress::Body(size - part.written)),
        }
    }
}

/// The disk may have lost bytes. A second sync of the same file would not say so.
pub(super) fn disk_failed(errno: Errno, name: &[u8]) -> Failure {
    log::error!("cannot write {}: {errno}", Sanitized(name));
    Failure::CannotWrite
}

/// A file that is compared with what is wanted, if it may be read.
pub(super) fn comparing(target: &Target<'_>, name: &[u8]) -> Option<Stage> {
    let file: File = target.open().ok()?.into();
    let digesting = Digesting::begin(file, name).ok()?;
    Some(Stage::Comparing(
        Box::new(digesting),
        Arc::clone(&target.folder),
    ))
}
