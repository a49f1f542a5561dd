//! A session with its transport and the readiness of that.
//!
//! Owns the three. Must never do I/O: a turn does, in [`super::turn`].

use std::time::Instant;

use crate::engine::admission::Refusal;
use crate::engine::limits::Limits;
use crate::engine::phase::Phase;
use crate::engine::ports::{Backend, Transport};
use crate::engine::readiness::Readiness;
use crate::engine::session::Session;
use crate::wire::CloseReason;

/// A session with its transport. `K` is the handler's answer under way.
#[derive(Debug)]
pub struct Connection<T: Transport, K> {
    pub(super) session: Session<T::File, K>,
    pub(super) transport: T,
    pub(super) readiness: Readiness,
}

impl<T: Transport, K> Connection<T, K> {
    /// A new connection. Reading and writing are tried before any event.
    pub const fn new(session: Session<T::File, K>, transport: T) -> Self {
        Self {
            session,
            transport,
            readiness: Readiness::BOTH,
        }
    }

    /// The state of the peer.
    pub const fn session(&self) -> &Session<T::File, K> {
        &self.session
    }

    /// The same, to be changed by a verdict.
    pub const fn session_mut(&mut self) -> &mut Session<T::File, K> {
        &mut self.session
    }

    /// Whether the transport's handshake is complete, so that it can be written to.
    pub fn is_ready(&self) -> bool {
        self.transport.is_ready()
    }

    /// Whether the next turn is a step of the handshake, which costs far more than other turns.
    pub fn has_handshake_to_do(&self) -> bool {
        let is_arriving = matches!(self.session.phase(), Phase::Arriving(..));
        is_arriving && !self.transport.is_ready() && self.readiness.readable()
    }

    /// Notes what an event said. No work is done.
    pub fn on_ready(&mut self, event: Readiness) {
        self.readiness.note(event);
    }

    /// When the connection has to be looked at even if nothing happens to it.
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        self.session.deadline(limits, self.transport.owes())
    }

    /// Does what is due at a deadline. A turn has to follow: it tries to write and to read before
    /// it closes a connection that is late, or ends a line that lacks its LF. Where thousands are
    /// ready, the event for the rest of that line may not have come yet.
    pub fn expire(&mut self, limits: &Limits, now: Instant) {
        let owes = self.transport.owes();
        let reads = self.session.is_line_over(limits, owes, now);
        self.session.expire(limits, owes, now);
        self.readiness.note(Readiness::of(reads, true));
    }

    /// The peer waits at a gate and has to make room for others. It is told so with a line, or with
    /// what its transport can say before the handshake is complete.
    pub fn crowd_out(&mut self, service: &mut impl Backend<T, K>, now: Instant) {
        if self.transport.is_ready() {
            return self.session.turn_away(Refusal::Busy, service, now);
        }
        if !self.transport.owes() {
            self.session.note_nothing_unsent(now);
        }
        self.transport.refuse();
        self.session.end_unsaid(Refusal::Busy);
    }

    /// Gives the handler back the answer under way of a client that leaves before it is complete.
    pub(super) fn abandon(&mut self, service: &mut impl Backend<T, K>) {
        if let Some((task, why)) = self.session.take_abandoned() {
            let (_, _, reply) = self.session.body();
            service.abandoned(task, why, reply);
        }
    }

    /// Ends the connection as it is, with nothing more read or written.
    pub fn abort(&mut self, service: &mut impl Backend<T, K>, now: Instant) {
        self.session.close(CloseReason::Shutdown);
        self.abandon(service);
        while let Some((name, transfer, lasted)) = self.session.next_ended(now) {
            service.transferred(name, &transfer, lasted);
        }
    }
}
