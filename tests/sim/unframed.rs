//! Peers whose lines a pause may end.
//!
//! Owns what such a pause means for what is owed: that depends on what the server has read by then,
//! and not on what was sent. Owns the peers that never say LF too, each of which has to get what
//! its twin gets that ends all its lines. Must never ask the engine whether a pause is over.

use std::rc::Rc;
use std::time::Duration;

use berth::engine::limits::{Limits, Pauses};
use berth::wire::CloseReason;

use crate::admission::Verdicts;
use crate::expect::{Ending, Expect};
use crate::marks::{Action, Event, Fault};
use crate::net::Net;
use crate::oracle::{Before, View};
use crate::peer::Peer;
use crate::rng::Rng;
use crate::script;
use crate::setup::{Faults, Setup};
use crate::world::World;

/// More than the longest line.
const WIDE: usize = 64 * 1024;

/// Whether a pause ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Never, or never again.
    Framed,
    /// A long one: neither a LF nor such a pause has come.
    Undecided,
    /// A short one.
    Unframed,
}

/// The same pauses, so many nanoseconds longer.
pub(crate) fn shifted(pauses: Pauses, by: i64) -> Pauses {
    let moved = |pause: Duration| {
        let step = Duration::from_nanos(by.unsigned_abs());
        if by < 0 { pause - step } else { pause + step }
    };
    Pauses {
        first: moved(pauses.first),
        later: moved(pauses.later),
    }
}

/// How far the server has heard a peer whose lines a pause may end.
#[derive(Debug)]
pub(crate) struct Unframed {
    heard: usize,
    has_heard_end: bool,
    /// The lines of a peer that says no LF.
    lines: Option<Lines>,
}

/// Where in the script each line ends, and what the twin has said by then.
#[derive(Debug)]
struct Lines(Vec<(usize, Vec<u8>)>);

impl Lines {
    fn draw(net: &mut Net) -> (Self, Vec<u8>) {
        let catalog = Rc::clone(&net.setup.catalog);
        let (mut said, mut twin) = (Vec::new(), Vec::new());
        let lines = script::draw_lines(&catalog, net.setup.is_small, &mut net.rng);
        // From some line on it may end its lines after all, and then takes its time in between.
        let framed_from = net.rng.below(lines.len() + 2);
        let mut ends = Vec::new();
        for (at, (line, twins)) in lines.into_iter().enumerate() {
            if at > framed_from {
                let half = line.len() / 2;
                let half_twin = [&twin[..], &line[..half]].concat();
                ends.push((said.len() + half, half_twin));
            }
            if at >= framed_from {
                said.extend_from_slice(&line);
                twin.extend_from_slice(&line);
                said.push(b'\n');
            } else {
                said.extend_from_slice(&line);
                twin.extend_from_slice(&twins);
            }
            twin.push(b'\n');
            ends.push((said.len(), twin.clone()));
        }
        (Self(ends), said)
    }
}

impl Setup {
    /// Decides whether pauses end lines here, and what else has to be for them to mean something.
    pub(crate) fn settle_pauses(&mut self, rng: &mut Rng) {
        // Whoever has to show a token ends that line, and so is framed.
        if !self.tokens.all.is_empty() {
            self.limits.unframed = None;
        }
        if self.limits.unframed.is_some() && rng.chance(800) {
            self.make_pauses_likely();
        }
    }

    /// Pauses mean something only to peers who have been let in, by pipes that are not sealed.
    fn make_pauses_likely(&mut self) {
        self.seal_bytes = None;
        self.is_small = false;
        self.peers_max = self.peers_max.max(8);
        self.steps = self.steps.max(150);
        self.faults = Faults(vec![0; Fault::ALL.len()]);
        self.verdicts = Verdicts::default();
        for (&action, weight) in Action::ALL.iter().zip(&mut self.weights) {
            match action {
                Action::Stop | Action::Lease | Action::Reset | Action::Close => *weight = 0,
                Action::JumpToDeadline | Action::JumpBeforeDeadline => *weight = (*weight).max(4),
                _ => {}
            }
        }
    }
}

impl Peer {
    /// A pause may end its lines from now on, and perhaps nothing else does.
    pub(crate) fn mind_pauses(&mut self, net: &mut Net) {
        // A read that gives nothing although something came is a pause where there was none.
        let is_sure = net.setup.faults.permille(Fault::FalseReadBlock) == 0;
        let mut lines = None;
        if is_sure && net.rng.chance(700) {
            let (drawn, script) = Lines::draw(net);
            self.script = script;
            lines = Some(drawn);
            let wire = net.wires.last_mut().expect("it has just connected");
            wire.up.widen(WIDE);
        }
        self.unframed = Some(Unframed {
            heard: 0,
            has_heard_end: false,
            lines,
        });
    }

    fn lines(&self) -> Option<&Lines> {
        self.unframed.as_ref()?.lines.as_ref()
    }

    /// Whether it has been answered all that it said: before that, who says no LF says no more.
    pub(crate) fn is_settled(&self) -> bool {
        let (Some(unframed), Some(_)) = (&self.unframed, self.lines()) else {
            return true;
        };
        let Some(expect) = &self.expect else {
            return false;
        };
        let waits = expect.has_begun() && expect.framing != Framing::Framed;
        let is_answered = !waits && self.received == expect.stream().len();
        unframed.heard == self.sent && (is_answered || expect.ending().is_some())
    }

    /// How much is said at once where `n` bytes could be: of those who say no LF a whole line, and
    /// only when there is room for it.
    pub(crate) fn length_without_lf(&self, n: usize, room: usize) -> usize {
        let Some(Lines(lines)) = self.lines() else {
            return n;
        };
        let next = lines
            .iter()
            .map(|&(end, _)| end)
            .find(|&end| end > self.sent);
        let len = next.map_or(0, |end| end - self.sent);
        if n > 0 && len <= room && self.is_settled() {
            len
        } else {
            0
        }
    }

    /// The pause that ends the line that the server has read the beginning of.
    pub(crate) fn pause(&self, limits: &Limits) -> Option<Duration> {
        self.unframed.as_ref()?;
        self.expect.as_ref()?.pause(limits.unframed?)
    }

    /// The server has read so much. Says whether that is news.
    fn hear(&mut self, read: usize, is_end: bool) -> bool {
        let (Some(unframed), Some(expect)) = (&mut self.unframed, &mut self.expect) else {
            return true;
        };
        let was_unframed = expect.framing == Framing::Unframed;
        let news = &self.script[unframed.heard..read];
        expect.sent(news);
        if was_unframed && expect.framing == Framing::Framed {
            expect.notes.push(Event::FramedAfterAll);
        }
        let ends = is_end && !unframed.has_heard_end;
        if ends {
            expect.sent_all();
        }
        let is_news = ends || !news.is_empty();
        unframed.heard = read;
        unframed.has_heard_end = is_end;
        is_news
    }

    /// After all: who said no LF was sent what its twin is owed. Says whether there is a twin.
    pub(crate) fn equals_its_twin(&self) -> bool {
        let (Some(Lines(lines)), Some(expect)) = (self.lines(), &self.expect) else {
            return false;
        };
        // These endings come at a moment, and the twin is quicker.
        if matches!(
            expect.ending(),
            None | Some(Ending::Idle | Ending::Shutdown | Ending::Refused)
        ) {
            return false;
        }
        let mut said = lines.iter().filter(|(end, _)| *end <= self.sent);
        let Some((_, twin)) = said.next_back() else {
            return false;
        };
        let mut owed = expect.of_the_same_name();
        owed.sent(twin);
        owed.sent_all();
        assert!(
            owed.stream() == expect.stream() && owed.ending() == expect.ending(),
            "who says no LF gets {} bytes to its {:?}, and its twin {} to its {:?}",
            expect.stream().len(),
            expect.ending(),
            owed.stream().len(),
            owed.ending(),
        );
        true
    }
}

impl Expect {
    /// A pause may end its lines.
    pub(crate) const fn mind_pauses(&mut self) {
        self.framing = Framing::Undecided;
    }

    /// Whether a line has begun and not ended.
    fn has_begun(&self) -> bool {
        self.excess || !self.line.is_empty()
    }

    fn pause(&self, pauses: Pauses) -> Option<Duration> {
        let may_be_telnet = self.line.first() == Some(&255);
        if !self.has_begun() || may_be_telnet || self.ending.is_some() {
            return None;
        }
        match self.framing {
            Framing::Framed => None,
            Framing::Undecided => Some(pauses.first),
            Framing::Unframed => Some(pauses.later),
        }
    }

    /// The pause is over. Says whether there is an answer to that.
    fn paused(&mut self) -> bool {
        self.notes.push(match self.framing {
            _ if self.excess => Event::PauseInExcess,
            Framing::Undecided => Event::FirstPause,
            _ => Event::LaterPause,
        });
        self.framing = Framing::Unframed;
        if std::mem::take(&mut self.excess) {
            return false;
        }
        // What is said to an upload may have to wait.
        let may_be_upload = matches!(self.line.first(), Some(b'p' | b'P' | b'r'));
        self.answer();
        !may_be_upload
    }

    fn of_the_same_name(&self) -> Self {
        let number = self.name.trim_start_matches("Client").parse();
        let number = number.expect("the name of a client ends with its number");
        Self::client(number, Rc::clone(&self.catalog))
    }
}

impl World {
    /// What the server read is what it answers, and where it read nothing for long enough, and owes
    /// nothing, that ends a line.
    pub(crate) fn listen(&mut self, before: &Before, views: &[Option<View>]) {
        let net = self.net.borrow();
        for (id, peer) in self.peers.iter_mut().enumerate() {
            let wire = &net.wires[id];
            let (is, read) = (wire.record, wire.record.read);
            if peer.hear(read, wire.end_read) {
                continue;
            }
            let (Some(pause), Some(was)) = (peer.pause(&self.limits), self.views[id]) else {
                continue;
            };
            let rests = was.is_open() && !was.owes && !was.is_tasking;
            let record = before.records[id];
            let is_over = record.moved_at + pause <= net.now;
            // What broke at once, or behind a part of the answer. Whoever left because of its line
            // has ended it.
            let is_web = net.book.departed.contains(&(id, CloseReason::Web));
            let is_mute = wire.fatal.is_some() && is.written == record.written && !is_web;
            if !rests || !is_over || !net.may_serve || is_mute {
                continue;
            }
            let expect = peer.expect.as_mut().expect("it has begun a line");
            let queued = views[id].map_or(0, |view| view.queued);
            let is_answered = is.written + queued > record.written;
            // That a line is too long is said in a turn of its own, from which the pause counts.
            if expect.excess && is_answered {
                continue;
            }
            assert!(
                !expect.paused() || is_web || is_answered,
                "wire {id}: a pause was over, since {:?}, and nothing was answered",
                record.moved_at
            );
        }
    }
}
