//! The peers that wait at a gate: for a handshake, for their token, for a verdict.
//!
//! Owns their list with their tickets, and decides which of them is turned away when there are
//! too many. Must never hold a berth for one, nor any byte that a peer sent.

use crate::engine::admission::Ticket;
use crate::engine::limits::Limits;
use crate::engine::ports::Peer;

/// One peer that waits.
#[derive(Debug)]
pub struct Arrival<P> {
    /// Its key in the table of connections.
    pub key: usize,
    /// Names it to the admission.
    pub ticket: Ticket,
    /// Its address, for the admission.
    pub peer: P,
}

/// All peers that wait, in no particular order.
#[derive(Debug)]
pub struct Arrivals<P>(Vec<Arrival<P>>);

impl<P> Default for Arrivals<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P: Peer> Arrivals<P> {
    /// The number of peers that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no peer waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a peer.
    pub fn push(&mut self, arrival: Arrival<P>) {
        self.0.push(arrival);
    }

    /// The peer with this key, if it waits.
    pub fn get(&self, key: usize) -> Option<&Arrival<P>> {
        self.0.iter().find(|arrival| arrival.key == key)
    }

    /// The key of the peer with this ticket, if it waits.
    #[must_use]
    pub fn with_ticket(&self, ticket: Ticket) -> Option<usize> {
        let found = self.0.iter().find(|arrival| arrival.ticket == ticket)?;
        Some(found.key)
    }

    /// Takes the peer with this key out, if it waits.
    pub fn remove(&mut self, key: usize) -> Option<Arrival<P>> {
        let at = self.0.iter().position(|arrival| arrival.key == key)?;
        Some(self.0.swap_remove(at))
    }

    /// Takes all peers out.
    pub fn drain(&mut self) -> impl Iterator<Item = Arrival<P>> {
        self.0.drain(..)
    }

    /// The key of the peer to turn away now that `newcomer` waits too: `None` while there is room,
    /// else the peer that was silent longest, chosen among those of the newcomer's origin if these
    /// are too many. `silent_since` returns when a byte of the peer with that key last moved.
    pub fn crowded_out<S: Ord>(
        &self,
        newcomer: usize,
        limits: &Limits,
        silent_since: impl Fn(usize) -> S,
    ) -> Option<usize> {
        let new = self.0.iter().find(|arrival| arrival.key == newcomer)?;
        let origin = new.peer.origin();
        let neighbours = || self.0.iter().filter(|each| each.peer.origin() == origin);
        let others = |arrival: &&Arrival<P>| arrival.key != newcomer;
        let silence = |arrival: &&Arrival<P>| silent_since(arrival.key);
        let longest = if neighbours().count() > limits.arrivals_per_origin_max {
            neighbours().filter(others).min_by_key(silence)
        } else if self.0.len() > limits.arrivals_max {
            self.0.iter().filter(others).min_by_key(silence)
        } else {
            None
        };
        longest.map(|arrival| arrival.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct From(char);

    impl Peer for From {
        type Origin = char;

        fn origin(&self) -> char {
            self.0
        }
    }

    /// Which of these, each `(origin, silent since)`, makes room for the last one.
    fn crowded_out(peers: &[(char, u32)], max: usize, per_origin_max: usize) -> Option<usize> {
        let limits = Limits {
            arrivals_max: max,
            arrivals_per_origin_max: per_origin_max,
            ..Limits::default()
        };
        let mut arrivals = Arrivals::default();
        for (key, &(origin, _)) in peers.iter().enumerate() {
            arrivals.push(Arrival {
                key,
                ticket: Ticket(key as u64),
                peer: From(origin),
            });
        }
        arrivals.crowded_out(peers.len() - 1, &limits, |key| peers[key].1)
    }

    #[test]
    fn nobody_makes_room_while_there_is_some() {
        assert_eq!(crowded_out(&[('a', 0), ('b', 0)], 2, 1), None);
    }

    #[test]
    fn the_one_that_was_silent_longest_makes_room_and_never_the_newcomer() {
        assert_eq!(crowded_out(&[('a', 5), ('b', 3), ('c', 4)], 2, 9), Some(1));
        assert_eq!(crowded_out(&[('a', 5), ('b', 1)], 1, 9), Some(0));
    }

    #[test]
    fn an_origin_that_has_too_many_makes_room_itself() {
        assert_eq!(crowded_out(&[('a', 1), ('b', 3), ('b', 4)], 9, 1), Some(1));
    }
}
