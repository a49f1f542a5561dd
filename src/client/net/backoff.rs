//! How long to wait before the next try.
//!
//! Owns the growth and the jitter: many clients that lost the same server must not all come back in
//! the same moment, and again and again. Must never wait itself.

use std::time::Duration;

/// Backoff that grow, each of a length that cannot be foretold.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Of a line that broke: short first, because most come back at once.
    #[must_use]
    pub const fn after_a_loss() -> Self {
        Self::between(Duration::from_millis(200), Duration::from_secs(20))
    }

    /// Of a berth that is waited for: never long, because somebody else may take it.
    #[must_use]
    pub const fn for_a_berth() -> Self {
        Self::between(Duration::from_millis(250), Duration::from_secs(2))
    }

    const fn between(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            next: first,
        }
    }

    /// The next one: between half and the whole of a length that doubles each time.
    pub fn take(&mut self) -> Duration {
        let length = self.next;
        self.next = (length * 2).min(self.most);
        length.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }

    /// All is well again.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_again() {
        let mut pauses = Backoff::between(Duration::from_secs(1), Duration::from_secs(5));
        for most in [1, 2, 4, 5, 5] {
            let most = Duration::from_secs(most);
            let pause = pauses.take();
            assert!(most / 2 <= pause && pause <= most, "{pause:?}");
        }
        pauses.reset();
        assert!(pauses.take() <= Duration::from_secs(1));
    }

    #[test]
    fn two_clients_do_not_wait_alike() {
        let mut pauses = Backoff::for_a_berth();
        let mut others = Backoff::for_a_berth();
        assert!((0..8).any(|_| pauses.take() != others.take()));
    }
}
