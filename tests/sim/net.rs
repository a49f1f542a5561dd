//! The network between the peers and the server, and what was done to it.
//!
//! Owns the clock, the connections, the faults, and the book of who came and went: with the record
//! of each operation, the oracle's ground truth. Must never know what the bytes mean.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use berth::engine::admission::{Denial, Refusal, Ticket, Verdict};
use berth::engine::rights::Rights;
use berth::wire::{ClientName, CloseReason};

use crate::admission::Pending;

use crate::marks::{Event, Fault, Marks};
use crate::rng::Rng;
use crate::setup::{Bug, Setup};
use crate::trace::Trace;
use crate::transport::WRITE_FAULTS;
use crate::uploads::Uploading;
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
    /// The server was told to stop.
    pub(crate) is_stopping: bool,
    /// Off in the last phase, in which everybody gets all that is theirs.
    pub(crate) faults_on: bool,
    pub(crate) book: Book,
    /// Operations in this run of the hub.
    pub(crate) operations: usize,
    /// Steps of handshakes in this run of the hub.
    pub(crate) handshake_steps: usize,
    /// What can go wrong with the operation of a sealed pipe that is under way.
    pub(crate) sealed_faults: [Fault; 4],
    /// Whether the judge of newcomers lets anybody be served.
    pub(crate) may_serve: bool,
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
    /// The wire of each client ever let in, by its number less one. A name that was granted and
    /// never taken is nobody's.
    pub(crate) names: Vec<Option<usize>>,
    pub(crate) departed: Vec<(usize, CloseReason)>,
    /// Whose first line was taken, whose `exit` was, and of whom it was said that a line of theirs
    /// lacks its end.
    pub(crate) asked: Vec<usize>,
    pub(crate) exited: Vec<usize>,
    pub(crate) unended: Vec<usize>,
    /// The uploads under way, whose answers were resumed in this run of the hub, and who waits for
    /// the disk for so many more rounds of the loop.
    pub(crate) uploading: Vec<Uploading>,
    pub(crate) resumed: Vec<usize>,
    pub(crate) waits: Vec<(usize, u64)>,
    /// What became of newcomers since this was last looked at.
    pub(crate) met: Vec<(usize, Met)>,
    /// Who was asked for a token.
    pub(crate) demanded: Vec<usize>,
    /// What came of each token that was shown, and who holds which.
    pub(crate) judged: Vec<(usize, Result<Rights, Denial>)>,
    pub(crate) holders: Vec<(usize, usize)>,
    /// Everybody in the order in which they came, which is that of their tickets.
    pub(crate) accepted: Vec<usize>,
    /// Who is connected and neither let in nor turned away.
    pub(crate) arriving: Vec<usize>,
    /// Who was granted a berth and is not let in yet.
    pub(crate) promised: Vec<(Ticket, usize)>,
    /// The verdicts that have come, each with its wire.
    pub(crate) told: Vec<(usize, Verdict)>,
    /// Verdicts on their way.
    pub(crate) pending: Vec<Pending>,
    /// Who is connected without a berth, the longest there first.
    pub(crate) unadmitted: VecDeque<usize>,
    /// Whether newcomers are let in just now, who may push an unadmitted out.
    pub(crate) accepting: bool,
    /// Connections that the hub dropped since this was last looked at.
    pub(crate) drops: Vec<Drop>,
}

impl Book {
    pub(crate) fn clients(&self) -> usize {
        self.admitted().count() - self.departed.len()
    }

    /// Everybody who was ever let in.
    pub(crate) fn admitted(&self) -> impl Iterator<Item = usize> {
        self.names.iter().filter_map(|&wire| wire)
    }

    /// The wire of a client.
    pub(crate) fn wire(&self, name: ClientName) -> usize {
        self.names[name.0 as usize - 1].expect("whoever has a name was let in")
    }
}

/// What became of a newcomer.
#[derive(Clone, Debug)]
pub(crate) enum Met {
    /// It is asked for a token.
    Outside,
    /// This was shown, and so it was judged.
    Judged(Vec<u8>, Result<Rights, Denial>),
    Client(ClientName),
    /// Whether there is a reason for it: otherwise the server has to be stopping.
    Refused(Refusal, bool),
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
            is_stopping: false,
            faults_on: true,
            book: Book::default(),
            operations: 0,
            handshake_steps: 0,
            sealed_faults: WRITE_FAULTS,
            may_serve: true,
            aim: None,
        }
    }

    pub(crate) fn connect(&mut self) -> usize {
        let bytes = self.setup.pipe_bytes;
        let place = self.rng.below(3);
        let mut wire = Wire::new(bytes, place);
        wire.is_sealed = self.setup.seal_bytes.is_some();
        self.wires.push(wire);
        self.wires.len() - 1
    }

    /// Whether fewer clients than may be are from where this peer is.
    pub(crate) fn has_share(&self, id: usize) -> bool {
        let gone = |id: &usize| self.book.departed.iter().any(|(each, _)| each == id);
        let inside = self.book.admitted().filter(|id| !gone(id));
        let promised = self.book.promised.iter().map(|&(_, id)| id);
        let place = self.wires[id].place;
        let neighbours = inside
            .chain(promised)
            .filter(|&id| self.wires[id].place == place);
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

    /// Whether there is a reason to turn this peer away now.
    pub(crate) fn is_refusable(&self, id: usize, refusal: Refusal) -> bool {
        let told = self.book.told.contains(&(id, Verdict::Refused(refusal)));
        match refusal {
            // That it was asked and did not answer is known to whom its bytes are.
            Refusal::Denied(Denial::NotShown) => return true,
            Refusal::Denied(denial) => return self.book.judged.contains(&(id, Err(denial))),
            Refusal::Busy => return self.is_crowded_out(id),
            Refusal::Late(_) => {
                return self.now >= self.wires[id].arrived_at + self.setup.limits.arrival;
            }
            _ => {}
        }
        let is_full = self.book.clients() >= self.setup.limits.clients_max;
        let is_late = self.now >= self.wires[id].arrived_at + self.setup.limits.arrival;
        told || (refusal == Refusal::Full && (is_full || is_late))
    }

    /// The hub is about to be run.
    pub(crate) fn begin_run(&mut self) {
        self.operations = 0;
        self.handshake_steps = 0;
    }

    /// When the next verdict comes.
    pub(crate) fn next_verdict(&self) -> Option<Duration> {
        self.book.pending.iter().map(|each| each.due).min()
    }

    /// Whoever has this ticket waits no more.
    pub(crate) fn withdrawn(&mut self, ticket: Ticket) {
        let id = self.book.accepted[usize::try_from(ticket.0).expect("it is small")];
        if self.book.arriving.contains(&id) {
            self.book.arriving.retain(|&each| each != id);
            self.book.unadmitted.push_back(id);
            let now = self.now;
            let wire = &mut self.wires[id];
            wire.is_bare = !wire.owes && !self.book.demanded.contains(&id);
            // What is owed to somebody who was asked for a token is known elsewhere.
            if !wire.owes && !self.book.demanded.contains(&id) {
                wire.record.taken_at = now;
            }
        }
    }

    /// Whether somebody who arrives has to make room, and it is this one's turn to.
    pub(crate) fn is_crowded_out(&self, id: usize) -> bool {
        let arriving = &self.book.arriving;
        let newcomer = arriving.last().copied();
        let (Some(newcomer), true) = (newcomer, arriving.contains(&id)) else {
            return false;
        };
        let limits = &self.setup.limits;
        let place = self.wires[newcomer].place;
        let neighbours = || {
            let all = arriving.iter().copied();
            all.filter(|&each| self.wires[each].place == place)
        };
        let silence = |id: &usize| self.wires[*id].record.moved_at;
        let longest = if neighbours().count() > limits.arrivals_per_origin_max {
            neighbours()
                .filter(|&each| each != newcomer)
                .map(|id| silence(&id))
                .min()
        } else if arriving.len() > limits.arrivals_max {
            arriving
                .iter()
                .filter(|&&each| each != newcomer)
                .map(silence)
                .min()
        } else {
            None
        };
        longest == Some(silence(&id)) && id != newcomer
    }

    /// The hub let go of a connection: what its peer has not read is in danger.
    pub(crate) fn dropped(&mut self, id: usize) {
        let most = self.setup.limits.unadmitted_max - usize::from(self.book.accepting);
        let unadmitted = &mut self.book.unadmitted;
        let makes_room = unadmitted.len() > most && unadmitted.front() == Some(&id);
        unadmitted.retain(|&each| each != id);
        self.book.arriving.retain(|&each| each != id);
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
