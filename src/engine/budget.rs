//! The budget of one turn of a connection.
//!
//! Owns what is left of it. Must never outlive the turn: an unused budget is not carried over.

use crate::engine::limits::Limits;

/// What is left of a turn's budget.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes that may still be read and written.
    pub bytes: usize,
    /// Requests that may still be answered.
    pub requests: usize,
    /// Steps of a long answer that may still be done: one a turn.
    pub steps: usize,
}

impl Budget {
    /// The budget of one connection when `turns` connections have a turn in this turn of the loop.
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
