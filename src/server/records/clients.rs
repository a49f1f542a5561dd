//! The registry of clients: who is connected and who was.
//!
//! Owns what `status` shows. Must never grow without bound: of the clients that have gone, the last
//! [`GONE_MAX`] are kept, and those that only knocked are dropped first. Must never read a clock:
//! times are arguments.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use crate::engine::ports::Step;
use crate::journal::record::{Disconnected, Present};
use crate::journal::text::{Moment, Reason};
use crate::wire::{ClientName, CloseReason, KnownClient, Reply};

/// How many clients that have gone are kept. The protocol promises them; a line for each takes
/// about a hundred bytes.
pub const GONE_MAX: usize = 1000;

/// Lines written in one step: about a tenth of a millisecond, and about ten kilobytes.
const STEP_LINES: usize = 128;

/// All known clients, by number, which is the order of their arrival.
#[derive(Debug, Default)]
pub struct ClientRegistry {
    visits: BTreeMap<ClientName, Visit>,
    /// The clients that have gone, the longest gone first.
    gone: VecDeque<ClientName>,
    /// Those of them that only knocked, the longest gone first.
    knocked: VecDeque<ClientName>,
}

#[derive(Debug)]
struct Visit {
    peer: SocketAddr,
    since: SystemTime,
    left: Option<(SystemTime, Reason)>,
}

/// The kind of a client's stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// The client sent a request, or held its berth until the server closed the connection.
    Visit,
    /// The client sent no request and disconnected by itself, as a port scan or a health check
    /// does; or it spoke HTTP. A thousand of these do not push a visit out of `status`.
    Knock,
}

impl Stay {
    /// The kind of a stay with this number of requests and this end.
    #[must_use]
    pub fn of(requests: u64, reason: &Reason) -> Self {
        match reason {
            Reason::Left(CloseReason::Web) => Self::Knock,
            Reason::Left(CloseReason::Eof | CloseReason::Reset) if requests == 0 => Self::Knock,
            _ => Self::Visit,
        }
    }

    /// The kind of a stay in a journal. A record without numbers is that of a crash.
    #[must_use]
    pub fn recorded(gone: &Disconnected) -> Self {
        let requests = gone.stay.as_ref().map_or(1, |stay| stay.requests);
        Self::of(requests, &gone.reason)
    }
}

/// The progress of an answer to `status`: the names that are still to be written.
#[derive(Debug)]
pub struct Report {
    names: RangeInclusive<ClientName>,
}

impl ClientRegistry {
    /// A client was granted a berth.
    pub fn arrived(&mut self, name: ClientName, peer: SocketAddr, now: SystemTime) {
        let visit = Visit {
            peer,
            since: now,
            left: None,
        };
        self.visits.insert(name, visit);
    }

    /// A client came and went before this server started.
    pub fn remember(&mut self, who: &Present, reason: Reason, stay: Stay, until: SystemTime) {
        let name = ClientName(who.client.0);
        self.arrived(name, who.address, who.connected.time());
        self.departed(name, reason, stay, until);
    }

    /// All clients that are connected.
    pub fn present(&self) -> impl Iterator<Item = Present> {
        self.visits.keys().filter_map(|&name| self.find(name))
    }

    /// A client that is connected.
    #[must_use]
    pub fn find(&self, name: ClientName) -> Option<Present> {
        let visit = self
            .visits
            .get(&name)
            .filter(|visit| visit.left.is_none())?;
        Some(Present {
            client: name.into(),
            address: visit.peer,
            connected: Moment::of(visit.since),
        })
    }

    /// A client has gone.
    pub fn departed(&mut self, name: ClientName, reason: Reason, stay: Stay, now: SystemTime) {
        let Some(visit) = self.visits.get_mut(&name) else {
            return;
        };
        visit.left = Some((now, reason));
        match stay {
            Stay::Visit => self.gone.push_back(name),
            Stay::Knock => self.knocked.push_back(name),
        }
        if self.gone.len() + self.knocked.len() > GONE_MAX {
            let knocked = self.knocked.pop_front();
            let forgotten = knocked.or_else(|| self.gone.pop_front());
            forgotten.and_then(|name| self.visits.remove(&name));
        }
    }

    /// An answer to `status`, of which nothing is written yet. It ends with the last client now.
    #[must_use]
    pub fn report(&self) -> Report {
        let last = self
            .visits
            .last_key_value()
            .map_or(ClientName(0), |(&name, _)| name);
        Report {
            names: ClientName(0)..=last,
        }
    }

    /// Appends the lines of one step.
    pub fn resume(&self, report: &mut Report, out: &mut Vec<u8>) -> Step {
        let mut visits = self.visits.range(report.names.clone());
        for (name, visit) in visits.by_ref().take(STEP_LINES) {
            visit.write(*name, out);
        }
        let Some((&next, _)) = visits.next() else {
            Reply::End.write(out);
            return Step::Done;
        };
        report.names = next..=*report.names.end();
        Step::More
    }
}

impl Visit {
    fn write(&self, name: ClientName, out: &mut Vec<u8>) {
        let gone = self.left.as_ref().map(|(time, reason)| (*time, reason));
        KnownClient::write(out, (name, self.peer), self.since, gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_341_600 + seconds)
    }

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn whole(registry: &ClientRegistry, mut report: Report) -> String {
        let mut out = Vec::new();
        while registry.resume(&mut report, &mut out) == Step::More {}
        String::from_utf8(out).expect("a status is text")
    }

    #[test]
    fn status_names_those_connected_and_those_gone_in_order_of_arrival() {
        let mut registry = ClientRegistry::default();
        registry.arrived(ClientName(1), peer(51234), at(0));
        registry.arrived(
            ClientName(2),
            "[::1]:51236".parse().expect("an address"),
            at(5),
        );
        registry.departed(
            ClientName(1),
            Reason::Left(CloseReason::Exit),
            Stay::Visit,
            at(63),
        );
        assert_eq!(
            whole(&registry, registry.report()),
            "Client01 127.0.0.1:51234 connected 2026-11-22T10:00:00Z \
             disconnected 2026-11-22T10:01:03Z exit\n\
             Client02 [::1]:51236 connected 2026-11-22T10:00:05Z\nEND\n"
        );
    }

    #[test]
    fn the_last_thousand_who_have_gone_are_kept_and_all_who_are_there() {
        let mut registry = ClientRegistry::default();
        for number in 1..=10_000 {
            registry.arrived(ClientName(number), peer(1), at(number));
            if number > 2 {
                registry.departed(
                    ClientName(number),
                    Reason::Left(CloseReason::Eof),
                    Stay::Visit,
                    at(number),
                );
            }
        }
        let status = whole(&registry, registry.report());
        assert_eq!(status.lines().count(), 2 + GONE_MAX + 1);
        assert!(status.starts_with("Client01 127.0.0.1:1 connected"));
        assert!(
            status
                .lines()
                .nth(2)
                .is_some_and(|line| line.starts_with("Client9001 "))
        );
    }

    #[test]
    fn a_report_ends_with_those_who_were_there_when_it_began() {
        let mut registry = ClientRegistry::default();
        registry.arrived(ClientName(1), peer(1), at(0));
        let report = registry.report();
        registry.arrived(ClientName(2), peer(2), at(1));
        assert_eq!(whole(&registry, report).lines().count(), 2);
        assert_eq!(
            whole(
                &ClientRegistry::default(),
                ClientRegistry::default().report()
            ),
            "END\n"
        );
    }

    #[test]
    fn a_client_of_a_clock_before_1970_is_shown_all_the_same() {
        let mut registry = ClientRegistry::default();
        registry.arrived(ClientName(1), peer(1), UNIX_EPOCH - Duration::from_secs(9));
        assert!(whole(&registry, registry.report()).contains("connected 1970-01-01T00:00:00Z\n"));
    }

    #[test]
    fn those_who_only_knock_make_room_before_anybody_else() {
        let mut registry = ClientRegistry::default();
        let mut visit = |number, stay| {
            registry.arrived(ClientName(number), peer(1), at(number));
            let reason = Reason::Left(CloseReason::Eof);
            registry.departed(ClientName(number), reason, stay, at(number));
        };
        (1..=10).for_each(|number| visit(number, Stay::Visit));
        (11..=2011).for_each(|number| visit(number, Stay::Knock));
        (2012..=2101).for_each(|number| visit(number, Stay::Visit));
        let names: Vec<u64> = registry.visits.keys().map(|name| name.0).collect();
        assert_eq!(names.len(), GONE_MAX);
        assert_eq!(names[..10], (1..=10).collect::<Vec<_>>());
        assert_eq!(names[10..], (1112..=2101).collect::<Vec<_>>());
    }

    #[test]
    fn among_a_thousand_who_did_something_there_is_no_room_for_one_who_knocks() {
        let mut registry = ClientRegistry::default();
        for number in 1..=GONE_MAX as u64 + 1 {
            registry.arrived(ClientName(number), peer(1), at(number));
            let stay = Stay::of(u64::from(number != 1001), &Reason::Left(CloseReason::Eof));
            registry.departed(ClientName(number), Reason::Crash, stay, at(number));
        }
        let last = registry.visits.keys().next_back();
        assert_eq!(
            (registry.visits.len(), last),
            (GONE_MAX, Some(&ClientName(1000)))
        );
    }
}
