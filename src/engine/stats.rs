//! The statistics of a session.
//!
//! Owns the one place where requests and bytes are counted. Must never read a clock.

use std::time::{Duration, Instant};

/// The statistics of a client's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Lines that were taken, valid or not.
    pub requests: u64,
    /// Bytes read from the peer, including discarded ones.
    pub bytes_in: u64,
    /// Bytes that the transport accepted. Whether they arrived is not known.
    pub bytes_out: u64,
    /// How long the session lasted.
    pub lasted: Duration,
}

/// The running statistics of one session.
#[derive(Clone, Copy, Debug)]
pub struct RunningStats {
    /// `lasted` is zero here; [`RunningStats::stats`] fills it in.
    stats: SessionStats,
    since: Instant,
    /// When the last request was taken. None is taken while a file is sent, so this is also when
    /// that file was asked for.
    asked_at: Instant,
}

impl RunningStats {
    /// A session that begins at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            stats: SessionStats::default(),
            since: now,
            asked_at: now,
        }
    }

    /// The session begins at `now`, although input was counted before.
    pub fn begin(&mut self, now: Instant) {
        self.since = now;
        self.asked_at = now;
    }

    /// What another connection of the same client did counts here.
    pub fn add(&mut self, other: &Self) {
        self.stats.requests += other.stats.requests;
        self.stats.bytes_in += other.stats.bytes_in;
        self.stats.bytes_out += other.stats.bytes_out;
    }

    /// The session goes on that began as `earlier`, on this connection.
    pub fn go_on_from(&mut self, earlier: &Self) {
        self.add(earlier);
        self.since = earlier.since;
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

    /// How many bytes came in.
    #[must_use]
    pub const fn bytes_in(&self) -> u64 {
        self.stats.bytes_in
    }

    /// So many bytes came in.
    pub fn received(&mut self, n: usize) {
        self.stats.bytes_in += n as u64;
    }

    /// So many bytes went out.
    pub fn sent(&mut self, n: usize) {
        self.stats.bytes_out += n as u64;
    }

    /// The statistics until `now`.
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
