//! Why a newcomer is turned away.
//!
//! Owns the reasons, each with its word in the journal and its line. Must never say more of a token
//! than whoever shows it may know.

use std::time::{Duration, SystemTime};

use crate::wire::{ErrorReply, Reply};

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
    /// It completed no handshake, or showed no token, in this time. The line is for the latter.
    Late(Duration),
    /// It had to make room for others before it was judged. The line is for whoever has completed
    /// its handshake.
    Busy,
    /// It violated the protocol of its transport (TLS). No line of this protocol tells it so.
    BrokeRules,
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
            Self::BrokeRules => "tls",
        }
    }

    /// The line that says so, where one is sent.
    #[must_use]
    pub const fn reply(self) -> Reply<'static> {
        match self {
            Self::Full | Self::Busy | Self::BrokeRules => Reply::Full,
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
