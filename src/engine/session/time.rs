//! When a session's patience with its peer ends.
//!
//! Owns what follows from how long nothing has moved, was taken or was said. Must never ask a
//! clock.

use std::time::{Duration, Instant};

use super::Session;
use crate::engine::limits::{Limits, STALL_TRIES};
use crate::engine::phase::Phase;

impl<F, K> Session<F, K> {
    /// When the session has to be looked at even if nothing happens to it.
    #[must_use]
    pub fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match self.phase {
            Phase::Lingering(_, deadline) => Some(deadline),
            Phase::Closed(_) => None,
            Phase::Open | Phase::Draining(_) if !self.outbox.is_empty() => {
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
    /// [`Session::is_stalled`] and [`Session::is_idle`] have the last word.
    pub fn expire(&mut self, limits: &Limits, now: Instant) {
        if self.deadline(limits).is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Lingering(farewell, _) => self.close(farewell),
            _ => self.tried_at = now,
        }
    }

    /// Whether the peer took nothing for so long that it has to go. To be asked after a write was
    /// tried.
    #[must_use]
    pub fn is_stalled(&self, limits: &Limits, now: Instant) -> bool {
        matches!(self.phase, Phase::Open | Phase::Draining(_))
            && !self.outbox.is_empty()
            && now >= self.taken_at + limits.stall
    }

    /// Whether the client was quiet for so long that it has to go, and for how long it may be. To
    /// be asked when there was nothing to do for it: what it said while nobody looked counts.
    #[must_use]
    pub fn is_idle(&self, limits: &Limits, now: Instant) -> Option<Duration> {
        let may_be = self.phase == Phase::Open && self.task.is_none() && self.outbox.is_empty();
        limits
            .idle
            .filter(|&idle| may_be && now >= self.moved_at + idle)
    }

    /// Whether a line was begun and not gone on with for long, which is said once. To be asked when
    /// there was nothing to do for the client.
    pub fn note_unended(&mut self, limits: &Limits, now: Instant) -> bool {
        let may_be = self.phase == Phase::Open && self.task.is_none() && self.outbox.is_empty();
        let is_unended = may_be && self.lacks_an_end() && now >= self.moved_at + limits.unended;
        self.told_of_unended |= is_unended;
        is_unended
    }

    /// Whether there is the beginning of a line, of which nothing was said yet.
    fn lacks_an_end(&self) -> bool {
        !self.told_of_unended && !self.inbox.is_empty()
    }

    /// The stall clock runs from the moment there is something to take.
    pub(super) fn note_nothing_owed(&mut self, now: Instant) {
        if self.outbox.is_empty() {
            self.taken_at = now;
        }
    }
}
