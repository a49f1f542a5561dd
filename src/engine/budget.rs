//! What one turn of a connection may use up.
//!
//! Owns the share of one turn. Must never outlive it: what was saved is not added to the next.

use crate::engine::limits::Limits;

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
    /// The share of one of so many turns in a turn of the loop.
    #[must_use]
    pub fn new(limits: &Limits, turns: usize) -> Self {
        Self {
            bytes: limits.share_bytes(turns),
            requests: limits.turn_requests,
            steps: 1,
        }
    }

    /// Whether the turn is over.
    #[must_use]
    pub const fn is_spent(&self) -> bool {
        self.bytes == 0 || self.requests == 0 || self.steps == 0
    }
}
