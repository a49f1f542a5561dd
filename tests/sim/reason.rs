//! Why somebody had to leave.
//!
//! Owns that judgement. Must never take the engine's word where the record of operations, the book
//! and the clock can say it.

use berth::engine::phase::{Ending as PhaseEnding, Phase};
use berth::wire::CloseReason;

use crate::expect::Ending;
use crate::net::Net;
use crate::oracle::Before;
use crate::world::World;

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
