//! Everybody who is connected, and whose turn it is.
//!
//! Owns the table of connections, the number of clients, their names, the run queue and the
//! deadlines. Must never do I/O itself, and never act while events are noted: noting only marks,
//! so a key means the same connection for a whole batch of events.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use super::connection::{Circumstances, Connection, Turn};
use super::deadlines::Deadlines;
use super::deed::{Deed, Rest};
use super::limits::Limits;
use super::ports::{Refusal, Service, Transport};
use super::readiness::Readiness;
use super::session::Session;
use super::spare::Spare;
use crate::wire::{ClientName, Farewell, Reply};

pub use super::admission::Admission;

/// The table of connections and the order in which they are served.
#[derive(Debug)]
pub struct Hub<T: Transport, K> {
    limits: Limits,
    entries: Slab<Entry<T, K>>,
    /// Keys whose turn is due, each once, the longest waiting first.
    queue: VecDeque<usize>,
    /// Peers that hold no berth, the longest there first.
    outsiders: VecDeque<usize>,
    deadlines: Deadlines,
    /// How many hold a berth.
    clients: usize,
    /// The number of the last one's name.
    admitted: u64,
    stopping: bool,
    /// Lent to whoever has its turn.
    spare: Spare<T::File>,
}

#[derive(Debug)]
struct Entry<T: Transport, K> {
    connection: Connection<T, K>,
    /// Whether the key stands in the run queue.
    queued: bool,
}

impl<T: Transport, K> Hub<T, K> {
    /// An empty table. `limits` have to be sound.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        assert!(
            limits.are_sound(),
            "a connection has room for a line and a turn to serve it in"
        );
        Self {
            limits,
            entries: Slab::new(),
            queue: VecDeque::new(),
            outsiders: VecDeque::new(),
            deadlines: Deadlines::default(),
            clients: 0,
            admitted: 0,
            stopping: false,
            spare: Spare::default(),
        }
    }

    /// The same, but with names that go on behind that of the client with number `last`.
    #[must_use]
    pub const fn after(mut self, last: u64) -> Self {
        self.admitted = last;
        self
    }

    /// Makes sure that one more peer fits the table, and says which key it will have.
    ///
    /// To be called right before [`Hub::admit`], never while events are noted: it may end the
    /// outsider that was there longest.
    pub fn vacancy(&mut self) -> usize {
        self.trim_outsiders(self.limits.outsiders_max - 1);
        self.entries.vacant_key()
    }

    /// Takes a newcomer in: as a client if a berth is free, otherwise as one who is told to try
    /// later.
    ///
    /// It gets its first turn at once: a caller who has gone already gives its berth back before
    /// the next one is judged, and nobody waits for a welcome until others had their turn.
    pub fn admit<S>(
        &mut self,
        transport: T,
        peer: S::Peer,
        service: &mut S,
        now: Instant,
    ) -> Admission
    where
        S: Service<File = T::File, Task = K>,
    {
        let key = self.vacancy();
        let (session, admission) = match self.refusal(&peer, service) {
            None => {
                self.clients += 1;
                self.admitted += 1;
                let name = ClientName(self.admitted);
                service.arrived(name, peer);
                let session = Session::client(name, &self.limits, now);
                (session, Admission::Client(name))
            }
            Some(refusal) => {
                self.outsiders.push_back(key);
                service.refused(peer, refusal);
                let why = match refusal {
                    Refusal::Full => Reply::Full,
                    Refusal::Crowded => Reply::Crowded,
                };
                let session = Session::refused(why, &self.limits, now);
                (session, Admission::Refused(refusal))
            }
        };
        let connection = Connection::new(session, transport);
        let inserted = self.entries.insert(Entry {
            connection,
            queued: false,
        });
        assert_eq!(
            inserted, key,
            "the key that was promised is the key that is given"
        );
        self.take_turn(key, 1, service, now);
        self.trim_outsiders(self.limits.outsiders_max);
        self.check_invariants();
        admission
    }

    /// Notes what an event said about `key`, which may be nobody's any more.
    pub fn note(&mut self, key: usize, event: Readiness) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.connection.note(event);
            self.enqueue(key);
        }
    }

    /// Does what is due at `now`, then gives one turn to each whose turn it is.
    ///
    /// Whoever has more to do afterwards is queued again: see [`Hub::has_work`].
    pub fn run<S>(&mut self, service: &mut S, now: Instant)
    where
        S: Service<File = T::File, Task = K>,
    {
        while let Some(key) = self.deadlines.expired(now) {
            if let Some(entry) = self.entries.get_mut(key) {
                entry.connection.expire(&self.limits, now);
                service.saw(Deed::Expired(key));
                self.enqueue(key);
            }
        }
        let turns = self.queue.len();
        for _ in 0..turns {
            let key = self
                .queue
                .pop_front()
                .expect("the queue grows only at its end");
            self.take_turn(key, turns, service, now);
        }
        self.trim_outsiders(self.limits.outsiders_max);
        self.check_invariants();
    }

    /// The server was told to stop: from now on a farewell takes the place of the next request.
    pub fn stop(&mut self) {
        self.stopping = true;
        let keys: Vec<usize> = self.entries.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.enqueue(key));
    }

    /// Ends everybody where they are: the last that a server does.
    pub fn cut<S>(&mut self, service: &mut S, now: Instant)
    where
        S: Service<File = T::File, Task = K>,
    {
        for entry in self.entries.drain() {
            let mut connection = entry.connection;
            let berth = connection.session().berth();
            connection.cut(service, now);
            if let Some(name) = berth {
                let session = connection.session();
                let farewell = session.farewell().unwrap_or(Farewell::Shutdown);
                service.departed(name, farewell, &session.tally(now));
            }
        }
        *self = Self::new(self.limits).after(self.admitted);
    }

    /// Whether somebody's turn is due now.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    /// When [`Hub::run`] has to be called even if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// How many hold a berth.
    #[must_use]
    pub const fn clients(&self) -> usize {
        self.clients
    }

    /// How many are connected, with those who were turned away or are leaving.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.entries.len()
    }

    /// The bounds this hub keeps.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Everybody's session, in no order that means anything.
    pub fn sessions(&self) -> impl Iterator<Item = &Session<T::File, K>> {
        self.entries
            .iter()
            .map(|(_, entry)| entry.connection.session())
    }

    /// Why a newcomer from `peer` cannot be let in; `None` if it can.
    fn refusal<S>(&self, peer: &S::Peer, service: &S) -> Option<Refusal>
    where
        S: Service<File = T::File, Task = K>,
    {
        if self.clients == self.limits.clients_max || self.stopping {
            Some(Refusal::Full)
        } else if !service.has_share(peer) {
            Some(Refusal::Crowded)
        } else {
            None
        }
    }

    fn take_turn<S>(&mut self, key: usize, turns: usize, service: &mut S, now: Instant)
    where
        S: Service<File = T::File, Task = K>,
    {
        let entry = self
            .entries
            .get_mut(key)
            .expect("only who is in the table gets a turn");
        entry.queued = false;
        let around = Circumstances {
            limits: &self.limits,
            now,
            turns,
            stopping: self.stopping,
        };
        let berth = entry.connection.session().berth();
        service.saw(Deed::Began(key, berth));
        let turn = entry.connection.turn(service, around, &mut self.spare);
        let session = entry.connection.session();
        if let Some(name) = berth
            && session.berth().is_none()
        {
            self.clients -= 1;
            self.outsiders.push_back(key);
            let farewell = session.farewell().unwrap_or(Farewell::Error);
            service.departed(name, farewell, &session.tally(now));
        }
        service.saw(Deed::Rested(Rest {
            turn,
            is_client: session.berth().is_some(),
            owes: session.front().is_some(),
            queued: session.outbox().bytes_queued(),
        }));
        let deadline = session.deadline(&self.limits);
        if turn == Turn::Done {
            return self.remove(key);
        }
        self.deadlines.set(key, deadline);
        if turn == Turn::Yielded {
            self.enqueue(key);
        }
    }

    fn enqueue(&mut self, key: usize) {
        let entry = self
            .entries
            .get_mut(key)
            .expect("only who is in the table gets a turn");
        if !entry.queued {
            entry.queued = true;
            self.queue.push_back(key);
        }
    }

    /// Ends the outsiders that were there longest until at most `most` are left.
    fn trim_outsiders(&mut self, most: usize) {
        while self.outsiders.len() > most {
            let key = self.outsiders[0];
            self.queue.retain(|&queued| queued != key);
            self.remove(key);
        }
    }

    /// Drops a connection that holds no berth any more and stands in no queue.
    fn remove(&mut self, key: usize) {
        self.entries.remove(key);
        self.deadlines.cancel(key);
        // At most a few hundred keys: a search costs less than an index that has to be kept.
        self.outsiders.retain(|&outsider| outsider != key);
    }

    /// What always holds between two calls. Costs nothing in a release build.
    fn check_invariants(&self) {
        debug_assert!(
            self.clients <= self.limits.clients_max,
            "never more than the cap"
        );
        debug_assert!(
            self.outsiders.len() <= self.limits.outsiders_max,
            "outsiders are bounded"
        );
        debug_assert_eq!(
            self.entries.len(),
            self.clients + self.outsiders.len(),
            "everybody holds a berth or does not"
        );
        debug_assert_eq!(
            self.queue.len(),
            self.entries
                .iter()
                .filter(|(_, entry)| entry.queued)
                .count(),
            "whoever is marked as queued stands in the queue once"
        );
        debug_assert_eq!(
            self.clients,
            self.sessions()
                .filter(|session| session.berth().is_some())
                .count(),
            "the count of clients is the number of those with a berth"
        );
    }
}
