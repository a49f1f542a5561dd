//! The berths (connection slots) of this server: the local admission.
//!
//! Owns the number of berths taken, in total and per origin, and the number of the last client.
//! Must never wait: every verdict is immediate. It is plain data, without a socket or a clock.

use std::collections::BTreeMap;

use crate::engine::admission::{Refusal, Ticket, Verdict};
use crate::engine::ports::{Admission, Peer};
use crate::engine::stats::SessionStats;
use crate::wire::{ClientName, CloseReason};

/// A fixed number of berths. `P` is a peer as the server knows it.
#[derive(Debug)]
pub struct Berths<P: Peer> {
    /// The most that are taken at once.
    clients_max: usize,
    /// The most that are taken from one origin.
    per_origin_max: usize,
    /// The origin of each client, by the ticket that it was let in with.
    taken: BTreeMap<Ticket, P::Origin>,
    /// How many are taken from each origin. An origin without a client has no entry.
    by_origin: BTreeMap<P::Origin, usize>,
    /// The number of the last name given.
    last: u64,
}

impl<P: Peer> Berths<P> {
    /// `clients_max` berths, of which one origin may hold at most `per_origin_max`.
    #[must_use]
    pub const fn new(clients_max: usize, per_origin_max: usize) -> Self {
        Self {
            clients_max,
            per_origin_max,
            taken: BTreeMap::new(),
            by_origin: BTreeMap::new(),
            last: 0,
        }
    }

    /// The same, but the first client gets the number after `last`.
    #[must_use]
    pub fn with_last_client_number(mut self, last: u64) -> Self {
        self.last = last;
        self
    }

    /// How many berths are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    fn refusal(&self, origin: &P::Origin) -> Option<Refusal> {
        let from_there = self.by_origin.get(origin).copied().unwrap_or(0);
        if self.taken.len() >= self.clients_max {
            Some(Refusal::Full)
        } else if from_there >= self.per_origin_max {
            Some(Refusal::Crowded)
        } else {
            None
        }
    }
}

impl<P: Peer> Admission for Berths<P> {
    type Peer = P;

    fn ask(&mut self, ticket: Ticket, peer: &P) -> Option<Verdict> {
        let origin = peer.origin();
        if let Some(refusal) = self.refusal(&origin) {
            return Some(Verdict::Refused(refusal));
        }
        *self.by_origin.entry(origin.clone()).or_default() += 1;
        self.taken.insert(ticket, origin);
        self.last += 1;
        Some(Verdict::Granted(ClientName(self.last)))
    }

    fn leave(&mut self, ticket: Ticket, _: ClientName, _: CloseReason, _: &SessionStats) {
        let Some(origin) = self.taken.remove(&ticket) else {
            return;
        };
        let from_there = self.by_origin.get_mut(&origin);
        let from_there = from_there.expect("a berth is counted where it was taken");
        *from_there -= 1;
        if *from_there == 0 {
            self.by_origin.remove(&origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer is its origin.
    impl Peer for char {
        type Origin = Self;

        fn origin(&self) -> Self {
            *self
        }
    }

    fn leave(berths: &mut Berths<char>, ticket: u64) {
        let stats = SessionStats::default();
        berths.leave(Ticket(ticket), ClientName(0), CloseReason::Exit, &stats);
    }

    #[test]
    fn names_grow_and_a_berth_given_back_is_free() {
        let mut berths = Berths::new(2, usize::MAX).with_last_client_number(6);
        let granted = |number| Some(Verdict::Granted(ClientName(number)));
        assert_eq!(berths.ask(Ticket(0), &'a'), granted(7));
        assert_eq!(berths.ask(Ticket(1), &'b'), granted(8));
        let full = Some(Verdict::Refused(Refusal::Full));
        assert_eq!(berths.ask(Ticket(2), &'c'), full);
        leave(&mut berths, 0);
        assert_eq!(berths.ask(Ticket(3), &'c'), granted(9));
    }

    #[test]
    fn an_origin_has_its_share_and_no_more() {
        let mut berths = Berths::new(9, 1);
        assert!(matches!(
            berths.ask(Ticket(0), &'a'),
            Some(Verdict::Granted(_))
        ));
        let crowded = Some(Verdict::Refused(Refusal::Crowded));
        assert_eq!(berths.ask(Ticket(1), &'a'), crowded);
        assert!(matches!(
            berths.ask(Ticket(2), &'b'),
            Some(Verdict::Granted(_))
        ));
        leave(&mut berths, 0);
        assert!(matches!(
            berths.ask(Ticket(3), &'a'),
            Some(Verdict::Granted(_))
        ));
        assert_eq!(berths.by_origin.len(), 2, "who is gone is forgotten");
    }

    #[test]
    fn a_berth_is_given_back_once_however_often_that_is_said() {
        let mut berths = Berths::new(1, 1);
        berths.ask(Ticket(0), &'a');
        leave(&mut berths, 0);
        leave(&mut berths, 0);
        leave(&mut berths, 5);
        assert_eq!(berths.taken(), 0);
        berths.ask(Ticket(1), &'a');
        leave(&mut berths, 0);
        assert_eq!(berths.taken(), 1, "an old ticket frees nobody else's berth");
    }
}
