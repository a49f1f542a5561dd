//! The [`Handler`] of the real server: answers requests from the served folder and the event log.
//!
//! Owns both. Must never take longer for one step than other clients can wait. Must never read a
//! clock: monotonic time is an argument. The one wall clock is the [`EventLog`]'s, which a test
//! replaces. It is read for each record, so that a record has its own time and not that of the turn
//! of the loop; and once for each digest that is complete, as the time to compare with a file's
//! ctime is the time of that moment, and the engine knows no wall clock that it could pass in.

use std::io;
use std::time::Instant;

use crate::engine::outbox::Outbox;
use crate::engine::ports::{Handler, Query, Received, Step};
use crate::server::files::digest::{Digesting, Digests};
use crate::server::files::listing::Listing;
use crate::server::files::listing_cache::{CachedListing, ListingCache};
use crate::server::files::root::{Refusal, ServedDir};
use crate::server::net::socket::Served;
use crate::server::records::clients::Report;
use crate::server::records::recorder::EventLog;
use crate::server::uploads::{Upload, Uploads};
use crate::wire::{CloseReason, ErrorReply, Reply, Sanitized};

mod observer;
mod put;

/// Answers `status`, `list`, `get`, `sha256` and `stat` from a folder.
#[derive(Debug)]
pub struct FolderHandler {
    served_dir: ServedDir,
    event_log: EventLog,
    digests: Digests,
    cache: ListingCache,
    /// If uploads are accepted.
    uploads: Option<Uploads>,
    /// How many came and went and asked for nothing.
    knocks: u64,
}

/// An answer under way, with what is not given out of it yet.
#[derive(Debug)]
pub enum Task {
    /// To `status`.
    Status(Report, Vec<u8>),
    /// To `list`, by a walk over the folder.
    List(Listing, Vec<u8>),
    /// To `list`, from the cache.
    CachedListing(CachedListing, Vec<u8>),
    /// To `sha256`.
    Sha256(Digesting),
    /// To `put` and `replace`.
    Upload(Box<Upload>),
}

/// An answer that is no longer than this leaves in one piece, so that a client finds all of it with
/// one read. Of a longer one no less is worth a segment of its own.
const PIECE_BYTES: usize = 16 * 1024;

/// How an answer begins.
fn head(reply: Reply<'_>) -> Vec<u8> {
    let mut head = Vec::new();
    reply.write(&mut head);
    head
}

/// Queues `left` bytes of a file from `offset` on, and what stands around them. A short one is
/// read, so that it leaves in one piece, and with a system call less than if it is sent by itself.
fn send(served: Served, offset: u64, left: u64, reply: &mut Outbox<Served>) {
    reply.write(|out| Reply::Start(left).write(out));
    match usize::try_from(left) {
        Ok(len @ 1..=PIECE_BYTES) if read(&served, offset, len, reply) => {
            reply.carry(served, offset, len);
        }
        _ => reply.send_file(served, offset, left),
    }
    reply.write(|out| Reply::End.write(out));
}

/// Reads `len` bytes of a file. `false`: they are not all to be had, and nothing is queued; sending
/// it finds out why.
fn read(served: &Served, offset: u64, len: usize, reply: &mut Outbox<Served>) -> bool {
    let mut is_whole = false;
    reply.write(|out| {
        let before = out.len();
        out.resize(before + len, 0);
        let read = rustix::io::pread(&served.file, &mut out[before..], offset);
        is_whole = read == Ok(len);
        if !is_whole {
            out.truncate(before);
        }
    });
    is_whole
}

/// Gives out what is held if that is the end or enough.
fn give(step: Step, held: &mut Vec<u8>, out: &mut Vec<u8>) -> Step {
    if step == Step::Done || held.len() >= PIECE_BYTES {
        out.append(held);
    }
    step
}

impl FolderHandler {
    /// Serves `served_dir`, and writes what happens into `event_log`.
    #[must_use]
    pub fn new(served_dir: ServedDir, event_log: EventLog) -> Self {
        Self {
            served_dir,
            event_log,
            digests: Digests::default(),
            cache: ListingCache::default(),
            uploads: None,
            knocks: 0,
        }
    }

    /// What happened until now.
    pub const fn event_log(&mut self) -> &mut EventLog {
        &mut self.event_log
    }

    /// The journal and the folder may have been moved: goes on where their paths lead now.
    pub fn reopen(&mut self) {
        self.event_log.reopen();
        if self.uploads.is_some() {
            // Parts, and the rules of the sandbox, belong to the folder of the start.
            if self.served_dir.is_moved() {
                log::warn!("uploads are accepted: to serve another folder, restart berthd");
            }
            return;
        }
        match self.served_dir.reopen() {
            Ok(false) => {}
            Ok(true) => {
                self.cache.invalidate();
                log::info!("the folder is another one now, and that is served");
            }
            Err(error) => log::error!(
                "what is at the folder's path cannot be served: {error}; {}",
                self.served_dir.advice()
            ),
        }
    }

    /// How many came and went and asked for nothing.
    #[must_use]
    pub const fn knocks(&self) -> u64 {
        self.knocks
    }

    fn get(&self, name: &[u8], offset: u64, reply: &mut Outbox<Served>) {
        let error_reply = match self.served_dir.file(name) {
            Ok((_, size)) if offset > size => ErrorReply::OffsetBeyondEnd(size),
            Ok((file, size)) => {
                let left = size - offset;
                send(Served::new(file, name), offset, left, reply);
                return;
            }
            Err(refusal) => error_reply(refusal, name),
        };
        reply.write(|out| Reply::Error(error_reply).write(out));
    }

    /// Of an unframed connection: a message, unless it is the name of a file.
    fn get_or_message(&self, text: &[u8], reply: &mut Outbox<Served>) {
        match self.served_dir.file(text) {
            Ok((file, size)) => send(Served::new(file, text), 0, size, reply),
            Err(Refusal::Denied) => {
                let denied = ErrorReply::Denied(text);
                reply.write(|out| Reply::Error(denied).write(out));
            }
            Err(_) => reply.write(|out| Reply::Ack(text).write(out)),
        }
    }

    fn list(&mut self, now: Instant, reply: &mut Outbox<Served>) -> Option<Task> {
        // The kernel tells of what is removed from a folder, but not that the folder itself is, for
        // as long as it is held open.
        if self.served_dir.is_gone() {
            reply.write(|out| Reply::Error(ErrorReply::FolderGone).write(out));
            return None;
        }
        match self.cache.get(now) {
            Some(listing) => Some(Task::CachedListing(listing, head(Reply::List))),
            None => {
                let fill = self.cache.begin_fill(self.served_dir.root(), now);
                Some(Task::List(Listing::new(fill), head(Reply::List)))
            }
        }
    }

    fn sha256(&self, name: &[u8], reply: &mut Outbox<Served>) -> Option<Task> {
        let begun = self
            .served_dir
            .file(name)
            .map_err(|why| error_reply(why, name));
        let begun = begun.and_then(|(file, _)| {
            Digesting::begin(file, name).map_err(|error| unreadable(name, &error))
        });
        match begun {
            Ok(digesting) => Some(Task::Sha256(digesting)),
            Err(error_reply) => {
                reply.write(|out| Reply::Error(error_reply).write(out));
                None
            }
        }
    }

    fn stat(&self, name: &[u8], out: &mut Vec<u8>) {
        match self.served_dir.stat(name) {
            Ok(details) => Reply::Stat(details.of(name)),
            Err(refusal) => Reply::Error(error_reply(refusal, name)),
        }
        .write(out);
    }

    fn digest(&mut self, task: &mut Digesting, out: &mut Vec<u8>) -> Step {
        match self.digests.resume(task, || self.event_log.now()) {
            Ok(None) => return Step::More,
            Ok(Some(digest)) => Reply::Sha256(&digest, task.size()).write(out),
            Err(error) => Reply::Error(unreadable(task.name(), &error)).write(out),
        }
        Step::Done
    }
}

/// What a client is told of a file that was opened and cannot be read.
fn unreadable<'a>(name: &'a [u8], error: &io::Error) -> ErrorReply<'a> {
    log::error!("cannot read {}: {error}", Sanitized(name));
    ErrorReply::Unreadable(name)
}

/// What a client is told of a refusal. Only what is our own fault goes to the log.
fn error_reply(refusal: Refusal, name: &[u8]) -> ErrorReply<'_> {
    match refusal {
        Refusal::NoSuchFile => ErrorReply::NoSuchFile(name),
        Refusal::NotAFile => ErrorReply::NotAFile(name),
        Refusal::Outside => ErrorReply::Outside(name),
        Refusal::Denied => ErrorReply::Denied(name),
        Refusal::Busy => {
            log::warn!("no file descriptor left to open a file with");
            ErrorReply::Busy
        }
        Refusal::Gone => ErrorReply::FolderGone,
        Refusal::Failed(errno) => {
            log::error!("cannot open {}: {errno}", Sanitized(name));
            ErrorReply::Unreadable(name)
        }
    }
}

impl Handler for FolderHandler {
    type File = Served;
    type Task = Task;

    fn takes_uploads(&self) -> bool {
        self.uploads.is_some()
    }

    fn answer(
        &mut self,
        query: Query<'_>,
        now: Instant,
        reply: &mut Outbox<Served>,
    ) -> Option<Task> {
        match query {
            Query::Status => {
                let report = self.event_log.registry().report();
                Some(Task::Status(report, head(Reply::Status)))
            }
            Query::List => self.list(now, reply),
            Query::Get { name, offset } => {
                self.get(name, offset, reply);
                None
            }
            Query::GetOrMessage { text } => {
                self.get_or_message(text, reply);
                None
            }
            Query::Sha256 { name } => self.sha256(name, reply),
            Query::Put { put, size, from } => self.put(&put, size, from, now, reply),
            Query::Stat { name } => {
                reply.write(|out| self.stat(name, out));
                None
            }
        }
    }

    fn resume(&mut self, task: &mut Task, reply: &mut Outbox<Served>) -> Step {
        let mut step = Step::Done;
        reply.write(|out| {
            step = match task {
                Task::Status(report, held) => {
                    give(self.event_log.registry().resume(report, held), held, out)
                }
                Task::List(listing, held) => {
                    let step = listing.resume(&mut self.served_dir, &mut self.cache, held);
                    give(step, held, out)
                }
                Task::CachedListing(listing, held) => {
                    out.append(held);
                    listing.resume(out)
                }
                Task::Sha256(digesting) => self.digest(digesting, out),
                Task::Upload(upload) => self.resume_upload(upload, out),
            };
        });
        step
    }

    fn receive(&mut self, task: &mut Task, bytes: &[u8], reply: &mut Outbox<Served>) -> Received {
        match task {
            Task::Upload(upload) => self.receive_body(upload, bytes, reply),
            _ => unreachable!("only an upload wants bytes"),
        }
    }

    fn abandoned(&mut self, task: Task, why: CloseReason, reply: &mut Outbox<Served>) {
        if let Task::Upload(upload) = task {
            self.abandon_upload(&upload, why, reply);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outbox::Chunk;
    use crate::engine::ports::Observer;
    use crate::engine::stats::SessionStats;
    use crate::server::net::caller::Caller;
    use crate::server::net::listener::Door;
    use crate::wire::ClientName;
    use std::fs::File;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn caller() -> Caller {
        Caller {
            address: ([127, 0, 0, 1], 9).into(),
            door: Door::Plain,
        }
    }

    /// The answer to `query`, without the bytes of files.
    fn answer(service: &mut FolderHandler, query: Query<'_>) -> String {
        let mut reply = Outbox::new();
        let mut task = service.answer(query, Instant::now(), &mut reply);
        while let Some(under_way) = &mut task {
            if service.resume(under_way, &mut reply) == Step::Done {
                task = None;
            }
        }
        let mut text = Vec::new();
        while let Some(front) = reply.front() {
            let n = match front {
                Chunk::Bytes(bytes) => {
                    text.extend_from_slice(bytes);
                    bytes.len()
                }
                Chunk::File { left, .. } => usize::try_from(left).expect("it is small"),
            };
            reply.sent(n);
        }
        String::from_utf8(text).expect("it is text")
    }

    fn service(clock: fn() -> SystemTime) -> (FolderHandler, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("file"), "inside").expect("it is new");
        let served_dir = ServedDir::open(folder.path()).expect("it is there");
        (FolderHandler::new(served_dir, EventLog::new(clock)), folder)
    }

    #[test]
    fn a_wall_clock_that_is_far_off_changes_nothing_but_what_is_shown() {
        let day = Duration::from_secs(86_400);
        type Clock = fn() -> SystemTime;
        let clocks: [(Clock, &str); 3] = [
            (
                || UNIX_EPOCH - Duration::from_secs(86_400),
                "1970-01-01T00:00:00Z",
            ),
            (|| UNIX_EPOCH, "1970-01-01T00:00:00Z"),
            (
                || UNIX_EPOCH + Duration::from_secs(1 << 40),
                "9999-12-31T23:59:59Z",
            ),
        ];
        for (clock, shown) in clocks {
            let (mut service, folder) = service(clock);
            let old = File::options().write(true).open(folder.path().join("file"));
            let set = old
                .expect("it is there")
                .set_modified(UNIX_EPOCH - 40_000 * day);
            set.expect("the file system knows moments before 1970");
            service.arrived(ClientName(1), &caller(), None);
            service.departed(ClientName(1), CloseReason::Idle, &SessionStats::default());
            assert_eq!(
                answer(&mut service, Query::Status),
                format!(
                    "STATUS\nClient01 127.0.0.1:9 connected {shown} \
                     disconnected {shown} idle\nEND\n"
                )
            );
            let list = answer(&mut service, Query::List);
            assert_eq!(list, "LIST\n6 1970-01-01T00:00:00Z file\nEND\n");
            let get = Query::Get {
                name: b"file",
                offset: 2,
            };
            assert_eq!(answer(&mut service, get), "START 4\nsideEND\n");
        }
    }

    /// The pieces in which the answer to `query` is there to be sent.
    fn pieces(service: &mut FolderHandler, query: Query<'_>) -> Vec<usize> {
        let mut reply = Outbox::new();
        let mut task = service.answer(query, Instant::now(), &mut reply);
        let mut pieces = Vec::new();
        loop {
            while let Some(Chunk::Bytes(bytes)) = reply.front() {
                let n = bytes.len();
                pieces.push(n);
                reply.sent(n);
            }
            let Some(under_way) = &mut task else {
                return pieces;
            };
            if service.resume(under_way, &mut reply) == Step::Done {
                task = None;
            }
        }
    }

    #[test]
    fn an_answer_that_fits_a_piece_leaves_in_one() {
        let (mut service, folder) = service(|| UNIX_EPOCH);
        for number in 0..200 {
            let name = folder.path().join(format!("{number}"));
            std::fs::write(name, "").expect("it is new");
        }
        for number in 1..=150 {
            service.arrived(ClientName(number), &caller(), None);
            let stats = SessionStats::default();
            service.departed(ClientName(number), CloseReason::Exit, &stats);
        }
        // Walked, then from the cache where that can be.
        let name = b"file";
        let get = Query::Get { name, offset: 1 };
        for query in [Query::Status, Query::List, Query::List, get] {
            let pieces = pieces(&mut service, query);
            assert_eq!(pieces.len(), 1, "{query:?}: {pieces:?}");
            assert!(pieces[0] < PIECE_BYTES);
        }
    }
}
