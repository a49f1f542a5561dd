//! The network between the peers and the server, and what was done to it.
//!
//! Owns the clock, every connection's two pipes, the edges that wait to be delivered, and a record
//! of each operation that the server did: the oracle's ground truth. Must never know what the
//! bytes mean.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use berth::engine::ports::Refusal;
use berth::engine::readiness::Readiness;
use berth::wire::Farewell;

use crate::marks::{Event, Fault, Marks};
use crate::pipe::Pipe;
use crate::rng::Rng;
use crate::setup::{Bug, Setup};
use crate::trace::Trace;

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

/// What an operation may be found to depend on at the start of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// Operations, also those that failed.
    pub(crate) operations: u64,
    /// Those of them that tried to send something.
    pub(crate) write_tries: u64,
    /// Bytes that the server read.
    pub(crate) read: usize,
    /// Bytes that the server was told were sent.
    pub(crate) written: usize,
    /// When a byte last moved.
    pub(crate) moved_at: Duration,
    /// When the peer last took a byte, or had none to take.
    pub(crate) taken_at: Duration,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
    /// A read has blocked, so its end is an edge.
    read_armed: bool,
    write_armed: bool,
    pub(crate) edge_read: bool,
    pub(crate) edge_write: bool,
    /// What the server has a right to believe: not known to block.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer, or the network, broke it: operations fail.
    pub(crate) reset: bool,
    /// The peer will read no more: what is written to it comes back as a reset.
    pub(crate) deaf: bool,
    pub(crate) key: Option<usize>,
    /// Where the peer is: one of a few places, each of which has its share of the berths.
    pub(crate) place: usize,
    pub(crate) record: Record,
    pub(crate) finished_at: Option<Duration>,
    /// What was read when the server said that no more comes.
    pub(crate) read_at_finish: usize,
    /// The server was told that no more will come.
    pub(crate) end_read: bool,
    /// The server was told that it is broken.
    pub(crate) fatal: Option<Farewell>,
    /// The server let go of it.
    pub(crate) dropped: bool,
    /// The server let go of it before it had read everything.
    pub(crate) rejects: bool,
    /// A reset destroyed bytes on their way to the peer.
    pub(crate) lost: bool,
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

impl Wire {
    fn new(bytes: usize, place: usize) -> Self {
        Self {
            up: Pipe::new(bytes),
            down: Pipe::new(bytes),
            read_armed: false,
            write_armed: false,
            edge_read: false,
            edge_write: false,
            readable: true,
            writable: true,
            reset: false,
            deaf: false,
            key: None,
            place,
            record: Record::default(),
            finished_at: None,
            read_at_finish: 0,
            end_read: false,
            fatal: None,
            dropped: false,
            rejects: false,
            lost: false,
        }
    }

    /// Whether it is in the hub's table.
    pub(crate) const fn is_live(&self) -> bool {
        self.key.is_some() && !self.dropped
    }

    /// Whether a read would tell something new.
    pub(crate) fn has_news(&self, now: Duration) -> bool {
        self.reset || self.up.arrived() > 0 || (self.up.is_over(now) && !self.end_read)
    }

    /// Whether a write would not block.
    pub(crate) fn has_room(&self, low_water: usize) -> bool {
        self.reset || self.down.is_roomy(low_water)
    }

    fn settle(&mut self, now: Duration, strict: bool, low_water: usize) {
        let news = self.up.settle(now);
        self.down.settle(now);
        if self.dropped {
            if news || self.up.arrived() > 0 {
                self.reject();
            }
            return;
        }
        if self.has_news(now) && (self.read_armed || (news && !strict)) {
            self.edge_read = true;
            self.read_armed = false;
        }
        if self.write_armed && self.has_room(low_water) {
            self.edge_write = true;
            self.write_armed = false;
        }
    }

    pub(crate) const fn read_blocked(&mut self) {
        self.read_armed = true;
        self.readable = false;
    }

    pub(crate) const fn write_blocked(&mut self) {
        self.write_armed = true;
        self.writable = false;
    }

    /// The event that waits to be told, which is told once.
    pub(crate) fn take_edge(&mut self) -> Option<Readiness> {
        let edge = Readiness::of(self.edge_read, self.edge_write);
        let any = self.edge_read || self.edge_write;
        self.edge_read = false;
        self.edge_write = false;
        any.then_some(edge)
    }

    /// The server was told of an event.
    pub(crate) const fn noted(&mut self, event: Readiness) {
        self.readable |= event.readable();
        self.writable |= event.writable();
    }

    /// The connection breaks: bytes on their way are gone, and both sides will hear of it.
    pub(crate) fn break_off(&mut self) {
        self.reset = true;
        self.up.destroy();
        self.lost |= self.down.destroy();
    }

    fn drop_by_server(&mut self, now: Duration) {
        self.dropped = true;
        if self.reset {
            return;
        }
        self.down.end(now);
        if self.up.arrived() > 0 {
            self.reject();
        }
    }

    /// Bytes came that nobody reads: the kernel answers with a reset, behind which nothing is safe.
    fn reject(&mut self) {
        self.rejects = true;
        self.up.destroy();
        self.lost |= self.down.destroy();
    }
}

/// Marks what a drop means for the one whom it hit.
pub(crate) fn note_loss(net: &mut Net, id: usize) {
    if net.wires[id].lost {
        net.marks.event(Event::LostToReset);
    }
}
