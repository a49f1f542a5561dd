//! A trace in the Trace Event Format: what Perfetto, chrome://tracing and `berthd trace` show.
//!
//! Owns the tracks of the clients and their open spans. Must never hold more than that: an event is
//! written when it is over.
//!
//! The loop is one track, each client another, and refused peers share a third. A span of unknown
//! length (a stay, a download, a wait for the peer) begins with one event and ends with another;
//! all else is one event. On a client's track spans nest: a wait in a download in a stay.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use crate::engine::event::{Event, RequestKind, Turn, TurnEnd};
use crate::engine::ports::Refusal;
use crate::server::observe::trace::events::{Arg, COUNT_EVERY, Events, LOOP};
use crate::server::observe::trace::tracks::{CLIENTS, Edge, REFUSED, Track};
use crate::server::observe::trace::writer::Writer;
use crate::server::observe::turn_stats::TurnStats;
use crate::server::observe::{Stage, Tracer};
use crate::wire::{ClientName, CloseReason, Sanitized, Timestamp};

/// The counters.
const QUEUE: usize = 0;
const INSIDE: usize = 1;
const QUEUED: usize = 2;
const COUNTERS: [&str; 3] = ["run queue", "clients", "queued bytes"];

/// Noting events is shown only if it took longer than this: mostly there are one or two.
const NOTED_MIN: Duration = Duration::from_micros(1);

/// The same for the ticks of the journal and of the trace: mostly nothing is due.
const TENDED_MIN: Duration = Duration::from_micros(20);

/// Writes the events to a file.
#[derive(Debug)]
pub struct Trace {
    events: Events,
    /// The client of each key. Events of other peers are written to the track of refused peers.
    tracks: Vec<Option<Track>>,
    /// Whose turn it is.
    key: usize,
    /// Whether the next turn is the first one of a new connection, which may reuse a key.
    is_new: bool,
    /// When the last step was over.
    last: Instant,
    /// Spans that begin or end when the step under way is over.
    edges: Vec<Edge>,
    /// Requests taken in this turn before the step under way.
    seen: [u32; RequestKind::ALL.len()],
    turns: u64,
    yields: u64,
    clients: u64,
    queued: u64,
}

impl Trace {
    /// Begins to trace.
    #[must_use]
    pub fn new(writer: Writer, now: Instant) -> Self {
        let mut events = Events::new(writer, now, COUNTERS);
        let program = concat!("berthd ", env!("CARGO_PKG_VERSION"));
        events.name(now, "process_name", LOOP, program);
        // Times in a trace count from its start; this is the wall clock's time of that.
        let started = Timestamp(SystemTime::now()).to_string();
        events.name(now, "started", LOOP, &started);
        events.name(now, "thread_name", LOOP, "the loop");
        events.name(now, "thread_name", REFUSED, "turned away");
        Self {
            events,
            tracks: Vec::new(),
            key: 0,
            is_new: false,
            last: now,
            edges: Vec::new(),
            seen: Default::default(),
            turns: 0,
            yields: 0,
            clients: 0,
            queued: 0,
        }
    }

    /// The client whose turn it is, if it is one.
    fn current(&mut self) -> Option<&mut Track> {
        self.tracks.get_mut(self.key)?.as_mut()
    }

    fn track(&mut self) -> u64 {
        self.current().map_or(REFUSED, |track| track.id())
    }

    /// Writes the spans that began or ended meanwhile.
    fn settle(&mut self, at: Instant) {
        if self.edges.is_empty() {
            return;
        }
        let track = self.track();
        for edge in self.edges.drain(..) {
            let events = &mut self.events;
            match edge {
                Edge::Asked(name) => events.edge(track, b'B', &name, at, &[]),
                Edge::Moved => events.edge(track, b'E', "", at, &[]),
                Edge::Left(why) => {
                    let why = why.to_string();
                    events.edge(track, b'E', "", at, &[Arg::Text("why", &why)]);
                }
                Edge::Sent { sent, size } => {
                    let args = [Arg::Count("sent", sent), Arg::Count("size", size)];
                    events.edge(track, b'E', "", at, &args);
                }
            }
        }
    }

    /// Ends the client's wait, because its turn begins.
    fn stop_waiting(&mut self) {
        if let Some(track) = self.current()
            && std::mem::take(&mut track.is_waiting)
        {
            self.edges.push(Edge::Moved);
        }
    }

    /// Something is told of this client, which is in its turn as a rule, and not at the very end.
    fn turn_to(&mut self, name: ClientName) {
        let is = |track: &Option<Track>| track.as_ref().is_some_and(|track| track.name == name);
        if !self.tracks.get(self.key).is_some_and(is) {
            self.settle(self.last);
            self.key = self.tracks.iter().position(is).unwrap_or(usize::MAX);
        }
        self.stop_waiting();
    }

    /// A turn is over: notes what its client does until the next.
    fn leave(&mut self, at: Instant, rest: TurnEnd) {
        let is_done = rest.turn == Turn::Done;
        let waits = rest.turn == Turn::Waiting && rest.owes;
        let lingers = !rest.is_client && !is_done;
        let queued = if is_done { 0 } else { rest.queued as u64 };
        let Some(track) = self.current() else { return };
        let id = track.id();
        let was_queued = std::mem::replace(&mut track.queued, queued);
        let was_lingering = std::mem::replace(&mut track.is_lingering, lingers);
        track.is_waiting = waits;
        self.queued = self.queued - was_queued + queued;
        if was_lingering && !lingers {
            self.events.edge(id, b'E', "", at, &[]);
        }
        if lingers && !was_lingering {
            self.events.edge(id, b'B', "lingering", at, &[]);
        }
        if waits {
            let name = "waiting for the peer";
            self.events.edge(id, b'B', name, at, &[]);
        }
    }

    /// The requests since the last call.
    fn requests(&mut self, events: &TurnStats) -> [Arg<'static>; RequestKind::ALL.len()] {
        let seen = std::mem::replace(&mut self.seen, events.requests);
        RequestKind::ALL.map(|kind| {
            let count = events.requests[kind as usize] - seen[kind as usize];
            Arg::Some(kind.word(), count.into())
        })
    }

    /// The counters are those of a moment in which no turn is under way.
    fn count(&mut self, at: Instant) {
        self.events.count(INSIDE, self.clients);
        self.events.count(QUEUED, self.queued);
        self.events.write_maxima(at);
    }
}

impl Tracer for Trace {
    const STEPS: bool = true;

    fn arrived(&mut self, now: Instant, name: ClientName, peer: SocketAddr) {
        let (track, peer) = (CLIENTS + name.0, peer.to_string());
        self.events
            .name(now, "thread_name", track, &name.to_string());
        let args = [Arg::Text("from", &peer)];
        self.events.edge(track, b'B', "connected", now, &args);
        self.clients += 1;
        self.is_new = true;
    }

    fn refused(&mut self, now: Instant, peer: SocketAddr, refusal: Refusal) {
        let why = match refusal {
            Refusal::Full => "all was full",
            Refusal::Crowded => "its address has its share",
            Refusal::Penalised => "too many failed tries from its address",
            Refusal::Denied(_) => "its token does not let it in",
            Refusal::Late(_) => "it completed no handshake, or showed no token, in time",
            Refusal::Busy => "too many have not completed a handshake or shown a token",
            Refusal::BrokeRules => "it does not speak TLS, or ended its handshake",
        };
        let peer = peer.to_string();
        let args = [Arg::Text("from", &peer), Arg::Text("why", why)];
        self.events.edge(REFUSED, b'i', "refused", now, &args);
        self.is_new = true;
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason) {
        self.turn_to(name);
        self.clients -= 1;
        self.edges.push(Edge::Left(reason));
    }

    fn asked(&mut self, name: &[u8]) {
        let name = format!("get {}", Sanitized(name));
        self.edges.push(Edge::Asked(name));
    }

    fn transferred(&mut self, to: ClientName, sent: u64, size: u64) {
        self.turn_to(to);
        // The transfer of an empty file has no span.
        if size > 0 {
            self.edges.push(Edge::Sent { sent, size });
        }
    }

    fn began(&mut self, at: Instant, key: usize, name: Option<ClientName>) {
        (self.key, self.last) = (key, at);
        self.seen = Default::default();
        if std::mem::take(&mut self.is_new) {
            if self.tracks.len() <= key {
                self.tracks.resize(key + 1, None);
            }
            self.tracks[key] = name.map(Track::new);
        }
        self.stop_waiting();
        self.settle(at);
    }

    fn step(&mut self, from: Instant, to: Instant, event: Event, events: &TurnStats) {
        let (track, when) = (self.track(), (from, to));
        self.last = to;
        let (name, bytes) = match event {
            Event::Answered => {
                let args = self.requests(events);
                self.events.span(track, "answer", when, &args);
                return self.settle(to);
            }
            Event::Wrote(n) => ("write", n),
            Event::Sent(n) => ("send file", n),
            Event::Settled(n) => ("settle", n),
            Event::Read(n) => ("read", n),
            Event::ReadEnd => ("read the end", 0),
            Event::WriteBlocked => ("write would block", 0),
            Event::ReadBlocked => ("read would block", 0),
            Event::Finished => ("finish", 0),
            Event::Failed => ("failed", 0),
            Event::Expired(_) => return self.events.span(LOOP, "expiry", when, &[]),
            Event::Began(..) | Event::Took(_) | Event::Rested(_) => return,
        };
        let args = [Arg::Some("bytes", bytes as u64)];
        self.events.span(track, name, when, &args);
        self.settle(to);
    }

    fn turned(&mut self, from: Instant, to: Instant, events: &TurnStats, rest: TurnEnd) {
        self.turns += 1;
        self.yields += u64::from(rest.turn == Turn::Yielded);
        self.settle(to);
        self.leave(to, rest);
        let end = match rest.turn {
            Turn::Waiting => "waiting",
            Turn::Yielded => "yielded",
            Turn::Arrived => "arrived",
            Turn::Done => "done",
        };
        self.seen = Default::default();
        let [a, b, c, d, e, f, g, h, i] = self.requests(events);
        let args = [
            Arg::Text("end", end),
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h,
            i,
            Arg::Some("read", events.read),
            Arg::Some("written", events.written),
            Arg::Some("sent", events.sent),
            Arg::Some("would block", events.blocked.into()),
        ];
        let track = self.tracks.get(self.key).and_then(Option::as_ref);
        let name = track.map_or("turned away", |track| &track.label);
        self.events.span(LOOP, name, (from, to), &args);
        if rest.turn == Turn::Done
            && let Some(track) = self.tracks.get_mut(self.key)
        {
            *track = None;
        }
    }

    fn stage(&mut self, from: Instant, to: Instant, stage: Stage) {
        let when = (from, to);
        let took = to - from;
        if matches!(stage, Stage::Polled(_)) && took >= COUNT_EVERY {
            self.events.write_values(from);
        }
        let (name, arg) = match stage {
            Stage::Polled(events) => ("poll", Arg::Count("events", events as u64)),
            Stage::Noted => ("note", Arg::Some("", 0)),
            Stage::Ran => {
                let turns = std::mem::take(&mut self.turns);
                self.events.count(QUEUE, turns);
                self.events.count(QUEUE, std::mem::take(&mut self.yields));
                ("turns", Arg::Some("turns", turns))
            }
            Stage::Accepted(newcomers) => {
                (self.turns, self.yields) = (0, 0);
                self.count(to);
                ("accept", Arg::Some("newcomers", newcomers as u64))
            }
            Stage::Tended => ("tend", Arg::Some("", 0)),
        };
        let is_shown = match (stage, arg) {
            (Stage::Noted, _) => took >= NOTED_MIN,
            (Stage::Tended, _) => took >= TENDED_MIN,
            (_, Arg::Some(_, 0)) => false,
            _ => true,
        };
        if is_shown {
            self.events.span(LOOP, name, when, &[arg]);
        }
    }

    fn on_tick(&mut self, now: Instant) -> Option<Instant> {
        self.events.writer.on_tick(now)
    }

    fn close(&mut self) {
        self.settle(self.last);
        self.count(self.last);
        self.events.write_values(self.last);
        self.events.writer.flush();
    }
}
