//! Addresses from which too many wrong tokens came.
//!
//! Owns the counts and how long a penalty lasts. Must never shut out a token: a penalty is short,
//! counts for an address, is not extended by further tries and ends with a right token. It spares
//! the processor and the log; 256 random bits need no protection from guesses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// So many wrong tokens within [`WINDOW`] bring a penalty: more than a person mistypes.
const FAILURES_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// How long a penalty lasts: long enough to slow a program down, short enough to be waited for.
const PENALTY: Duration = Duration::from_secs(15);

/// Of so many addresses the failures are counted. With one more, the oldest count is forgotten.
const ADDRESSES_MAX: usize = 4096;

/// The counts, by address or IPv6 network.
#[derive(Debug)]
pub struct Penalties(BTreeMap<IpAddr, Count>);

#[derive(Clone, Copy, Debug)]
struct Count {
    failures: u32,
    /// When the first of them was, or when the penalty began.
    since: Instant,
}

impl Count {
    const fn is_penalty(self) -> bool {
        self.failures >= FAILURES_MAX
    }

    fn is_over(self, now: Instant) -> bool {
        let lasts = if self.is_penalty() { PENALTY } else { WINDOW };
        now >= self.since + lasts
    }
}

impl Penalties {
    /// Nobody has failed yet.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether peers from there are turned away.
    #[must_use]
    pub fn is_penalised(&self, origin: IpAddr, now: Instant) -> bool {
        let count = self.0.get(&origin);
        count.is_some_and(|count| count.is_penalty() && !count.is_over(now))
    }

    /// A wrong token came from there.
    pub fn failed(&mut self, origin: IpAddr, now: Instant) {
        // Whoever is on this machine could as well read its memory, and tests come from here.
        if origin.is_loopback() {
            return;
        }
        if self.0.get(&origin).is_some_and(|count| count.is_over(now)) {
            self.0.remove(&origin);
        }
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&origin) {
            self.make_room(now);
        }
        let count = self.0.entry(origin).or_insert(Count {
            failures: 0,
            since: now,
        });
        if !count.is_penalty() {
            count.failures += 1;
            if count.is_penalty() {
                count.since = now;
            }
        }
    }

    /// A right token came from there.
    pub fn succeeded(&mut self, origin: IpAddr) {
        self.0.remove(&origin);
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, count| !count.is_over(now));
        if self.0.len() >= ADDRESSES_MAX
            && let Some((&oldest, _)) = self.0.iter().min_by_key(|(_, count)| count.since)
        {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    const THERE: u32 = 0x0a00_0001;

    #[test]
    fn the_tenth_failure_within_a_minute_brings_a_penalty_that_tries_do_not_extend() {
        let start = Instant::now();
        let mut penalties = Penalties::none();
        for n in 0..FAILURES_MAX {
            assert!(!penalties.is_penalised(ip(THERE), start));
            penalties.failed(ip(THERE), start + Duration::from_secs(n.into()));
        }
        let begun = start + Duration::from_secs(9);
        for _ in 0..1000 {
            penalties.failed(ip(THERE), begun + PENALTY / 2);
        }
        let last = begun + PENALTY - Duration::from_nanos(1);
        assert!(penalties.is_penalised(ip(THERE), last));
        assert!(!penalties.is_penalised(ip(THERE), begun + PENALTY));
        assert!(
            !penalties.is_penalised(ip(THERE + 1), last),
            "others are unhindered"
        );
        penalties.failed(ip(THERE), begun + PENALTY);
        assert!(
            !penalties.is_penalised(ip(THERE), begun + PENALTY),
            "it counts anew"
        );
    }

    #[test]
    fn slow_failures_and_those_before_a_success_do_not_count() {
        let start = Instant::now();
        let mut penalties = Penalties::none();
        for n in 0..100 {
            let now = start + n * (WINDOW / 8);
            penalties.failed(ip(THERE), now);
            assert!(!penalties.is_penalised(ip(THERE), now));
        }
        for _ in 0..100 {
            for _ in 1..FAILURES_MAX {
                penalties.failed(ip(THERE + 1), start);
            }
            penalties.succeeded(ip(THERE + 1));
        }
        assert!(!penalties.is_penalised(ip(THERE + 1), start));
    }

    #[test]
    fn this_machine_is_never_penalised() {
        let start = Instant::now();
        let mut penalties = Penalties::none();
        for origin in ["127.0.0.1", "127.3.2.1", "::1"] {
            let origin = origin.parse().expect("an address");
            (0..1000).for_each(|_| penalties.failed(origin, start));
            assert!(!penalties.is_penalised(origin, start));
        }
    }

    #[test]
    fn a_flood_from_everywhere_is_kept_small_and_the_newest_are_known() {
        let start = Instant::now();
        let mut penalties = Penalties::none();
        for n in 0..10_000_u32 {
            let now = start + Duration::from_millis(n.into());
            (0..FAILURES_MAX).for_each(|_| penalties.failed(ip(THERE + n), now));
            assert!(penalties.is_penalised(ip(THERE + n), now));
        }
        assert!(penalties.0.len() <= ADDRESSES_MAX);
    }
}
