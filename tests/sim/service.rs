//! What the simulated server answers.
//!
//! Owns the answers to `status`, `list` and `get`, and the count of open files. Who comes and goes
//! is written into the book. Must never ask the oracle.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use berth::engine::event::{Event as EngineEvent, RequestKind};
use berth::engine::outbox::{Outbox, Transfer};
use berth::engine::ports::{Handler, Observer, Query, Refusal, Step};
use berth::engine::stats::SessionStats;
use berth::wire::{ClientName, CloseReason, ErrorReply, ListedFile, Reply};

use crate::admission::SimPeer;
use crate::catalog::{CHANGED_SECONDS, FileSpec, Listing};
use crate::marks::Event;
use crate::net::{Met, Shared};
use crate::setup::Bug;

/// A thing that is counted while it exists.
#[derive(Debug)]
pub(crate) struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(count: &Rc<Cell<usize>>) -> Self {
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

/// A listing under way.
#[derive(Debug)]
pub(crate) struct SimTask {
    listing: Listing,
    next: usize,
    _open: Counted,
}

#[derive(Debug)]
pub(crate) struct SimService {
    net: Shared,
    /// Files and tasks that are open.
    open: Rc<Cell<usize>>,
    /// Steps of tasks since this was last asked for.
    pub(crate) steps: usize,
    /// Whose turn it is.
    serving: Option<ClientName>,
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
        Some(SimTask {
            listing,
            next: 0,
            _open: Counted::new(&self.open),
        })
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

impl Observer for SimService {
    type File = SimFile;
    type Peer = SimPeer;

    fn arrived(&mut self, name: ClientName, peer: &SimPeer, _: Option<&str>) {
        let net = &mut *self.net.borrow_mut();
        let number = name.0 as usize;
        if net.book.names.len() < number {
            net.book.names.resize(number, None);
        }
        let before = net.book.names[number - 1].replace(peer.id);
        assert_eq!(before, None, "names are never used twice");
        assert!(
            net.setup.verdicts.late_permille > 0 || net.book.admitted().count() == number,
            "names grow by one"
        );
        net.book.arriving.retain(|&each| each != peer.id);
        net.book.promised.retain(|&(_, each)| each != peer.id);
        net.book.met.push((peer.id, Met::Client(name)));
        net.marks.event(Event::Admitted);
        net.say(|| format!("  wire {}: is {name}", peer.id));
    }

    fn asked(&mut self, name: ClientName) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        assert!(
            !net.book.asked.contains(&id),
            "wire {id}: the first line is told of once"
        );
        net.book.asked.push(id);
    }

    fn unended(&mut self, name: ClientName) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        assert!(
            !net.book.unended.contains(&id),
            "wire {id}: it is said once"
        );
        net.book.unended.push(id);
        net.marks.event(Event::Unended);
        let (quiet, wire) = (net.setup.limits.unended, &net.wires[id]);
        assert!(
            wire.record.moved_at + quiet <= net.now,
            "wire {id}: it had time to end its line"
        );
        net.say(|| format!("  wire {id}: does not end its line"));
    }

    fn on_event(&mut self, event: EngineEvent) {
        let net = &mut *self.net.borrow_mut();
        match event {
            EngineEvent::Began(_, name) => self.serving = name,
            EngineEvent::Took(RequestKind::Exit) => {
                let name = self.serving.expect("who says exit has a name");
                net.book.exited.push(net.book.wire(name));
            }
            _ => {}
        }
    }

    fn refused(&mut self, peer: &SimPeer, refusal: Refusal) {
        self.net.borrow_mut().refused(peer.id, refusal);
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, stats: &SessionStats) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        let record = &net.wires[id].record;
        let counted = (stats.bytes_in, stats.bytes_out);
        assert_eq!(
            counted,
            (record.read as u64, record.written as u64),
            "wire {id}: what went through is what was counted"
        );
        assert_eq!(
            stats.requests > 0 && reason != CloseReason::Web,
            net.book.asked.contains(&id),
            "wire {id}: whoever has asked is told of, and nobody else"
        );
        assert_eq!(
            record.unreported, 0,
            "wire {id}: each file that was begun is also reported"
        );
        net.book.departed.push((id, reason));
        net.book.unadmitted.push_back(id);
        net.marks.reason(reason);
        net.say(|| format!("  wire {id}: {name} departs, {reason}"));
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        let net = &mut *self.net.borrow_mut();
        net.marks.event(Event::Failed);
        net.say(|| format!("  {name:?} ends through the server's fault: {error}"));
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<SimFile>, _: Duration) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(to);
        let record = &mut net.wires[id].record;
        let is_carried = transfer.file.spec.carried && transfer.size > 0;
        if is_carried {
            net.marks.event(if transfer.is_whole() {
                Event::Carried
            } else {
                Event::CarriedInPart
            });
        } else {
            let left = record.unreported.checked_sub(transfer.sent);
            record.unreported = left.expect("no more is reported than was sent");
        }
        net.say(|| {
            format!(
                "  wire {id}: was sent {} of {}",
                transfer.sent, transfer.size
            )
        });
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
            Query::Put { .. } => unreachable!("no uploads are accepted here"),
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

    fn resume(&mut self, task: &mut SimTask, reply: &mut Outbox<SimFile>) -> Step {
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
