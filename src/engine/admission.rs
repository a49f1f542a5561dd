//! What becomes of a newcomer.
//!
//! Owns the words for it, and nothing that judges: the hub does.

use crate::wire::ClientName;

/// What became of a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There was a berth.
    Client(ClientName),
    /// There was none for it: it is told so and leaves.
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
