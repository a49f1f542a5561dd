//! The metrics: sums since the start, which SIGUSR1 logs.
//!
//! Owns the numbers and the log lines that show them. Must never hold more than a bounded number of
//! them, and never read a clock.

use std::fmt;
use std::time::{Duration, Instant};

use crate::engine::event::RequestKind;
use crate::server::observe::slowest::{Slow, Slowest};
use crate::server::observe::turn_stats::TurnStats;
use crate::wire::CloseReason;

/// The buckets of the histogram of turn times, by powers of two: the first one is below a
/// microsecond, the last one everything from half an hour on.
const BUCKETS: usize = 32;

/// What happened since the start.
#[derive(Debug)]
pub struct Metrics {
    since: Instant,
    /// Clients that were granted a berth.
    pub accepted: u64,
    /// Peers refused because all berths were taken.
    pub full: u64,
    /// Peers refused because their address held its share.
    pub crowded: u64,
    /// Turned away, or dropped, before they had completed a handshake or shown a token that lets
    /// them in.
    pub at_the_gate: u64,
    /// Clients gone, in the order of [`CloseReason::ALL`].
    close_reasons: [u64; CloseReason::ALL.len()],
    polls: u64,
    events: u64,
    turns: u64,
    yields: u64,
    blocked: u64,
    bytes_in: u64,
    bytes_out: u64,
    /// In the order of [`RequestKind::ALL`].
    requests: [u64; RequestKind::ALL.len()],
    /// The histogram of turn times.
    times: [u64; BUCKETS],
    slowest: Slowest,
}

impl Metrics {
    /// All zero.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            accepted: 0,
            full: 0,
            crowded: 0,
            at_the_gate: 0,
            close_reasons: Default::default(),
            polls: 0,
            events: 0,
            turns: 0,
            yields: 0,
            blocked: 0,
            bytes_in: 0,
            bytes_out: 0,
            requests: Default::default(),
            times: [0; BUCKETS],
            slowest: Slowest::default(),
        }
    }

    /// `poll` returned so many events.
    pub fn polled(&mut self, events: usize) {
        self.polls += 1;
        self.events += events as u64;
    }

    /// A client went.
    pub fn departed(&mut self, reason: CloseReason) {
        let all = CloseReason::ALL.iter().zip(&mut self.close_reasons);
        all.filter(|(which, _)| **which == reason)
            .for_each(|(_, count)| *count += 1);
    }

    /// A turn that took so long is over at `now`.
    pub fn turned(&mut self, now: Instant, took: Duration, events: &TurnStats, yielded: bool) {
        self.turns += 1;
        self.yields += u64::from(yielded);
        self.blocked += u64::from(events.blocked);
        self.bytes_in += events.read;
        self.bytes_out += events.written + events.sent;
        for (sum, count) in self.requests.iter_mut().zip(events.requests) {
            *sum += u64::from(count);
        }
        self.times[bucket(took)] += 1;
        if self.slowest.wants(took) {
            let (at, events) = (now - self.since, *events);
            self.slowest.keep(Slow { took, at, events });
        }
    }

    /// Logs all metrics.
    pub fn log(&self, now: Instant) {
        for line in self.lines(now) {
            log::info!("figures: {line}");
        }
    }

    /// All metrics, in lines.
    #[must_use]
    pub fn lines(&self, now: Instant) -> Vec<String> {
        let up = humantime::format_duration(Duration::from_secs((now - self.since).as_secs()));
        let close_reasons = CloseReason::ALL.iter().zip(self.close_reasons);
        let requests = RequestKind::ALL
            .iter()
            .map(|kind| kind.word())
            .zip(self.requests);
        let per_poll = self.events as f64 / self.polls.max(1) as f64;
        let at_the_gate = match self.at_the_gate {
            0 => String::new(),
            n => format!(", {n} without a handshake or a token"),
        };
        let mut lines = vec![
            format!("up {up}"),
            format!(
                "clients: {} let in, refused {} as all was full and {} for their address's \
                 share{at_the_gate}",
                self.accepted, self.full, self.crowded
            ),
            format!("gone: {}", counts(close_reasons)),
            format!("bytes: {} in, {} out", self.bytes_in, self.bytes_out),
            format!("requests: {}", counts(requests)),
            format!(
                "polls: {}, events: {}, events per poll: {per_poll:.2}",
                self.polls, self.events
            ),
            format!(
                "turns: {}, yields: {}, would-blocks: {}",
                self.turns, self.yields, self.blocked
            ),
        ];
        lines.extend(self.histogram());
        for (i, Slow { took, at, events }) in self.slowest.iter().enumerate() {
            let (rank, took, who) = (i + 1, Took(*took), events.who());
            let at = at.as_secs_f64();
            lines.push(format!(
                "slow {rank}: {took}, {at:.3} s in: {who}: {events}"
            ));
        }
        lines
    }

    /// A line for each power of two from the first that counts to the last.
    fn histogram(&self) -> impl Iterator<Item = String> {
        let from = self.times.iter().position(|&count| count > 0).unwrap_or(0);
        let to = self.times.iter().rposition(|&count| count > 0);
        let to = to.map_or(0, |last| last + 1);
        let most = self.times.iter().copied().max().unwrap_or(1).max(1);
        (from..to.max(from)).map(move |i| {
            let count = self.times[i];
            let below = Took(Duration::from_micros(1 << i));
            let bar = "#".repeat((count * 40).div_ceil(most) as usize);
            format!("turns below {below:>8}: {count:>10} {bar}")
        })
    }
}

/// The bucket of a time: how often it has to be halved to be less than a microsecond.
fn bucket(took: Duration) -> usize {
    let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    (u64::BITS - us.leading_zeros()).min(BUCKETS as u32 - 1) as usize
}

/// `3 exit, 1 eof`, without counts of 0.
fn counts<T: fmt::Display>(counted: impl Iterator<Item = (T, u64)>) -> String {
    let some = counted.filter(|(_, count)| *count > 0);
    let words: Vec<String> = some.map(|(what, n)| format!("{n} {what}")).collect();
    if words.is_empty() {
        return "none".to_owned();
    }
    words.join(", ")
}

/// A time with two or three digits and a unit.
#[derive(Clone, Copy, Debug)]
pub struct Took(pub Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.as_secs_f64() * 1e6;
        let text = match us {
            ..10.0 => format!("{us:.1} us"),
            ..1000.0 => format!("{us:.0} us"),
            ..1e6 => format!("{:.1} ms", us / 1e3),
            _ => format!("{:.1} s", us / 1e6),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Event;
    use crate::wire::ClientName;

    #[test]
    fn times_are_counted_by_powers_of_two() {
        let us = Duration::from_micros;
        assert_eq!(bucket(Duration::from_nanos(999)), 0);
        assert_eq!(bucket(us(1)), 1);
        assert_eq!((bucket(us(2)), bucket(us(3)), bucket(us(4))), (2, 2, 3));
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_shown_is_what_was_counted() {
        let start = Instant::now();
        let mut metrics = Metrics::new(start);
        let mut events = TurnStats::default();
        events.add(Event::Began(0, Some(ClientName(2))));
        events.add(Event::Took(RequestKind::Get));
        events.add(Event::Read(10));
        events.add(Event::Sent(100));
        metrics.polled(3);
        metrics.accepted = 2;
        metrics.departed(CloseReason::Stalled);
        let (slow, quick) = (Duration::from_millis(3), Duration::from_micros(1));
        metrics.turned(start + slow, slow, &events, true);
        metrics.turned(start + slow, quick, &TurnStats::default(), false);
        let lines = metrics.lines(start + Duration::from_secs(61));
        let has = |text: &str| assert!(lines.iter().any(|line| line == text), "{lines:#?}");
        has("up 1m 1s");
        has("clients: 2 let in, refused 0 as all was full and 0 for their address's share");
        has("gone: 1 stalled");
        has("bytes: 10 in, 100 out");
        has("requests: 1 get");
        has("polls: 1, events: 3, events per poll: 3.00");
        has("turns: 2, yields: 1, would-blocks: 0");
        has("slow 1: 3.0 ms, 0.003 s in: Client02: 1 get, 10 B read, 100 B of files sent");
        has("turns below   2.0 us:          1 ########################################");
        has("turns below   4.1 ms:          1 ########################################");
    }
}
