//! Why a client left, and why a connection was let go of.
//!
//! Owns both judgements. Must never take the engine's word where the record of operations, the book
//! and the clock can say it.

use std::time::Duration;

use berth::engine::phase::{Ending as PhaseEnding, Phase};
use berth::wire::CloseReason;

use crate::expect::{Ending, Expect};
use crate::marks::Event;
use crate::net::{Drop, Net, note_loss};
use crate::oracle::Before;
use crate::peer::Peer;
use crate::world::World;

/// Why the server let go of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The pipe, or a file, broke.
    Broken,
    /// Both sides had said that no more comes.
    Done,
    /// The peer took nothing for too long.
    Stalled,
    /// The peer did not close in time.
    Lingered,
    /// The peer sent too much that nobody wants.
    Discarded,
    /// The peer had to make room for others.
    Trimmed,
    /// It had not arrived in time, or when the server stopped.
    Late,
}

impl World {
    /// The reason that was known before the connection broke, if it broke; nothing on the way out
    /// is a better one.
    pub(crate) fn known_reason(
        &self,
        net: &Net,
        before: &Before,
        id: usize,
        said: CloseReason,
    ) -> Option<CloseReason> {
        let wire = &net.wires[id];
        if wire.finished_at.is_some() {
            return None;
        }
        if let Some(Phase::Draining(PhaseEnding::Left(why))) = self.views[id].map(|view| view.phase)
        {
            return Some(why);
        }
        if net.book.exited.contains(&id) {
            return Some(CloseReason::Exit);
        }
        let expect = self.peers[id].expect.as_ref().expect("a client was met");
        let ending = expect.ending().map(Ending::reason);
        // In one turn it left and the connection broke, or had stalled: whether it had left by then
        // is known of an `exit` alone, so a reason that was due is taken for one that was known.
        let stalls = before.records[id].taken_at + self.limits.stall <= net.now;
        ((wire.fatal.is_some() || stalls) && ending == Some(said)).then_some(said)
    }

    pub(crate) fn reason(&self, net: &Net, before: &Before, id: usize) -> CloseReason {
        let (wire, peer) = (&net.wires[id], &self.peers[id]);
        let expect = peer.expect.as_ref().expect("a client was met");
        if wire.broke_rules && (wire.finished_at.is_some() || wire.fatal.is_some()) {
            return wire.fatal.unwrap_or(CloseReason::Reset);
        }
        if wire.finished_at.is_some() {
            assert_eq!(
                wire.record.written,
                expect.stream().len(),
                "wire {id}: the end comes behind all that is owed"
            );
            let ending = expect.ending();
            return ending
                .expect("no more comes only where no more is owed")
                .reason();
        }
        if let Some(reason) = wire.fatal {
            return reason;
        }
        let stalled_at = before.records[id].taken_at + self.limits.stall;
        assert!(
            self.views[id].is_some_and(|view| view.owes) && stalled_at <= net.now,
            "wire {id}: left for nothing, or stalled before {stalled_at:?}"
        );
        assert!(
            wire.record.write_tries > before.records[id].write_tries,
            "wire {id}: nobody is called stalled before a write was tried"
        );
        CloseReason::Stalled
    }
}

/// Why the hub let go of a connection, which it does for no other reasons than these.
pub(crate) fn fate(
    net: &Net,
    peer: &Peer,
    drop: Drop,
    before: &Before,
    limits: &berth::engine::limits::Limits,
) -> Fate {
    let (id, wire) = (drop.wire, &net.wires[drop.wire]);
    let is_due = |since: Duration, after: Duration| since + after <= net.now;
    if wire.fatal.is_some() {
        return Fate::Broken;
    }
    // What is owed to whoever is turned away in its handshake is owed since that moment.
    let known = before.records.get(id).filter(|_| !wire.is_refused_early);
    let record = known.copied().unwrap_or(wire.record);
    let is_arriving = peer.expect.as_ref().is_none_or(Expect::is_arriving);
    if is_arriving && !wire.is_refused_early && wire.finished_at.is_none() {
        if wire.broke_rules && is_due(record.taken_at, limits.stall) {
            return Fate::Stalled;
        }
        if net.is_stopping || is_due(wire.arrived_at, limits.arrival) {
            return Fate::Late;
        }
        assert!(drop.makes_room, "wire {id}: let go of for nothing");
        return Fate::Trimmed;
    }
    match wire.finished_at {
        None if is_due(record.taken_at, limits.stall) => Fate::Stalled,
        Some(_) if wire.end_read => Fate::Done,
        Some(at) if is_due(at, limits.linger) => Fate::Lingered,
        Some(_) if (wire.record.read - peer.read_while_open) as u64 >= limits.discard_bytes => {
            Fate::Discarded
        }
        _ => {
            let since = record.taken_at;
            assert!(
                drop.makes_room,
                "wire {id}: let go of for nothing, owed since {since:?}"
            );
            Fate::Trimmed
        }
    }
}

/// Marks what became of a connection.
pub(crate) fn note_fate(net: &mut Net, id: usize, fate: Fate) {
    net.marks.event(Event::Closed);
    let was_refused = !net.book.admitted().any(|each| each == id);
    match fate {
        Fate::Broken => net.marks.event(Event::Broken),
        Fate::Done => net.marks.event(Event::PeerClosed),
        Fate::Lingered => net.marks.event(Event::LingerExpired),
        Fate::Discarded => net.marks.event(Event::Discarded),
        Fate::Trimmed => net.marks.event(Event::Trimmed),
        Fate::Late => net.marks.event(Event::ShutOut),
        Fate::Stalled if was_refused => net.marks.event(Event::StalledOutsider),
        Fate::Stalled => {}
    }
    note_loss(net, id);
}
