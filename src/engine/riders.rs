//! The connections of one page: one holds its berth, and others ride on it.
//!
//! Owns how a berth goes from one connection of a page to another: to a newer socket, to a download
//! that outlives its socket. Must never take or free a berth: the count stays as it is.

use std::time::Instant;

use crate::engine::entry::Entry;
use crate::engine::hold::Hold;
use crate::engine::hub::Hub;
use crate::engine::phase::{Ending, Phase};
use crate::engine::ports::{Admission, Backend, Transport};
use crate::engine::rights::Access;
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::wire::ClientName;
use crate::wire::web::{Fault, Key, Status};

const NO_BERTH: Fault = Fault::new(
    Status::Forbidden,
    "this page holds no berth any more: open it again",
);

const TOO_MANY: Fault = Fault::new(
    Status::ServiceUnavailable,
    "this page moves as many files as it may: wait for one of them",
);

impl<F, K> Session<F, K> {
    const fn rides_on(&self, key: usize) -> bool {
        matches!(self.hold, Hold::Ride { holder, .. } if holder == key)
    }
}

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    fn find(&self, is: impl Fn(&Session<T::File, K>) -> bool) -> Option<usize> {
        let mut entries = self.entries.iter();
        let found = entries.find(|(_, entry)| is(entry.connection.session()));
        found.map(|(key, _)| key)
    }

    /// The connection that holds the berth of this page and does not leave.
    pub(super) fn holder_of(&self, page: Key) -> Option<usize> {
        let holds = |session: &Session<T::File, K>| {
            session.key == Some(page) && session.berth().is_some() && session.phase == Phase::Open
        };
        self.find(holds)
    }

    /// The connection that holds the berth of this page, if one more may ride on it.
    pub(super) fn seat_of(&self, page: Key) -> Result<usize, Fault> {
        let holds =
            |session: &Session<T::File, K>| session.key == Some(page) && session.berth().is_some();
        let holder = self.find(holds).ok_or(NO_BERTH)?;
        let sessions = self.sessions();
        let riders = sessions.filter(|each| each.client().is_some() && each.rides_on(holder));
        match riders.count() < self.limits.riders_per_berth_max {
            true => Ok(holder),
            false => Err(TOO_MANY),
        }
    }

    /// The peer rides on the berth that `holder` holds.
    pub(super) fn ride(
        &mut self,
        key: usize,
        holder: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        self.stop_waiting(key);
        let (rider, holds) = self.pair(key, holder);
        let (rider, holds) = (rider.connection.session_mut(), holds.connection.session());
        let name = holds.hold.name().expect("a holder has a name");
        rider.key = holds.key;
        rider.access = holds.access;
        rider.ride(Hold::Ride { name, holder }, now);
        self.riders += 1;
        self.serve(key, turns, service, now);
    }

    /// A newer socket of the page takes its berth over from `holder`. An older socket is told so;
    /// a download that held the berth rides on it again.
    pub(super) fn take_over(
        &mut self,
        key: usize,
        holder: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        self.stop_waiting(key);
        let (newer, older) = self.pair(key, holder);
        std::mem::swap(&mut newer.ticket, &mut older.ticket);
        let (newer, older) = (
            newer.connection.session_mut(),
            older.connection.session_mut(),
        );
        let name = older.hold.name().expect("a holder has a name");
        newer.access = older.access;
        newer.open(name, now);
        newer.running.go_on_from(&older.running);
        match older.speech {
            Speech::Http(_) => {
                older.hold = Hold::Ride { name, holder: key };
                self.riders += 1;
            }
            Speech::Lines | Speech::Socket(_) => {
                older.drain(Ending::Moved, None);
                self.unadmitted.push_back(holder);
                self.enqueue(holder);
            }
        }
        self.point_riders(holder, key);
        self.has_news(now);
        self.serve(key, turns, service, now);
    }

    /// The holder of a berth leaves: whoever rides on it holds it from now on. Returns whether
    /// there was anybody.
    pub(super) fn pass_on(&mut self, holder: usize, name: ClientName) -> bool {
        let rides =
            |session: &Session<T::File, K>| session.client().is_some() && session.rides_on(holder);
        if self.riders == 0 {
            return false;
        }
        let Some(heir) = self.find(rides) else {
            return false;
        };
        let (newer, older) = self.pair(heir, holder);
        std::mem::swap(&mut newer.ticket, &mut older.ticket);
        let newer = newer.connection.session_mut();
        newer.hold = Hold::Berth(name);
        newer
            .running
            .go_on_from(&older.connection.session().running);
        self.riders -= 1;
        self.point_riders(holder, heir);
        true
    }

    /// A rider had its turn: what moves there keeps the berth from being idle.
    pub(super) fn note_ride(&mut self, key: usize, holder: usize) {
        let (rider, holds) = self.pair(key, holder);
        let holds = holds.connection.session_mut();
        holds.moved_at = holds.moved_at.max(rider.connection.session().moved_at);
    }

    /// A rider rides no more: what it did counts for the berth.
    pub(super) fn rode(&mut self, key: usize, holder: usize) {
        self.riders -= 1;
        let (rider, holds) = self.pair(key, holder);
        let holds = holds.connection.session_mut();
        holds.running.add(&rider.connection.session().running);
    }

    /// What a rider may ask for is what its holder may.
    pub(super) fn reassess_riders(&mut self) {
        let keys: Vec<usize> = self.entries.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Hold::Ride { holder, .. } = self.entries[key].connection.session().hold else {
                continue;
            };
            let rider = self.entries[key].connection.session();
            if rider.client().is_none() {
                continue;
            }
            let access = self.entries[holder].connection.session().access;
            self.entries[key].connection.session_mut().access = access;
            if matches!(access, Access::Ended(_)) {
                self.enqueue(key);
            }
        }
    }

    fn point_riders(&mut self, from: usize, to: usize) {
        for (_, entry) in &mut self.entries {
            let session = entry.connection.session_mut();
            if let Hold::Ride { holder, .. } = &mut session.hold
                && *holder == from
            {
                *holder = to;
            }
        }
    }

    /// The peer waits at no gate any more, and was granted nothing.
    fn stop_waiting(&mut self, key: usize) {
        let arrival = self.arrivals.remove(key);
        let arrival = arrival.expect("an arriving peer is in the list of arrivals");
        self.admission.withdraw(arrival.ticket);
    }

    fn pair(&mut self, one: usize, other: usize) -> (&mut Entry<T, K>, &mut Entry<T, K>) {
        let pair = self.entries.get2_mut(one, other);
        pair.expect("both are in the table, and are two")
    }
}
