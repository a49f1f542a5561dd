//! What one turn of a connection is given: the circumstances, and what it may use up.
//!
//! Owns the share of one turn. Must never outlive it: what was saved is not added to the next.

use std::time::Instant;

use super::limits::Limits;

/// What a turn has to know about the rest of the server.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The bounds to keep.
    pub limits: &'a Limits,
    /// The moment, read once for everybody in a turn of the loop.
    pub now: Instant,
    /// How many have a turn in this turn of the loop, who share what may be read and written.
    pub turns: usize,
    /// Whether the server was told to stop, so that a farewell takes the next request's place.
    pub stopping: bool,
}

/// What is left of a turn's share.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// To be read and written.
    pub bytes: usize,
    /// To be answered.
    pub requests: usize,
    /// An answer that takes several steps takes one a turn.
    pub steps: usize,
}

impl Budget {
    /// A whole share.
    #[must_use]
    pub fn new(around: Circumstances<'_>) -> Self {
        Self {
            bytes: around.limits.share_bytes(around.turns),
            requests: around.limits.turn_requests,
            steps: 1,
        }
    }

    /// Whether the turn is over.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.bytes == 0 || self.requests == 0 || self.steps == 0
    }
}
