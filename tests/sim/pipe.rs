//! One direction of a connection.
//!
//! Owns the bytes that were sent and not yet read, with when each of them arrives. Must never
//! lose, repeat or reorder one.

use std::collections::VecDeque;
use std::time::Duration;

/// A pipe with room for so many bytes, each of which takes its time to arrive.
#[derive(Debug)]
pub(crate) struct Pipe {
    bytes: VecDeque<u8>,
    /// When, and how many, for those of `bytes` that are still on their way.
    flights: VecDeque<(Duration, usize)>,
    /// How many of `bytes` are there.
    arrived: usize,
    capacity: usize,
    /// When it becomes known that no more will come.
    end: Option<Duration>,
}

impl Pipe {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            flights: VecDeque::new(),
            arrived: 0,
            capacity,
            end: None,
        }
    }

    pub(crate) const fn widen(&mut self, capacity: usize) {
        self.capacity = capacity;
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.bytes.len())
    }

    /// Whether so much of it is free that whoever waits for room is told.
    pub(crate) fn is_roomy(&self, least: usize) -> bool {
        self.room() >= least.min(self.capacity)
    }

    /// Sends `bytes`, which arrive at `at`, or later if others before them do.
    pub(crate) fn push(&mut self, bytes: &[u8], at: Duration) {
        assert!(self.end.is_none(), "nothing is sent behind the end");
        let at = self.flights.back().map_or(at, |&(last, _)| at.max(last));
        self.bytes.extend(bytes);
        self.flights.push_back((at, bytes.len()));
    }

    /// Sends the end, once.
    pub(crate) fn end(&mut self, at: Duration) {
        let at = self.flights.back().map_or(at, |&(last, _)| at.max(last));
        self.end.get_or_insert(at);
    }

    /// Whether the end was sent, arrived or not.
    pub(crate) const fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// Lets arrive what is due, and says whether something did.
    pub(crate) fn settle(&mut self, now: Duration) -> bool {
        let before = self.arrived;
        while let Some(&(at, n)) = self.flights.front()
            && at <= now
        {
            self.arrived += n;
            self.flights.pop_front();
        }
        self.arrived > before
    }

    pub(crate) const fn arrived(&self) -> usize {
        self.arrived
    }

    /// Whether all was read and the end is there.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.bytes.is_empty() && self.end.is_some_and(|end| end <= now)
    }

    /// Whether the end is there, behind whatever data is.
    pub(crate) fn end_arrived(&self, now: Duration) -> bool {
        self.flights.is_empty() && self.end.is_some_and(|end| end <= now)
    }

    /// When the next byte, or the end, arrives.
    pub(crate) fn next_arrival(&self, now: Duration) -> Option<Duration> {
        let byte = self.flights.front().map(|&(at, _)| at);
        byte.or(self.end).filter(|&at| at > now)
    }

    /// Reads what has arrived, as far as `space` goes.
    pub(crate) fn take(&mut self, space: &mut [u8]) -> usize {
        let n = space.len().min(self.arrived);
        let (first, second) = self.bytes.as_slices();
        let cut = n.min(first.len());
        space[..cut].copy_from_slice(&first[..cut]);
        space[cut..n].copy_from_slice(&second[..n - cut]);
        self.bytes.drain(..n);
        self.arrived -= n;
        n
    }

    /// Throws everything away, as a reset does, and says whether there was something.
    pub(crate) fn destroy(&mut self) -> bool {
        let lost = !self.bytes.is_empty();
        self.bytes.clear();
        self.flights.clear();
        self.arrived = 0;
        lost
    }
}
