//! The event log: what happened, in memory for `status` and in the journal if there is one.
//!
//! Owns the registry, the journal and the wall clock. Must never be asked whether there is a
//! journal: the handler reports each event once.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::engine::outbox::Transfer;
use crate::engine::ports::Refusal;
use crate::engine::stats::SessionStats;
use crate::journal::Event;
use crate::journal::record::{
    Checkpoint, Connected, Disconnected, Present, Reload, Started, Stay, Stopping, TokenEnded,
    Transfer as TransferRecord, Upload as UploadRecord,
};
use crate::journal::text::{FileName, Moment, Reason};
use crate::server::net::caller::Caller;
use crate::server::net::listener::Door;
use crate::server::net::socket::Served;
use crate::server::records::clients::{self, ClientRegistry};
use crate::server::records::journal::{Journal, Recovered, Refusals};
use crate::server::uploads::{Outcome, Upload};
use crate::wire::reply::Hex;
use crate::wire::token::TokenEnd;
use crate::wire::{ClientName, CloseReason, Sanitized};

/// The one version of TLS that is spoken.
const TLS_VERSION: &str = "1.3";

/// Records the clients, their transfers and their disconnects.
#[derive(Debug)]
pub struct EventLog {
    registry: ClientRegistry,
    journal: Option<Journal>,
    refusals: Refusals,
    /// The number of the last client.
    last_client: u64,
    /// The wall clock. Never used for a deadline, as it may jump.
    clock: fn() -> SystemTime,
}

impl EventLog {
    /// An empty log that reads its times from `clock`.
    #[must_use]
    pub fn new(clock: fn() -> SystemTime) -> Self {
        Self {
            registry: ClientRegistry::default(),
            journal: None,
            refusals: Refusals::default(),
            last_client: 0,
            clock,
        }
    }

    /// The wall clock's time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Continues a journal after recovery: clients that were connected when the earlier server died
    /// are recorded as disconnected, at the time of its last record.
    #[must_use]
    pub fn continued(mut self, journal: Journal, past: Recovered) -> Self {
        self.journal = Some(journal);
        self.last_client = past.last_client;
        for (time, gone) in past.gone {
            let stay = clients::Stay::recorded(&gone);
            self.registry
                .remember(&gone.who, gone.reason, stay, time.time());
        }
        let Some(died_at) = past.last_time.map(Moment::time) else {
            return self;
        };
        for who in past.left_inside {
            let reason = Reason::Crash;
            self.registry
                .remember(&who, reason.clone(), clients::Stay::Visit, died_at);
            let stay = None;
            let gone = Disconnected { who, reason, stay };
            self.write(died_at, Event::Disconnected(gone));
        }
        self
    }

    /// Who is connected and who was.
    #[must_use]
    pub const fn registry(&self) -> &ClientRegistry {
        &self.registry
    }

    /// The number of the last client.
    #[must_use]
    pub const fn last_client(&self) -> u64 {
        self.last_client
    }

    /// The server started.
    pub fn started(&mut self, listen: Vec<SocketAddr>, clients_max: usize) {
        let started = Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            listen,
            clients_max: clients_max as u64,
            last_client: self.last_client,
        };
        self.write(self.now(), Event::Started(started));
    }

    /// A client was granted a berth.
    pub fn arrived(&mut self, name: ClientName, peer: &Caller, token: Option<&str>) {
        let now = self.now();
        self.last_client = name.0;
        self.registry.arrived(name, peer.address, now);
        let connected = Connected {
            client: name.into(),
            address: peer.address,
            token: token.map(str::to_owned),
            tls: (peer.door == Door::Tls).then(|| TLS_VERSION.to_owned()),
        };
        self.write(now, Event::Connected(connected));
    }

    /// A peer was refused.
    pub fn refused(&mut self, peer: SocketAddr, refusal: Refusal) {
        if self.journal.is_some() {
            self.refusals.count(peer.ip(), refusal);
        }
    }

    /// A transfer has ended.
    pub fn transferred(&mut self, to: ClientName, transfer: &Transfer<Served>, lasted: Duration) {
        let Some(who) = self.present(to) else { return };
        let record = TransferRecord {
            client: who.client,
            address: who.address,
            name: FileName::from(&*transfer.file.name),
            offset: transfer.offset,
            size: transfer.size,
            bytes_sent: transfer.sent,
            whole: transfer.is_whole(),
            duration_ms: ms(lasted),
        };
        self.write(self.now(), Event::Transfer(record));
    }

    /// An upload was stored, or ended without.
    pub fn uploaded(&mut self, upload: &Upload, outcome: Outcome) {
        let Some(who) = self.present(upload.from) else {
            return;
        };
        let (stored, reason) = match outcome {
            Outcome::Stored(digest, replaced) => (Some((digest, replaced)), None),
            Outcome::Not(reason) => (None, Reason::parse(reason)),
        };
        let record = UploadRecord {
            client: who.client,
            address: who.address,
            name: FileName::from(&*upload.name),
            offset: upload.offset,
            size: upload.size,
            bytes_received: upload.received,
            stored: stored.is_some(),
            replaced: stored.map(|(_, replaced)| replaced),
            sha256: stored.map(|(digest, _)| Hex(&digest).to_string()),
            reason,
            duration_ms: ms(upload.began.elapsed()),
        };
        self.write(self.now(), Event::Upload(record));
    }

    /// A client has gone. The journal has a record of every client, the registry only of the last
    /// ones. Returns the kind of its stay.
    pub fn departed(
        &mut self,
        name: ClientName,
        reason: CloseReason,
        stats: &SessionStats,
    ) -> clients::Stay {
        let now = self.now();
        let reason = Reason::Left(reason);
        if let Some(who) = self.present(name) {
            let stay = Some(Stay {
                requests: stats.requests,
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
                duration_ms: ms(stats.lasted),
            });
            let reason = reason.clone();
            self.write(now, Event::Disconnected(Disconnected { who, reason, stay }));
        }
        let stay = clients::Stay::of(stats.requests, &reason);
        self.registry.departed(name, reason, stay, now);
        stay
    }

    /// The tokens or the certificate, which `what` says, were read again, or could not be.
    pub fn reloaded(&mut self, what: &str, error: Option<String>) {
        let reload = Reload {
            what: what.to_owned(),
            ok: error.is_none(),
            error,
        };
        self.write(self.now(), Event::Reload(reload));
    }

    /// The token of a client is not valid any more.
    pub fn token_ended(&mut self, client: ClientName, token: &str, end: TokenEnd) {
        let ended = TokenEnded {
            client: client.into(),
            token: token.to_owned(),
            why: end.to_string(),
        };
        self.write(self.now(), Event::TokenEnded(ended));
    }

    /// The server was told to stop.
    pub fn stopping(&mut self, clients: usize) {
        let clients = clients as u64;
        self.write(self.now(), Event::Stopping(Stopping { clients }));
    }

    /// Reopens the journal (log rotation).
    pub fn reopen(&mut self) {
        let Some(journal) = &mut self.journal else {
            return;
        };
        match journal.reopen() {
            Ok(true) => log::info!("the journal goes on in a new file"),
            Ok(false) => log::info!("the journal is where it was"),
            Err(error) => log::error!("the journal goes on in the old file: {error}"),
        }
        if let Some(link) = journal.turned() {
            let named = |path: &Path| Sanitized(path.as_os_str().as_encoded_bytes()).to_string();
            log::warn!(
                "'{}' leads elsewhere by now: the journal stays where it led at the start, '{}'; \
                 start berthd again to have it there",
                named(link),
                named(journal.path())
            );
        }
        self.check_point();
    }

    /// Does what is due at the end of a turn of the loop. `busy`: there was an event in it. Returns
    /// when to be called again even without an event.
    pub fn on_tick(&mut self, now: Instant, busy: bool) -> Option<Instant> {
        self.journal.as_ref()?;
        let mut refusals_due = self.refusals.due(now);
        if refusals_due.is_some_and(|due| due <= now) {
            self.write_refusals();
            refusals_due = None;
        }
        self.check_point();
        let sync_due = self.journal.as_mut()?.on_tick(now, busy);
        refusals_due.into_iter().chain(sync_due).min()
    }

    /// The server exits: writes the last records and syncs the journal.
    pub fn close(&mut self) {
        self.write_refusals();
        if let Some(journal) = &mut self.journal {
            journal.sync();
        }
    }

    fn write_refusals(&mut self) {
        for refused in self.refusals.take() {
            self.write(self.now(), Event::Refused(refused));
        }
    }

    /// Writes a checkpoint, if recovery would have to read far.
    fn check_point(&mut self) {
        if self.journal.as_ref().is_some_and(Journal::wants_checkpoint) {
            let checkpoint = Checkpoint {
                last_client: self.last_client,
                clients: self.registry.present().collect(),
            };
            self.write(self.now(), Event::Checkpoint(checkpoint));
        }
    }

    fn present(&self, name: ClientName) -> Option<Present> {
        self.journal.as_ref()?;
        self.registry.find(name)
    }

    fn write(&mut self, time: SystemTime, event: Event) {
        if let Some(journal) = &mut self.journal {
            journal.append(time, event);
        }
    }
}

/// Whole milliseconds.
fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
