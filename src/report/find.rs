//! The filter of `berthd journal`.
//!
//! Owns its conditions, all of which have to match. Must never keep a record.

use std::net::IpAddr;
use std::time::SystemTime;

use crate::journal::Record;
use crate::journal::text::{Client, Moment, Reason};

/// The conditions; those that are `None` always hold.
#[derive(Clone, Debug, Default)]
pub struct Find {
    /// About this client.
    pub client: Option<Client>,
    /// From this address, with any port.
    pub address: Option<IpAddr>,
    /// About a client that left, a peer that was refused, or an upload that was not stored, for
    /// this reason.
    pub reason: Option<Reason>,
    /// Not before this.
    pub since: Option<SystemTime>,
}

impl Find {
    /// Whether a record is asked for.
    #[must_use]
    pub fn takes(&self, record: &Record) -> bool {
        let event = &record.event;
        let holds = |wanted: bool, has: bool| !wanted || has;
        holds(self.client.is_some(), event.client() == self.client)
            && holds(self.address.is_some(), event.ip() == self.address)
            && holds(
                self.reason.is_some(),
                event.reason() == self.reason.as_ref(),
            )
            && self.is_recent(record.time)
    }

    /// Whether a moment is recent enough.
    #[must_use]
    pub fn is_recent(&self, moment: Moment) -> bool {
        self.since.is_none_or(|since| moment.time() >= since)
    }
}
