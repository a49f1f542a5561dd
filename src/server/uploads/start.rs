//! The start: makes and locks the staging folder, puts what is in it in order, and starts the
//! thread that waits for the disk.
//!
//! Owns this order. Must never touch an entry that it does not know by its name.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    self as sys, AtFlags, Dir, FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::server::files::root::ServedDir;
use crate::server::process::sandbox::Writable;
use crate::server::uploads::begin::name_of;
use crate::server::uploads::part::{PartId, UNSYNCED_BYTES_MAX};
use crate::server::uploads::shared::Shared;
use crate::server::uploads::staging::{Staging, part_size};
use crate::server::uploads::syncer::Syncer;
use crate::server::uploads::{Settings, Uploads};
use crate::wire::{Sanitized, Size};

/// The name of the folder. It begins with a dot, so it is neither listed nor served.
pub const STAGING: &str = ".berth";

/// Holds the id of the last boot of the machine that the folder was used in.
const BOOT: &str = "boot";

/// Where the kernel says which boot this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What a part may have lost when the machine crashed: what was not known to be on the disk, and
/// the piece that came after that was noticed.
const LOST_BYTES_MAX: u64 = UNSYNCED_BYTES_MAX + (1 << 20);

/// Why no upload can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such folder in the served one, or its name begins with a dot.
    NoFolder,
    /// Another server has its parts there.
    Taken,
    /// The staging folder's name is something else's, or the folder is another user's.
    Foreign,
    /// The kernel refused.
    Failed(Errno),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFolder => f.write_str(
                "it is no folder in the served one; say which with --uploads DIR, or '.' for all",
            ),
            Self::Taken => f.write_str("another berthd accepts uploads there: stop that one"),
            Self::Foreign => f.write_str(
                "its .berth is not a folder of this user: remove it, or run as its owner (--user)",
            ),
            Self::Failed(errno @ (Errno::ACCESS | Errno::PERM | Errno::ROFS)) => write!(
                f,
                "it cannot be written: {errno}; give this user the right to (chown, chmod)"
            ),
            Self::Failed(errno) => write!(f, "it cannot be used: {errno}"),
        }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Failed(errno)
    }
}

impl Uploads {
    /// Prepares the staging folder. To be called after the change to an ordinary user, as it and
    /// the parts are that user's, and before the sandbox is entered. `root`: the path of the served
    /// folder.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn open(served: &ServedDir, root: &Path, settings: &Settings) -> Result<Self, Fault> {
        let dir = name_of(&settings.dir, root).ok_or(Fault::NoFolder)?;
        let folder = served.folder(&dir).map_err(|_| Fault::NoFolder)?;
        let (staging, stale) = open(&folder)?;
        let shared = Shared {
            settings: settings.clone(),
            dir,
            folder,
            staging,
            syncer: None,
            stale,
            swept: None,
            piece: Vec::new(),
        };
        Ok(Self {
            active: HashMap::new(),
            shared,
            generation: 0,
        })
    }

    /// Starts the thread that waits for the disk, which calls `wake` when something is done:
    /// [`Uploads::woken`] is to be called then, and [`Uploads::resume`] for each upload that waits.
    /// To be called once the sandbox is entered, so that the thread is in it too.
    ///
    /// # Errors
    /// When the kernel has no thread, or the staging folder cannot be written any more.
    pub fn start(
        &mut self,
        now: SystemTime,
        wake: impl Fn() + Send + 'static,
    ) -> Result<(), Fault> {
        let shared = &mut self.shared;
        shared.staging.try_out()?;
        // Opened anew, so that the lock is gone as soon as the loop is.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let staging = sys::openat(&shared.staging.dir, ".", flags, Mode::empty())?;
        let syncer = Syncer::start(staging, wake)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))?;
        for entry in shared.stale.drain(..) {
            shared.staging.discard(&entry, None, &syncer);
        }
        let keep = shared.settings.keep_parts;
        while !shared.staging.sweep(now, keep, &syncer) {}
        shared.syncer = Some(syncer);
        Ok(())
    }

    /// What the sandbox has to let be written.
    #[must_use]
    pub fn writable(&self) -> Writable<'_> {
        Writable {
            folder: self.shared.folder.as_fd(),
            staging: self.shared.staging.dir.as_fd(),
            replaces: self.shared.settings.overwrite,
        }
    }

    /// Whether the sandbox keeps this process from writing to files that are there, as far as can
    /// be tried: by making a file without a name, which takes the same right.
    fn is_fenced(&self) -> bool {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let made = sys::openat(&self.shared.folder, ".", flags, Mode::RUSR | Mode::WUSR);
        made.err() == Some(Errno::ACCESS)
    }

    /// Says in the log what is accepted.
    pub fn log_start(&self) {
        let settings = &self.shared.settings;
        let dir = Sanitized(settings.dir.as_os_str().as_encoded_bytes());
        let what = match settings.overwrite {
            true => "new files and in place of others",
            false => "new files only",
        };
        let most = |most: Option<u64>| match most {
            Some(most) => format!("at most {}", Size(most)),
            None => "any size".to_owned(),
        };
        let (size, parts) = (most(settings.size_max), most(settings.parts_max));
        let (free, kept) = (Size(settings.keep_free), settings.keep_parts);
        let kept = humantime::format_duration(kept);
        log::info!(
            "uploads: into '{dir}', {what}, {size}; {free} stay free; unfinished ones {parts} \
             together, for {kept}; a second thread waits for the disk"
        );
        if self.is_fenced() {
            log::info!("uploads, tried: the sandbox lets no file that is there be written to");
        } else {
            log::warn!(
                "uploads, tried: this process could write to files that are there, as no sandbox \
                 is in force or the journal is in a folder above them"
            );
        }
    }
}

/// A part that was there before the start.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: PartId,
    pub(super) bytes: u64,
    pub(super) since: SystemTime,
}

/// What is in the folder.
#[derive(Default)]
struct Contents {
    parts: Vec<Found>,
    /// Entries that nobody can go on with.
    stale: Vec<String>,
    /// The highest number of any.
    number: u64,
}

/// Opens the staging folder in `dir`. What is to be removed of it comes along.
///
/// # Errors
/// See [`Fault`].
pub(super) fn open(dir: &OwnedFd) -> Result<(Staging, Vec<String>), Fault> {
    match sys::mkdirat(dir, STAGING, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match sys::openat(dir, STAGING, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(Fault::Foreign),
        Err(errno) => return Err(errno.into()),
    };
    let stat = sys::fstat(&folder)?;
    if stat.st_uid != geteuid().as_raw() {
        return Err(Fault::Foreign);
    }
    if stat.st_mode & 0o777 != Mode::RWXU.as_raw_mode() {
        sys::fchmod(&folder, Mode::RWXU)?;
    }
    // Without locks, as on some network file systems, nobody can say.
    let locked = sys::flock(&folder, FlockOperation::NonBlockingLockExclusive);
    if locked == Err(Errno::WOULDBLOCK) {
        return Err(Fault::Taken);
    }
    let boot = std::fs::read(BOOT_ID).unwrap_or_default();
    let lost = match !boot.is_empty() && read_boot(&folder).is_some_and(|last| last == boot) {
        true => 0,
        false => LOST_BYTES_MAX,
    };
    let contents = scan(&folder, lost)?;
    // Only now: until the parts are short enough, they are of an earlier boot.
    write_boot(&folder, &boot)?;
    let staging = Staging::new(folder, contents.parts, contents.number)?;
    Ok((staging, contents.stale))
}

fn read_boot(folder: &OwnedFd) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = sys::openat(folder, BOOT, flags, Mode::empty()).ok()?;
    let mut text = [0; 64];
    let n = rustix::io::read(file, &mut text).ok()?;
    Some(text[..n].to_vec())
}

fn write_boot(folder: &OwnedFd, boot: &[u8]) -> Result<(), Errno> {
    const NEW: &str = "boot.new";
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let _ = sys::unlinkat(folder, NEW, AtFlags::empty());
    let file = sys::openat(folder, NEW, flags | OFlags::EXCL, Mode::RUSR | Mode::WUSR)?;
    rustix::io::write(file, boot)?;
    sys::renameat(folder, NEW, folder, BOOT)
}

/// Looks through the folder. Each part loses its last `lost` bytes, and the room reserved behind
/// it.
fn scan(folder: &OwnedFd, lost: u64) -> Result<Contents, Errno> {
    let mut contents = Contents::default();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if let Some(id) = PartId::parse(name) {
            match put_in_order(folder, id, lost) {
                Some(found) => contents.parts.push(found),
                None => contents.stale.push(id.to_string()),
            }
        } else if let Some((name, number)) = numbered(name) {
            contents.number = contents.number.max(number);
            contents.stale.push(name);
        }
    }
    Ok(contents)
}

/// `put-N` or `gone-N`, and its number.
fn numbered(name: &[u8]) -> Option<(String, u64)> {
    let name = str::from_utf8(name).ok()?;
    let (word, number) = name.split_once('-')?;
    let is_own = ["put", "gone"].contains(&word);
    Some((name.to_owned(), number.parse().ok()?)).filter(|_| is_own)
}

/// `None`: it is none, or too damaged.
fn put_in_order(folder: &OwnedFd, id: PartId, lost: u64) -> Option<Found> {
    let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let flags = OFlags::RDWR | careful;
    let file = sys::openat(folder, id.to_string(), flags, Mode::empty()).ok()?;
    let stat = sys::fstat(&file).ok()?;
    let size = part_size(&stat).filter(|&size| size <= id.size)?;
    let bytes = size.checked_sub(lost).filter(|&bytes| bytes > 0)?;
    sys::ftruncate(&file, bytes).ok()?;
    // It is as old as it was: who restarts a server often must not keep its parts for ever.
    let modified = Timespec {
        tv_sec: stat.st_mtime,
        tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
    };
    let _ = sys::futimens(&file, &times(modified));
    let since = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    let since = UNIX_EPOCH + since;
    Some(Found { id, bytes, since })
}

/// Sets the time of the last change, and leaves that of the last access.
pub(super) const fn times(modified: Timespec) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: modified,
    }
}
