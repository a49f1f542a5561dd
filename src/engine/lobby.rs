//! How a peer gets into the table and out of it.
//!
//! Owns the way from accept to a berth, with the call of the admission and its verdict, and the way
//! from the berth to the removal. Must never decide which peer gets a berth: the admission does.
//! The one exception is that no peer gets one while the server stops.

use std::time::Instant;

use crate::engine::admission::{Ticket, Verdict};
use crate::engine::arrivals::Arrival;
use crate::engine::connection::Connection;
use crate::engine::entry::{Entry, Standing};
use crate::engine::hub::Hub;
use crate::engine::phase::{Ending, Gate, Phase};
use crate::engine::ports::{Admission, Backend, Peer, Refusal, Transport};
use crate::engine::session::Session;
use crate::engine::stats::SessionStats;
use crate::wire::CloseReason;

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    /// Makes room for one more peer in the table, and returns the key that it will have.
    ///
    /// To be called right before [`Hub::accept`], never while events are noted: it may end the
    /// oldest unadmitted peer.
    pub fn reserve(&mut self) -> usize {
        self.trim_unadmitted(self.limits.unadmitted_max - 1);
        self.entries.vacant_key()
    }

    /// Takes a newcomer into the table.
    ///
    /// If its transport is ready and the admission answers at once, the peer has its first turn in
    /// this call: a peer that has gone already gives its berth back before the next one is judged,
    /// and a welcome does not wait for the turns of other clients.
    pub fn accept(
        &mut self,
        transport: T,
        peer: A::Peer,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let key = self.reserve();
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let connection = Connection::new(
            Session::arriving(&self.limits, peer.speech(), now),
            transport,
        );
        let is_ready = connection.is_ready();
        let inserted = self.entries.insert(Entry {
            connection,
            ticket,
            queued: false,
        });
        assert_eq!(inserted, key, "the reserved key is the key that is used");
        self.arrivals.push(Arrival { key, ticket, peer });
        if is_ready {
            // Whoever can do a handshake is no program that has to be helped out.
            let session = self.entries[key].connection.session_mut();
            session.may_be_unframed(&self.limits);
            self.greet(key, 1, service, now);
        } else {
            self.enqueue(key);
            self.wait(key, service, now);
        }
        self.trim_unadmitted(self.limits.unadmitted_max);
        self.check_invariants();
    }

    /// The admission has judged the peer with this ticket, later than it was asked.
    ///
    /// If no peer waits for the verdict, the berth is given back, unless a client holds it already:
    /// a verdict may come twice.
    pub fn decided(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let waiting = self.arrivals.with_ticket(ticket);
        let waiting = waiting.filter(|&key| self.waits_for_verdict(key));
        match (waiting, verdict) {
            (Some(key), _) => {
                self.settle(key, verdict, 1, service, now);
                self.trim_unadmitted(self.limits.unadmitted_max);
            }
            (None, Verdict::Granted(name)) if !self.is_taken(ticket) => {
                let nothing = SessionStats::default();
                self.admission
                    .leave(ticket, name, CloseReason::Reset, &nothing);
            }
            (None, _) => {}
        }
        self.check_invariants();
    }

    /// Closes all connections without sending anything more, before the server exits.
    pub fn abort(&mut self, service: &mut impl Backend<T, K, Peer = A::Peer>, now: Instant) {
        for arrival in self.arrivals.drain() {
            self.admission.withdraw(arrival.ticket);
        }
        // What rides on a berth ends before the berth does.
        let mut entries: Vec<_> = self.entries.drain().collect();
        entries.sort_by_key(|entry| entry.connection.session().berth().is_some());
        for mut entry in entries {
            let before = entry.standing();
            entry.connection.abort(service, now);
            if let Standing::Client(name) = before {
                let session = entry.connection.session();
                let reason = session.reason().unwrap_or(CloseReason::Shutdown);
                let stats = session.stats(now);
                self.admission.leave(entry.ticket, name, reason, &stats);
                service.departed(name, reason, &stats);
            }
        }
        self.queue.clear();
        self.unadmitted.clear();
        self.deadlines = Default::default();
        self.clients = 0;
        self.riders = 0;
        self.sockets = 0;
        self.news_at = None;
    }

    /// The peer has shown what it has to: the admission is asked for a verdict.
    pub(super) fn ask(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let arrival = self.arrivals.get(key);
        let arrival = arrival.expect("a peer that is judged is in the list of arrivals");
        let is_full = self.stopping || self.clients == self.limits.clients_max;
        let verdict = if is_full {
            Some(Verdict::Refused(Refusal::Full))
        } else {
            self.admission.ask(arrival.ticket, &arrival.peer)
        };
        match verdict {
            Some(verdict) => self.settle(key, verdict, turns, service, now),
            None => {
                // It is read meanwhile, so that a disconnect is noticed.
                self.enqueue(key);
                self.wait(key, service, now);
            }
        }
    }

    /// Applies the verdict, and gives the peer a turn in which it is sent.
    pub(super) fn settle(
        &mut self,
        key: usize,
        verdict: Verdict,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let arrival = self.arrivals.remove(key);
        let Arrival { ticket, peer, .. } =
            arrival.expect("a peer that is judged is in the list of arrivals");
        let verdict = self.within_the_cap(ticket, verdict);
        let session = self.entries[key].connection.session_mut();
        match verdict {
            Verdict::Granted(name) => {
                session.open(name, now);
                self.clients += 1;
                service.arrived(name, &peer, self.admission.holder(ticket));
                self.has_news(now);
            }
            Verdict::Refused(refusal) => {
                session.turn_away(refusal, service, now);
                self.unadmitted.push_back(key);
                self.admission.turned_away(ticket);
                service.refused(&peer, refusal);
            }
        }
        self.serve(key, turns, service, now);
    }

    /// Gives a peer a turn at once, if turns may be given.
    pub(super) fn serve(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        if !self.serving {
            return self.enqueue(key);
        }
        if self.entries[key].queued {
            self.queue.retain(|&queued| queued != key);
        }
        self.take_turn(key, turns, service, now);
    }

    /// A berth that was granted although all berths of this server are taken is given back.
    fn within_the_cap(&mut self, ticket: Ticket, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Granted(name) if self.stopping || self.clients == self.limits.clients_max => {
                let nothing = SessionStats::default();
                self.admission
                    .leave(ticket, name, CloseReason::Shutdown, &nothing);
                Verdict::Refused(Refusal::Full)
            }
            verdict => verdict,
        }
    }

    /// The peer waits at a gate. If too many do, another one is turned away.
    pub(super) fn wait(
        &mut self,
        key: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let entries = &self.entries;
        let silent_since = |key: usize| entries[key].connection.session().moved_at();
        let crowded_out = self.arrivals.crowded_out(key, &self.limits, silent_since);
        if let Some(other) = crowded_out {
            self.crowd_out(other, service, now);
        }
        let deadline = self.entries[key].connection.deadline(&self.limits);
        self.deadlines.set(key, deadline);
    }

    /// Turns a peer away that waits at a gate, and gives it a turn in which it is told so.
    fn crowd_out(
        &mut self,
        key: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let arrival = self.arrivals.remove(key).expect("it was just found");
        self.entries[key].connection.crowd_out(service, now);
        self.unadmitted.push_back(key);
        let phase = self.entries[key].connection.session().phase();
        if let Some(Ending::Refused(refusal)) = phase.ending() {
            service.refused(&arrival.peer, refusal);
        }
        self.admission.withdraw(arrival.ticket);
        self.serve(key, 1, service, now);
    }

    /// The peer's standing was `before` and has changed in its turn: it stopped waiting, or gave
    /// its berth back.
    pub(super) fn left(
        &mut self,
        key: usize,
        before: Standing,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        match before {
            Standing::Arriving(_) => {
                let arrival = self.arrivals.remove(key);
                let arrival = arrival.expect("an arriving peer is in the list of arrivals");
                self.admission.withdraw(arrival.ticket);
                let phase = self.entries[key].connection.session().phase();
                if let Some(Ending::Refused(refusal)) = phase.ending() {
                    service.refused(&arrival.peer, refusal);
                }
            }
            Standing::Rider(holder) => self.rode(key, holder),
            Standing::Client(name) if self.pass_on(key, name) => {}
            Standing::Client(name) => {
                self.clients -= 1;
                let entry = &self.entries[key];
                let session = entry.connection.session();
                let reason = session.reason().unwrap_or(CloseReason::Error);
                let stats = session.stats(now);
                self.admission.leave(entry.ticket, name, reason, &stats);
                service.departed(name, reason, &stats);
                self.has_news(now);
            }
            Standing::Unadmitted => unreachable!("there is nothing behind that"),
        }
        self.unadmitted.push_back(key);
    }

    /// Drops the oldest unadmitted peers until at most `most` are left.
    pub(super) fn trim_unadmitted(&mut self, most: usize) {
        while self.unadmitted.len() > most {
            let key = self.unadmitted[0];
            self.queue.retain(|&queued| queued != key);
            self.remove(key);
        }
    }

    fn waits_for_verdict(&self, key: usize) -> bool {
        let phase = self.entries[key].connection.session().phase();
        matches!(phase, Phase::Arriving(Gate::Verdict, _))
    }

    /// Whether a client holds the berth that was granted for this ticket.
    fn is_taken(&self, ticket: Ticket) -> bool {
        self.entries.iter().any(|(_, entry)| {
            entry.ticket == ticket && matches!(entry.standing(), Standing::Client(_))
        })
    }
}
