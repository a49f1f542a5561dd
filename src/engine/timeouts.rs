//! The timeouts of a session.
//!
//! Owns the seven timeouts (arrival, idle, incomplete line, pause at the end of a line, stall of
//! the output, stall of a body, linger), each a function of the session's state and of the time.
//! Must never do anything but end a line or a linger: a turn acts on the others, after it has tried
//! to read and write.

use std::time::{Duration, Instant};

use crate::engine::limits::{Limits, STALL_TRIES};
use crate::engine::phase::{Gate, Phase};
use crate::engine::session::Session;
use crate::wire::CloseReason;

impl<F, K> Session<F, K> {
    /// When the next timeout of the session may be over. `owes`: its transport has unsent bytes of
    /// its own.
    #[must_use]
    pub fn deadline(&self, limits: &Limits, owes: bool) -> Option<Instant> {
        match self.phase {
            Phase::Arriving(_, deadline) | Phase::Lingering(_, deadline) => Some(deadline),
            Phase::Closed(_) => None,
            Phase::Open | Phase::Draining(_) if owes || !self.outbox.is_empty() => {
                let tried_at = self.tried_at.max(self.taken_at);
                let next_try = tried_at + limits.stall / STALL_TRIES;
                let body = (self.owed() > 0).then_some(self.moved_at + limits.stall);
                let stalled = self.taken_at + limits.stall;
                Some(next_try.min(stalled).min(body.unwrap_or(stalled)))
            }
            Phase::Open if self.owed() > 0 => Some(self.moved_at + limits.stall),
            Phase::Open if self.under_way.is_nothing() => {
                let unended = self.lacks_an_end().then_some(limits.unended);
                let pause = self.pause(limits);
                let quiet = limits.idle.into_iter().chain(unended).chain(pause).min();
                quiet.map(|quiet| self.moved_at + quiet)
            }
            // The server is preparing an answer, or about to shut the sending side down: the peer
            // is not idle, and the next turn is due anyway.
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
            // The session keeps its earlier reason.
            Phase::Lingering(..) => self.close(CloseReason::Exit),
            _ => self.tried_at = now,
        }
    }

    /// Whether the stall timeout is over: the session has unsent output and its socket accepts
    /// none. To be called after a write was tried.
    #[must_use]
    pub fn is_stalled(&self, limits: &Limits, owes: bool, now: Instant) -> bool {
        matches!(self.phase, Phase::Open | Phase::Draining(_))
            && (owes || !self.outbox.is_empty())
            && now >= self.taken_at + limits.stall
    }

    /// The idle timeout, if it is over for this client. To be called when there was nothing left to
    /// read: input that waits in the socket counts as activity.
    #[must_use]
    pub fn is_idle(&self, limits: &Limits, owes: bool, now: Instant) -> Option<Duration> {
        let may_be = self.is_quiet(owes);
        limits
            .idle
            .filter(|&idle| may_be && now >= self.moved_at + idle)
    }

    /// Ends the line that an unframed client has begun, if it was quiet for long enough. Returns
    /// whether it did: the line is then to be taken. To be called when there was nothing left to
    /// read.
    pub fn end_unframed_line(&mut self, limits: &Limits, owes: bool, now: Instant) -> bool {
        let is_over = self.is_line_over(limits, owes, now);
        if is_over {
            self.inbox.end_line();
        }
        is_over
    }

    /// Whether the pause is over that ends the line begun in the inbox, if nothing more of it
    /// comes.
    pub(super) fn is_line_over(&self, limits: &Limits, owes: bool, now: Instant) -> bool {
        self.pause(limits)
            .is_some_and(|pause| self.is_quiet(owes) && now >= self.moved_at + pause)
    }

    /// The pause that ends the line begun in the inbox, if one does.
    fn pause(&self, limits: &Limits) -> Option<Duration> {
        let pauses = limits.unframed?;
        self.inbox.pause(pauses.first, pauses.later)
    }

    /// Whether the client has been answered, and it is its turn to say something.
    fn is_quiet(&self, owes: bool) -> bool {
        let owes = owes || !self.outbox.is_empty();
        self.phase == Phase::Open && self.under_way.is_nothing() && !owes
    }

    /// Whether the client has sent an incomplete line and nothing more for a while. Returns `true`
    /// once. To be called when there was nothing left to read.
    pub fn note_unended(&mut self, limits: &Limits, owes: bool, now: Instant) -> bool {
        let is_unended =
            self.is_quiet(owes) && self.lacks_an_end() && now >= self.moved_at + limits.unended;
        self.told_of_unended |= is_unended;
        is_unended
    }

    /// Whether there is an incomplete line that was not reported yet.
    fn lacks_an_end(&self) -> bool {
        !self.told_of_unended && !self.inbox.is_empty()
    }

    /// The gate at which the peer still waits after the arrival timeout, if it does.
    #[must_use]
    pub fn is_late(&self, now: Instant) -> Option<Gate> {
        match self.phase {
            Phase::Arriving(gate, deadline) if now >= deadline => Some(gate),
            _ => None,
        }
    }
}
