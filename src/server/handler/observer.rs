//! What the handler is told, for the log and the journal.
//!
//! Owns the lines of the log about clients. Must never answer one.

use std::io;
use std::time::Duration;

use crate::engine::outbox::Transfer;
use crate::engine::ports::{self, Observer};
use crate::engine::stats::SessionStats;
use crate::server::handler::FolderHandler;
use crate::server::net::caller::Caller;
use crate::server::net::socket::Served;
use crate::server::records::clients::Stay;
use crate::wire::{ClientName, CloseReason};

impl Observer for FolderHandler {
    type File = Served;
    type Peer = Caller;

    fn refused(&mut self, peer: &Caller, refusal: ports::Refusal) {
        log::debug!("{} turned away: {refusal:?}", peer.address);
        self.event_log.refused(peer.address, refusal);
    }

    fn arrived(&mut self, name: ClientName, peer: &Caller, token: Option<&str>) {
        // Whether it is more than a knock turns out with its first line.
        log::debug!("{name} connected from {}", peer.address);
        self.event_log.arrived(name, peer, token);
    }

    fn asked(&mut self, name: ClientName) {
        if let Some(who) = self.event_log.registry().find(name) {
            log::info!("{name} connected from {}", who.address);
        }
    }

    fn unended(&mut self, name: ClientName) {
        log::info!("{name} has begun a line and does not end it: a line ends with LF (\\n)");
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, stats: &SessionStats) {
        let who = self.event_log.registry().find(name);
        match self.event_log.departed(name, reason, stats) {
            Stay::Visit => match who.filter(|_| stats.requests == 0) {
                // Until now nothing was said of it.
                Some(who) => log::info!(
                    "{name} gone: {reason}, from {} and without a request",
                    who.address
                ),
                None => log::info!("{name} gone: {reason}"),
            },
            Stay::Knock => {
                self.knocks += 1;
                log::debug!("{name} gone: {reason}");
            }
        }
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        let name = name.map_or_else(|| "a peer".to_owned(), |name| name.to_string());
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                log::error!("{name}: a file became shorter while it was sent");
            }
            _ => log::error!("{name}: {error}"),
        }
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<Served>, lasted: Duration) {
        self.event_log.transferred(to, transfer, lasted);
    }
}
