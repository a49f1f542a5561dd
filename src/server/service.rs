//! What the requests mean here: the folder and the roster behind the engine's door.
//!
//! Owns both, and the clock that people's times are read from. Must never take longer for a step
//! than everybody else can wait.

use std::fs::File;
use std::net::SocketAddr;
use std::time::SystemTime;

use super::catalog::{Catalog, Refusal};
use super::listing::Listing;
use super::roster::{Report, Roster};
use crate::engine::outbox::Outbox;
use crate::engine::ports::{self, Query, Service, Step};
use crate::wire::{ClientName, Complaint, Farewell, Harmless, Reply};

/// Answers `status`, `list` and `get` from a folder.
#[derive(Debug)]
pub struct FolderService {
    catalog: Catalog,
    roster: Roster,
    /// How many berths one address may hold.
    per_address_max: usize,
    turned_away: TurnedAway,
    /// Used for what people read, never for a deadline: this clock may jump.
    clock: fn() -> SystemTime,
}

/// How many newcomers were turned away, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnedAway {
    /// All berths were taken.
    pub full: u64,
    /// Their address held its share.
    pub crowded: u64,
}

/// An answer under way.
#[derive(Debug)]
pub enum Task {
    /// To `status`.
    Status(Report),
    /// To `list`.
    List(Listing),
}

impl FolderService {
    /// Serves `catalog`, to at most `per_address_max` clients from one address, with times from
    /// `clock`.
    #[must_use]
    pub fn new(catalog: Catalog, per_address_max: usize, clock: fn() -> SystemTime) -> Self {
        Self {
            catalog,
            roster: Roster::default(),
            per_address_max,
            turned_away: TurnedAway::default(),
            clock,
        }
    }

    /// How many newcomers were turned away so far.
    #[must_use]
    pub const fn turned_away(&self) -> TurnedAway {
        self.turned_away
    }

    fn get(&self, name: &[u8], offset: u64, reply: &mut Outbox<File>) {
        let complaint = match self.catalog.file(name) {
            Ok((_, size)) if offset > size => Complaint::OffsetBeyondEnd(size),
            Ok((file, size)) => {
                let left = size - offset;
                reply.write(|out| Reply::Start(left).write(out));
                reply.send_file(file, offset, left);
                reply.write(|out| Reply::End.write(out));
                return;
            }
            Err(refusal) => complaint(refusal, name),
        };
        reply.write(|out| Reply::Error(complaint).write(out));
    }
}

/// What a client is told of a refusal. Only what is our own fault goes to the log.
fn complaint(refusal: Refusal, name: &[u8]) -> Complaint<'_> {
    match refusal {
        Refusal::NoSuchFile => Complaint::NoSuchFile(name),
        Refusal::NotAFile => Complaint::NotAFile(name),
        Refusal::Outside => Complaint::Outside(name),
        Refusal::Denied => Complaint::Denied(name),
        Refusal::Busy => {
            log::warn!("no file descriptor left to open a file with");
            Complaint::Busy
        }
        Refusal::Failed(errno) => {
            log::error!("cannot open {}: {errno}", Harmless(name));
            Complaint::Unreadable(name)
        }
    }
}

impl Service for FolderService {
    type File = File;
    type Task = Task;
    type Peer = SocketAddr;

    fn has_share(&self, peer: &SocketAddr) -> bool {
        self.roster.present_from(*peer) < self.per_address_max
    }

    fn refused(&mut self, peer: SocketAddr, refusal: ports::Refusal) {
        match refusal {
            ports::Refusal::Full => self.turned_away.full += 1,
            ports::Refusal::Crowded => self.turned_away.crowded += 1,
        }
        log::debug!("{peer} turned away: {refusal:?}");
    }

    fn arrived(&mut self, name: ClientName, peer: SocketAddr) {
        log::info!("{name} connected from {peer}");
        self.roster.arrived(name, peer, (self.clock)());
    }

    fn departed(&mut self, name: ClientName, farewell: Farewell) {
        log::info!("{name} gone: {farewell}");
        self.roster.departed(name, farewell, (self.clock)());
    }

    fn answer(&mut self, query: Query<'_>, reply: &mut Outbox<File>) -> Option<Task> {
        match query {
            Query::Status => {
                reply.write(|out| Reply::Status.write(out));
                Some(Task::Status(self.roster.report()))
            }
            Query::List => {
                reply.write(|out| Reply::List.write(out));
                Some(Task::List(Listing::new()))
            }
            Query::Get { name, offset } => {
                self.get(name, offset, reply);
                None
            }
        }
    }

    fn resume(&mut self, task: &mut Task, reply: &mut Outbox<File>) -> Step {
        let mut step = Step::Done;
        reply.write(|out| {
            step = match task {
                Task::Status(report) => self.roster.resume(report, out),
                Task::List(listing) => listing.resume(&mut self.catalog, out),
            };
        });
        step
    }
}
