//! The table of connections, and the run queue.
//!
//! Owns the table, the run queue and the deadlines. [`super::lobby`] adds peers to the table and
//! removes them. Must never do I/O itself, and never act while events are noted: noting only marks,
//! so a key means the same connection for a whole batch of events.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use crate::engine::arrivals::Arrivals;
use crate::engine::buffer_pool::BufferPool;
use crate::engine::deadlines::Deadlines;
use crate::engine::entry::{Entry, Standing};
use crate::engine::event::{Event, Turn, TurnEnd};
use crate::engine::limits::Limits;
use crate::engine::phase::{Gate, Phase};
use crate::engine::ports::{Admission, Backend, Transport};
use crate::engine::readiness::Readiness;
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::engine::turn::Round;

/// The table of connections and the order in which they are served. `K` is an answer under way.
#[derive(Debug)]
pub struct Hub<T: Transport, K, A: Admission> {
    pub(super) limits: Limits,
    /// Decides which newcomer gets a berth.
    pub(super) admission: A,
    pub(super) entries: Slab<Entry<T, K>>,
    /// The run queue: keys whose turn is due, each once, the longest waiting first.
    pub(super) queue: VecDeque<usize>,
    /// Peers that wait for their handshake, have shown no token, or wait for a verdict.
    pub(super) arrivals: Arrivals<A::Peer>,
    /// Peers that were refused or are leaving, the oldest first.
    pub(super) unadmitted: VecDeque<usize>,
    pub(super) deadlines: Deadlines,
    /// How many hold a berth.
    pub(super) clients: usize,
    /// How many ride on one.
    pub(super) riders: usize,
    /// How many have a socket.
    pub(super) sockets: usize,
    /// When the news are to be made anew, if they are.
    pub(super) news_at: Option<Instant>,
    /// When they last were.
    pub(super) news_were_at: Option<Instant>,
    /// The number of tickets that were given out.
    pub(super) tickets: u64,
    /// Steps of handshakes that may still be done in this turn of the loop.
    pub(super) handshake_steps: usize,
    /// Whether turns may be given: see [`Admission::may_serve`].
    pub(super) serving: bool,
    pub(super) stopping: bool,
    /// Lent to the connection that has its turn.
    pool: BufferPool<T::File>,
}

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    /// An empty table, to which `admission` admits peers. `limits` have to be sound.
    #[must_use]
    pub fn new(limits: Limits, admission: A) -> Self {
        assert!(
            limits.are_sound(),
            "a connection has room for a line and a turn to serve it in"
        );
        Self {
            limits,
            admission,
            entries: Slab::new(),
            queue: VecDeque::new(),
            arrivals: Arrivals::default(),
            unadmitted: VecDeque::new(),
            deadlines: Deadlines::default(),
            clients: 0,
            riders: 0,
            sockets: 0,
            news_at: None,
            news_were_at: None,
            tickets: 0,
            handshake_steps: limits.handshake_steps,
            serving: true,
            stopping: false,
            pool: BufferPool::default(),
        }
    }

    /// Notes the readiness that an event reported for `key`. The connection may be gone already.
    pub fn on_ready(&mut self, key: usize, event: Readiness) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.connection.on_ready(event);
            self.enqueue(key);
        }
    }

    /// Handles the timers that expired at `now`, then gives one turn to each connection in the run
    /// queue.
    ///
    /// A connection that has more to do is queued again: see [`Hub::has_work`].
    pub fn run(&mut self, service: &mut impl Backend<T, K, Peer = A::Peer>, now: Instant) {
        self.serving = self.admission.may_serve(now);
        self.handshake_steps = self.limits.handshake_steps;
        if !self.serving {
            return;
        }
        while let Some(key) = self.deadlines.expired(now) {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.connection.expire(&self.limits, now);
                service.on_event(Event::Expired(key));
                self.enqueue(key);
            }
        }
        let turns = self.queue.len();
        for _ in 0..turns {
            // A peer that was dropped to make room has left the queue since it was counted.
            let Some(key) = self.queue.pop_front() else {
                break;
            };
            self.take_turn(key, turns, service, now);
        }
        self.trim_unadmitted(self.limits.unadmitted_max);
        self.spread_news(service, now);
        self.check_invariants();
    }

    /// An answer that waits may go on: each client with one under way gets a turn.
    pub fn wake(&mut self) {
        let has_task = |entry: &Entry<T, K>| entry.connection.session().has_task();
        let entries = self.entries.iter();
        let waiting = entries.filter(|(_, entry)| has_task(entry));
        let keys: Vec<usize> = waiting.map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.enqueue(key));
    }

    /// Begins to drain: each client gets a last line in place of the answer to its next request.
    pub fn stop(&mut self) {
        self.stopping = true;
        let keys: Vec<usize> = self.entries.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.enqueue(key));
    }

    /// Whether the run queue is not empty.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.serving && !self.queue.is_empty()
    }

    /// When [`Hub::run`] has to be called even if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let next = self.deadlines.next().into_iter().chain(self.news_at).min();
        next.filter(|_| self.serving)
    }

    /// The number of clients, which are the peers with a berth.
    #[must_use]
    pub const fn clients(&self) -> usize {
        self.clients
    }

    /// The number of peers that wait for their handshake or for a verdict.
    #[must_use]
    pub const fn arrivals(&self) -> usize {
        self.arrivals.len()
    }

    /// The number of connections, with those that wait, were refused or are leaving.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.entries.len()
    }

    /// The bounds this hub keeps.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same, to be looked at.
    #[must_use]
    pub const fn admission_ref(&self) -> &A {
        &self.admission
    }

    /// Decides which newcomer gets a berth.
    pub const fn admission(&mut self) -> &mut A {
        &mut self.admission
    }

    /// All sessions, in no particular order.
    pub fn sessions(&self) -> impl Iterator<Item = &Session<T::File, K>> {
        self.entries
            .iter()
            .map(|(_, entry)| entry.connection.session())
    }

    pub(super) fn take_turn(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let entry = self
            .entries
            .get_mut(key)
            .expect("only a connection in the table gets a turn");
        entry.queued = false;
        if entry.connection.has_handshake_to_do() {
            let Some(left) = self.handshake_steps.checked_sub(1) else {
                return self.enqueue(key);
            };
            self.handshake_steps = left;
        }
        let before = entry.standing();
        let name = entry.connection.session().client();
        service.on_event(Event::Began(key, name));
        let round = Round {
            limits: &self.limits,
            now,
            turns,
            stopping: self.stopping,
        };
        let turn = entry.connection.turn(service, round, &mut self.pool);
        let after = entry.standing();
        let turn_end = turn_end(turn, entry.connection.session());
        if let Standing::Rider(holder) = before {
            self.note_ride(key, holder);
        }
        if before != after {
            self.left(key, before, service, now);
        }
        service.on_event(Event::Rested(turn_end));
        match turn {
            Turn::Done => return self.remove(key),
            Turn::Arrived => return self.greet(key, turns, service, now),
            Turn::Yielded => self.enqueue(key),
            Turn::Waiting => {}
        }
        let deadline = self.entries[key].connection.deadline(&self.limits);
        self.deadlines.set(key, deadline);
        self.note_progress(key, now);
        match self.entries[key].connection.session().phase() {
            Phase::Arriving(Gate::Token(_), _) => self.hear(key, turns, service, now),
            Phase::Arriving(Gate::Head, _) => self.read_head(key, turns, service, now),
            _ => {}
        }
    }

    pub(super) fn enqueue(&mut self, key: usize) {
        let entry = self
            .entries
            .get_mut(key)
            .expect("only a connection in the table gets a turn");
        if !entry.queued {
            entry.queued = true;
            self.queue.push_back(key);
        }
    }

    /// Drops a connection that holds no berth any more and stands in no queue.
    pub(super) fn remove(&mut self, key: usize) {
        let entry = self.entries.remove(key);
        if matches!(entry.connection.session().speech, Speech::Socket(_)) {
            self.sockets -= 1;
        }
        self.deadlines.cancel(key);
        // At most a few hundred keys: a search costs less than an index that has to be kept.
        self.unadmitted.retain(|&unadmitted| unadmitted != key);
    }

    /// What always holds between two calls. Costs nothing in a release build.
    pub(super) fn check_invariants(&self) {
        debug_assert!(
            self.clients <= self.limits.clients_max,
            "never more than the cap"
        );
        debug_assert!(
            self.unadmitted.len() <= self.limits.unadmitted_max,
            "unadmitted peers are bounded"
        );
        debug_assert!(
            self.arrivals.len() <= self.limits.arrivals_max,
            "arrivals are bounded"
        );
        debug_assert_eq!(
            self.entries.len(),
            self.clients + self.riders + self.unadmitted.len() + self.arrivals.len(),
            "each connection is counted once: with a berth, riding, waiting or unadmitted"
        );
        debug_assert_eq!(
            self.queue.len(),
            self.entries
                .iter()
                .filter(|(_, entry)| entry.queued)
                .count(),
            "each connection marked as queued stands in the queue once"
        );
        let count = |standing: fn(Standing) -> bool| {
            let entries = self.entries.iter().map(|(_, entry)| entry.standing());
            entries.filter(|&each| standing(each)).count()
        };
        debug_assert_eq!(
            self.clients,
            count(|each| matches!(each, Standing::Client(_))),
            "the count of clients is the number of those with a berth"
        );
        debug_assert_eq!(
            self.riders,
            count(|each| matches!(each, Standing::Rider(_))),
            "the count of riders is the number of those who ride"
        );
        debug_assert_eq!(
            self.arrivals.len(),
            count(|each| matches!(each, Standing::Arriving(_))),
            "each arriving connection is in the list of arrivals"
        );
    }
}

/// The state of a connection at the end of a turn.
fn turn_end<F, K>(turn: Turn, session: &Session<F, K>) -> TurnEnd {
    TurnEnd {
        turn,
        is_client: session.client().is_some(),
        owes: session.front().is_some(),
        queued: session.outbox().bytes_queued(),
    }
}
