//! The ticket of a newcomer, what is demanded of it, and the verdict on it.
//!
//! Owns these types; the reasons for a refusal are the protocol's. Must never decide a verdict: an
//! [`super::ports::Admission`] does.

use crate::wire::ClientName;

pub use crate::wire::refusal::{Denial, Refusal};

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

/// What a newcomer has to show before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// A token.
    Token,
    /// It is turned away before it can show anything.
    Refused(Refusal),
}
