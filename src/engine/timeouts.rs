//! When the patience with a peer ends.
//!
//! Owns the five rules (arrival, idle, a line without its end, stall, linger), each a function of
//! the session's state and of the moment. Must never do anything but let a linger end: a turn acts
//! on what is said here, after it has tried what it could.

use std::time::{Duration, Instant};

use crate::engine::limits::{Limits, STALL_TRIES};
use crate::engine::phase::{Gate, Phase};
use crate::engine::session::Session;
use crate::wire::CloseReason;

impl<F, K> Session<F, K> {
    /// When the session has to be looked at even if nothing happens to it. `owes`: its pipe has
    /// unsent bytes of its own.
    #[must_use]
    pub fn deadline(&self, limits: &Limits, owes: bool) -> Option<Instant> {
        match self.phase {
            Phase::Arriving(_, deadline) | Phase::Lingering(_, deadline) => Some(deadline),
            Phase::Closed(_) => None,
            Phase::Open | Phase::Draining(_) if owes || !self.outbox.is_empty() => {
                let tried_at = self.tried_at.max(self.taken_at);
                let next_try = tried_at + limits.stall / STALL_TRIES;
                Some(next_try.min(self.taken_at + limits.stall))
            }
            Phase::Open if self.task.is_none() => {
                let unended = self.lacks_an_end().then_some(limits.unended);
                let quiet = limits.idle.into_iter().chain(unended).min();
                quiet.map(|quiet| self.moved_at + quiet)
            }
            // The server is at work on an answer, or about to say that no more comes: however long
            // that takes, it is not the peer who is idle, and the next turn is due anyway.
            Phase::Open | Phase::Draining(_) => None,
        }
    }

    /// Does what is due at `now`, which may be nothing. A turn has to follow, in which
    /// [`Session::is_stalled`], [`Session::is_idle`] and [`Session::is_late`] have the last word.
    pub fn expire(&mut self, limits: &Limits, owes: bool, now: Instant) {
        let deadline = self.deadline(limits, owes);
        if deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            // It keeps the reason that it left for.
            Phase::Lingering(..) => self.close(CloseReason::Exit),
            _ => self.tried_at = now,
        }
    }

    /// Whether the peer took nothing for so long that it has to go. To be asked after a write was
    /// tried.
    #[must_use]
    pub fn is_stalled(&self, limits: &Limits, owes: bool, now: Instant) -> bool {
        matches!(self.phase, Phase::Open | Phase::Draining(_))
            && (owes || !self.outbox.is_empty())
            && now >= self.taken_at + limits.stall
    }

    /// Whether the client was quiet for so long that it has to go, and for how long it may be. To
    /// be asked when there was nothing to do for it: what it said while nobody looked counts.
    #[must_use]
    pub fn is_idle(&self, limits: &Limits, owes: bool, now: Instant) -> Option<Duration> {
        let owes = owes || !self.outbox.is_empty();
        let may_be = self.phase == Phase::Open && self.task.is_none() && !owes;
        limits
            .idle
            .filter(|&idle| may_be && now >= self.moved_at + idle)
    }

    /// Whether a line was begun and not gone on with for long, which is said once. To be asked when
    /// there was nothing to do for the client.
    pub fn note_unended(&mut self, limits: &Limits, owes: bool, now: Instant) -> bool {
        let owes = owes || !self.outbox.is_empty();
        let may_be = self.phase == Phase::Open && self.task.is_none() && !owes;
        let is_unended = may_be && self.lacks_an_end() && now >= self.moved_at + limits.unended;
        self.told_of_unended |= is_unended;
        is_unended
    }

    /// Whether there is the beginning of a line, of which nothing was said yet.
    fn lacks_an_end(&self) -> bool {
        !self.told_of_unended && !self.inbox.is_empty()
    }

    /// The gate at which the peer still waits although it should have a berth by now, or none.
    #[must_use]
    pub fn is_late(&self, now: Instant) -> Option<Gate> {
        match self.phase {
            Phase::Arriving(gate, deadline) if now >= deadline => Some(gate),
            _ => None,
        }
    }
}
