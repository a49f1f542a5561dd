//! How a session comes to a berth.
//!
//! Owns the ways in, and what a peer has of a berth while it is inside. Must never grant one: the
//! hub tells the session what was decided.

use std::time::Instant;

use crate::engine::hold::Hold;
use crate::engine::limits::Limits;
use crate::engine::phase::{Ending, Gate, Phase};
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::wire::{ClientName, Reply};

impl<F, K> Session<F, K> {
    /// The peer may turn out to end its lines with a pause, where that is allowed.
    pub fn may_be_unframed(&mut self, limits: &Limits) {
        if limits.unframed.is_some() && matches!(self.speech, Speech::Lines) {
            self.inbox.accept_pauses();
        }
    }

    /// The peer has shown what it has to: it waits for a verdict.
    pub fn await_verdict(&mut self) {
        if let Phase::Arriving(_, deadline) = self.phase {
            self.phase.advance(Phase::Arriving(Gate::Verdict, deadline));
        }
    }

    /// The peer holds a berth from now on, and a welcome is queued where lines are spoken. Its
    /// input so far is kept.
    pub fn open(&mut self, name: ClientName, now: Instant) {
        self.hold = Hold::Berth(name);
        self.moved_at = now;
        self.note_nothing_unsent(now);
        self.running.begin(now);
        if self.speech.is_lines() {
            self.outbox.write(|out| Reply::Welcome(name).write(out));
        }
        self.phase.advance(Phase::Open);
    }

    /// The peer rides on a berth from now on. Its input so far is kept.
    pub(super) fn ride(&mut self, hold: Hold, now: Instant) {
        self.hold = hold;
        self.moved_at = now;
        self.note_nothing_unsent(now);
        self.running.begin(now);
        self.phase.advance(Phase::Open);
    }

    /// The name, if the peer holds a berth: until its last byte is sent.
    #[must_use]
    pub fn berth(&self) -> Option<ClientName> {
        self.hold.berth().filter(|_| self.is_inside())
    }

    /// The name, if the peer holds a berth or rides on one: until its last byte is sent.
    #[must_use]
    pub fn client(&self) -> Option<ClientName> {
        self.hold.name().filter(|_| self.is_inside())
    }

    const fn is_inside(&self) -> bool {
        match self.phase {
            Phase::Open => true,
            Phase::Draining(ending) => !matches!(ending, Ending::Moved),
            Phase::Arriving(..) | Phase::Lingering(..) | Phase::Closed(_) => false,
        }
    }
}
