//! Uploads: what clients send becomes a file in the served folder, whole or not at all.
//!
//! Owns who is uploading under which name, and the room that is promised to them. Must never give a
//! file a name before the disk has all of it, nor wait for the disk itself: a thread does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use rustix::io::Errno;

use crate::server::uploads::shared::Shared;
use crate::server::uploads::syncer::SWEEP_EVERY;
use crate::server::uploads::upload::{Active, Stage};
use crate::wire::put::Form;
use crate::wire::{ClientName, Digest};

mod begin;
mod ending;
mod failure;
mod names;
mod part;
mod shared;
mod staging;
mod start;
mod syncer;
mod target;
mod upload;

pub use failure::{Failure, reason_of};
pub use start::{Fault, STAGING};
pub use upload::{Progress, Tools};

/// How many descriptors uploads need besides those of their clients: the parts that are kept open,
/// those that are to be removed, the folder, the staging folder twice, and the one that wakes the
/// loop.
pub const DESCRIPTORS: usize = staging::WARM_MAX + syncer::LEFT_MAX + 4;

/// Which uploads are accepted.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder that they may go to: a path in the served one, or an absolute one into it.
    pub dir: PathBuf,
    /// Whether files that are there may be replaced.
    pub overwrite: bool,
    /// The most bytes that a file may have.
    pub size_max: Option<u64>,
    /// So many bytes stay free on the disk.
    pub keep_free: u64,
    /// So many bytes may all unfinished uploads have.
    pub parts_max: Option<u64>,
    /// How long an unfinished upload can be gone on with.
    pub keep_parts: Duration,
}

/// Accepts uploads.
#[derive(Debug)]
pub struct Uploads {
    /// By their names, so nobody else can begin under one.
    active: HashMap<Vec<u8>, Active>,
    shared: Shared,
    /// The number of the last connection that began an upload.
    generation: u64,
}

/// The end of an upload that is on a connection. Another connection may have it by now.
#[derive(Debug)]
pub struct Upload {
    /// As the client wrote it.
    pub name: Vec<u8>,
    /// Who sends it.
    pub from: ClientName,
    /// Of the whole file.
    pub size: u64,
    /// The first byte that this connection was to send.
    pub offset: u64,
    /// How many it sent.
    pub received: u64,
    /// When it was asked for.
    pub began: Instant,
    generation: u64,
    /// What its client waits for.
    form: Form,
    /// Whether it was told to send.
    is_ready: bool,
}

/// What was done with a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// More may come.
    Going,
    /// The disk has to write before more may come: see [`Uploads::resume`].
    Pause,
    /// The upload has failed.
    Failed(Failure),
}

/// The end of an upload, for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, with this digest. Whether another file had the name before.
    Stored(Digest, bool),
    /// It is not. The word says why.
    Not(&'static str),
}

/// How an upload stands whose client has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has its name already. This is its digest, and whether it replaced a file.
    Stored(Digest, bool),
    /// So many bytes of it are there, or were.
    Unfinished(u64),
    /// Another connection has it.
    TakenOver,
}

impl Uploads {
    /// The loop was woken: removes parts that nobody goes on with, if that is due.
    pub fn woken(&mut self, now: Instant, clock: SystemTime) {
        let shared = &mut self.shared;
        if shared
            .swept
            .is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY)
        {
            return;
        }
        let keep = shared.settings.keep_parts;
        let (staging, syncer) = shared.staging();
        // Each that is removed wakes the loop again.
        if staging.sweep(clock, keep, syncer) {
            shared.swept = Some(now);
        }
    }

    /// How much room is promised to all uploads.
    fn promised(&self) -> u64 {
        self.active.values().map(Active::promised).sum()
    }

    /// Does the next step of an upload.
    pub fn resume(&mut self, upload: &mut Upload, tools: &mut Tools<'_>) -> Progress {
        let all = match self.active.get(&upload.name).map(|active| &active.stage) {
            Some(Stage::Opening | Stage::Reserving) => self.promised(),
            _ => 0,
        };
        let Some(active) = self.active.get_mut(&upload.name) else {
            return Progress::Failed(Failure::TakenOver);
        };
        if active.generation != upload.generation {
            return Progress::Failed(Failure::TakenOver);
        }
        let others = all.saturating_sub(active.promised());
        let waits_for_word = upload.form != Form::AtOnce && !upload.is_ready;
        if let (Some(written), true) = (active.wants_from(), waits_for_word) {
            upload.offset = written;
            upload.is_ready = true;
            return Progress::Ready(written);
        }
        match active.advance(&upload.name, others, &mut self.shared, tools) {
            Ok(stored @ Progress::Stored { .. }) => {
                self.active.remove(&upload.name);
                stored
            }
            Ok(progress) => progress,
            Err(failure) => {
                self.end(&upload.name, failure.keeps_part(), (tools.now)());
                Progress::Failed(failure)
            }
        }
    }

    /// Takes the next bytes of a body, never more than are wanted. `now`: the wall clock.
    pub fn receive(&mut self, upload: &mut Upload, bytes: &[u8], now: SystemTime) -> Received {
        let Some(active) = self.active.get_mut(&upload.name) else {
            return Received::Failed(Failure::TakenOver);
        };
        if active.generation != upload.generation {
            return Received::Failed(Failure::TakenOver);
        }
        let size = active.wanted.size;
        let part = active.part();
        let before = part.written;
        let written = part.write(bytes);
        upload.received += part.written - before;
        let failure = match written {
            Ok(()) if part.written == size => return Received::Going,
            Ok(()) => match part.sync(self.shared.syncer()) {
                Ok(()) if part.is_ahead() => return Received::Pause,
                Ok(()) => return Received::Going,
                Err(errno) => upload::disk_failed(errno, &upload.name),
            },
            Err(Errno::NOSPC | Errno::DQUOT) => self.shared.no_room(0),
            Err(errno) => upload::disk_failed(errno, &upload.name),
        };
        self.end(&upload.name, failure.keeps_part(), now);
        Received::Failed(failure)
    }

    /// The client is gone before its upload was stored. What came of it stays, if it can be gone on
    /// with. `now`: the wall clock.
    pub fn abandoned(&mut self, upload: &Upload, now: SystemTime) -> Left {
        let Some(active) = self.active.get(&upload.name) else {
            return Left::TakenOver;
        };
        if active.generation != upload.generation {
            return Left::TakenOver;
        }
        let came = active.part.as_ref().map_or(0, |part| part.written);
        let named = match active.stage {
            Stage::Naming(_, replaced) => Some(replaced),
            _ => None,
        };
        let digest = self.end(&upload.name, true, now);
        match (named, digest) {
            (Some(replaced), Some(digest)) => Left::Stored(digest, replaced),
            _ => Left::Unfinished(came),
        }
    }

    /// Ends an upload, and keeps its part if it can be gone on with and is to be. Returns the
    /// digest of what is wanted, or came.
    fn end(&mut self, name: &[u8], keeps_part: bool, now: SystemTime) -> Option<Digest> {
        let active = self.active.remove(name)?;
        let (staging, syncer) = self.shared.staging();
        let Some(part) = active.part else {
            return active.wanted.id.map(|id| id.digest);
        };
        let digest = part.digest();
        match (active.wanted.id, &active.stage) {
            // It is called something else by now.
            (_, Stage::Naming(..)) => {}
            (Some(id), Stage::Rereading(bytes)) if keeps_part => {
                let bytes = *bytes;
                staging.keep(id, part, bytes, now, syncer);
            }
            (Some(id), _) if keeps_part => {
                let bytes = part.written;
                staging.keep(id, part, bytes, now, syncer);
            }
            _ => staging.discard_part(part, syncer),
        }
        Some(digest)
    }
}

#[cfg(test)]
mod tests;
