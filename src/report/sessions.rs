//! The latest sessions of a journal.
//!
//! Owns the clients that are connected at the current position, and the last rows of the table.
//! Must never keep more than those.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::journal::record::{Connected, Disconnected, Present, Stay};
use crate::journal::text::{Client, Moment, Reason};
use crate::journal::{Event, Record};
use crate::report::find::Find;
use crate::report::table::{self, Table};

/// One client's stay, over or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub client: Client,
    /// Where it came from.
    pub address: SocketAddr,
    /// When it was let in.
    pub since: Moment,
    /// When it went and why; `None` while it is inside.
    pub gone: Option<(Moment, Reason)>,
    /// What the stay came to, if that is known.
    pub stay: Option<Stay>,
}

impl Session {
    /// How long it was, if it is over.
    #[must_use]
    pub fn lasted(&self) -> Option<Duration> {
        let (until, _) = self.gone.as_ref()?;
        let by_the_clock = until.time().duration_since(self.since.time());
        // The server measured it with a clock that does not jump.
        let measured = self
            .stay
            .map(|stay| Duration::from_millis(stay.duration_ms));
        Some(measured.unwrap_or_else(|| by_the_clock.unwrap_or_default()))
    }
}

/// Who is inside, as far as the journal was read.
#[derive(Debug, Default)]
pub struct Inside {
    sessions: BTreeMap<Client, Session>,
    last_time: Option<Moment>,
}

impl Inside {
    /// Notes a record. Gives back the sessions that it ends.
    pub fn note(&mut self, record: &Record) -> Vec<Session> {
        let before = self.last_time.replace(record.time);
        match &record.event {
            Event::Connected(Connected {
                client, address, ..
            }) => {
                self.enter(&Present {
                    client: *client,
                    address: *address,
                    connected: record.time,
                });
            }
            Event::Checkpoint(checkpoint) => {
                checkpoint.clients.iter().for_each(|who| self.enter(who));
            }
            Event::Disconnected(gone) => {
                self.sessions.remove(&gone.who.client);
                return vec![ended(gone, record.time)];
            }
            // Whoever is still inside was inside when the server before died, and even that it
            // could not write down.
            Event::Started(_) => return self.crash(before.unwrap_or(record.time)),
            _ => {}
        }
        Vec::new()
    }

    /// How many are inside.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    fn enter(&mut self, who: &Present) {
        self.sessions.entry(who.client).or_insert_with(|| Session {
            client: who.client,
            address: who.address,
            since: who.connected,
            gone: None,
            stay: None,
        });
    }

    fn crash(&mut self, at: Moment) -> Vec<Session> {
        let sessions = std::mem::take(&mut self.sessions).into_values();
        let ended = |session| Session {
            gone: Some((at, Reason::Crash)),
            ..session
        };
        sessions.map(ended).collect()
    }
}

fn ended(gone: &Disconnected, time: Moment) -> Session {
    Session {
        client: gone.who.client,
        address: gone.who.address,
        since: gone.who.connected,
        gone: Some((time, gone.reason.clone())),
        stay: gone.stay,
    }
}

/// The table of the latest sessions that were asked for.
#[derive(Debug)]
pub struct Sessions {
    inside: Inside,
    ended: VecDeque<Session>,
    latest: usize,
    find: Find,
}

impl Sessions {
    /// Shows so many of those that are asked for.
    #[must_use]
    pub fn new(latest: usize, find: &Find) -> Self {
        Self {
            inside: Inside::default(),
            ended: VecDeque::new(),
            latest,
            find: find.clone(),
        }
    }

    /// Notes a record, whatever it is about: who is inside depends on all of them.
    pub fn note(&mut self, record: &Record) {
        for session in self.inside.note(record) {
            if takes(&self.find, &session) {
                self.ended.push_back(session);
            }
        }
        while self.ended.len() > self.latest {
            self.ended.pop_front();
        }
    }

    /// The table, in order of arrival; `None` if there is nothing in it.
    #[must_use]
    pub fn table(&self) -> Option<Table> {
        let inside = self.inside.sessions.values();
        let inside = inside.filter(|session| takes(&self.find, session));
        let mut rows: Vec<&Session> = self.ended.iter().chain(inside).collect();
        rows.sort_by_key(|session| (session.since, session.client));
        let first = rows.len().saturating_sub(self.latest);
        let mut table = Table::new(&[
            "CLIENT",
            "ADDRESS",
            "CONNECTED",
            "LASTED",
            "REASON",
            "REQUESTS",
            "IN",
            "OUT",
        ]);
        rows[first..]
            .iter()
            .for_each(|session| table.push(&row(session)));
        (first < rows.len()).then_some(table)
    }
}

/// Whether a session is asked for: by who it is, why it ended and when it last was.
pub(super) fn takes(find: &Find, session: &Session) -> bool {
    let gone = session.gone.as_ref();
    find.client.is_none_or(|client| client == session.client)
        && find
            .address
            .is_none_or(|address| address == session.address.ip())
        && (find.reason.is_none() || gone.map(|(_, reason)| reason) == find.reason.as_ref())
        && gone.is_none_or(|(until, _)| find.is_recent(*until))
}

fn row(session: &Session) -> [String; 8] {
    let stay =
        |figure: fn(&Stay) -> String| session.stay.as_ref().map_or_else(|| "-".to_owned(), figure);
    [
        session.client.to_string(),
        session.address.to_string(),
        table::second(session.since),
        session
            .lasted()
            .map_or_else(|| "-".to_owned(), table::duration),
        session
            .gone
            .as_ref()
            .map_or_else(|| "inside".to_owned(), |(_, reason)| reason.to_string()),
        stay(|stay| stay.requests.to_string()),
        stay(|stay| table::size(stay.bytes_in)),
        stay(|stay| table::size(stay.bytes_out)),
    ]
}
