//! The records of the journal: one struct for each event.
//!
//! Owns their fields, which `docs/journal.md` publishes. Must never rename one or change its
//! meaning; fields may be added.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::journal::text::{Client, FileName, Moment, Reason};

/// One event, with when it was and which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened, by a clock that may jump.
    pub time: Moment,
    /// The record's number: one more than that of the record before, which may be lost.
    pub seq: u64,
    /// How many records right before this one could not be written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A server started.
    Started(Started),
    /// A client was let in.
    Connected(Connected),
    /// Newcomers were turned away.
    Refused(Refused),
    /// No more of a file will be sent.
    Transfer(Transfer),
    /// An upload was stored, or ended without.
    Upload(Upload),
    /// A client's berth is free again.
    Disconnected(Disconnected),
    /// A file of the server's own was read again, or could not be.
    Reload(Reload),
    /// The token of a client is not valid any more, so that the client has to leave.
    #[serde(rename = "token_ended")]
    TokenEnded(TokenEnded),
    /// The server was told to stop.
    Stopping(Stopping),
    /// Where things stand, so that a start has to read no further back than here.
    Checkpoint(Checkpoint),
    /// Something that a later version may have written.
    #[serde(other)]
    Other,
}

/// A server started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Of the server.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// How many clients are inside at most.
    pub clients_max: u64,
    /// The number of the last client before this start; 0 if there was none.
    pub last_client: u64,
}

/// A client, and from where and since when it is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// Its name.
    pub client: Client,
    /// Where it came from.
    pub address: SocketAddr,
    /// When it was let in.
    pub connected: Moment,
}

/// A client was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// Its name.
    pub client: Client,
    /// Where it came from.
    pub address: SocketAddr,
    /// The name of the token that it showed, if one was demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The version of TLS, if the connection is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
}

/// A file of the server's own was read again, or could not be: what was in force still is then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// Which: `tokens` or `certificate`.
    pub what: String,
    /// Whether it is in force now.
    pub ok: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The token of a client is not valid any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEnded {
    /// The client.
    pub client: Client,
    /// The name of the token.
    pub token: String,
    /// `revoked` or `expired`.
    pub why: String,
}

/// Newcomers were turned away within a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where they came from; absent for those from too many addresses to count each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// `full`, `crowded` (their address held its share of the berths), `auth`, `tls`, `late`,
    /// `busy` or `penalty`.
    pub reason: Reason,
    /// How many.
    pub count: u64,
}

/// No more of a file will be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Who asked for it.
    pub client: Client,
    /// Where the client came from.
    pub address: SocketAddr,
    /// What was asked for.
    #[serde(flatten)]
    pub name: FileName,
    /// The first byte that was to be sent.
    pub offset: u64,
    /// How many were to be sent.
    pub size: u64,
    /// How many were handed to the kernel, which is not to say that they arrived.
    pub bytes_sent: u64,
    /// Whether these two are the same.
    pub whole: bool,
    /// From the request to the last byte, or to the moment it was given up.
    pub duration_ms: u64,
}

/// An upload was stored, or ended without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Who sent it.
    pub client: Client,
    /// Where the client came from.
    pub address: SocketAddr,
    /// The name that it has, or was to have.
    #[serde(flatten)]
    pub name: FileName,
    /// The first byte that the client was to send.
    pub offset: u64,
    /// Of the whole file.
    pub size: u64,
    /// How many bytes came from this client.
    pub bytes_received: u64,
    /// Whether the file is there now.
    pub stored: bool,
    /// Whether another one had the name before; absent unless it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<bool>,
    /// Its digest; absent unless it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it is not stored; absent if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// From the request to the end.
    pub duration_ms: u64,
}

/// A client's berth is free again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnected {
    /// Who, from where and since when.
    #[serde(flatten)]
    pub who: Present,
    /// Why.
    pub reason: Reason,
    /// What the stay came to; absent after a crash, which no server was left to record.
    #[serde(flatten)]
    pub stay: Option<Stay>,
}

/// What a stay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Lines that were taken, whatever they said.
    pub requests: u64,
    /// Bytes that came from the client.
    pub bytes_in: u64,
    /// Bytes handed to the kernel for it.
    pub bytes_out: u64,
    /// How long it was.
    pub duration_ms: u64,
}

/// The server was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// How many were inside.
    pub clients: u64,
}

/// Where things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The number of the last client that was let in; 0 if there was none.
    pub last_client: u64,
    /// All connected clients.
    pub clients: Vec<Present>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Event {
    /// The client that the event is about, if it is about one.
    #[must_use]
    pub const fn client(&self) -> Option<Client> {
        match self {
            Self::Connected(connected) => Some(connected.client),
            Self::Transfer(transfer) => Some(transfer.client),
            Self::Upload(upload) => Some(upload.client),
            Self::Disconnected(gone) => Some(gone.who.client),
            Self::TokenEnded(ended) => Some(ended.client),
            _ => None,
        }
    }

    /// The address of the client or of the refused peers, if the event has one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Connected(connected) => Some(connected.address.ip()),
            Self::Transfer(transfer) => Some(transfer.address.ip()),
            Self::Upload(upload) => Some(upload.address.ip()),
            Self::Disconnected(gone) => Some(gone.who.address.ip()),
            Self::Refused(refused) => refused.address,
            _ => None,
        }
    }

    /// Why a client left, a peer was refused or an upload not stored, if the event says so.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Disconnected(gone) => Some(&gone.reason),
            Self::Refused(refused) => Some(&refused.reason),
            Self::Upload(upload) => upload.reason.as_ref(),
            _ => None,
        }
    }
}
