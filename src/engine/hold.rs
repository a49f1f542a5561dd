//! What a peer has of a berth.
//!
//! Owns the one enum for it. Must never count: the hub does.

use crate::wire::ClientName;

/// What a peer has of a berth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// Nothing, or nothing any more.
    #[default]
    Nothing,
    /// It holds the berth, and has its name.
    Berth(ClientName),
    /// It rides on the berth of another connection of the same page.
    Ride {
        /// Of the berth.
        name: ClientName,
        /// The key of that connection in the table.
        holder: usize,
    },
}

impl Hold {
    /// The name of the berth.
    #[must_use]
    pub const fn name(self) -> Option<ClientName> {
        match self {
            Self::Nothing => None,
            Self::Berth(name) | Self::Ride { name, .. } => Some(name),
        }
    }

    /// The name, if the berth is held.
    #[must_use]
    pub const fn berth(self) -> Option<ClientName> {
        match self {
            Self::Berth(name) => Some(name),
            Self::Nothing | Self::Ride { .. } => None,
        }
    }
}
