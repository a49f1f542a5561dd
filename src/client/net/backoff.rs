//! Exponential backoff with jitter.
//!
//! Owns the lengths of the pauses. Clients that lost the same server must not reconnect in the same
//! moment, hence the jitter. Must never wait itself.

use std::time::Duration;

/// A sequence of pauses, each about twice as long as the one before.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// After a connection broke: short at first, because most servers are back at once.
    #[must_use]
    pub const fn after_a_loss() -> Self {
        Self::between(Duration::from_millis(200), Duration::from_secs(20))
    }

    /// While waiting for a berth: never long, because another client may take it.
    #[must_use]
    pub const fn for_a_berth() -> Self {
        Self::between(Duration::from_millis(250), Duration::from_secs(2))
    }

    /// After another client went on with this one's upload: long enough for a good part of a file,
    /// and for all of it in the end.
    #[must_use]
    pub const fn after_an_eviction() -> Self {
        Self::between(Duration::from_secs(1), Duration::from_secs(5 * 60))
    }

    const fn between(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
        }
    }

    /// The next pause: between half and the whole of a length that doubles each time.
    pub fn take(&mut self) -> Duration {
        let length = self.next;
        self.next = (length * 2).min(self.most);
        length.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }

    /// Starts again with the shortest pause.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_again() {
        let mut backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(5));
        for most in [1, 2, 4, 5, 5] {
            let most = Duration::from_secs(most);
            let pause = backoff.take();
            assert!(most / 2 <= pause && pause <= most, "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.take() <= Duration::from_secs(1));
    }

    #[test]
    fn two_clients_do_not_wait_alike() {
        let mut backoff = Backoff::for_a_berth();
        let mut others = Backoff::for_a_berth();
        assert!((0..8).any(|_| backoff.take() != others.take()));
    }
}
