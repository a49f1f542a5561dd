//! The last stages of an upload: from the last byte to the name.
//!
//! Owns their order. Must never give a part its name that the disk does not have.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rustix::fs::{self as sys, Timespec};

use crate::server::files::root::ServedDir;
use crate::server::uploads::Failure;
use crate::server::uploads::shared::Shared;
use crate::server::uploads::start::times;
use crate::server::uploads::syncer::Work;
use crate::server::uploads::target::Target;
use crate::server::uploads::upload::{Active, Progress, Stage};
use crate::wire::Sanitized;

impl Active {
    /// All bytes came.
    pub(super) fn complete(
        &mut self,
        name: &[u8],
        shared: &mut Shared,
        served: &ServedDir,
    ) -> Result<Progress, Failure> {
        let wanted = self.wanted;
        let part = self.part();
        if wanted.id.is_some_and(|id| id.digest != part.digest()) {
            return Err(Failure::DigestDiffers);
        }
        let target = Target::find(served, name)?;
        if let Some(group) = target.group() {
            // Whoever may not give a file to that group leaves it as it is.
            let _ = sys::fchown(&part.file, None, Some(group));
        }
        if let Some(modified) = wanted.modified {
            let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified = Timespec {
                tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: 0,
            };
            let _ = sys::futimens(&part.file, &times(modified));
        }
        let all = vec![Arc::clone(&part.file)];
        self.stage = Stage::Syncing(shared.syncer().ask(Work::All(all)));
        Ok(Progress::Waiting)
    }

    pub(super) fn place(
        &mut self,
        name: &[u8],
        shared: &mut Shared,
        served: &ServedDir,
    ) -> Result<Progress, Failure> {
        let target = Target::find(served, name)?;
        let folder = Arc::clone(&target.folder);
        if let Some(missing) = target.missing {
            let made = target.make_folder(missing);
            made.map_err(|errno| Failure::of(errno, name))?;
            let ticket = shared.syncer().ask(Work::All(vec![folder]));
            self.stage = Stage::MakingFolder(ticket);
            return Ok(Progress::Waiting);
        }
        let (size, replaces) = (self.wanted.size, self.wanted.replaces);
        let part = self.part();
        let (staging, syncer) = shared.staging();
        if staging.size_of(&part.file, &part.entry) != Some(size) {
            log::error!("the part of {} was changed by somebody", Sanitized(name));
            return Err(Failure::CannotWrite);
        }
        let old = match replaces {
            true => target.replace(staging, part, name)?,
            false => {
                let added = target.add(staging, part);
                added.map_err(|errno| Failure::of(errno, name))?;
                None
            }
        };
        let replaced = old.is_some();
        old.into_iter()
            .for_each(|old| drop(syncer.ask(Work::Close(old))));
        let all = vec![folder, Arc::clone(&staging.dir)];
        self.stage = Stage::Naming(syncer.ask(Work::All(all)), replaced);
        Ok(Progress::Waiting)
    }
}
