//! The network between the peers and the server, and what was done to it.
//!
//! Owns the clock, the connections, the faults, and the book of who came and went: with the record
//! of each operation, the oracle's ground truth. Must never know what the bytes mean.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use berth::engine::ports::Refusal;
use berth::wire::Farewell;

use crate::marks::{Event, Fault, Marks};
use crate::rng::Rng;
use crate::setup::{Bug, Setup};
use crate::trace::Trace;
use crate::wire::Wire;

/// The network as the world, the transports and the service share it: one thread, one seed.
pub(crate) type Shared = Rc<RefCell<Net>>;

#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) rng: Rng,
    pub(crate) setup: Setup,
    /// Time since the beginning.
    pub(crate) now: Duration,
    pub(crate) wires: Vec<Wire>,
    pub(crate) marks: Marks,
    pub(crate) trace: Trace,
    /// Off in the last phase, in which everybody gets all that is theirs.
    pub(crate) faults_on: bool,
    pub(crate) book: Book,
    /// Operations in this run of the hub.
    pub(crate) operations: usize,
    /// Where one fault, and no other, is to happen; see `nth`.
    pub(crate) aim: Option<Aim>,
}

/// The only fault of a day that is otherwise calm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) fault: Fault,
    /// How many chances for it are let pass before.
    pub(crate) left: usize,
}

/// Who holds a berth and who does not, as the calls that come out of the hub tell it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// The wire of each client ever let in, by its number less one.
    pub(crate) names: Vec<usize>,
    pub(crate) departed: Vec<(usize, Farewell)>,
    pub(crate) refused: Vec<(usize, Refusal)>,
    /// Whose first line was taken, whose `exit` was, and of whom it was said that a line of theirs
    /// lacks its end.
    pub(crate) asked: Vec<usize>,
    pub(crate) exited: Vec<usize>,
    pub(crate) unended: Vec<usize>,
    /// Who is connected without a berth, the longest there first.
    pub(crate) outsiders: VecDeque<usize>,
    /// Whether newcomers are let in just now, who may push an outsider out.
    pub(crate) accepting: bool,
    /// Connections that the hub dropped since this was last looked at.
    pub(crate) drops: Vec<Drop>,
}

impl Book {
    pub(crate) fn clients(&self) -> usize {
        self.names.len() - self.departed.len()
    }
}

/// A connection that the hub dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drop {
    pub(crate) wire: usize,
    /// Whether it had to make room: it was there longest, and there were too many.
    pub(crate) makes_room: bool,
}

impl Net {
    pub(crate) fn new(seed: u64, bug: Option<Bug>, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let setup = Setup::draw(&mut rng, bug);
        Self {
            rng,
            setup,
            now: Duration::ZERO,
            wires: Vec::new(),
            marks: Marks::default(),
            trace,
            faults_on: true,
            book: Book::default(),
            operations: 0,
            aim: None,
        }
    }

    pub(crate) fn connect(&mut self) -> usize {
        let bytes = self.setup.pipe_bytes;
        let place = self.rng.below(3);
        self.wires.push(Wire::new(bytes, place));
        self.wires.len() - 1
    }

    /// Whether fewer clients than may be are from where this peer is.
    pub(crate) fn has_share(&self, id: usize) -> bool {
        let gone = |id: &usize| self.book.departed.iter().any(|(each, _)| each == id);
        let inside = self.book.names.iter().filter(|id| !gone(id));
        let place = self.wires[id].place;
        let neighbours = inside.filter(|&&id| self.wires[id].place == place);
        neighbours.count() < self.setup.share_max
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        self.trace.say(now, line);
    }

    /// Whether a fault happens now.
    pub(crate) fn fault(&mut self, fault: Fault) -> bool {
        let permille = self.setup.faults.permille(fault);
        let happens = match &mut self.aim {
            None => self.faults_on && self.rng.chance(permille),
            Some(aim) if aim.fault == fault && self.faults_on => {
                aim.left = aim.left.wrapping_sub(1);
                aim.left == usize::MAX
            }
            Some(_) => false,
        };
        if happens {
            self.marks.fault(fault);
        }
        happens
    }

    /// Whether a mistake on purpose is made now.
    pub(crate) fn errs(&mut self, bug: Bug) -> bool {
        self.setup.bug == Some(bug) && self.rng.chance(100)
    }

    /// When something that is sent now arrives.
    pub(crate) fn arrival(&mut self) -> Duration {
        let us = self.rng.below(self.setup.latency_max_us + 1);
        self.now + Duration::from_micros(us as u64)
    }

    /// Lets arrive what is due, and raises the edges that come of it.
    pub(crate) fn settle(&mut self) {
        let (now, setup) = (self.now, &self.setup);
        for wire in &mut self.wires {
            wire.settle(now, setup.strict_edges, setup.low_water);
        }
    }

    /// When the next thing arrives anywhere.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        let live = self.wires.iter().filter(|wire| !wire.reset);
        live.flat_map(|wire| [&wire.up, &wire.down])
            .filter_map(|pipe| pipe.next_arrival(self.now))
            .min()
    }

    /// The hub let go of a connection: what its peer has not read is in danger.
    pub(crate) fn dropped(&mut self, id: usize) {
        let most = self.setup.limits.outsiders_max - usize::from(self.book.accepting);
        let outsiders = &mut self.book.outsiders;
        let makes_room = outsiders.len() > most && outsiders.front() == Some(&id);
        outsiders.retain(|&each| each != id);
        self.book.drops.push(Drop {
            wire: id,
            makes_room,
        });
        let now = self.now;
        self.wires[id].drop_by_server(now);
        self.say(|| format!("  wire {id}: dropped"));
    }
}

/// Marks what a drop means for the one whom it hit.
pub(crate) fn note_loss(net: &mut Net, id: usize) {
    if net.wires[id].lost {
        net.marks.event(Event::LostToReset);
    }
}
