//! What happens in a step.
//!
//! Owns the draw of one action and its doing. Must never look at what would be clever: chance
//! decides, the oracle judges.

use std::time::Duration;

use berth::engine::readiness::Readiness;

use crate::marks::{Action, Event};
use crate::world::World;

impl World {
    /// All the steps of a seed's first phase.
    pub(crate) fn play(&mut self) {
        let steps = self.net.borrow().setup.steps;
        for step in 0..steps {
            let action = self.draw_action();
            if !self.net.borrow().may_serve && self.chance(300) {
                self.change_lease(true);
            }
            self.tell(step, action);
            self.act(action);
            self.shake_hands();
            self.maybe_serve();
        }
    }

    /// Peers whose pipes are sealed get on with that by themselves, most of the time: chance alone
    /// would let few of them in.
    fn shake_hands(&mut self) {
        for id in 0..self.peers.len() {
            let net = &mut *self.net.borrow_mut();
            let peer = &mut self.peers[id];
            if peer.is_shaking_hands() && net.rng.chance(500) {
                peer.read(net, 60);
                let few = 1 + net.rng.below(30);
                peer.write(net, few);
            }
        }
    }

    /// The server gets its chance, if this is one.
    fn maybe_serve(&mut self) {
        let (permille, rounds) = {
            let setup = &self.net.borrow().setup;
            (setup.serve_permille, setup.rounds)
        };
        if !self.chance(permille) {
            return;
        }
        self.serve();
        for _ in 1..rounds {
            if !self.hub.has_work() {
                return;
            }
            self.serve();
        }
    }

    fn tell(&self, step: usize, action: Action) {
        let net = &mut *self.net.borrow_mut();
        net.marks.action(action);
        net.say(|| format!("step {step}: {action:?}"));
    }

    fn draw_action(&self) -> Action {
        let net = &mut *self.net.borrow_mut();
        let total = net.setup.weights.iter().sum();
        let mut left = net.rng.below(total);
        for (&action, &weight) in Action::ALL.iter().zip(&net.setup.weights) {
            if left < weight {
                return action;
            }
            left -= weight;
        }
        unreachable!("a number below the sum of the weights is within one of them")
    }

    fn act(&mut self, action: Action) {
        let peers_max = self.net.borrow().setup.peers_max;
        match action {
            Action::Connect if self.peers.len() < peers_max => self.connect(),
            Action::Stop => self.stop(),
            Action::Revoke => self.revoke(),
            Action::Lease => self.change_lease(false),
            Action::SpuriousEdge | Action::DeadKey => self.pretend(action),
            Action::JumpLittle => {
                let us = self.below(3000);
                self.jump(Duration::from_micros(us as u64));
            }
            Action::JumpToDeadline => self.jump_to_deadline(Duration::ZERO),
            Action::JumpBeforeDeadline => self.jump_to_deadline(Duration::from_nanos(1)),
            Action::JumpFar => {
                let ms = self.below(8000);
                self.jump(Duration::from_millis(ms as u64));
            }
            Action::Connect | Action::Nothing => {}
            _ if self.peers.is_empty() => {}
            _ => self.act_as_peer(action),
        }
    }

    fn act_as_peer(&mut self, action: Action) {
        let id = self.below(self.peers.len());
        let (few, many) = (1 + self.below(30), 1 + self.below(3000));
        let net = &mut *self.net.borrow_mut();
        let peer = &mut self.peers[id];
        match action {
            Action::WriteSome => {
                peer.write(net, few);
            }
            Action::WriteMuch => {
                peer.write(net, 10 * many);
            }
            Action::ReadSome => {
                peer.read(net, few);
            }
            Action::ReadMuch => {
                peer.read(net, many);
            }
            _ if peer.is_gone => {}
            Action::HalfClose if peer.is_settled() => peer.half_close(net),
            Action::HalfClose => {}
            Action::Close => peer.close(net),
            Action::Reset => peer.reset(net),
            _ => unreachable!("this is not something that a peer does"),
        }
    }

    /// The judge of newcomers is lost, or found again.
    fn change_lease(&mut self, may_serve: bool) {
        let net = &mut *self.net.borrow_mut();
        net.may_serve = may_serve;
        net.marks.event(Event::Leaseless);
        self.is_woken = true;
    }

    /// An event that means nothing: for somebody to whom nothing happened, or for nobody.
    fn pretend(&mut self, action: Action) {
        let net = &mut *self.net.borrow_mut();
        let event = Readiness::of(net.rng.chance(700), net.rng.chance(700));
        let key = net.rng.below(12);
        let mut users = net.wires.iter_mut();
        let user = users.find(|wire| wire.is_live() && wire.key == Some(key));
        if user.is_some() != (action == Action::SpuriousEdge) {
            return;
        }
        if let Some(wire) = user {
            wire.noted(event);
        }
        net.say(|| format!("key {key}: {event:?} for nothing"));
        self.hub.on_ready(key, event);
    }

    pub(crate) fn jump(&mut self, by: Duration) {
        self.net.borrow_mut().now += by;
    }

    fn jump_to_deadline(&mut self, less: Duration) {
        if let Some(at) = self.deadline() {
            let now = self.now();
            self.jump(at.saturating_sub(now).saturating_sub(less));
        }
    }

    /// The next moment at which something is due, by the oracle's clock and not by the hub's.
    fn deadline(&self) -> Option<Duration> {
        let net = self.net.borrow();
        let live = (0..net.wires.len()).filter(|&id| net.wires[id].is_live());
        live.filter_map(|id| {
            let wire = &net.wires[id];
            let owes = self.views[id].is_none_or(|view| view.owes);
            match wire.finished_at {
                _ if net.book.arriving.contains(&id) => Some(wire.arrived_at + self.limits.arrival),
                Some(at) => Some(at + self.limits.linger),
                None if owes => Some(wire.record.taken_at + self.limits.stall),
                None if self.views[id].is_some_and(|view| view.awaits) => {
                    Some(wire.record.moved_at + self.limits.stall)
                }
                None => {
                    let pause = self.peers[id].pause(&self.limits);
                    let after = self.limits.idle.into_iter().chain(pause).min()?;
                    Some(wire.record.moved_at + after)
                }
            }
        })
        .min()
    }

    pub(crate) fn chance(&self, permille: u32) -> bool {
        self.net.borrow_mut().rng.chance(permille)
    }

    fn below(&self, n: usize) -> usize {
        self.net.borrow_mut().rng.below(n)
    }
}
