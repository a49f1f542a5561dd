//! What becomes of a newcomer: the ticket it is judged by, and the verdict.
//!
//! Owns the words for it, and nothing that judges: an [`super::ports::Admission`] does.

use crate::wire::ClientName;

/// The number under which one newcomer is judged.
///
/// A ticket is never used twice, which a key of the table is: so a verdict that comes late, or
/// twice, can never be taken for another peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The judgement of a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds a berth from now on, and has this name.
    Granted(ClientName),
    /// There is no berth for it: it is told so and leaves.
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
