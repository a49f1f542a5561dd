//! One peer, without its socket.
//!
//! Owns what the peer sent and is owed, the phase it is in, and when its patience or ours ends.
//! Must never do I/O or ask a clock: it is told what happened and when, and says what it wants.
//! What a phase holds is `Copy` ([`super::phase`]); what has a destructor lives beside it.

use std::time::{Duration, Instant};

use super::limits::Limits;
use super::line_buffer::{Line, LineBuffer};
use super::outbox::{Front, Outbox, Passage};
use super::phase::Phase;
use super::tally::{Ledger, Tally};
use crate::wire::{ClientName, Farewell, Reply};

mod time;

/// One peer's input, output and phase. `F` is a file on its way, `K` an answer under way.
#[derive(Debug)]
pub struct Session<F, K> {
    /// `None` for a peer that was turned away: it has no berth and no name.
    name: Option<ClientName>,
    phase: Phase,
    inbox: LineBuffer,
    outbox: Outbox<F>,
    /// The answer under way, if it takes several steps. While it is here the outbox holds the
    /// part of it that is ready, and no other request is taken.
    task: Option<K>,
    /// When a byte last moved in either direction.
    moved_at: Instant,
    /// When the peer last took a byte, or last had none to take.
    taken_at: Instant,
    /// When it was last tried whether the peer takes more, though no event said so.
    tried_at: Instant,
    /// Whether it was told that the end of a line is missing.
    told_of_unended: bool,
    /// Bytes read and thrown away since the session stopped listening.
    discarded: u64,
    ledger: Ledger,
}

impl<F, K> Session<F, K> {
    /// A client that was just let in: it is owed a welcome.
    #[must_use]
    pub fn client(name: ClientName, limits: &Limits, now: Instant) -> Self {
        Self::new(Some(name), Phase::Open, Reply::Welcome(name), limits, now)
    }

    /// A peer for whom there is no berth: an ordinary session, born leaving, owed the one line
    /// `why`.
    #[must_use]
    pub fn refused(why: Reply<'_>, limits: &Limits, now: Instant) -> Self {
        // Nobody asks for the reason of somebody who never was a client.
        let leaving = Phase::Draining(Farewell::Exit);
        Self::new(None, leaving, why, limits, now)
    }

    fn new(
        name: Option<ClientName>,
        phase: Phase,
        greeting: Reply<'_>,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        let mut outbox = Outbox::new();
        outbox.write(|out| greeting.write(out));
        Self {
            name,
            phase,
            inbox: LineBuffer::new(limits.inbox_bytes),
            outbox,
            task: None,
            moved_at: now,
            taken_at: now,
            tried_at: now,
            told_of_unended: false,
            discarded: 0,
            ledger: Ledger::new(now),
        }
    }

    /// The name, if a berth is held: until the last byte owed is out.
    #[must_use]
    pub fn berth(&self) -> Option<ClientName> {
        self.name
            .filter(|_| matches!(self.phase, Phase::Open | Phase::Draining(_)))
    }

    /// Why the session ends or ended; `None` while it is open.
    #[must_use]
    pub const fn farewell(&self) -> Option<Farewell> {
        self.phase.farewell()
    }

    /// Where the session stands.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What the stay came to until `now`.
    #[must_use]
    pub fn tally(&self, now: Instant) -> Tally {
        self.ledger.tally(now)
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
        self.ledger.received(n);
        self.moved_at = now;
        if self.phase == Phase::Open {
            return;
        }
        self.inbox.clear();
        self.discarded += n as u64;
        if let Phase::Lingering(farewell, _) = self.phase
            && self.discarded >= limits.discard_bytes
        {
            self.phase.advance(Phase::Closed(farewell));
        }
    }

    /// The peer has shut down its sending side. What it sent is still served.
    pub fn input_ended(&mut self) {
        self.inbox.end();
        if let Phase::Lingering(farewell, _) = self.phase {
            self.phase.advance(Phase::Closed(farewell));
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
        self.note_nothing_owed(now);
        let line = self.inbox.next_line()?;
        if line != Line::Mark {
            self.ledger.asked(now);
        }
        Some((line, &mut self.outbox))
    }

    /// Whether a line was taken already.
    #[must_use]
    pub const fn has_asked(&self) -> bool {
        self.ledger.requests() > 0
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
        self.note_nothing_owed(now);
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
    pub fn front(&self) -> Option<Front<'_, F>> {
        self.outbox.front()
    }

    /// The peer took `n` bytes of [`Session::front`].
    pub fn sent(&mut self, n: usize, now: Instant) {
        self.outbox.sent(n);
        self.ledger.sent(n);
        self.moved_at = now;
        self.taken_at = now;
    }

    /// Takes a file of which no more will be sent, with who asked for it and how long ago.
    pub fn next_ended(&mut self, now: Instant) -> Option<(ClientName, Passage<F>, Duration)> {
        let passage = self.outbox.next_ended()?;
        Some((self.name?, passage, self.ledger.since_asked(now)))
    }

    /// A file on its way ended before its announced size. The promise cannot be kept: the peer is
    /// told so by an end without `END`, and everything behind the gap is dropped.
    pub fn file_ended_early(&mut self) {
        self.outbox.clear();
        self.inbox.clear();
        let farewell = self.phase.farewell().unwrap_or(Farewell::Error);
        self.phase.advance(Phase::Draining(farewell));
    }

    // The way out.

    /// Says a last line, if there is one, and takes no more requests.
    pub fn leave(&mut self, farewell: Farewell, last: Option<Reply<'_>>, now: Instant) {
        self.note_nothing_owed(now);
        if let Some(last) = last {
            self.outbox.write(|out| last.write(out));
        }
        self.inbox.clear();
        self.phase.advance(Phase::Draining(farewell));
    }

    /// The client's own wish to leave.
    pub fn exit(&mut self, now: Instant) {
        let goodbye = self.name.map(Reply::Goodbye);
        self.leave(Farewell::Exit, goodbye, now);
    }

    /// Whether all that was owed is sent and the peer is to be told that no more will come.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        matches!(self.phase, Phase::Draining(_)) && self.outbox.is_empty()
    }

    /// The peer was told that no more will come. Unless it has closed too, it gets time to read.
    pub fn finished(&mut self, limits: &Limits, now: Instant) {
        let Phase::Draining(farewell) = self.phase else {
            panic!("only what was drained can be finished");
        };
        self.phase.advance(if self.inbox.has_ended() {
            Phase::Closed(farewell)
        } else {
            Phase::Lingering(farewell, now + limits.linger)
        });
    }

    /// The connection broke, or its time is up. Whoever was leaving already keeps its reason: what
    /// happens on the way out is no other one.
    pub fn close(&mut self, farewell: Farewell) {
        let farewell = self.phase.farewell().unwrap_or(farewell);
        self.outbox.clear();
        self.inbox.clear();
        self.task = None;
        self.phase.advance(Phase::Closed(farewell));
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
}
