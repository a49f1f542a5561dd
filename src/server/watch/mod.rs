//! What the server's work looks like from the side: counted always, written to a trace on demand.
//!
//! Owns the clock that turns are measured with, and hands on what the engine says it did. Must
//! never change what is done, and never be heard by a peer. Two things make it cheap:
//!
//! - What is always on is sums, and one look at the clock for each turn: a turn begins when the one
//!   before it ended. That clock costs some 25 ns without a system call, a turn takes microseconds.
//! - A trace wants a look at the clock for each step. [`Watch`] is generic over its [`Tracer`], so
//!   a server without a trace is compiled without a trace: no clock, no branch, no call.

pub mod deeds;
mod events;
pub mod figures;
pub mod slowest;
pub mod trace;
mod tracks;
pub mod writer;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::deeds::Deeds;
use self::figures::Figures;
use crate::engine::deed::{Deed, Rest, Turn};
use crate::engine::outbox::Passage;
use crate::engine::ports::{Observer, Refusal};
use crate::engine::tally::Tally;
use crate::server::socket::Served;
use crate::wire::{ClientName, Farewell};

/// A piece of a turn of the loop, told when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `poll` returned so many events.
    Polled(usize),
    /// They were noted.
    Noted,
    /// Everybody whose turn it was had it.
    Ran,
    /// So many newcomers were taken in or turned away.
    Accepted(usize),
    /// The journal and the trace were looked after.
    Tended,
}

/// Hears everything, with the time. What a tracer does not ask for costs nothing.
pub trait Tracer {
    /// Whether the steps of a turn are to be timed one by one.
    const STEPS: bool;

    /// A client was let in.
    fn arrived(&mut self, _now: Instant, _name: ClientName, _peer: SocketAddr) {}
    /// A newcomer was turned away.
    fn refused(&mut self, _now: Instant, _peer: SocketAddr, _refusal: Refusal) {}
    /// A client's berth is free again.
    fn departed(&mut self, _name: ClientName, _farewell: Farewell) {}
    /// Somebody whose turn it is asked for this file, and bytes of it are queued.
    fn asked(&mut self, _name: &[u8]) {}
    /// No more of a file will be sent to this client, who was to have `size` bytes.
    fn transferred(&mut self, _to: ClientName, _sent: u64, _size: u64) {}
    /// The turn begins of the peer with this key, who has this name while it holds a berth.
    fn began(&mut self, _at: Instant, _key: usize, _name: Option<ClientName>) {}
    /// A step took from `from` to `to`; the turn has done this until now.
    fn step(&mut self, _from: Instant, _to: Instant, _deed: Deed, _deeds: &Deeds) {}
    /// A turn took from `from` to `to` and did this.
    fn turned(&mut self, _from: Instant, _to: Instant, _deeds: &Deeds, _rest: Rest) {}
    /// A stage of the loop took from `from` to `to`.
    fn stage(&mut self, _from: Instant, _to: Instant, _stage: Stage) {}
    /// A turn of the loop is over. Returns when to be called again even if nothing happens.
    fn tend(&mut self, _now: Instant) -> Option<Instant> {
        None
    }
    /// Nothing more will happen.
    fn close(&mut self) {}
}

/// No trace is asked for.
impl Tracer for () {
    const STEPS: bool = false;
}

/// Counts what happens, and hands it on to a tracer.
#[derive(Debug)]
pub struct Watch<T> {
    /// The sums.
    pub figures: Figures,
    tracer: T,
    /// What the turn under way has done so far.
    deeds: Deeds,
    /// When that turn began, or the one before ended.
    turn_from: Instant,
    /// The same of steps, while they are timed.
    step_from: Instant,
    /// The same of the stages of the loop, while they are traced.
    stage_from: Instant,
    /// From when on a turn is so slow that the log is told.
    slow: Duration,
}

impl<T: Tracer> Watch<T> {
    /// Begins to watch.
    #[must_use]
    pub fn new(tracer: T, slow: Duration, now: Instant) -> Self {
        Self {
            figures: Figures::new(now),
            tracer,
            deeds: Deeds::default(),
            turn_from: now,
            step_from: now,
            stage_from: now,
            slow,
        }
    }

    /// `poll` returned, at `now`.
    pub fn polled(&mut self, now: Instant, events: usize) {
        self.figures.polled(events);
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
    pub fn tend(&mut self, now: Instant) -> Option<Instant> {
        let due = self.tracer.tend(now);
        self.stage(Stage::Tended);
        due
    }

    /// Nothing more will happen.
    pub fn close(&mut self) {
        self.tracer.close();
    }

    #[inline(never)]
    fn rested(&mut self, rest: Rest) {
        let now = Instant::now();
        let took = now - self.turn_from;
        let deeds = std::mem::take(&mut self.deeds);
        let yielded = rest.turn == Turn::Yielded;
        self.figures.turned(now, took, &deeds, yielded);
        if took >= self.slow {
            let took = figures::Took(took);
            log::warn!("a slow turn, {took}: {}: {deeds}", deeds.who());
        }
        if T::STEPS {
            self.tracer.turned(self.turn_from, now, &deeds, rest);
            self.step_from = now;
        }
        self.turn_from = now;
    }
}

impl<T: Tracer> Observer for Watch<T> {
    type File = Served;
    type Peer = SocketAddr;

    fn arrived(&mut self, name: ClientName, peer: &SocketAddr) {
        self.figures.accepted += 1;
        // Its first turn follows at once, and is not to blame for what came before.
        self.turn_from = Instant::now();
        self.step_from = self.turn_from;
        self.tracer.arrived(self.turn_from, name, *peer);
    }

    fn refused(&mut self, peer: &SocketAddr, refusal: Refusal) {
        match refusal {
            Refusal::Full => self.figures.full += 1,
            Refusal::Crowded => self.figures.crowded += 1,
        }
        self.turn_from = Instant::now();
        self.step_from = self.turn_from;
        self.tracer.refused(self.turn_from, *peer, refusal);
    }

    fn departed(&mut self, name: ClientName, farewell: Farewell, _: &Tally) {
        self.figures.departed(farewell);
        self.tracer.departed(name, farewell);
    }

    fn queued(&mut self, file: &[u8]) {
        self.tracer.asked(file);
    }

    fn transferred(&mut self, to: ClientName, passage: &Passage<Served>, _: Duration) {
        self.tracer.transferred(to, passage.sent, passage.size);
    }

    /// Every step, as it is taken.
    ///
    /// A deed is known where it is told, so inlined it costs what its own arm does, which for most
    /// is an addition; as a call it would cost the sorting out each time.
    #[inline(always)]
    fn saw(&mut self, deed: Deed) {
        self.deeds.add(deed);
        match deed {
            Deed::Rested(rest) => self.rested(rest),
            Deed::Took(_) => {}
            Deed::Began(key, name) => {
                self.step_from = self.turn_from;
                self.tracer.began(self.turn_from, key, name);
            }
            deed if T::STEPS => {
                let now = Instant::now();
                self.tracer.step(self.step_from, now, deed, &self.deeds);
                self.step_from = now;
            }
            _ => {}
        }
    }
}
