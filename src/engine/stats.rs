//! What a stay comes to, in numbers.
//!
//! Owns the one place where requests and bytes are counted. Must never ask a clock.

use std::time::{Duration, Instant};

/// What a client's stay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Lines that were taken, whatever they said.
    pub requests: u64,
    /// Bytes read from the peer, with those that were thrown away.
    pub bytes_in: u64,
    /// Bytes that the transport took. Whether they arrived is known to the peer alone.
    pub bytes_out: u64,
    /// How long it was.
    pub lasted: Duration,
}

/// The running count of one stay.
#[derive(Clone, Copy, Debug)]
pub struct RunningStats {
    /// Its `lasted` is zero until the stats is asked for.
    stats: SessionStats,
    since: Instant,
    /// When the last request was taken. None is taken while a file is on its way, so this is also
    /// when that was asked for.
    asked_at: Instant,
}

impl RunningStats {
    /// A stay that begins at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            stats: SessionStats::default(),
            since: now,
            asked_at: now,
        }
    }

    /// The stay begins at `now`, although bytes have come before.
    pub fn begin(&mut self, now: Instant) {
        self.since = now;
        self.asked_at = now;
    }

    /// A request was taken.
    pub fn asked(&mut self, now: Instant) {
        self.stats.requests += 1;
        self.asked_at = now;
    }

    /// How many requests were taken.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.stats.requests
    }

    /// So many bytes came in.
    pub fn received(&mut self, n: usize) {
        self.stats.bytes_in += n as u64;
    }

    /// So many bytes went out.
    pub fn sent(&mut self, n: usize) {
        self.stats.bytes_out += n as u64;
    }

    /// What the stay came to until `now`.
    #[must_use]
    pub fn stats(&self, now: Instant) -> SessionStats {
        SessionStats {
            lasted: now - self.since,
            ..self.stats
        }
    }

    /// How long ago the last request was taken.
    #[must_use]
    pub fn since_asked(&self, now: Instant) -> Duration {
        now - self.asked_at
    }
}
