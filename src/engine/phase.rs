//! Where a session stands: one enum, and no flag beside it.
//!
//! Owns the phases and the only way from one to the next. Must never hold anything that has a
//! destructor, so that no phase is ever taken out and put back.
//!
//! ```text
//!        exit · input ended and all answered · turned away · timeout · server stopping
//!   Open ─────────────────────────────────────────────────────────────▶ Draining
//!     │ reset · stall timeout · file broken                                │ all sent → finish
//!     ▼                                                                    ▼
//!   Closed ◀──────────── input ended · linger deadline · reset ─────── Lingering
//! ```

use std::time::Instant;

use crate::wire::Farewell;

/// Where a session stands. See the picture above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Requests are taken and answered.
    Open,
    /// What is queued is sent, and then nothing more.
    Draining(Farewell),
    /// All is sent; the peer has until the deadline to read it and close.
    Lingering(Farewell, Instant),
    /// Nothing is to be done but to remove it.
    Closed(Farewell),
}

impl Phase {
    /// Goes on to `next`, which is never an earlier phase.
    pub fn advance(&mut self, next: Self) {
        assert!(self.rank() <= next.rank(), "a phase never goes back");
        *self = next;
    }

    /// Why it ends or ended; `None` while it is open.
    #[must_use]
    pub const fn farewell(self) -> Option<Farewell> {
        match self {
            Self::Open => None,
            Self::Draining(why) | Self::Lingering(why, _) | Self::Closed(why) => Some(why),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Draining(_) => 1,
            Self::Lingering(..) => 2,
            Self::Closed(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a phase never goes back")]
    fn a_phase_never_goes_back() {
        let mut phase = Phase::Lingering(Farewell::Exit, Instant::now());
        phase.advance(Phase::Draining(Farewell::Idle));
    }
}
