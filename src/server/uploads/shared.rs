//! What all uploads share: the settings, the staging folder, the thread, and the room.
//!
//! Owns the arithmetic of the room. Must never reserve any: that is done by and by, and only after
//! it was looked at whether there is enough.

use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs as sys;

use crate::server::uploads::staging::Staging;
use crate::server::uploads::syncer::Syncer;
use crate::server::uploads::upload::Active;
use crate::server::uploads::{Failure, Settings};

/// What all uploads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The name of the folder that they go to; empty if that is the served one.
    pub(super) dir: Vec<u8>,
    pub(super) folder: OwnedFd,
    pub(super) staging: Staging,
    /// Not there before `Uploads::start`.
    pub(super) syncer: Option<Syncer>,
    /// What was found at the start and is to be removed.
    pub(super) stale: Vec<String>,
    /// When parts that nobody goes on with were last removed; `None`: that is to be done.
    pub(super) swept: Option<Instant>,
    /// The buffer in which parts are read again.
    pub(super) piece: Vec<u8>,
}

impl Shared {
    pub(super) fn syncer(&self) -> &Syncer {
        self.syncer
            .as_ref()
            .expect("it was started before the loop")
    }

    /// Both at once, as one has work for the other.
    pub(super) fn staging(&mut self) -> (&mut Staging, &Syncer) {
        let syncer = self.syncer.as_ref();
        (
            &mut self.staging,
            syncer.expect("it was started before the loop"),
        )
    }

    pub(super) fn allows(&self, replaces: bool, size: u64) -> Result<(), Failure> {
        if replaces && !self.settings.overwrite {
            return Err(Failure::NoOverwrite);
        }
        match self.settings.size_max {
            Some(most) if size > most => Err(Failure::TooLarge(most)),
            _ => Ok(()),
        }
    }

    /// Whether all parts together stay as small as they have to with this one.
    pub(super) fn check_parts<'a>(
        &self,
        others: impl Iterator<Item = &'a Active>,
        active: &Active,
    ) -> Result<(), Failure> {
        let Some(most) = self.settings.parts_max else {
            return Ok(());
        };
        let others = others.map(|other| other.wanted.size);
        let sizes = others.chain([active.wanted.size, self.staging.bytes()]);
        let all = sizes.fold(0, u64::saturating_add);
        // What it has of its own is counted twice until here.
        match all.saturating_sub(active.expected) > most {
            true => Err(Failure::PartsFull(most)),
            false => Ok(()),
        }
    }

    /// Whether the disk has `needed` bytes of room besides what stays free and what is promised to
    /// others.
    pub(super) fn check_room(&self, needed: u64, others: u64) -> Result<(), Failure> {
        let Some(free) = self.free() else {
            return Ok(());
        };
        let kept = self.settings.keep_free;
        let taken = needed.saturating_add(others).saturating_add(kept);
        match taken > free {
            true => Err(self.no_room(others)),
            false => Ok(()),
        }
    }

    pub(super) fn no_room(&self, others: u64) -> Failure {
        Failure::NoRoom {
            free: self.free().unwrap_or(0).saturating_sub(others),
            kept: self.settings.keep_free,
        }
    }

    /// How many bytes an ordinary user could write. `None`: the file system has no bound that it
    /// could tell.
    pub(super) fn free(&self) -> Option<u64> {
        let stat = sys::fstatvfs(&self.staging.dir).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize)).filter(|_| stat.f_blocks > 0)
    }
}
