//! One turn of one connection: the only code that does I/O on it.
//!
//! Owns a session, its transport and what the kernel said about that. Must never let a fault of
//! one peer out: a turn has a verdict and no error.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::budget::Budget;
use super::deed::Deed;
use super::fault::farewell;
use super::limits::Limits;
use super::meaning::Meaning;
use super::outbox::Front;
use super::phase::Phase;
use super::ports::{Service, Step, Transport};
use super::readiness::Readiness;
use super::session::Session;
use super::spare::Spare;
use crate::wire::{Complaint, Farewell, Reply};

pub use super::budget::Circumstances;
pub use super::deed::Turn;

/// A session with its pipe. `K` is the service's answer under way.
#[derive(Debug)]
pub struct Connection<T: Transport, K> {
    session: Session<T::File, K>,
    transport: T,
    readiness: Readiness,
}

impl<T: Transport, K> Connection<T, K> {
    /// A new connection is tried before it is waited for.
    pub const fn new(session: Session<T::File, K>, transport: T) -> Self {
        Self {
            session,
            transport,
            readiness: Readiness::BOTH,
        }
    }

    /// What is known of the peer.
    pub const fn session(&self) -> &Session<T::File, K> {
        &self.session
    }

    /// Notes what an event said. No work is done.
    pub fn note(&mut self, event: Readiness) {
        self.readiness.note(event);
    }

    /// Does what is due at a deadline; a turn has to follow, in which a write is tried and what an
    /// event told is read before the peer is judged.
    pub fn expire(&mut self, limits: &Limits, now: Instant) {
        self.session.expire(limits, now);
        self.readiness.note(Readiness::of(false, true));
    }

    /// Ends the connection as it is, with nothing more read or written.
    pub fn cut<S>(&mut self, service: &mut S, now: Instant)
    where
        S: Service<File = T::File, Task = K>,
    {
        self.session.close(Farewell::Shutdown);
        self.report(service, now);
    }

    /// Answers, writes and reads until nothing moves or the turn's share is used up.
    pub fn turn<S>(
        &mut self,
        service: &mut S,
        around: Circumstances<'_>,
        spare: &mut Spare<T::File>,
    ) -> Turn
    where
        S: Service<File = T::File, Task = K>,
    {
        spare.lend(self.session.memory());
        let turn = self.work(service, around);
        self.report(service, around.now);
        spare.take(self.session.memory());
        turn
    }

    fn work<S>(&mut self, service: &mut S, around: Circumstances<'_>) -> Turn
    where
        S: Service<File = T::File, Task = K>,
    {
        let mut budget = Budget::new(around);
        loop {
            // Answers of one read go out in one write; and the write comes before the next read,
            // so nobody waits for an answer while the server looks for more questions.
            let answered = self.answer(service, around, &mut budget);
            if answered {
                service.saw(Deed::Answered);
            }
            let wrote = self.flush(service, around, &mut budget);
            let read = self.fill(service, around, &mut budget);
            if matches!(self.session.phase(), Phase::Closed(_)) {
                return Turn::Done;
            }
            let moved = answered || wrote || read || self.dismiss_idle(around);
            if !moved || budget.is_spent() {
                return self.rest(moved, service, around);
            }
        }
    }

    /// Tells a client that was quiet for too long that it has to go.
    fn dismiss_idle(&mut self, around: Circumstances<'_>) -> bool {
        let Some(quiet) = self.session.is_idle(around.limits, around.now) else {
            return false;
        };
        let last = Reply::Error(Complaint::Idle(quiet));
        self.session.leave(Farewell::Idle, Some(last), around.now);
        true
    }

    /// Nothing moved, or enough did: the turn is over, and the connection too if its peer has
    /// taken nothing for too long, whatever it has been sending.
    fn rest<S>(&mut self, moved: bool, service: &mut S, around: Circumstances<'_>) -> Turn
    where
        S: Service<File = T::File, Task = K>,
    {
        if !moved
            && self.session.note_unended(around.limits, around.now)
            && let Some(name) = self.session.berth()
        {
            service.unended(name);
        }
        if self.session.is_stalled(around.limits, around.now) {
            self.session.close(Farewell::Stalled);
            return Turn::Done;
        }
        if moved { Turn::Yielded } else { Turn::Waiting }
    }

    /// Tells the service of the files of which no more will be sent, so that they are closed.
    fn report<S>(&mut self, service: &mut S, now: Instant)
    where
        S: Service<File = T::File, Task = K>,
    {
        while let Some((name, passage, lasted)) = self.session.next_ended(now) {
            service.transferred(name, passage, lasted);
        }
    }

    /// Goes on with the answer under way, then answers what was asked.
    fn answer<S>(&mut self, service: &mut S, around: Circumstances<'_>, budget: &mut Budget) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        let mut moved = self.resume(service, around, budget);
        while budget.requests > 0 && self.session.takes_requests(around.limits) {
            if around.stopping {
                let last = Reply::Error(Complaint::ShuttingDown);
                self.session
                    .leave(Farewell::Shutdown, Some(last), around.now);
                return true;
            }
            if !self.answer_next(service, around.now) {
                break;
            }
            budget.requests -= 1;
            moved = true;
        }
        moved
    }

    fn resume<S>(&mut self, service: &mut S, around: Circumstances<'_>, budget: &mut Budget) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        if budget.steps == 0 {
            return false;
        }
        let Some((task, reply)) = self.session.task(around.limits, around.now) else {
            return false;
        };
        budget.steps -= 1;
        if service.resume(task, reply) == Step::Done {
            self.session.end_task();
        }
        true
    }

    /// Answers one request. `false`: there is none, and there may never be another.
    fn answer_next<S>(&mut self, service: &mut S, now: Instant) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        let newcomer = self.session.berth().filter(|_| !self.session.has_asked());
        let Some((line, reply)) = self.session.next_line(now) else {
            if self.session.is_served() {
                self.session.leave(Farewell::Eof, None, now);
            }
            return false;
        };
        let meaning = Meaning::of(line, newcomer.is_some());
        if let Some(verb) = meaning.verb() {
            service.saw(Deed::Took(verb));
            if let Some(name) = newcomer {
                service.asked(name);
            }
        }
        match meaning {
            Meaning::Say(_, known) => reply.write(|out| known.write(out)),
            Meaning::Mark => reply.write(|out| Reply::NoMark.write(out)),
            Meaning::Ask(_, query) => {
                if let Some(task) = service.answer(query, reply) {
                    self.session.begin(task);
                }
                // An empty file has ended already, and others may be asked for in this turn.
                self.report(service, now);
            }
            Meaning::Exit => self.session.exit(now),
            Meaning::Web => {
                let last = Reply::Error(Complaint::NotWeb);
                self.session.leave(Farewell::Web, Some(last), now);
            }
        }
        true
    }

    /// Writes what is owed, and says so when that was all.
    fn flush<S>(&mut self, service: &mut S, around: Circumstances<'_>, budget: &mut Budget) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        let mut moved = false;
        while self.readiness.writable() && budget.bytes > 0 && self.session.front().is_some() {
            match self.send(budget.bytes) {
                Ok((n, deed)) => {
                    service.saw(deed);
                    self.session.sent(n, around.now);
                    self.report(service, around.now);
                    budget.bytes -= n;
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readiness.write_blocked();
                    service.saw(Deed::WriteBlocked);
                }
                Err(error) => {
                    self.failed(service, &error);
                    moved = true;
                }
            }
        }
        self.finish(service, around) || moved
    }

    /// Sends at most `most` bytes of what is first. A file that ends before it should is an
    /// unexpected end, which no transport's own error is.
    fn send(&mut self, most: usize) -> io::Result<(usize, Deed)> {
        match self.session.front() {
            None => Ok((0, Deed::Wrote(0))),
            Some(Front::Bytes(bytes)) => {
                match self.transport.write(&bytes[..bytes.len().min(most)])? {
                    0 => Err(ErrorKind::WriteZero.into()),
                    n => Ok((n, Deed::Wrote(n))),
                }
            }
            Some(Front::File { file, offset, left }) => {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(most);
                match self.transport.send_file(file, offset, len)? {
                    0 => Err(ErrorKind::UnexpectedEof.into()),
                    n => Ok((n, Deed::Sent(n))),
                }
            }
        }
    }

    fn finish<S>(&mut self, service: &mut S, around: Circumstances<'_>) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        if !self.session.is_drained() {
            return false;
        }
        match self.transport.finish() {
            Ok(()) => {
                service.saw(Deed::Finished);
                self.session.finished(around.limits, around.now);
            }
            Err(error) => self.failed(service, &error),
        }
        true
    }

    /// Reads once: what came is served before more is taken.
    fn fill<S>(&mut self, service: &mut S, around: Circumstances<'_>, budget: &mut Budget) -> bool
    where
        S: Service<File = T::File, Task = K>,
    {
        if !self.readiness.readable() || !self.session.wants_read(around.limits) {
            return false;
        }
        let space = self.session.space();
        let len = space.len().min(budget.bytes);
        if len == 0 {
            return false;
        }
        match self.transport.read(&mut space[..len]) {
            Ok(0) => {
                service.saw(Deed::Read(0));
                self.session.input_ended();
            }
            Ok(n) => {
                service.saw(Deed::Read(n));
                self.session.received(n, around.limits, around.now);
                budget.bytes -= n;
                if n < len {
                    self.readiness.read_all();
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readiness.read_blocked();
                service.saw(Deed::ReadBlocked);
                return false;
            }
            Err(error) => self.failed(service, &error),
        }
        true
    }

    /// An operation failed otherwise than by blocking. An interrupted one is simply tried again.
    fn failed<S>(&mut self, service: &mut S, error: &io::Error)
    where
        S: Service<File = T::File, Task = K>,
    {
        service.saw(Deed::Failed);
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        let farewell = farewell(error);
        if farewell == Farewell::Error {
            service.failed(self.session.berth(), error);
        }
        if error.kind() == ErrorKind::UnexpectedEof {
            self.session.file_ended_early();
        } else {
            self.session.close(farewell);
        }
    }
}
