//! The server's loop, and what happens around it.
//!
//! Owns the hub under test and drives it as the real loop does: note a batch of events, run, let
//! newcomers in. Must never help it: it wakes only for what the real loop wakes for.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use berth::engine::admission::Verdict;
use berth::engine::hub::Hub;
use berth::engine::limits::Limits;
use berth::engine::readiness::Readiness;

use crate::admission::{Pending, SimAdmission, SimPeer};
use crate::expect::Ending;
use crate::marks::{Event, Marks};
use crate::net::{Net, Shared};
use crate::oracle::View;
use crate::peer::Peer;
use crate::script;
use crate::sealed_peer::SealedPeer;
use crate::service::{SimService, SimTask};
use crate::setup::Bug;
use crate::socket::Socket;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) net: Shared,
    pub(crate) hub: Hub<Socket, SimTask, SimAdmission>,
    pub(crate) service: SimService,
    /// By the number of their wire.
    pub(crate) peers: Vec<Peer>,
    /// Peers who wait to be let in.
    pub(crate) backlog: VecDeque<usize>,
    /// What was last seen of each client, by the number of its wire.
    pub(crate) views: Vec<Option<View>>,
    pub(crate) limits: Limits,
    pub(crate) is_stopping: bool,
    /// The judge has something to say: the loop is woken by that too.
    pub(crate) is_woken: bool,
    /// A token was revoked since the last run in which anybody was served.
    pub(crate) has_revoked: bool,
    /// The moment that the virtual clock counts from.
    base: Instant,
}

impl World {
    pub(crate) fn new(net: Net) -> Self {
        let limits = net.setup.limits;
        let told = net.setup.limits_told();
        net.trace.say(net.now, || format!("{:?}", net.setup));
        let net = Shared::new(net.into());
        let service = SimService::new(Rc::clone(&net));
        let hub = Hub::new(told, SimAdmission::new(Rc::clone(&net)));
        Self {
            net,
            hub,
            service,
            peers: Vec::new(),
            backlog: VecDeque::new(),
            views: Vec::new(),
            limits,
            is_stopping: false,
            is_woken: false,
            has_revoked: false,
            base: Instant::now(),
        }
    }

    pub(crate) fn marks(&self) -> Marks {
        self.net.borrow().marks.clone()
    }

    pub(crate) fn now(&self) -> Duration {
        self.net.borrow().now
    }

    /// When the hub wants to be run again.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let at = self.hub.next_deadline()?;
        Some(at.saturating_duration_since(self.base))
    }

    /// The time as the hub is told it.
    fn told(&self) -> Instant {
        let net = self.net.borrow();
        let now = match net.setup.bug {
            Some(Bug::LateClock) => net.now.saturating_sub(Duration::from_millis(20)),
            Some(Bug::EarlyClock) => net.now + Duration::from_millis(20),
            _ => net.now,
        };
        self.base + now
    }

    pub(crate) fn connect(&mut self) {
        let net = &mut *self.net.borrow_mut();
        let id = net.connect();
        let setup = net.setup.clone();
        let script = script::draw(&setup, &mut net.rng);
        net.say(|| format!("wire {id}: connects, with {} bytes to say", script.len()));
        let seal = SealedPeer::new(&setup);
        let is_sealed = seal.is_some();
        let mut peer = Peer::new(id, script, seal);
        if !is_sealed && net.setup.limits.unframed.is_some() {
            peer.mind_pauses(net);
        }
        self.peers.push(peer);
        self.views.push(None);
        self.backlog.push_back(id);
    }

    /// One pass of the server's loop, if there is something to wake it.
    pub(crate) fn serve(&mut self) {
        self.net.borrow_mut().settle();
        let batch = self.collect_edges();
        self.wait_for_the_disk();
        let due = self.next_deadline().is_some_and(|at| at <= self.now())
            && self.net.borrow().setup.bug != Some(Bug::IgnoreDeadlines);
        let woken = std::mem::take(&mut self.is_woken) || self.verdict_is_due();
        if due || woken || !batch.is_empty() || self.hub.has_work() || !self.backlog.is_empty() {
            for (key, event) in batch {
                self.hub.on_ready(key, event);
            }
            self.net.borrow_mut().begin_run();
            let before = self.before_run();
            let now = self.told();
            self.hub.run(&mut self.service, now);
            self.has_revoked &= !self.net.borrow().may_serve;
            self.after_run(&before);
            self.decide();
            self.accept();
        }
        self.net.borrow_mut().settle();
        self.check();
    }

    /// A round of the loop is what the disk needs some of.
    fn wait_for_the_disk(&mut self) {
        let net = &mut *self.net.borrow_mut();
        let before = net.book.waits.len();
        net.book
            .waits
            .iter_mut()
            .for_each(|(_, rounds)| *rounds -= 1);
        net.book.waits.retain(|&(_, rounds)| rounds > 0);
        if net.book.waits.len() < before && net.setup.bug != Some(Bug::LoseWake) {
            self.hub.wake();
        }
    }

    /// The events that the kernel tells this time, in any order.
    fn collect_edges(&mut self) -> Vec<(usize, Readiness)> {
        let net = &mut *self.net.borrow_mut();
        let permille = net.setup.deliver_permille;
        let mut batch = Vec::new();
        for id in 0..net.wires.len() {
            let deliver = !net.faults_on || net.rng.chance(permille);
            let now = net.now;
            let wire = &mut net.wires[id];
            if !wire.is_live() || !deliver {
                continue;
            }
            let Some(event) = wire.take_edge(now) else {
                continue;
            };
            if net.errs(Bug::SwallowEdge) {
                continue;
            }
            net.say(|| format!("wire {id}: {event:?}"));
            let wire = &mut net.wires[id];
            wire.noted(event);
            let key = wire.key.expect("whoever is live has a key");
            let at = net.rng.below(batch.len() + 1);
            batch.insert(at, (key, event));
        }
        if batch.len() > 1 {
            net.marks.event(Event::SeveralInOneBatch);
        }
        batch
    }

    /// Lets a batch of newcomers in.
    fn accept(&mut self) {
        let batch = self.net.borrow().setup.accept_batch;
        for _ in 0..batch {
            let Some(id) = self.backlog.pop_front() else {
                break;
            };
            self.admit(id);
        }
        self.views = self.look();
    }

    fn admit(&mut self, id: usize) {
        let before = self.before_admission();
        self.net.borrow_mut().book.accepting = true;
        let key = self.hub.reserve();
        self.give_key(id, key);
        let place = self.net.borrow().wires[id].place;
        let socket = Socket::new(id, &self.net);
        let now = self.told();
        let peer = SimPeer { id, place };
        self.hub.accept(socket, peer, &mut self.service, now);
        self.net.borrow_mut().book.accepting = false;
        self.after_run(&before);
    }

    fn verdict_is_due(&self) -> bool {
        let net = self.net.borrow();
        net.book.pending.iter().any(|each| each.due <= net.now)
    }

    /// Hands on the verdicts that have come.
    fn decide(&mut self) {
        loop {
            let pending = {
                let net = &mut *self.net.borrow_mut();
                let due = |each: &Pending| each.due <= net.now;
                let Some(at) = net.book.pending.iter().position(due) else {
                    return;
                };
                net.book.pending.swap_remove(at)
            };
            let Pending {
                id,
                ticket,
                verdict,
                ..
            } = pending;
            self.hear(id, verdict);
            let before = self.before_admission();
            let now = self.told();
            self.hub.decided(ticket, verdict, &mut self.service, now);
            self.after_run(&before);
        }
    }

    fn hear(&self, id: usize, verdict: Verdict) {
        let net = &mut *self.net.borrow_mut();
        net.book.told.push((id, verdict));
        if matches!(verdict, Verdict::Refused(_)) {
            net.marks.event(Event::LateRefusal);
        }
        net.say(|| format!("wire {id}: its verdict comes: {verdict:?}"));
    }

    fn give_key(&self, id: usize, key: usize) {
        let net = &mut *self.net.borrow_mut();
        let users = net.wires.iter().filter(|wire| wire.key == Some(key));
        assert!(
            users.clone().all(|wire| wire.dropped),
            "a key means one connection"
        );
        if users.count() > 0 {
            net.marks.event(Event::KeyUsedAgain);
        }
        let now = net.now;
        let wire = &mut net.wires[id];
        wire.key = Some(key);
        wire.arrived_at = now;
        wire.record.moved_at = now;
        wire.record.taken_at = now;
        net.book.arriving.push(id);
        net.book.accepted.push(id);
    }

    /// The server is told to stop: what is under way is still answered, and nothing more.
    pub(crate) fn stop(&mut self) {
        // Whoever uploads and has just lost its token is told of that first.
        let is_first = !self.has_revoked || self.net.borrow().book.uploading.is_empty();
        if self.is_stopping || !is_first {
            return;
        }
        self.is_stopping = true;
        self.hub.stop();
        let net = &mut *self.net.borrow_mut();
        net.is_stopping = true;
        net.say(|| "the server is told to stop".to_owned());
        for (id, view) in self.views.iter().enumerate() {
            let Some(view) = view.filter(View::is_open) else {
                continue;
            };
            let answered = net.wires[id].record.written + view.queued;
            let more = net.replies_left(id, false);
            let expect = self.peers[id].expect.as_mut().expect("a client was met");
            let last = "ERR server shutting down\n";
            assert!(
                expect.cut(answered, more, Ending::Shutdown, last),
                "wire {id}: more was answered than was asked"
            );
            net.marks.event(Event::ShutdownLine);
        }
    }
}
