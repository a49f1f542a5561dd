//! Who announced a body and sent nothing of it.
//!
//! Owns that judgement. Must never take the engine's word where the clock can say it.

use berth::engine::phase::{Ending as PhaseEnding, Phase};
use berth::wire::CloseReason;

use crate::expect::Ending;
use crate::marks::Event;
use crate::oracle::{Before, View};
use crate::world::World;

impl World {
    /// Whoever was told that nothing came had announced something, and nothing came.
    pub(crate) fn judge_stalled_bodies(&mut self, before: &Before, views: &[Option<View>]) {
        let net = &mut *self.net.borrow_mut();
        for (id, peer) in self.peers.iter_mut().enumerate() {
            let Some(was) = self.views[id].filter(View::is_open) else {
                continue;
            };
            let stalled = PhaseEnding::Left(CloseReason::Stalled);
            let leaves = views[id].is_some_and(|view| view.phase == Phase::Draining(stalled));
            let departed = net.book.departed.contains(&(id, CloseReason::Stalled));
            // Whoever takes nothing is not told that it is sent no more.
            let wire = &net.wires[id];
            let left = departed && (wire.finished_at.is_some() || wire.fatal.is_some());
            if !left && !leaves {
                continue;
            }
            let resumed = net.book.resumed.contains(&id);
            assert!(!resumed, "wire {id}: it waited for the server until now");
            let record = before.records[id];
            assert!(was.awaits, "wire {id}: nothing was to come of it");
            assert!(
                record.moved_at + self.limits.stall <= net.now,
                "wire {id}: a byte moved at {:?}",
                record.moved_at
            );
            let words = match self.limits.stall.as_millis() {
                700 => "700ms",
                1500 => "1s 500ms",
                10_000 => "10s",
                other => unreachable!("{other} ms"),
            };
            let last = format!("ERR nothing came for {words}, closing\n");
            let expect = peer.expect.as_mut().expect("a client was met");
            let answered = record.written + was.queued;
            assert!(expect.cut(answered, 0, Ending::Stalled, &last));
            net.marks.event(Event::StalledBody);
        }
    }
}
