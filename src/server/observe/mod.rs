//! Observability: metrics, which are always counted, and a trace on demand.
//!
//! Owns the clock that turns are measured with, and passes the engine's events on. Must never
//! change what the server does, and have no effect that a peer sees. Two things make it cheap:
//!
//! - The metrics are sums, and one clock read per turn: a turn begins when the one before it ended.
//!   A clock read costs some 25 ns without a system call, a turn takes microseconds.
//! - A trace needs a clock read per step. [`Watch`] is generic over its [`Tracer`], so a server
//!   without a trace is compiled without one: no clock, no branch, no call.

pub mod metrics;
pub mod slowest;
pub mod trace;
pub mod turn_stats;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::engine::event::{Event, Turn, TurnEnd};
use crate::engine::outbox::Transfer;
use crate::engine::ports::{Observer, Refusal};
use crate::engine::stats::SessionStats;
use crate::server::net::caller::Caller;
use crate::server::net::socket::Served;
use crate::server::observe::metrics::Metrics;
use crate::server::observe::turn_stats::TurnStats;
use crate::wire::{ClientName, CloseReason};

/// A stage of a turn of the loop, reported when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `poll` returned so many events.
    Polled(usize),
    /// They were noted.
    Noted,
    /// The run queue was served.
    Ran,
    /// So many connections were accepted.
    Accepted(usize),
    /// The ticks of the journal and of the trace are done.
    Tended,
}

/// Is told every event, with its time. A method that is not implemented costs nothing.
pub trait Tracer {
    /// Whether the steps of a turn are to be timed one by one.
    const STEPS: bool;

    /// A client was granted a berth.
    fn arrived(&mut self, _now: Instant, _name: ClientName, _peer: SocketAddr) {}
    /// A peer was refused.
    fn refused(&mut self, _now: Instant, _peer: SocketAddr, _refusal: Refusal) {}
    /// A client's berth is free again.
    fn departed(&mut self, _name: ClientName, _reason: CloseReason) {}
    /// The client whose turn it is asked for this file, and bytes of it are queued.
    fn asked(&mut self, _name: &[u8]) {}
    /// A transfer of `size` bytes to this client has ended.
    fn transferred(&mut self, _to: ClientName, _sent: u64, _size: u64) {}
    /// The turn begins of the peer with this key, who has this name while it holds a berth.
    fn began(&mut self, _at: Instant, _key: usize, _name: Option<ClientName>) {}
    /// A step took from `from` to `to`; the turn has done this until now.
    fn step(&mut self, _from: Instant, _to: Instant, _deed: Event, _deeds: &TurnStats) {}
    /// A turn took from `from` to `to` and did this.
    fn turned(&mut self, _from: Instant, _to: Instant, _deeds: &TurnStats, _rest: TurnEnd) {}
    /// A stage of the loop took from `from` to `to`.
    fn stage(&mut self, _from: Instant, _to: Instant, _stage: Stage) {}
    /// A turn of the loop is over. Returns when to be called again even if nothing happens.
    fn on_tick(&mut self, _now: Instant) -> Option<Instant> {
        None
    }
    /// The server exits.
    fn close(&mut self) {}
}

/// No trace.
impl Tracer for () {
    const STEPS: bool = false;
}

/// The observer of the real server: counts, measures, and passes events on to a tracer.
#[derive(Debug)]
pub struct Watch<T> {
    /// The sums.
    pub metrics: Metrics,
    tracer: T,
    /// The sums of the turn under way.
    events: TurnStats,
    /// When that turn began, or the one before ended.
    turn_from: Instant,
    /// The same of steps, while they are timed.
    step_from: Instant,
    /// The same of the stages of the loop, while they are traced.
    stage_from: Instant,
    /// A turn that takes at least this long is logged.
    slow: Duration,
}

impl<T: Tracer> Watch<T> {
    /// Begins to watch.
    #[must_use]
    pub fn new(tracer: T, slow: Duration, now: Instant) -> Self {
        Self {
            metrics: Metrics::new(now),
            tracer,
            events: TurnStats::default(),
            turn_from: now,
            step_from: now,
            stage_from: now,
            slow,
        }
    }

    /// `poll` returned, at `now`.
    pub fn polled(&mut self, now: Instant, events: usize) {
        self.metrics.polled(events);
        self.turn_from = now;
        if T::STEPS {
            self.stage_at(now, Stage::Polled(events));
        }
    }

    /// Another stage of the loop is over.
    pub fn stage(&mut self, stage: Stage) {
        if T::STEPS {
            self.stage_at(Instant::now(), stage);
        }
    }

    fn stage_at(&mut self, now: Instant, stage: Stage) {
        self.tracer.stage(self.stage_from, now, stage);
        self.stage_from = now;
        self.turn_from = now;
        self.step_from = now;
    }

    /// A turn of the loop is over. Returns when to be called again even if nothing happens.
    pub fn on_tick(&mut self, now: Instant) -> Option<Instant> {
        let due = self.tracer.on_tick(now);
        self.stage(Stage::Tended);
        due
    }

    /// The server exits.
    pub fn close(&mut self) {
        self.tracer.close();
    }

    #[inline(never)]
    fn rested(&mut self, rest: TurnEnd) {
        let now = Instant::now();
        let took = now - self.turn_from;
        let events = std::mem::take(&mut self.events);
        let yielded = rest.turn == Turn::Yielded;
        self.metrics.turned(now, took, &events, yielded);
        if took >= self.slow {
            let took = metrics::Took(took);
            log::warn!("a slow turn, {took}: {}: {events}", events.who());
        }
        if T::STEPS {
            self.tracer.turned(self.turn_from, now, &events, rest);
            self.step_from = now;
        }
        self.turn_from = now;
    }
}

impl<T: Tracer> Observer for Watch<T> {
    type File = Served;
    type Peer = Caller;

    fn arrived(&mut self, name: ClientName, peer: &Caller, _: Option<&str>) {
        self.metrics.accepted += 1;
        // Its first turn follows at once, and begins now, not at the end of the turn before.
        self.turn_from = Instant::now();
        self.step_from = self.turn_from;
        self.tracer.arrived(self.turn_from, name, peer.address);
    }

    fn refused(&mut self, peer: &Caller, refusal: Refusal) {
        match refusal {
            Refusal::Full => self.metrics.full += 1,
            Refusal::Crowded => self.metrics.crowded += 1,
            Refusal::Penalised
            | Refusal::Denied(_)
            | Refusal::Late(_)
            | Refusal::Busy
            | Refusal::BrokeRules => self.metrics.at_the_gate += 1,
        }
        self.turn_from = Instant::now();
        self.step_from = self.turn_from;
        self.tracer.refused(self.turn_from, peer.address, refusal);
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, _: &SessionStats) {
        self.metrics.departed(reason);
        self.tracer.departed(name, reason);
    }

    fn queued(&mut self, file: &[u8]) {
        self.tracer.asked(file);
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<Served>, _: Duration) {
        self.tracer.transferred(to, transfer.sent, transfer.size);
    }

    /// Every step, as it is taken.
    ///
    /// The variant is known at each call, so inlined it costs what its own match arm does, which is
    /// an addition for most; as a call it would cost a dispatch each time.
    #[inline(always)]
    fn on_event(&mut self, event: Event) {
        self.events.add(event);
        match event {
            Event::Rested(rest) => self.rested(rest),
            Event::Took(_) => {}
            Event::Began(key, name) => {
                self.step_from = self.turn_from;
                self.tracer.began(self.turn_from, key, name);
            }
            event if T::STEPS => {
                let now = Instant::now();
                self.tracer.step(self.step_from, now, event, &self.events);
                self.step_from = now;
            }
            _ => {}
        }
    }
}
