//! The thread that waits for the disk, so that the loop never does.
//!
//! Owns the thread and the order of its work. Must never touch a byte of a file or give one a name:
//! it syncs, shortens and removes what it is told to, one after the other, and says when that is
//! done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{self as sys, AtFlags};
use rustix::io::{Errno, retry_on_intr};

/// How often the loop is woken without anything done, to look for parts that nobody goes on with.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// So many files may wait for the thread that no upload has any more. Each has a descriptor, and a
/// disk that is slow to remove what clients are quick to send would cost all there are.
pub(super) const LEFT_MAX: usize = 64;

/// What the thread can be told to do.
#[derive(Debug)]
pub(super) enum Work {
    /// The bytes of this file have to be on the disk.
    Data(Arc<OwnedFd>),
    /// All of these files and folders have to be on the disk, in this order.
    All(Vec<Arc<OwnedFd>>),
    /// What is reserved behind this byte is given back.
    Shorten(Arc<OwnedFd>, u64),
    /// This entry of the staging folder is removed. Its blocks are freed when its last descriptor
    /// is closed, which takes as long: so that comes along.
    Remove(String, Option<Arc<OwnedFd>>),
    /// This is closed, for the same reason.
    Close(OwnedFd),
}

/// Tells when a piece of work is done, and how it went.
#[derive(Debug)]
pub(super) struct Ticket(Receiver<Result<(), Errno>>);

impl Ticket {
    /// `None`: not yet.
    pub(super) fn poll(&self) -> Option<Result<(), Errno>> {
        match self.0.try_recv() {
            Ok(done) => Some(done),
            Err(TryRecvError::Empty) => None,
            // The thread is gone, which it never is while there is work.
            Err(TryRecvError::Disconnected) => Some(Err(Errno::IO)),
        }
    }
}

impl Work {
    /// Whether the file is open for this work only.
    const fn is_left(&self) -> bool {
        matches!(
            self,
            Self::Shorten(..) | Self::Remove(_, Some(_)) | Self::Close(_)
        )
    }
}

struct Job {
    work: Work,
    done: SyncSender<Result<(), Errno>>,
}

/// The way to the thread. It ends when this is dropped and its work is done.
#[derive(Debug)]
pub(super) struct Syncer {
    jobs: Sender<Job>,
    /// How many files wait that no upload has any more.
    left: Arc<AtomicUsize>,
}

impl Syncer {
    /// Starts the thread, which removes what is in `staging` and calls `wake` after each piece of
    /// work. To be called after the sandbox is entered: a thread that is there before is not in it.
    ///
    /// # Errors
    /// When the kernel has no thread to give.
    pub(super) fn start(staging: OwnedFd, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (syncer, jobs) = Self::new();
        let left = Arc::clone(&syncer.left);
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || run(&staging, &jobs, &left, wake))?;
        Ok(syncer)
    }

    fn new() -> (Self, Receiver<Job>) {
        let (jobs, receiver) = mpsc::channel();
        let left = Arc::default();
        (Self { jobs, left }, receiver)
    }

    /// Whether so many files wait that no upload may begin.
    pub(super) fn is_busy(&self) -> bool {
        self.left.load(Ordering::Relaxed) >= LEFT_MAX
    }

    /// Has this done after all that was asked for before.
    pub(super) fn ask(&self, work: Work) -> Ticket {
        let (done, ticket) = mpsc::sync_channel(1);
        if work.is_left() {
            self.left.fetch_add(1, Ordering::Relaxed);
        }
        // If the thread is gone, the ticket says so.
        let _ = self.jobs.send(Job { work, done });
        Ticket(ticket)
    }
}

fn run(staging: &OwnedFd, jobs: &Receiver<Job>, left: &AtomicUsize, wake: impl Fn()) {
    let mut is_told = false;
    loop {
        match jobs.recv_timeout(SWEEP_EVERY) {
            Ok(Job { work, done }) => {
                let was_left = usize::from(work.is_left());
                let result = perform(staging, work, &mut is_told);
                left.fetch_sub(was_left, Ordering::Relaxed);
                // Nobody waits for it any more, perhaps.
                let _ = done.send(result);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        wake();
    }
}

fn perform(staging: &OwnedFd, work: Work, is_told: &mut bool) -> Result<(), Errno> {
    match work {
        Work::Data(file) => synced(retry_on_intr(|| sys::fdatasync(&file)), is_told),
        Work::All(all) => all
            .iter()
            .try_for_each(|one| synced(retry_on_intr(|| sys::fsync(one)), is_told)),
        Work::Shorten(file, size) => retry_on_intr(|| sys::ftruncate(&file, size)),
        Work::Remove(name, file) => {
            let removed = sys::unlinkat(staging, name, AtFlags::empty());
            drop(file);
            removed
        }
        Work::Close(file) => {
            drop(file);
            Ok(())
        }
    }
}

/// A file system that cannot sync, as some over a network, is not worse than one that does so by
/// itself; any other error means that bytes may be lost.
fn synced(result: Result<(), Errno>, is_told: &mut bool) -> Result<(), Errno> {
    match result {
        Err(errno @ (Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS)) => {
            if !*is_told {
                *is_told = true;
                log::warn!("this file system cannot sync ({errno}): uploads are as safe as it is");
            }
            Ok(())
        }
        result => result,
    }
}

/// A disk that does what a test says.
#[cfg(test)]
pub(super) struct Disk(Receiver<Job>, Arc<AtomicUsize>);

#[cfg(test)]
impl Disk {
    pub(super) fn new() -> (Syncer, Self) {
        let (syncer, jobs) = Syncer::new();
        let left = Arc::clone(&syncer.left);
        (syncer, Self(jobs, left))
    }

    /// Is done with the next piece of work, if there is any.
    pub(super) fn answer(&self, result: Result<(), Errno>) -> Option<Work> {
        let Job { work, done } = self.0.try_recv().ok()?;
        self.1
            .fetch_sub(usize::from(work.is_left()), Ordering::Relaxed);
        let _ = done.send(result);
        Some(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn work_is_done_in_order_and_each_piece_wakes_the_loop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        fs::write(&path, "four").unwrap();
        let (woken, wakes) = mpsc::channel();
        let staging = fs::File::open(folder.path()).unwrap();
        let syncer = Syncer::start(staging.into(), move || woken.send(()).unwrap()).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        let file: Arc<OwnedFd> = Arc::new(file.into());
        let tickets = [
            syncer.ask(Work::Data(Arc::clone(&file))),
            syncer.ask(Work::Shorten(Arc::clone(&file), 2)),
            syncer.ask(Work::All(vec![Arc::clone(&file)])),
            syncer.ask(Work::Remove("missing".to_owned(), None)),
            syncer.ask(Work::Remove("part".to_owned(), Some(file))),
        ];
        for _ in &tickets {
            wakes.recv().unwrap();
        }
        let done: Vec<_> = tickets.iter().map(Ticket::poll).collect();
        let missing = Some(Err(Errno::NOENT));
        assert_eq!(
            done,
            [
                Some(Ok(())),
                Some(Ok(())),
                Some(Ok(())),
                missing,
                Some(Ok(()))
            ]
        );
        assert!(!path.exists());
        drop(syncer);
        assert!(wakes.recv().is_err(), "the thread has ended");
    }

    #[test]
    fn an_error_of_the_disk_is_told_and_one_of_a_file_system_without_sync_is_not() {
        let mut is_told = false;
        for errno in [Errno::INVAL, Errno::OPNOTSUPP] {
            assert_eq!(synced(Err(errno), &mut is_told), Ok(()));
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT] {
            assert_eq!(synced(Err(errno), &mut is_told), Err(errno));
        }
    }
}
