//! The timers of all connections.
//!
//! Owns one alarm per key. Must never read a clock, nor decide what an alarm means.

use std::collections::BTreeSet;
use std::time::Instant;

/// Alarms in order of time: one at most for each key.
///
/// A deadline that moves away, as the idle one does with every byte, is left where it is: the
/// alarm goes off early, its owner finds that nothing is due and sets the next one. So activity
/// costs nothing here, and a turn of the loop costs the same with ten thousand quiet clients.
#[derive(Debug, Default)]
pub struct Deadlines {
    alarms: BTreeSet<(Instant, usize)>,
    /// The alarm of each key, so that it can be found among `alarms`.
    by_key: Vec<Option<Instant>>,
}

impl Deadlines {
    /// Makes sure that `key` has an alarm at `deadline` or earlier.
    pub fn set(&mut self, key: usize, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if self.by_key.len() <= key {
            self.by_key.resize(key + 1, None);
        }
        if self.by_key[key].is_some_and(|alarm| alarm <= deadline) {
            return;
        }
        self.cancel(key);
        self.by_key[key] = Some(deadline);
        self.alarms.insert((deadline, key));
    }

    /// Cancels the alarm of `key`. To be called before the key is reused for another connection.
    pub fn cancel(&mut self, key: usize) {
        if let Some(alarm) = self.by_key.get_mut(key).and_then(Option::take) {
            self.alarms.remove(&(alarm, key));
        }
    }

    /// Takes an alarm that went off at or before `now`.
    pub fn expired(&mut self, now: Instant) -> Option<usize> {
        let &(alarm, key) = self.alarms.first()?;
        if alarm > now {
            return None;
        }
        self.cancel(key);
        Some(key)
    }

    /// When the next alarm goes off.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.alarms.first().map(|&(alarm, _)| alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn alarms_go_off_in_order_and_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        deadlines.set(7, Some(at(3)));
        deadlines.set(0, Some(at(1)));
        deadlines.set(2, Some(at(2)));
        deadlines.set(1, None);
        deadlines.cancel(2);
        assert_eq!(deadlines.next(), Some(at(1)));
        assert_eq!(deadlines.expired(start), None);
        assert_eq!(deadlines.expired(at(5)), Some(0));
        assert_eq!(deadlines.expired(at(5)), Some(7));
        assert_eq!(deadlines.expired(at(5)), None);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn an_alarm_comes_closer_but_never_moves_away() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        deadlines.set(0, Some(at(10)));
        deadlines.set(0, Some(at(20)));
        assert_eq!(deadlines.next(), Some(at(10)));
        deadlines.set(0, Some(at(5)));
        assert_eq!(deadlines.next(), Some(at(5)));
        deadlines.cancel(0);
        assert_eq!(deadlines.next(), None);
    }
}
