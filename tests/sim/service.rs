//! What the simulated server answers.
//!
//! Owns the answers to `status`, `list` and `get`, and the count of open files. Who comes and goes
//! is written into the book. Must never ask the oracle.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use berth::engine::outbox::Outbox;
use berth::engine::ports::{Handler, Query, Received, Step};
use berth::wire::{ClientName, CloseReason, ErrorReply, ListedFile, Reply};

use crate::catalog::{CHANGED_SECONDS, FileSpec, Listing};
use crate::marks::Event;
use crate::net::Shared;
use crate::setup::Bug;
use crate::sink::Upload;

/// A thing that is counted while it exists.
#[derive(Debug)]
pub(crate) struct Counted(Rc<Cell<usize>>);

impl Counted {
    pub(crate) fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct SimFile {
    pub(crate) spec: FileSpec,
    _open: Counted,
}

/// An answer under way.
#[derive(Debug)]
pub(crate) enum SimTask {
    Listing(Listed),
    Upload(Upload),
}

/// A listing under way.
#[derive(Debug)]
pub(crate) struct Listed {
    listing: Listing,
    next: usize,
    _open: Counted,
}

#[derive(Debug)]
pub(crate) struct SimService {
    pub(crate) net: Shared,
    /// Files and tasks that are open.
    pub(crate) open: Rc<Cell<usize>>,
    /// Steps of tasks since this was last asked for.
    pub(crate) steps: usize,
    /// Whose turn it is.
    pub(crate) serving: Option<ClientName>,
}

impl SimService {
    pub(crate) fn new(net: Shared) -> Self {
        Self {
            net,
            open: Rc::default(),
            steps: 0,
            serving: None,
        }
    }

    /// How many files and tasks are not closed yet.
    pub(crate) fn open(&self) -> usize {
        self.open.get()
    }

    fn list(
        &self,
        header: Reply<'_>,
        listing: Listing,
        reply: &mut Outbox<SimFile>,
    ) -> Option<SimTask> {
        reply.write(|out| header.write(out));
        if listing.at_once {
            reply.write(|out| listing.steps.iter().for_each(|step| out.extend(step)));
            reply.write(|out| Reply::End.write(out));
            return None;
        }
        self.net.borrow_mut().marks.event(Event::Tasked);
        Some(SimTask::Listing(Listed {
            listing,
            next: 0,
            _open: Counted::new(&self.open),
        }))
    }

    fn get(
        &self,
        name: &[u8],
        offset: u64,
        reply: &mut Outbox<SimFile>,
    ) -> Result<(), Reply<'static>> {
        let mut net = self.net.borrow_mut();
        let no_such_file = Reply::Error(ErrorReply::NoSuchFile(&[]));
        let spec = net.setup.catalog.find(name).cloned().ok_or(no_such_file)?;
        if spec.unopenable {
            return Err(Reply::Error(ErrorReply::Busy));
        }
        let size = spec.size as u64;
        let Some(left) = size.checked_sub(offset) else {
            return Err(Reply::Error(ErrorReply::OffsetBeyondEnd(size)));
        };
        let shift = left > 1 && net.errs(Bug::ShiftFile);
        let leaks = net.errs(Bug::LeakFile);
        let file = SimFile {
            spec,
            _open: Counted::new(&self.open),
        };
        if leaks {
            std::mem::forget(Counted::new(&self.open));
        }
        reply.write(|out| Reply::Start(left).write(out));
        let from = (offset + u64::from(shift)) as usize;
        let len = left as usize;
        if file.spec.carried && len > 0 {
            reply.write(|out| out.extend_from_slice(file.spec.bytes(from, from + len)));
            reply.carry(file, offset, len);
        } else {
            reply.send_file(file, from as u64, left);
        }
        reply.write(|out| Reply::End.write(out));
        Ok(())
    }
}

impl Handler for SimService {
    type File = SimFile;
    type Task = SimTask;

    fn answer(
        &mut self,
        query: Query<'_>,
        _: Instant,
        reply: &mut Outbox<SimFile>,
    ) -> Option<SimTask> {
        let catalog = Rc::clone(&self.net.borrow().setup.catalog);
        let query = match query {
            Query::GetOrMessage { text: name } if catalog.find(name).is_some() => {
                Query::Get { name, offset: 0 }
            }
            query => query,
        };
        match query {
            Query::Put { put, size, from } => self.begin(&put, size, from, reply),
            Query::GetOrMessage { text } => {
                reply.write(|out| Reply::Ack(text).write(out));
                None
            }
            Query::Status => self.list(Reply::Status, catalog.status.clone(), reply),
            Query::List => self.list(Reply::List, catalog.list.clone(), reply),
            Query::Sha256 { name } => {
                self.net.borrow_mut().marks.event(Event::Digest);
                let digest = catalog
                    .find(name)
                    .map(|file| (file.digest(), file.size as u64));
                let said = match &digest {
                    Some((digest, size)) => Reply::Sha256(digest, *size),
                    None => Reply::Error(ErrorReply::NoSuchFile(name)),
                };
                reply.write(|out| said.write(out));
                None
            }
            Query::Stat { name } => {
                self.net.borrow_mut().marks.event(Event::Stated);
                let changed = UNIX_EPOCH + Duration::from_secs(CHANGED_SECONDS);
                let listed = catalog.find(name).map(|file| ListedFile {
                    size: file.size as u64,
                    modified: changed,
                    name,
                });
                let no_such_file = Reply::Error(ErrorReply::NoSuchFile(name));
                reply.write(|out| listed.map_or(no_such_file, Reply::Stat).write(out));
                None
            }
            Query::Get { name, offset } => {
                if let Err(error) = self.get(name, offset, reply) {
                    let error = match error {
                        Reply::Error(ErrorReply::NoSuchFile(_)) => {
                            Reply::Error(ErrorReply::NoSuchFile(name))
                        }
                        other => other,
                    };
                    reply.write(|out| error.write(out));
                }
                None
            }
        }
    }

    fn takes_uploads(&self) -> bool {
        self.net.borrow().setup.catalog.uploads.accepted
    }

    fn receive(
        &mut self,
        task: &mut SimTask,
        bytes: &[u8],
        reply: &mut Outbox<SimFile>,
    ) -> Received {
        match task {
            SimTask::Upload(upload) => self.receive_upload(upload, bytes, reply),
            SimTask::Listing(_) => panic!("a listing wants no bytes"),
        }
    }

    fn abandoned(&mut self, task: SimTask, why: CloseReason, reply: &mut Outbox<SimFile>) {
        if let SimTask::Upload(upload) = task {
            self.abandon_upload(&upload, why, reply);
        }
    }

    fn resume(&mut self, task: &mut SimTask, reply: &mut Outbox<SimFile>) -> Step {
        let task = match task {
            SimTask::Upload(upload) => return self.resume_upload(upload, reply),
            SimTask::Listing(listed) => listed,
        };
        self.steps += 1;
        let Some(step) = task.listing.steps.get(task.next) else {
            reply.write(|out| Reply::End.write(out));
            return Step::Done;
        };
        task.next += 1;
        let mut net = self.net.borrow_mut();
        if step.is_empty() {
            net.marks.event(Event::SilentStep);
        }
        if !net.errs(Bug::SkipStep) {
            reply.write(|out| out.extend(step));
        }
        Step::More
    }
}
