//! Where an upload goes: the folder of its name, as far as that exists, and the step from part to
//! name.
//!
//! Owns the only calls that add to the served folder. Must never follow a link on the way, nor
//! touch what is there, except to replace a file that is asked to be.

use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{self as sys, Access, AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::server::files::root::{Refusal, ServedDir};
use crate::server::uploads::Failure;
use crate::server::uploads::part::Part;
use crate::server::uploads::staging::Staging;

/// The most folders that are made for one file. A lookup goes up through the missing ones.
const MISSING_MAX: usize = 64;

/// The deepest folder that exists on the way to a name.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) folder: Arc<OwnedFd>,
    stat: Stat,
    /// The folder that has to be made next.
    pub(super) missing: Option<&'a [u8]>,
    last: &'a [u8],
}

impl<'a> Target<'a> {
    /// Looks for the way to `name`, which has to be a good one.
    pub(super) fn find(served: &ServedDir, name: &'a [u8]) -> Result<Self, Failure> {
        let slash = name.iter().rposition(|&byte| byte == b'/');
        let (parent, last) = slash.map_or((&b""[..], name), |at| (&name[..at], &name[at + 1..]));
        let mut there = parent;
        for _ in 0..=MISSING_MAX {
            let folder = match served.folder(there) {
                Ok(folder) => Arc::new(folder),
                Err(Refusal::NoSuchFile) if !there.is_empty() => {
                    let end = there.iter().rposition(|&byte| byte == b'/');
                    there = &there[..end.unwrap_or(0)];
                    continue;
                }
                Err(refusal) => return Err(Failure::of_folder(refusal, name)),
            };
            let stat = sys::fstat(&folder).map_err(|errno| Failure::of(errno, name))?;
            let rest = &parent[there.len()..];
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            let missing = rest.split(|&byte| byte == b'/').next();
            let target = Self {
                folder,
                stat,
                missing: missing.filter(|missing| !missing.is_empty()),
                last,
            };
            let stands = match target.missing {
                Some(missing) => target.stat_of(missing, name)?,
                None => None,
            };
            match stands {
                None => return Ok(target),
                // Somebody has just made it.
                Some(stat) if is_folder(&stat) => there = parent,
                // A file, or a link that leads nowhere.
                Some(_) => return Err(Failure::NotAName),
            }
        }
        Err(Failure::NotAName)
    }

    /// Finds out early whether the last step could not be made.
    pub(super) fn check(&self, staging: &Staging) -> Result<(), Failure> {
        if self.stat.st_dev != staging.device {
            return Err(Failure::OtherFileSystem);
        }
        let rights = Access::WRITE_OK | Access::EXEC_OK;
        match sys::accessat(&self.folder, ".", rights, AtFlags::EACCESS) {
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Err(Failure::Denied),
            // Older kernels cannot say.
            _ => Ok(()),
        }
    }

    /// What has the name now, if anything has.
    pub(super) fn there(&self, name: &[u8]) -> Result<Option<Stat>, Failure> {
        match self.missing {
            Some(_) => Ok(None),
            None => self.stat_of(self.last, name),
        }
    }

    fn stat_of(&self, entry: &[u8], name: &[u8]) -> Result<Option<Stat>, Failure> {
        match sys::statat(&self.folder, entry, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Failure::of(errno, name)),
        }
    }

    /// Opens the file that has the name, for reading.
    pub(super) fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = flags | OFlags::CLOEXEC;
        sys::openat(&self.folder, self.last, flags, Mode::empty())
    }

    /// The group that a file made in this folder has to have; `None`: that of the process.
    pub(super) fn group(&self) -> Option<Gid> {
        let is_set = Mode::from_raw_mode(self.stat.st_mode).contains(Mode::SGID);
        is_set.then(|| Gid::from_raw(self.stat.st_gid))
    }

    /// Makes the folder that is missing next.
    pub(super) fn make_folder(&self, missing: &[u8]) -> Result<(), Errno> {
        match sys::mkdirat(&self.folder, missing, Mode::from_raw_mode(0o777)) {
            // Somebody else was faster.
            Err(Errno::EXIST) => Ok(()),
            made => made,
        }
    }

    /// Gives the part its name, which nothing may have.
    pub(super) fn add(&self, staging: &Staging, part: &Part) -> Result<(), Errno> {
        let (from, to) = (&staging.dir, &self.folder);
        let entry = part.entry.as_str();
        match sys::renameat_with(from, entry, to, self.last, RenameFlags::NOREPLACE) {
            // Not every file system knows the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                sys::linkat(from, entry, to, self.last, AtFlags::empty())?;
                sys::unlinkat(from, entry, AtFlags::empty())
            }
            renamed => renamed,
        }
    }

    /// Gives the part its name, which a file may have. That is returned: closing it may take long.
    pub(super) fn replace(
        &self,
        staging: &Staging,
        part: &Part,
        name: &[u8],
    ) -> Result<Option<OwnedFd>, Failure> {
        let of = |errno| Failure::of(errno, name);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let old = match sys::openat(&self.folder, self.last, flags, Mode::empty()) {
            Ok(old) if is_file(&sys::fstat(&old).map_err(of)?) => Some(old),
            // A rename would remove a FIFO or a device as well.
            Ok(_) => return Err(Failure::NotAFile),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(of(errno)),
        };
        let entry = part.entry.as_str();
        sys::renameat(&staging.dir, entry, &self.folder, self.last).map_err(of)?;
        Ok(old)
    }
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}
