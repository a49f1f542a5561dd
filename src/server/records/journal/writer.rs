//! The writer of the journal.
//!
//! Owns the open file, its lock, the numbers of the records and the count of lost ones. Must never
//! retry a failed write, and must write each record with one call: a reader that follows the file
//! sees whole lines, and two processes never mix theirs.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FlockOperation, fdatasync, flock};
use rustix::io::Errno;

use crate::journal::text::Moment;
use crate::journal::{Event, Line, Record};
use crate::regular_file::Links;
use crate::server::process::own_file;
use crate::server::records::journal::recovery::Recovered;
use crate::wire::Sanitized;

/// How long the server has to be idle before the journal is synced to the disk.
///
/// fdatasync(2) blocks the loop, for a few milliseconds as a rule, so it is called at a moment in
/// which a request is unlikely.
const QUIET: Duration = Duration::from_secs(1);

/// How long records may be unsynced, however busy the server is.
const UNSYNCED_MAX: Duration = Duration::from_secs(5);

/// A checkpoint is due after so many bytes: few enough that recovery reads back to it at once.
const CHECKPOINT_EVERY: u64 = 256 * 1024;

/// With many clients a checkpoint is long; it is at most this part of what is written.
const CHECKPOINT_SHARE: u64 = 4;

/// The journal of a running server.
#[derive(Debug)]
pub struct Journal {
    /// The resolved path of the file, without links.
    path: PathBuf,
    /// The path of the option, by which it was opened at the start.
    reached_by: PathBuf,
    file: File,
    next_seq: u64,
    /// Records that could not be written since the last that could.
    lost: u64,
    /// Whether the file ends, or may end, in the middle of a line.
    torn: bool,
    /// Bytes since the last checkpoint, and how long that was.
    written: u64,
    checkpoint: u64,
    /// Whether something was written since the last turn of the loop.
    is_new: bool,
    /// When the first record was written that is not on the disk, and when the loop was last busy.
    unsynced: Option<Unsynced>,
    /// Whether it was logged that the last sync failed.
    told_of_sync: bool,
    /// The buffer of the line that is being written.
    line: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Unsynced {
    since: Instant,
    busy_at: Instant,
}

/// Why a journal cannot be written.
#[derive(Debug)]
pub enum OpenError {
    /// Another server writes it.
    Taken,
    /// The file holds something else.
    NotAJournal,
    /// It is not empty, and the sandbox forbids to read it.
    Unknown,
    /// Its numbers are higher than any server counts.
    Exhausted,
    /// It is no file, or the kernel refused.
    Failed(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("another server writes it"),
            Self::NotAJournal => f.write_str("it is there and is no journal"),
            Self::Unknown => f.write_str(
                "it is there and not empty, and the sandbox (--sandbox) keeps it from being read: \
                 move it away",
            ),
            Self::Exhausted => {
                f.write_str("it counts so far that names could come again: begin a new one")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Journal {
    /// Opens the journal at `path`, or creates it, and returns the recovered state.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<(Self, Recovered), OpenError> {
        let options = &mut OpenOptions::new();
        let file = own_file::open(path, options.read(true).append(true), Links::Followed)?;
        // The sandbox lets the server write in the journal's folder, where it is reopened after a
        // log rotation: this has to be the folder behind all links.
        let reached_by = std::path::absolute(path)?;
        let path = path.canonicalize()?;
        if let Some(errno) = lock(&file)? {
            let path = named(&path);
            log::warn!("nothing keeps another server from the journal '{path}': {errno}");
        }
        let past = Recovered::read(&file)?;
        if past.is_foreign {
            return Err(OpenError::NotAJournal);
        }
        if past.is_exhausted() {
            return Err(OpenError::Exhausted);
        }
        let journal = Self {
            path,
            reached_by,
            file,
            next_seq: past.last_seq.saturating_add(1),
            lost: 0,
            torn: past.is_torn,
            written: 0,
            checkpoint: 0,
            is_new: false,
            unsynced: None,
            told_of_sync: false,
            line: Vec::new(),
        };
        Ok((journal, past))
    }

    /// The resolved path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the option, if it leads elsewhere by now.
    #[must_use]
    pub fn turned(&self) -> Option<&Path> {
        let there = self.reached_by.canonicalize();
        let is_here = there.is_ok_and(|there| there == self.path);
        (!is_here).then_some(&self.reached_by)
    }

    /// Appends a record. If that fails, the next one that is written holds the number of lost ones.
    pub fn append(&mut self, time: SystemTime, event: Event) {
        let is_state = matches!(event, Event::Checkpoint(_) | Event::Started(_));
        let record = Record {
            time: Moment::of(time),
            seq: self.next_seq,
            lost: self.lost,
            event,
        };
        // One that is lost keeps its number, so a gap in the numbers is a gap in the journal.
        self.next_seq = self.next_seq.saturating_add(1);
        self.line.clear();
        if self.torn {
            self.line.push(b'\n');
        }
        Line::write(&record, &mut self.line);
        let len = self.line.len() as u64;
        match self.write() {
            Ok(()) => self.succeeded(len, is_state),
            Err(error) => self.failed(&error),
        }
    }

    /// Writes the line in one call.
    fn write(&mut self) -> io::Result<()> {
        let n = loop {
            match (&self.file).write(&self.line) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.torn = n < self.line.len();
        // A line that lacks only its LF is not lost.
        if n + 1 < self.line.len() {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn succeeded(&mut self, len: u64, is_state: bool) {
        self.is_new = true;
        self.written = self.written.saturating_add(len);
        if is_state {
            self.written = 0;
            self.checkpoint = len;
        }
        if self.lost > 0 {
            log::warn!(
                "the journal can be written again; {} records are missing",
                self.lost
            );
            self.lost = 0;
            // Records were lost, so a checkpoint has to state who is connected now.
            self.written = u64::MAX;
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if self.lost == 0 {
            log::error!("the journal cannot be written, records are left out: {error}");
        }
        self.lost += 1;
    }

    /// Whether so much was written since the last checkpoint that recovery would read far.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        self.lost == 0 && self.written > CHECKPOINT_EVERY.max(self.checkpoint * CHECKPOINT_SHARE)
    }

    /// Reopens the journal (log rotation): continues in a new file if the path leads to another
    /// file or none. A checkpoint is due then.
    ///
    /// # Errors
    /// When there is something that is no file or no journal, or cannot be written; the old file is
    /// kept then.
    pub fn reopen(&mut self) -> Result<bool, OpenError> {
        let open = |options: &mut OpenOptions| own_file::open(&self.path, options, Links::Refused);
        let (file, is_readable) = match open(OpenOptions::new().read(true).append(true)) {
            // In the sandbox it may be written, and not read.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                (open(OpenOptions::new().append(true))?, false)
            }
            opened => (opened?, true),
        };
        let (new, old) = (file.metadata()?, self.file.metadata()?);
        if (new.dev(), new.ino()) == (old.dev(), old.ino()) {
            return Ok(false);
        }
        lock(&file)?;
        match new.len() {
            0 => {}
            _ if !is_readable => return Err(OpenError::Unknown),
            _ if Recovered::read(&file)?.is_foreign => return Err(OpenError::NotAJournal),
            _ => {}
        }
        self.sync();
        self.file = file;
        self.torn = new.len() > 0;
        self.written = u64::MAX;
        Ok(true)
    }

    /// Syncs the journal if that is due. `busy`: there was an event in this turn of the loop.
    /// Returns when to be called again even without an event.
    pub fn on_tick(&mut self, now: Instant, busy: bool) -> Option<Instant> {
        if std::mem::take(&mut self.is_new) {
            let busy_at = now;
            let since = self.unsynced.map_or(now, |unsynced| unsynced.since);
            self.unsynced = Some(Unsynced { since, busy_at });
        }
        let unsynced = self.unsynced.as_mut()?;
        if busy {
            unsynced.busy_at = now;
        }
        let due = (unsynced.busy_at + QUIET).min(unsynced.since + UNSYNCED_MAX);
        if now < due {
            return Some(due);
        }
        self.sync();
        None
    }

    /// Syncs the journal to the disk, which blocks.
    pub fn sync(&mut self) {
        self.unsynced = None;
        self.is_new = false;
        // A retry would be useless: the kernel reports a write error once. Some file systems do not
        // support fdatasync(2), and fail each time.
        let done = fdatasync(&self.file);
        if let Err(errno) = done
            && !self.told_of_sync
        {
            let path = named(&self.path);
            log::error!("the journal '{path}' may not survive a loss of power: {errno}");
        }
        self.told_of_sync = done.is_err();
    }
}

fn named(path: &Path) -> Sanitized<'_> {
    Sanitized(path.as_os_str().as_encoded_bytes())
}

/// Locks the file until it is closed. The lock's owner has opened the file only once. Returns the
/// error of a file system without locks: the journal is written without one then.
fn lock(file: &File) -> Result<Option<Errno>, OpenError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => Err(OpenError::Taken),
        Err(errno) => Ok(Some(errno)),
    }
}
