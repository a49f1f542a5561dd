//! The turns that took longest.
//!
//! Owns the slowest turns, the slowest first. Must never cost any other turn more than one
//! comparison.

use std::time::Duration;

use crate::server::observe::turn_stats::TurnStats;

/// How many are kept.
pub const SLOWEST_MAX: usize = 16;

/// A turn that took long.
#[derive(Clone, Copy, Debug)]
pub struct Slow {
    /// How long.
    pub took: Duration,
    /// When it ended, since the start of the server.
    pub at: Duration,
    /// What it did.
    pub events: TurnStats,
}

/// The slowest turns.
#[derive(Debug, Default)]
pub struct Slowest {
    turns: Vec<Slow>,
    /// A turn has to take longer than this to be kept: zero until there are enough.
    least: Duration,
}

impl Slowest {
    /// Whether a turn that took this long is to be kept.
    #[must_use]
    pub fn wants(&self, took: Duration) -> bool {
        took > self.least
    }

    /// Keeps a turn, in place of the fastest one that is kept.
    pub fn keep(&mut self, slow: Slow) {
        let at = self.turns.partition_point(|turn| turn.took >= slow.took);
        self.turns.insert(at, slow);
        self.turns.truncate(SLOWEST_MAX);
        if let [.., last] = &*self.turns
            && self.turns.len() == SLOWEST_MAX
        {
            self.least = last.took;
        }
    }

    /// The slowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Slow> {
        self.turns.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_slowest_are_kept_in_order() {
        let mut slowest = Slowest::default();
        for ms in [5, 3, 40, 1].into_iter().chain(10..30) {
            let took = Duration::from_millis(ms);
            if slowest.wants(took) {
                let (at, events) = (took, TurnStats::default());
                slowest.keep(Slow { took, at, events });
            }
        }
        let kept: Vec<u128> = slowest.iter().map(|slow| slow.took.as_millis()).collect();
        let expected: Vec<u128> = std::iter::once(40).chain((15..30).rev()).collect();
        assert_eq!(kept, expected);
        assert!(!slowest.wants(Duration::from_millis(15)));
        assert!(slowest.wants(Duration::from_millis(16)));
    }
}
