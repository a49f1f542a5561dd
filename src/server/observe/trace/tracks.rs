//! The tracks of a trace.
//!
//! Owns the numbers of the tracks and the open spans of a client's track. Must never outlive the
//! key that the client has in the hub's table.

use crate::wire::{ClientName, CloseReason};

/// The track of refused peers. Clients have tracks from 100 on.
pub(super) const REFUSED: u64 = 2;
pub(super) const CLIENTS: u64 = 100;

/// A client, and the open spans of its track.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) name: ClientName,
    /// The name as it is shown.
    pub(super) label: String,
    pub(super) queued: u64,
    pub(super) is_waiting: bool,
    pub(super) is_lingering: bool,
}

#[derive(Debug)]
pub(super) enum Edge {
    /// A download begins.
    Asked(String),
    /// It ends.
    Sent { sent: u64, size: u64 },
    /// A wait ends.
    Moved,
    /// A stay ends.
    Left(CloseReason),
}

impl Track {
    pub(super) fn new(name: ClientName) -> Self {
        Self {
            name,
            label: name.to_string(),
            queued: 0,
            is_waiting: false,
            is_lingering: false,
        }
    }

    pub(super) const fn id(&self) -> u64 {
        CLIENTS + self.name.0
    }
}
