//! The state of one peer, without its socket.
//!
//! Owns the input, the output and the phase of the peer; [`super::timeouts`] derives its deadlines
//! from these. Must never do I/O or read a clock: it is told what happened and when, and returns
//! what it wants to do next. A phase is `Copy` ([`super::phase`]); what has a destructor stands
//! beside it.

use std::time::{Duration, Instant};

use crate::engine::hold::Hold;
use crate::engine::limits::Limits;
use crate::engine::line_buffer::{Line, LineBuffer};
use crate::engine::outbox::{Chunk, Outbox, Transfer};
use crate::engine::phase::{Ending, Gate, Phase};
use crate::engine::rights::Access;
use crate::engine::speech::Speech;
use crate::engine::stats::{RunningStats, SessionStats};
use crate::engine::under_way::UnderWay;
use crate::wire::web::Key;
use crate::wire::{ClientName, CloseReason};

/// One peer's input, output and phase. `F` is a file that is sent, `K` an answer under way.
#[derive(Debug)]
pub struct Session<F, K> {
    /// What the peer has of a berth.
    pub(super) hold: Hold,
    /// What its page is known by, if it is of one.
    pub(super) key: Option<Key>,
    pub(super) phase: Phase,
    /// What the peer speaks.
    pub(super) speech: Speech,
    /// What the peer may ask for once it holds a berth.
    pub(super) access: Access,
    pub(super) inbox: LineBuffer,
    pub(super) outbox: Outbox<F>,
    /// What has to be complete before another request is taken.
    pub(super) under_way: UnderWay<K>,
    /// When a byte last moved in either direction.
    pub(super) moved_at: Instant,
    /// When the socket last accepted a byte, or when there was last no unsent output.
    pub(super) taken_at: Instant,
    /// When a write was last tried without an event.
    pub(super) tried_at: Instant,
    /// Whether the observers were told that the end of a line is missing.
    pub(super) told_of_unended: bool,
    /// The number of bytes read and discarded since the session takes no more requests.
    discarded: u64,
    pub(super) running: RunningStats,
}

impl<F, K> Session<F, K> {
    /// A peer that has just connected: it has no berth, no name and no output.
    #[must_use]
    pub fn arriving(limits: &Limits, speech: Speech, now: Instant) -> Self {
        Self {
            hold: Hold::Nothing,
            key: None,
            phase: Phase::Arriving(Gate::Handshake, now + limits.arrival),
            speech,
            access: Access::Free,
            inbox: LineBuffer::new(limits.inbox_bytes),
            outbox: Outbox::new(),
            under_way: UnderWay::Nothing,
            moved_at: now,
            taken_at: now,
            tried_at: now,
            told_of_unended: false,
            discarded: 0,
            running: RunningStats::new(now),
        }
    }

    /// Why the client leaves or left; `None` before that, and for a peer that never was a client.
    #[must_use]
    pub const fn reason(&self) -> Option<CloseReason> {
        match self.phase.ending() {
            Some(Ending::Left(reason)) => Some(reason),
            Some(Ending::Refused(_) | Ending::NotAdmitted | Ending::Moved) | None => None,
        }
    }

    /// What the peer may ask for once it holds a berth.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// The phase.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// When a byte last moved in either direction.
    #[must_use]
    pub const fn moved_at(&self) -> Instant {
        self.moved_at
    }

    /// The statistics of the session until `now`.
    #[must_use]
    pub fn stats(&self, now: Instant) -> SessionStats {
        self.running.stats(now)
    }

    /// The unsent output.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox<F> {
        &self.outbox
    }

    // Input.

    /// Whether a read is wanted. While an answer is under way no input is read but the body that it
    /// waits for: backpressure.
    #[must_use]
    pub fn wants_read(&self, limits: &Limits) -> bool {
        !self.has_hung_up()
            && match self.phase {
                // Behind the last frame there are no lines.
                Phase::Arriving(..) | Phase::Open if self.inbox.has_ended() => false,
                Phase::Arriving(Gate::Token(_), _) => {
                    self.inbox.has_room() && !self.has_said_all(limits)
                }
                // Requests that it sends already wait for the verdict.
                Phase::Arriving(..) => self.inbox.has_room(),
                Phase::Open if self.under_way.owed() > 0 => self.inbox.is_empty(),
                Phase::Open => self.takes_requests(limits) && self.inbox.has_room(),
                Phase::Draining(_) | Phase::Lingering(..) => self.discarded < limits.discard_bytes,
                Phase::Closed(_) => false,
            }
    }

    /// The buffer for the next read.
    pub fn space(&mut self, limits: &Limits) -> &mut [u8] {
        let most = match self.phase {
            // The read that completes a handshake may bring what comes behind it.
            Phase::Arriving(Gate::Handshake | Gate::Token(_), _) => {
                limits.token_bytes.saturating_sub(self.running.bytes_in())
            }
            _ => u64::MAX,
        };
        let space = self.inbox.space();
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(space.len());
        &mut space[..most]
    }

    /// Whether as many bytes came as may before a token is shown.
    pub(super) const fn has_said_all(&self, limits: &Limits) -> bool {
        self.running.bytes_in() >= limits.token_bytes
    }

    /// A read put `n` bytes into [`Session::space`].
    pub fn received(&mut self, n: usize, limits: &Limits, now: Instant) {
        self.running.received(n);
        if matches!(self.phase, Phase::Arriving(..) | Phase::Open) {
            let kept = self.strip_inbox(n, limits);
            self.inbox.received(kept);
            if kept > 0 {
                self.moved_at = now;
            }
            return;
        }
        self.moved_at = now;
        self.inbox.clear();
        self.discarded += n as u64;
        if let Phase::Lingering(ending, _) = self.phase
            && self.discarded >= limits.discard_bytes
        {
            self.phase.advance(Phase::Closed(ending));
        }
    }

    /// The peer has shut down its sending side. What it sent is still served.
    pub fn input_ended(&mut self) {
        self.inbox.end();
        if let Speech::Socket(socket) = &mut self.speech {
            socket.has_hung_up = true;
        }
        if let Phase::Lingering(ending, _) = self.phase {
            self.phase.advance(Phase::Closed(ending));
        }
    }

    /// All input was the transport's own. It counts as activity only during the handshake.
    pub fn heard(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Arriving(..)) {
            self.moved_at = now;
        }
    }

    // Requests.

    /// Whether a request would be answered now: one at a time, and none while much output is
    /// unsent.
    #[must_use]
    pub fn takes_requests(&self, limits: &Limits) -> bool {
        self.phase == Phase::Open
            && self.under_way.is_nothing()
            && !self.outbox.has_file()
            && self.outbox.bytes_queued() < limits.outbox_mark_bytes
    }

    /// Takes the next line, with the outbox for its answer. To be called only while requests are
    /// taken.
    pub fn next_line(&mut self, now: Instant) -> Option<(Line<'_>, &mut Outbox<F>)> {
        let line = self.inbox.next_line()?;
        if line != Line::Mark {
            self.running.asked(now);
        }
        Some((line, &mut self.outbox))
    }

    /// Whether a line was taken already.
    #[must_use]
    pub const fn has_asked(&self) -> bool {
        self.running.requests() > 0
    }

    /// Whether the input has ended and all of it was taken.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.inbox.has_ended() && self.inbox.is_empty()
    }

    /// The answer to the last line takes several steps.
    pub fn begin(&mut self, task: K) {
        self.under_way = UnderWay::Answer(Box::new(task));
    }

    /// The answer under way, with the outbox for it; `None` while enough of it is unsent.
    pub fn task(&mut self, limits: &Limits, now: Instant) -> Option<(&mut K, &mut Outbox<F>)> {
        let is_open = self.phase == Phase::Open;
        if !is_open || self.outbox.bytes_queued() >= limits.outbox_mark_bytes {
            return None;
        }
        let UnderWay::Answer(task) = &mut self.under_way else {
            return None;
        };
        // A client whose answer is being prepared is not idle.
        self.moved_at = now;
        Some((task, &mut self.outbox))
    }

    /// The answer under way is complete.
    pub fn end_task(&mut self) {
        self.under_way = UnderWay::Nothing;
    }

    /// The answer under way waits for `owed` (not 0) bytes of a body.
    pub fn await_body(&mut self, owed: u64) {
        self.under_way.await_body(owed);
    }

    /// Whether an answer is under way that has a step to do.
    #[must_use]
    pub const fn has_task(&self) -> bool {
        matches!(self.under_way, UnderWay::Answer(_))
    }

    // Output.

    /// What is to be sent next.
    #[must_use]
    pub fn front(&self) -> Option<Chunk<'_, F>> {
        self.outbox.front()
    }

    /// The transport accepted `n` bytes of [`Session::front`].
    pub fn sent(&mut self, n: usize, now: Instant) {
        self.outbox.sent(n);
        self.running.sent(n);
        self.taken_at = now;
        if self.has_moved(n) {
            self.moved_at = now;
        }
    }

    /// The socket accepted bytes that the transport had buffered.
    pub fn settled(&mut self, now: Instant) {
        self.moved_at = now;
        self.taken_at = now;
    }

    /// Takes a transfer that has ended, with the client that asked for it and how long ago.
    pub fn next_ended(&mut self, now: Instant) -> Option<(ClientName, Transfer<F>, Duration)> {
        let transfer = self.outbox.next_ended()?;
        Some((self.hold.name()?, transfer, self.running.since_asked(now)))
    }

    /// Whether unused buffers are allocated.
    #[must_use]
    pub fn is_wasteful(&self) -> bool {
        self.inbox.is_wasteful() || self.outbox.is_wasteful()
    }

    /// The parts whose buffers are lent for a turn and taken back.
    pub(super) const fn buffers(&mut self) -> (&mut LineBuffer, &mut Outbox<F>) {
        (&mut self.inbox, &mut self.outbox)
    }

    /// Restarts the stall timeout if there is no unsent output: it counts from the moment when
    /// there is some.
    pub(super) fn note_nothing_unsent(&mut self, now: Instant) {
        if self.outbox.is_empty() {
            self.taken_at = now;
        }
    }
}
