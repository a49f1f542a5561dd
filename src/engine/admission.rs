//! The ticket of a newcomer, what is demanded of it, and the verdict on it.
//!
//! Owns these types. Must never decide a verdict: an [`super::ports::Admission`] does.

use std::time::{Duration, SystemTime};

use crate::wire::{ClientName, ErrorReply, Reply};

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

/// Why a token does not let its peer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It is none that is known. What exactly is wrong with it is nobody's business.
    Unknown,
    /// It was good until then.
    Expired(SystemTime),
    /// So many sessions have it, and no more may.
    InUse(u32, u32),
    /// None was shown in as many lines as there may be.
    NotShown,
}

/// Why a newcomer is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All berths are taken, or the server is stopping.
    Full,
    /// Its address holds as many berths as it may.
    Crowded,
    /// Too many wrong tokens came from its address.
    Penalised,
    /// Its token does not let it in.
    Denied(Denial),
    /// It showed no token in this time.
    Late(Duration),
    /// It had to make room for others before it showed a token. No line tells it so.
    Busy,
}

impl Refusal {
    /// The word for it in the journal.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Crowded => "crowded",
            Self::Penalised => "penalty",
            Self::Denied(_) => "auth",
            Self::Late(_) => "late",
            Self::Busy => "busy",
        }
    }

    /// The line that says so.
    #[must_use]
    pub const fn reply(self) -> Reply<'static> {
        match self {
            Self::Full | Self::Busy => Reply::Full,
            Self::Crowded => Reply::Crowded,
            Self::Penalised => Reply::Penalised,
            Self::Late(time) => Reply::Error(ErrorReply::NoAuth(time)),
            Self::Denied(denial) => Reply::Error(match denial {
                Denial::Unknown => ErrorReply::NotLetIn,
                Denial::Expired(at) => ErrorReply::TokenExpired(at),
                Denial::InUse(by, allowed) => ErrorReply::TokenInUse(by, allowed),
                Denial::NotShown => ErrorReply::AuthFirst,
            }),
        }
    }
}
