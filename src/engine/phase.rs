//! The phase of a session: one enum, and no flag beside it.
//!
//! Owns the phases and the transitions between them. Must never hold anything that has a
//! destructor, so that a phase is always copied and never moved out.
//!
//! ```text
//! Arriving -> Arriving    the next gate
//! Arriving -> Open        granted a berth
//! Arriving -> Draining    refused or too late: one line at most, then FIN
//! Arriving -> Closed      broken, or in a handshake when the server stops
//! Open -> Draining        exit, end of input, idle timeout, failed upload, server stopping, moved
//! Open -> Closed          reset, stall timeout
//! Draining -> Lingering   all output and the FIN are sent
//! Draining -> Closed      all is sent and the peer had closed; reset, stall timeout
//! Lingering -> Closed     the peer has closed, or the linger deadline is over
//! ```

use std::time::Instant;

use crate::wire::CloseReason;
use crate::wire::refusal::Refusal;

/// The phase of a session. See the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits at a gate and holds no berth. The deadline counts from the accept; neither input
    /// nor the next gate extends it.
    Arriving(Gate, Instant),
    /// Requests are taken and answered.
    Open,
    /// The queued output is sent, and then nothing more.
    Draining(Ending),
    /// All output is sent; the peer has until the deadline to read it and close.
    Lingering(Ending, Instant),
    /// The connection is to be removed.
    Closed(Ending),
}

/// What a peer has to pass before it holds a berth, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The handshake of its transport (TLS) is not complete.
    Handshake,
    /// The head of its HTTP request is not complete.
    Head,
    /// It has shown no token, and may say so many lines before it has.
    Token(u8),
    /// The admission has been asked and has not answered.
    Verdict,
}

/// How a session ends or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was refused a berth, with a line that says why if its handshake was complete.
    Refused(Refusal),
    /// It left, or was closed, before there was a verdict. No reason is recorded.
    NotAdmitted,
    /// Another connection of the same page has its berth now.
    Moved,
    /// It held a berth, and left for this reason.
    Left(CloseReason),
}

/// The name of a phase, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseName {
    /// [`Phase::Arriving`].
    Arriving,
    /// [`Phase::Open`].
    Open,
    /// [`Phase::Draining`].
    Draining,
    /// [`Phase::Lingering`].
    Lingering,
    /// [`Phase::Closed`].
    Closed,
}

/// Every transition, with its cause. It is the table at the top of this file and in docs/loop.md;
/// a test compares them.
pub const TRANSITIONS: [(PhaseName, PhaseName, &str); 9] = {
    use PhaseName::{Arriving, Closed, Draining, Lingering, Open};
    [
        (Arriving, Arriving, "the next gate"),
        (Arriving, Open, "granted a berth"),
        (
            Arriving,
            Draining,
            "refused or too late: one line at most, then FIN",
        ),
        (
            Arriving,
            Closed,
            "broken, or in a handshake when the server stops",
        ),
        (
            Open,
            Draining,
            "exit, end of input, idle timeout, failed upload, server stopping, moved",
        ),
        (Open, Closed, "reset, stall timeout"),
        (Draining, Lingering, "all output and the FIN are sent"),
        (
            Draining,
            Closed,
            "all is sent and the peer had closed; reset, stall timeout",
        ),
        (
            Lingering,
            Closed,
            "the peer has closed, or the linger deadline is over",
        ),
    ]
};

impl Phase {
    /// Makes the transition to `next`, which is one of [`TRANSITIONS`]. `Closed` may be set twice.
    pub fn advance(&mut self, next: Self) {
        let (from, to) = (self.name(), next.name());
        let known = TRANSITIONS.iter().any(|&(a, b, _)| (a, b) == (from, to));
        let again = from == to && from == PhaseName::Closed;
        assert!(known || again, "a phase never goes from {from:?} to {to:?}");
        *self = next;
    }

    /// How the session ends or has ended; `None` before that.
    #[must_use]
    pub const fn ending(self) -> Option<Ending> {
        match self {
            Self::Arriving(..) | Self::Open => None,
            Self::Draining(ending) | Self::Lingering(ending, _) | Self::Closed(ending) => {
                Some(ending)
            }
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> PhaseName {
        match self {
            Self::Arriving(..) => PhaseName::Arriving,
            Self::Open => PhaseName::Open,
            Self::Draining(_) => PhaseName::Draining,
            Self::Lingering(..) => PhaseName::Lingering,
            Self::Closed(_) => PhaseName::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a phase never goes from Lingering to Draining")]
    fn a_phase_never_goes_back() {
        let left = |reason| Ending::Left(reason);
        let mut phase = Phase::Lingering(left(CloseReason::Exit), Instant::now());
        phase.advance(Phase::Draining(left(CloseReason::Idle)));
    }

    /// The rows of the first block of text in `document` that begins with one.
    fn rows(document: &str) -> Vec<String> {
        let lines = document.lines().map(|line| {
            let line = line.strip_prefix("//!").unwrap_or(line);
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        lines
            .skip_while(|line| !line.starts_with("Arriving -> "))
            .take_while(|line| line.contains(" -> "))
            .collect()
    }

    #[test]
    fn the_tables_that_people_read_are_the_one_that_the_engine_keeps() {
        let kept: Vec<String> = TRANSITIONS
            .iter()
            .map(|(from, to, why)| format!("{from:?} -> {to:?} {why}"))
            .collect();
        assert_eq!(rows(include_str!("phase.rs")), kept);
        assert_eq!(rows(include_str!("../../docs/loop.md")), kept);
    }
}
