//! The question whether an upload is accepted.
//!
//! Owns the order of the refusals. Must never take a byte: all that can be known is said before.

use std::path::{Component, Path};
use std::time::Instant;

use crate::server::files::root::ServedDir;
use crate::server::uploads::part::PartId;
use crate::server::uploads::target::{Target, is_file};
use crate::server::uploads::upload::{Active, Stage, Wanted, comparing};
use crate::server::uploads::{Failure, Upload, Uploads, names};
use crate::wire::ClientName;
use crate::wire::put::{Form, Put};

impl Uploads {
    /// Begins the upload that `put` asks for, whose size is `size`. What is refused here is refused
    /// before a byte of it is taken.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn begin(
        &mut self,
        served: &ServedDir,
        put: &Put<'_>,
        size: u64,
        from: ClientName,
        now: Instant,
    ) -> Result<Upload, Failure> {
        let name = put.name;
        names::check(name, &self.shared.dir)?;
        self.shared.allows(put.replaces, size)?;
        let target = Target::find(served, name)?;
        target.check(&self.shared.staging)?;
        let (id, modified) = match put.form {
            Form::AtOnce => (None, None),
            Form::WhenReady { digest, modified } => {
                (Some(PartId::new(digest, size, name)), modified)
            }
        };
        let wanted = Wanted {
            size,
            id,
            modified,
            replaces: put.replaces,
        };
        self.generation += 1;
        let generation = self.generation;
        match self.active.get_mut(name) {
            // Whoever asks for it now is there; whoever sent it before may be gone, and the kernel
            // not know yet.
            Some(active) if id.is_some() && active.wanted.id == id => {
                active.generation = generation;
                active.wanted = wanted;
            }
            Some(_) => return Err(Failure::BeingUploaded),
            None => {
                let active = self.new_active(&target, name, wanted)?;
                self.active.insert(name.to_vec(), active);
            }
        }
        Ok(Upload {
            name: name.to_vec(),
            from,
            size,
            offset: 0,
            received: 0,
            began: now,
            generation,
            form: put.form,
            is_ready: false,
        })
    }

    fn new_active(
        &mut self,
        target: &Target<'_>,
        name: &[u8],
        wanted: Wanted,
    ) -> Result<Active, Failure> {
        let compared = Self::standing(target, name, wanted)?;
        let mut active = Active {
            generation: self.generation,
            wanted,
            stage: compared.unwrap_or(Stage::Opening),
            part: None,
            expected: wanted.id.map_or(0, |id| self.shared.staging.bytes_of(&id)),
        };
        if !matches!(active.stage, Stage::Comparing(..)) {
            self.shared.check_parts(self.active.values(), &active)?;
            self.shared.check_room(active.promised(), self.promised())?;
        }
        if wanted.id.is_none() {
            // It cannot be made to wait: its bytes are on their way.
            if self.shared.syncer().is_busy() {
                return Err(Failure::Busy);
            }
            let part = self.shared.staging.create_unnamed();
            active.part = Some(part.map_err(|errno| Failure::of(errno, name))?);
            active.stage = Stage::Reserving;
        }
        Ok(active)
    }

    /// What has the name, if it has to be compared with what is wanted.
    fn standing(
        target: &Target<'_>,
        name: &[u8],
        wanted: Wanted,
    ) -> Result<Option<Stage>, Failure> {
        let Some(stat) = target.there(name)? else {
            return Ok(None);
        };
        let has_size = u64::try_from(stat.st_size) == Ok(wanted.size);
        let compared = match wanted.id {
            Some(_) if is_file(&stat) && has_size => comparing(target, name),
            _ => None,
        };
        match wanted.replaces {
            false if compared.is_none() => Err(Failure::Exists),
            true if !is_file(&stat) => Err(Failure::NotAFile),
            _ => Ok(compared),
        }
    }
}

/// The name in the served folder of the folder `dir`.
pub(super) fn name_of(dir: &Path, root: &Path) -> Option<Vec<u8>> {
    let inside = match dir.is_absolute() {
        true => dir.canonicalize().ok()?,
        false => dir.to_owned(),
    };
    let inside = match dir.is_absolute() {
        true => inside.strip_prefix(root.canonicalize().ok()?).ok()?,
        false => &inside,
    };
    let mut name = Vec::new();
    for component in inside.components() {
        match component {
            Component::CurDir => continue,
            Component::Normal(part) => {
                let part = part.as_encoded_bytes();
                if part.starts_with(b".") {
                    return None;
                }
                if !name.is_empty() {
                    name.push(b'/');
                }
                name.extend_from_slice(part);
            }
            _ => return None,
        }
    }
    Some(name)
}
