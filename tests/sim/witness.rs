//! What the simulated server is told of those who come and go.
//!
//! Owns the notes in the book, and what each has to agree with at once. Must never answer anybody.

use std::io;
use std::time::Duration;

use berth::engine::event::{Event as EngineEvent, RequestKind};
use berth::engine::outbox::Transfer;
use berth::engine::ports::{Observer, Refusal};
use berth::engine::stats::SessionStats;
use berth::wire::{ClientName, CloseReason};

use crate::admission::SimPeer;
use crate::marks::Event;
use crate::net::Met;
use crate::service::{SimFile, SimService};

impl Observer for SimService {
    type File = SimFile;
    type Peer = SimPeer;

    fn arrived(&mut self, name: ClientName, peer: &SimPeer, _: Option<&str>) {
        let net = &mut *self.net.borrow_mut();
        let number = name.0 as usize;
        if net.book.names.len() < number {
            net.book.names.resize(number, None);
        }
        let before = net.book.names[number - 1].replace(peer.id);
        assert_eq!(before, None, "names are never used twice");
        assert!(
            net.setup.verdicts.late_permille > 0 || net.book.admitted().count() == number,
            "names grow by one"
        );
        net.book.arriving.retain(|&each| each != peer.id);
        net.book.promised.retain(|&(_, each)| each != peer.id);
        net.book.met.push((peer.id, Met::Client(name)));
        net.marks.event(Event::Admitted);
        net.say(|| format!("  wire {}: is {name}", peer.id));
    }

    fn asked(&mut self, name: ClientName) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        assert!(
            !net.book.asked.contains(&id),
            "wire {id}: the first line is told of once"
        );
        net.book.asked.push(id);
    }

    fn unended(&mut self, name: ClientName) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        assert!(
            !net.book.unended.contains(&id),
            "wire {id}: it is said once"
        );
        net.book.unended.push(id);
        net.marks.event(Event::Unended);
        let (quiet, wire) = (net.setup.limits.unended, &net.wires[id]);
        assert!(
            wire.record.moved_at + quiet <= net.now,
            "wire {id}: it had time to end its line"
        );
        net.say(|| format!("  wire {id}: does not end its line"));
    }

    fn on_event(&mut self, event: EngineEvent) {
        let net = &mut *self.net.borrow_mut();
        match event {
            EngineEvent::Began(_, name) => self.serving = name,
            EngineEvent::Took(RequestKind::Exit) => {
                let name = self.serving.expect("who says exit has a name");
                net.book.exited.push(net.book.wire(name));
            }
            _ => {}
        }
    }

    fn refused(&mut self, peer: &SimPeer, refusal: Refusal) {
        self.net.borrow_mut().refused(peer.id, refusal);
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, stats: &SessionStats) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(name);
        let record = &net.wires[id].record;
        let counted = (stats.bytes_in, stats.bytes_out);
        assert_eq!(
            counted,
            (record.read as u64, record.written as u64),
            "wire {id}: what went through is what was counted"
        );
        assert_eq!(
            stats.requests > 0 && reason != CloseReason::Web,
            net.book.asked.contains(&id),
            "wire {id}: whoever has asked is told of, and nobody else"
        );
        assert_eq!(
            record.unreported, 0,
            "wire {id}: each file that was begun is also reported"
        );
        net.book.departed.push((id, reason));
        net.book.unadmitted.push_back(id);
        net.marks.reason(reason);
        net.say(|| format!("  wire {id}: {name} departs, {reason}"));
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        let net = &mut *self.net.borrow_mut();
        net.marks.event(Event::Failed);
        net.say(|| format!("  {name:?} ends through the server's fault: {error}"));
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<SimFile>, _: Duration) {
        let net = &mut *self.net.borrow_mut();
        let id = net.book.wire(to);
        let record = &mut net.wires[id].record;
        let is_carried = transfer.file.spec.carried && transfer.size > 0;
        if is_carried {
            net.marks.event(if transfer.is_whole() {
                Event::Carried
            } else {
                Event::CarriedInPart
            });
        } else {
            let left = record.unreported.checked_sub(transfer.sent);
            record.unreported = left.expect("no more is reported than was sent");
        }
        net.say(|| {
            format!(
                "  wire {id}: was sent {} of {}",
                transfer.sent, transfer.size
            )
        });
    }
}
