//! The ticket of a newcomer, and the verdict on it.
//!
//! Owns these types. Must never decide a verdict: an [`super::ports::Admission`] does.

use crate::wire::ClientName;

/// The number under which one newcomer is judged.
///
/// A key of the table is reused, a ticket never: a verdict that comes late, or twice, cannot be
/// applied to another peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The judgement of a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds a berth from now on, and has this name.
    Granted(ClientName),
    /// There is no berth for it. It gets a line that says why, and is closed.
    Refused(Refusal),
}

/// Why a newcomer is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All berths are taken, or the server is stopping.
    Full,
    /// Its address holds as many berths as it may.
    Crowded,
}
