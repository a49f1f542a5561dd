//! A connection in the table, and how it is counted there.
//!
//! Owns what the hub knows of a connection beside the connection itself. Must never change a
//! session.

use crate::engine::admission::Ticket;
use crate::engine::connection::Connection;
use crate::engine::hold::Hold;
use crate::engine::phase::{Gate, Phase};
use crate::engine::ports::Transport;
use crate::wire::ClientName;

#[derive(Debug)]
pub(super) struct Entry<T: Transport, K> {
    pub(super) connection: Connection<T, K>,
    pub(super) ticket: Ticket,
    /// Whether the key stands in the run queue.
    pub(super) queued: bool,
}

/// How a peer is counted in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Arriving(Gate),
    Client(ClientName),
    /// On the berth that the connection with this key holds.
    Rider(usize),
    Unadmitted,
}

impl<T: Transport, K> Entry<T, K> {
    pub(super) fn standing(&self) -> Standing {
        let session = self.connection.session();
        let hold = session.client().map_or(Hold::Nothing, |_| session.hold);
        match (session.phase(), hold) {
            (Phase::Arriving(gate, _), _) => Standing::Arriving(gate),
            (_, Hold::Berth(name)) => Standing::Client(name),
            (_, Hold::Ride { holder, .. }) => Standing::Rider(holder),
            (_, Hold::Nothing) => Standing::Unadmitted,
        }
    }
}
