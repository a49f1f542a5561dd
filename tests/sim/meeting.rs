//! What becomes of a newcomer, as it is owed to it.
//!
//! Owns the way of what a peer expects from the demand for its token, where there is one, to its
//! berth or its refusal. Must never take a refusal for due because it was given.

use std::rc::Rc;

use berth::engine::admission::{Denial, Refusal};
use berth::wire::ClientName;

use crate::expect::{Ending, Expect};
use crate::marks::Event;
use crate::net::{Met, Net};
use crate::oracle::Before;
use crate::peer::Peer;
use crate::tokens::last_line;
use crate::world::World;

impl World {
    /// Does what the server owes to those who were asked for a token, let in or turned away, and
    /// says who they are.
    pub(crate) fn meet(&mut self, before: &Before) -> Vec<usize> {
        let net = &mut *self.net.borrow_mut();
        let met = std::mem::take(&mut net.book.met);
        let ids = met.iter().map(|&(id, _)| id).collect();
        for (id, met) in met {
            let peer = &mut self.peers[id];
            match met {
                Met::Outside => {
                    assert!(peer.expect.is_none(), "wire {id}: is greeted once");
                    let catalog = Rc::clone(&net.setup.catalog);
                    peer.meet(Expect::outside(&self.limits, catalog));
                    net.wires[id].record.taken_at = net.now;
                }
                Met::Judged(shown, due) => {
                    let expect = peer.expect.as_mut().expect("it was asked for a token");
                    expect.judged(&shown, due.ok());
                }
                Met::Client(name) => {
                    assert!(!self.is_stopping, "wire {id}: nobody is let in at the end");
                    let record = &mut net.wires[id].record;
                    record.moved_at = net.now;
                    if !peer.is_owed_outside {
                        record.taken_at = net.now;
                    }
                    let_in(net, id, peer, name);
                }
                Met::Refused(refusal, has_reason) => {
                    assert!(
                        has_reason || self.is_stopping,
                        "wire {id}: nobody is turned away while a berth is free"
                    );
                    turned_away(net, peer, before, (id, refusal));
                }
            }
        }
        ids
    }

    /// Keeps the clocks of those who have shown no token: time counts from when something came to
    /// be owed.
    pub(crate) fn keep_time_outside(&mut self) {
        let net = &mut *self.net.borrow_mut();
        for (id, peer) in self.peers.iter_mut().enumerate() {
            let is_arriving = net.book.arriving.contains(&id) && peer.expect.is_some();
            // Whoever has just left may have been given a last answer.
            let was_arriving = std::mem::replace(&mut peer.is_outside, is_arriving);
            let counts = is_arriving || was_arriving;
            let Some(expect) = peer.expect.as_ref().filter(|_| counts) else {
                continue;
            };
            let wire = &mut net.wires[id];
            if !peer.is_owed_outside && !peer.is_owed_by_pipe {
                wire.record.taken_at = net.now;
            }
            let read = wire.record.read + usize::from(wire.end_read);
            peer.is_owed_outside = wire.record.written < expect.owed_outside(read);
            peer.is_owed_by_pipe = wire.owes;
        }
    }
}

impl Net {
    /// The hub says that it turned somebody away.
    pub(crate) fn refused(&mut self, id: usize, refusal: Refusal) {
        let wire = &self.wires[id];
        let is_silent = match refusal {
            Refusal::BrokeRules => {
                assert!(wire.broke_rules, "wire {id}: broke no rule");
                true
            }
            Refusal::Late(_) => {
                let is_shaking = !self.book.demanded.contains(&id);
                let is_due = wire.is_sealed && self.is_refusable(id, refusal);
                assert!(!is_shaking || is_due, "wire {id}: is in time");
                is_shaking
            }
            _ => false,
        };
        if is_silent {
            // No line tells it so.
            return;
        }
        let has_reason = self.is_refusable(id, refusal);
        self.book.arriving.retain(|&each| each != id);
        if !self.book.unadmitted.contains(&id) {
            self.book.unadmitted.push_back(id);
        }
        self.book.met.push((id, Met::Refused(refusal, has_reason)));
        self.say(|| format!("  wire {id}: is turned away, {refusal:?}"));
    }
}

fn let_in(net: &mut Net, id: usize, peer: &mut Peer, name: ClientName) {
    let Some(expect) = &mut peer.expect else {
        assert!(net.setup.tokens.all.is_empty(), "wire {id}: has no token");
        let catalog = Rc::clone(&net.setup.catalog);
        return peer.meet(Expect::client(name.0, catalog));
    };
    let end = net.token_end(id);
    expect.let_in(name.0, end.map(last_line));
}

fn turned_away(net: &mut Net, peer: &mut Peer, before: &Before, (id, refusal): (usize, Refusal)) {
    let is_late = net.now >= net.wires[id].arrived_at + net.setup.limits.arrival;
    if is_late {
        net.marks.event(Event::ArrivedTooLate);
    }
    note_refusal(net, refusal);
    if net.wires[id].is_refused_early {
        assert_eq!(refusal, Refusal::Busy, "wire {id}: others read a line");
        net.marks.event(Event::CrowdedInHandshake);
        return;
    }
    let is_stopping = net.is_stopping;
    let now = net.now;
    let record = &mut net.wires[id].record;
    let Some(expect) = &mut peer.expect else {
        assert!(
            matches!(
                refusal,
                Refusal::Full | Refusal::Crowded | Refusal::Penalised | Refusal::Busy
            ),
            "wire {id}: nothing was asked of it: {refusal:?}"
        );
        (record.moved_at, record.taken_at) = (now, now);
        let catalog = Rc::clone(&net.setup.catalog);
        return peer.meet(Expect::refused(&line(net, refusal), catalog));
    };
    if !peer.is_owed_outside {
        record.taken_at = now;
    }
    if refusal == Refusal::Denied(Denial::NotShown) {
        let is_due = expect.is_outside() && expect.ending() == Some(Ending::Refused);
        return assert!(is_due, "wire {id}: may still show its token");
    }
    let is_judged = net.book.judged.iter().any(|(each, _)| *each == id);
    let is_due = match refusal {
        Refusal::Full | Refusal::Crowded => is_judged || is_stopping,
        Refusal::Denied(_) => is_judged,
        Refusal::Late(_) => !is_judged,
        Refusal::Busy => true,
        _ => false,
    };
    assert!(is_due, "wire {id}: is turned away for {refusal:?}");
    let read = before.records.get(id).map_or(0, |record| record.read);
    let read = read + usize::from(before.ended.get(id) == Some(&true));
    // What came with the end of the handshake was not heard before the demand.
    let read = if peer.is_outside { read } else { 0 };
    expect.turned_away(read, is_judged, &line(net, refusal));
}

/// The line for a refusal, in the words of the contract.
fn line(net: &Net, refusal: Refusal) -> String {
    match refusal {
        Refusal::Full | Refusal::Busy => "Server full, try later\n".to_owned(),
        Refusal::Crowded => "Too many clients from your address, try later\n".to_owned(),
        Refusal::Penalised => "Too many failed tries from your address, try later\n".to_owned(),
        Refusal::Denied(Denial::Unknown) => "ERR not let in\n".to_owned(),
        Refusal::Denied(Denial::Expired(_)) => "ERR token expired 1970-01-01\n".to_owned(),
        Refusal::Denied(Denial::InUse(by, allowed)) => {
            format!("ERR token in use by {by}, allowed {allowed}\n")
        }
        Refusal::Denied(Denial::NotShown) => "ERR auth first\n".to_owned(),
        Refusal::Late(_) => {
            let words = match net.setup.limits.arrival.as_millis() {
                200 => "200ms",
                1000 => "1s",
                10_000 => "10s",
                other => unreachable!("{other} ms"),
            };
            format!("ERR no auth within {words}, closing\n")
        }
        Refusal::BrokeRules => unreachable!("no line tells it"),
    }
}

fn note_refusal(net: &mut Net, refusal: Refusal) {
    match refusal {
        Refusal::Full if net.is_stopping => net.marks.event(Event::RefusedWhileStopping),
        Refusal::Full => net.marks.event(Event::Refused),
        Refusal::Crowded => net.marks.event(Event::Crowded),
        Refusal::Late(_) => net.marks.event(Event::LateOutside),
        Refusal::Busy => net.marks.event(Event::CrowdedOut),
        Refusal::Penalised | Refusal::Denied(_) => {}
        Refusal::BrokeRules => unreachable!("no line tells it"),
    }
}
