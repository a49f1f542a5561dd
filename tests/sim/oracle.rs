//! What has to hold after each run of the hub.
//!
//! Owns the judgement of what the hub just did: who got a turn and how large a one, who left and
//! why, who was let go of. Must never take the engine's word where the record of operations, the
//! book and the clock can say it.

use berth::engine::phase::{Ending as PhaseEnding, Phase};
use berth::wire::CloseReason;

use crate::expect::{Ending, Expect};
use crate::marks::Event;
use crate::net::Net;
use crate::reason::{fate, note_fate};
use crate::wire::Record;
use crate::world::World;

/// What can be seen of a client's session from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// Something is to be sent.
    pub(crate) owes: bool,
    pub(crate) queued: usize,
    /// With what is kept until more of it is sent.
    pub(crate) held: usize,
    /// Memory is held that holds nothing.
    pub(crate) is_wasteful: bool,
    pub(crate) wants_read: bool,
    /// An answer in several steps is under way, and nothing of it waits to be sent.
    pub(crate) is_tasking: bool,
    /// Bytes of a body are to come.
    pub(crate) awaits: bool,
}

impl View {
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

/// How things stood before a run.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) records: Vec<Record>,
    /// Of whom the end was read.
    pub(crate) ended: Vec<bool>,
    /// Connections that something can be done for.
    ready: Vec<usize>,
    live: usize,
}

impl World {
    /// What is seen of each client now.
    pub(crate) fn look(&self) -> Vec<Option<View>> {
        let net = &mut *self.net.borrow_mut();
        let mut views = vec![None; self.peers.len()];
        for session in self.hub.sessions() {
            net.marks.phase(session.phase());
            let Some(name) = session.berth() else {
                continue;
            };
            let id = net.book.wire(name);
            let owed = session.front().is_some();
            let owes = owed || net.owes(id);
            let takes = session.takes_requests(&self.limits);
            let awaits = session.owed() > 0;
            let view = View {
                phase: session.phase(),
                owes,
                queued: session.outbox().bytes_queued(),
                held: session.outbox().bytes_held(),
                is_wasteful: session.is_wasteful(),
                wants_read: session.wants_read(&self.limits),
                is_tasking: session.phase() == Phase::Open && !owed && !takes && !awaits,
                awaits,
            };
            let before = views[id].replace(view);
            assert!(before.is_none(), "a name is one session's");
        }
        views
    }

    pub(crate) fn before_run(&self) -> Before {
        let net = self.net.borrow();
        let live = (0..net.wires.len()).filter(|&id| net.wires[id].is_live());
        Before {
            records: net.wires.iter().map(|wire| wire.record).collect(),
            ended: net.wires.iter().map(|wire| wire.end_read).collect(),
            ready: live.clone().filter(|&id| self.is_ready(&net, id)).collect(),
            live: live.count(),
        }
    }

    /// Before a newcomer is let in, who gets its first turn at once, and nobody else does.
    pub(crate) fn before_admission(&self) -> Before {
        let mut before = self.before_run();
        before.ready.clear();
        before.live += 1;
        before
    }

    /// Whether an operation is certain to be tried in this connection's next turn.
    fn is_ready(&self, net: &Net, id: usize) -> bool {
        let wire = &net.wires[id];
        // An upload that was read already may take the turn, and sends nothing.
        let may_upload = net.setup.catalog.uploads.accepted;
        match self.views[id] {
            _ if !net.may_serve || net.book.arriving.contains(&id) => false,
            Some(view) => {
                let reads = view.wants_read && wire.readable && !may_upload;
                wire.writable && (view.owes || reads)
            }
            None if wire.finished_at.is_none() => wire.writable,
            None => wire.readable && self.drains(net, id),
        }
    }

    /// Whether what a leaving peer sends is still read and thrown away.
    pub(crate) fn drains(&self, net: &Net, id: usize) -> bool {
        let (wire, peer) = (&net.wires[id], &self.peers[id]);
        let thrown_away = (wire.record.read - peer.read_while_open) as u64;
        !wire.end_read && thrown_away < self.limits.discard_bytes
    }

    pub(crate) fn after_run(&mut self, before: &Before) {
        let met = self.meet(before);
        let views = self.look();
        self.listen(before, &views);
        let handshakes = self.net.borrow().handshake_steps;
        assert!(
            handshakes <= self.limits.handshake_steps,
            "{handshakes} steps of handshakes are more than one turn of the loop has"
        );
        let steps = std::mem::take(&mut self.service.steps);
        assert!(steps <= before.live, "a turn has one step of a long answer");
        self.judge_idle(before, &views);
        self.judge_stalled_bodies(before, &views);
        self.keep_time(&views);
        self.keep_time_outside();
        self.judge_turns(before, &views, &met);
        self.judge_departures(before);
        self.judge_drops(before);
        self.views = views;
    }

    /// Whoever was told that it was idle was idle, had been answered, and was owed nothing.
    fn judge_idle(&mut self, before: &Before, views: &[Option<View>]) {
        let net = &mut *self.net.borrow_mut();
        for (id, peer) in self.peers.iter_mut().enumerate() {
            let Some(was) = self.views[id].filter(View::is_open) else {
                continue;
            };
            let said = |&(each, reason)| each == id && reason == CloseReason::Idle;
            let left = net.book.departed.iter().any(said);
            let leaves = views[id]
                .is_some_and(|v| v.phase == Phase::Draining(PhaseEnding::Left(CloseReason::Idle)));
            if !left && !leaves {
                continue;
            }
            let idle = self.limits.idle.expect("nobody is idle where all may be");
            let record = before.records[id];
            assert!(
                !was.owes,
                "wire {id}: whoever is owed something is not idle"
            );
            assert!(
                record.moved_at + idle <= net.now,
                "wire {id}: idle too early: a byte moved at {:?}",
                record.moved_at
            );
            let expect = peer.expect.as_mut().expect("a client was met");
            assert!(
                expect.is_bound(record.written),
                "wire {id}: nobody is idle in the middle of an answer"
            );
            let last = format!("ERR idle for {}, closing\n", net.setup.idle_words);
            assert!(expect.cut(record.written, 0, Ending::Idle, &last));
            net.marks.event(Event::IdleLine);
        }
    }

    /// Keeps the clocks of those to whom something came to be owed, or for whom work went on.
    fn keep_time(&mut self, views: &[Option<View>]) {
        let net = &mut *self.net.borrow_mut();
        let resumed = std::mem::take(&mut net.book.resumed);
        for (id, view) in views.iter().enumerate() {
            let (Some(view), Some(was)) = (view, self.views[id]) else {
                continue;
            };
            let record = &mut net.wires[id].record;
            if !was.owes {
                record.taken_at = net.now;
            }
            if view.is_tasking || was.is_tasking || resumed.contains(&id) {
                record.moved_at = net.now;
            }
            if view.is_open() {
                self.peers[id].read_while_open = record.read;
            }
        }
    }

    /// Everybody who could be served was served, and nobody more than a turn's worth.
    fn judge_turns(&self, before: &Before, views: &[Option<View>], met: &[usize]) {
        let net = &*self.net.borrow();
        for &id in &before.ready {
            let wire = &net.wires[id];
            assert!(
                wire.dropped || wire.record.operations > before.records[id].operations,
                "wire {id}: whoever can be served has a turn in the next run"
            );
        }
        for (id, was) in before.records.iter().enumerate() {
            let is = &net.wires[id].record;
            let moved = is.read - was.read + is.written - was.written;
            // Others may have had a turn of whom that was not certain: then it is less.
            // Whoever passed its last gate in one turn is told of its verdict in another.
            let verdicts = met.iter().filter(|&&each| each == id).count();
            let ending = self.peers[id].expect.as_ref().and_then(Expect::ending);
            let verdicts = verdicts + usize::from(ending == Some(Ending::LetGo));
            let has_gates = net.wires[id].is_sealed || !net.setup.tokens.all.is_empty();
            let turns = 1 + if has_gates { verdicts } else { 0 };
            let most = turns * self.limits.share_bytes(before.ready.len());
            assert!(
                moved <= most,
                "wire {id}: {moved} bytes are more than a share of a turn, {most}"
            );
            let empty = is.empty_reads - was.empty_reads;
            let most = turns * (1 + self.limits.turn_bytes / self.limits.read_cost_bytes);
            assert!(
                empty <= most,
                "wire {id}: {empty} reads that gave nothing are more than a turn, {most}"
            );
            let (Some(view), Some(old)) = (views[id], self.views[id]) else {
                continue;
            };
            let expect = self.peers[id].expect.as_ref().expect("a client was met");
            let answers =
                expect.replies_between(was.written + old.queued, is.written + view.queued);
            // One that was under way, which for an upload may be two lines.
            let before = 1 + usize::from(net.setup.catalog.uploads.accepted);
            assert!(
                answers <= self.limits.turn_requests + before,
                "wire {id}: {answers} answers are more than a turn"
            );
        }
    }

    /// Whoever left did so for the reason that was given.
    fn judge_departures(&self, before: &Before) {
        let net = &mut *self.net.borrow_mut();
        let mut seen = vec![false; self.peers.len()];
        for &(id, reason) in &net.book.departed {
            assert!(!seen[id], "wire {id}: a client departs once");
            seen[id] = true;
            if self.views[id].is_none() {
                continue;
            }
            if net.wires[id].broke_rules && self.may_have_left(net, id, reason) {
                continue;
            }
            let due = match self.known_reason(net, before, id, reason) {
                Some(known) => {
                    net.marks.event(Event::KeptReason);
                    known
                }
                None => self.reason(net, before, id),
            };
            assert_eq!(reason, due, "wire {id}: the reason for leaving");
        }
        for (id, wire) in net.wires.iter().enumerate() {
            let is_over = wire.finished_at.is_some() || wire.fatal.is_some();
            let is_client = self.views[id].is_some() && !seen[id];
            assert!(
                !(is_client && is_over),
                "wire {id}: whoever is sent its last byte gives its berth back"
            );
        }
    }

    /// Whether a client that broke the rules of its pipe may have left for this reason: for that,
    /// because of what it had said before, or because the connection broke first.
    fn may_have_left(&self, net: &Net, id: usize, reason: CloseReason) -> bool {
        let expect = self.peers[id].expect.as_ref();
        let ending = expect.and_then(Expect::ending).map(Ending::reason);
        let reasons = [Some(CloseReason::Reset), ending, net.wires[id].fatal];
        reasons.contains(&Some(reason))
    }

    /// Whoever was let go of was done with.
    fn judge_drops(&mut self, before: &Before) {
        let net = &mut *self.net.borrow_mut();
        for drop in std::mem::take(&mut net.book.drops) {
            let fate = fate(net, &self.peers[drop.wire], drop, before, &self.limits);
            self.peers[drop.wire].fate = Some(fate);
            net.say(|| format!("wire {}: {fate:?}", drop.wire));
            note_fate(net, drop.wire, fate);
        }
        for (id, wire) in net
            .wires
            .iter()
            .enumerate()
            .filter(|(_, wire)| wire.is_live())
        {
            let thrown_away = (wire.record.read - wire.read_at_finish) as u64;
            let sends_on = thrown_away >= self.limits.discard_bytes;
            let is_over = wire.finished_at.is_some() && (wire.end_read || sends_on);
            assert!(
                wire.fatal.is_none() && !is_over,
                "wire {id}: whatever is over is let go of"
            );
        }
    }
}
