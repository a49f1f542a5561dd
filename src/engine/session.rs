//! One peer, without its socket.
//!
//! Owns what the peer sent and is owed, and the phase it is in; its deadlines follow from that in
//! [`super::timeouts`]. Must never do I/O or ask a clock: it is told what happened and when, and
//! says what it wants. What a phase holds is `Copy` ([`super::phase`]); what has a destructor
//! lives beside it.

use std::time::{Duration, Instant};

use crate::engine::limits::Limits;
use crate::engine::line_buffer::{Line, LineBuffer};
use crate::engine::outbox::{Chunk, Outbox, Transfer};
use crate::engine::phase::{Ending, Gate, Phase};
use crate::engine::stats::{RunningStats, SessionStats};
use crate::wire::{ClientName, CloseReason, Reply};

/// One peer's input, output and phase. `F` is a file on its way, `K` an answer under way.
#[derive(Debug)]
pub struct Session<F, K> {
    /// `None` for a peer that was turned away: it has no berth and no name.
    pub(super) name: Option<ClientName>,
    pub(super) phase: Phase,
    pub(super) inbox: LineBuffer,
    pub(super) outbox: Outbox<F>,
    /// The answer under way, if it takes several steps. While it is here the outbox holds the
    /// part of it that is ready, and no other request is taken.
    pub(super) task: Option<K>,
    /// When a byte last moved in either direction.
    pub(super) moved_at: Instant,
    /// When the peer last took a byte, or last had none to take.
    pub(super) taken_at: Instant,
    /// When it was last tried whether the peer takes more, though no event said so.
    pub(super) tried_at: Instant,
    /// Whether it was told that the end of a line is missing.
    pub(super) told_of_unended: bool,
    /// Bytes read and thrown away since the session stopped listening.
    discarded: u64,
    running: RunningStats,
}

impl<F, K> Session<F, K> {
    /// A peer that has just connected: it holds no berth, has no name and is owed nothing.
    #[must_use]
    pub fn arriving(limits: &Limits, now: Instant) -> Self {
        Self {
            name: None,
            phase: Phase::Arriving(Gate::Handshake, now + limits.arrival),
            inbox: LineBuffer::new(limits.inbox_bytes),
            outbox: Outbox::new(),
            task: None,
            moved_at: now,
            taken_at: now,
            tried_at: now,
            told_of_unended: false,
            discarded: 0,
            running: RunningStats::new(now),
        }
    }

    /// The gates before the verdict are passed.
    pub fn await_verdict(&mut self) {
        if let Phase::Arriving(_, deadline) = self.phase {
            self.phase.advance(Phase::Arriving(Gate::Verdict, deadline));
        }
    }

    /// It holds a berth from now on, and is owed a welcome. What it has said meanwhile counts.
    pub fn open(&mut self, name: ClientName, now: Instant) {
        self.name = Some(name);
        self.moved_at = now;
        self.note_nothing_owed(now);
        self.running.begin(now);
        self.outbox.write(|out| Reply::Welcome(name).write(out));
        self.phase.advance(Phase::Open);
    }

    /// There is no berth for it: it is owed the one line `why`, and then the end.
    pub fn turn_away(&mut self, why: Reply<'_>, now: Instant) {
        self.note_nothing_owed(now);
        self.drain(Ending::Refused, Some(why));
    }

    /// The name, if a berth is held: until the last byte owed is out.
    #[must_use]
    pub fn berth(&self) -> Option<ClientName> {
        self.name
            .filter(|_| matches!(self.phase, Phase::Open | Phase::Draining(_)))
    }

    /// Why the client leaves or left; `None` while it does not, and for who never was one.
    #[must_use]
    pub const fn reason(&self) -> Option<CloseReason> {
        match self.phase.ending() {
            Some(Ending::Left(reason)) => Some(reason),
            Some(Ending::Refused | Ending::NotAdmitted) | None => None,
        }
    }

    /// Where the session stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// When a byte last moved in either direction.
    #[must_use]
    pub const fn moved_at(&self) -> Instant {
        self.moved_at
    }

    /// What the stay came to until `now`.
    #[must_use]
    pub fn stats(&self, now: Instant) -> SessionStats {
        self.running.stats(now)
    }

    /// What is owed.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox<F> {
        &self.outbox
    }

    // Input.

    /// Whether a read is wanted. A peer that is owed an answer waits with its next words.
    #[must_use]
    pub fn wants_read(&self, limits: &Limits) -> bool {
        !self.inbox.has_ended()
            && match self.phase {
                // What it says already waits for the verdict with it.
                Phase::Arriving(..) => self.inbox.has_room(),
                Phase::Open => self.takes_requests(limits) && self.inbox.has_room(),
                Phase::Draining(_) | Phase::Lingering(..) => self.discarded < limits.discard_bytes,
                Phase::Closed(_) => false,
            }
    }

    /// Where a read that is wanted goes.
    pub fn space(&mut self) -> &mut [u8] {
        self.inbox.space()
    }

    /// A read put `n` bytes into [`Session::space`].
    pub fn received(&mut self, n: usize, limits: &Limits, now: Instant) {
        self.inbox.received(n);
        self.running.received(n);
        self.moved_at = now;
        if matches!(self.phase, Phase::Arriving(..) | Phase::Open) {
            return;
        }
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
        if let Phase::Lingering(ending, _) = self.phase {
            self.phase.advance(Phase::Closed(ending));
        }
    }

    /// What came was the pipe's own: the peer is not silent, but has not said anything either.
    pub fn heard(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Arriving(..)) {
            self.moved_at = now;
        }
    }

    // Requests.

    /// Whether a request would be answered now: one at a time, and none while much is owed.
    #[must_use]
    pub fn takes_requests(&self, limits: &Limits) -> bool {
        self.phase == Phase::Open
            && self.task.is_none()
            && !self.outbox.has_file()
            && self.outbox.bytes_queued() < limits.outbox_mark_bytes
    }

    /// Takes the next line, with where its answer goes. To be called only while requests are taken.
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

    /// Whether all that the peer sent, and all it ever will send, was taken.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.inbox.has_ended() && self.inbox.is_empty()
    }

    /// The answer to the last line takes several steps.
    pub fn begin(&mut self, task: K) {
        self.task = Some(task);
    }

    /// The answer under way, with where it goes; `None` while enough of it is owed.
    pub fn task(&mut self, limits: &Limits, now: Instant) -> Option<(&mut K, &mut Outbox<F>)> {
        if self.outbox.bytes_queued() >= limits.outbox_mark_bytes {
            return None;
        }
        let task = self.task.as_mut()?;
        // Looking for what to send is work for the peer: it is not idle while that goes on.
        self.moved_at = now;
        Some((task, &mut self.outbox))
    }

    /// The answer under way is whole.
    pub fn end_task(&mut self) {
        self.task = None;
    }

    // Output.

    /// What is to be sent next.
    #[must_use]
    pub fn front(&self) -> Option<Chunk<'_, F>> {
        self.outbox.front()
    }

    /// The peer took `n` bytes of [`Session::front`].
    pub fn sent(&mut self, n: usize, now: Instant) {
        self.outbox.sent(n);
        self.running.sent(n);
        self.moved_at = now;
        self.taken_at = now;
    }

    /// The peer took bytes of the pipe's own, or what the pipe had taken for it before.
    pub fn settled(&mut self, now: Instant) {
        self.moved_at = now;
        self.taken_at = now;
    }

    /// Takes a file of which no more will be sent, with who asked for it and how long ago.
    pub fn next_ended(&mut self, now: Instant) -> Option<(ClientName, Transfer<F>, Duration)> {
        let transfer = self.outbox.next_ended()?;
        Some((self.name?, transfer, self.running.since_asked(now)))
    }

    /// Whether memory is held that holds nothing.
    #[must_use]
    pub fn is_wasteful(&self) -> bool {
        self.inbox.is_wasteful() || self.outbox.is_wasteful()
    }

    /// What needs memory, which is lent to it for a turn and taken back.
    pub(super) const fn memory(&mut self) -> (&mut LineBuffer, &mut Outbox<F>) {
        (&mut self.inbox, &mut self.outbox)
    }

    /// The stall clock runs from the moment there is something to take: to be called when nothing
    /// is.
    pub(super) fn note_nothing_owed(&mut self, now: Instant) {
        if self.outbox.is_empty() {
            self.taken_at = now;
        }
    }
}
