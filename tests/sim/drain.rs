//! How a seed ends.
//!
//! Owns the last phase: nothing fails any more, everybody says and reads all that is left and
//! closes, time passes, and then everything has to be over.

use std::time::Duration;

use crate::expect::Ending;
use crate::marks::Event;
use crate::world::World;

/// More passes than the longest seed takes by far: a server that is not quiet by then never is.
/// Hundreds of listings at a hundred bytes a turn took 34 000 in one seed of a hundred thousand.
const PASSES_MAX: usize = 500_000;

/// The same where a mistake was made on purpose: what is found is told with its story.
const PASSES_WITH_A_BUG: usize = 20_000;

/// What the pipes hold when nothing is to be narrow any more.
const WIDE: usize = 64 * 1024;

impl World {
    /// Brings everything to its end, and checks that it is one.
    pub(crate) fn finish(&mut self) {
        self.heal();
        let has_bug = self.net.borrow().setup.bug.is_some();
        let most = if has_bug {
            PASSES_WITH_A_BUG
        } else {
            PASSES_MAX
        };
        let mut passes = 0;
        while !self.is_over() {
            self.pass();
            passes += 1;
            assert!(passes < most, "the server never comes to rest");
        }
        self.check_end();
    }

    /// No fault happens from now on, and every pipe is wide.
    fn heal(&mut self) {
        self.is_woken = true;
        let net = &mut *self.net.borrow_mut();
        net.say(|| "nothing fails any more".to_owned());
        net.faults_on = false;
        net.may_serve = true;
        net.setup.pipe_bytes = net.setup.pipe_bytes.max(WIDE);
        for wire in &mut net.wires {
            wire.up.widen(WIDE);
            wire.down.widen(WIDE);
        }
    }

    fn is_over(&self) -> bool {
        let owed = self.net.borrow().book.pending.is_empty();
        self.hub.peers() == 0 && self.backlog.is_empty() && !self.hub.has_work() && owed
    }

    /// Everybody does what it can, the server does what it can, and if that was nothing, it waits.
    fn pass(&mut self) {
        // What has arrived by now is what somebody may have been waiting for.
        self.net.borrow_mut().settle();
        let before = self.progress();
        let mut moved = 0;
        for peer in &mut self.peers {
            let net = &mut *self.net.borrow_mut();
            moved += peer.write(net, usize::MAX);
            moved += peer.read(net, usize::MAX);
            if peer.unsaid() == 0
                && !peer.has_ended
                && peer.is_settled()
                && !peer.waits_for_end(net)
            {
                peer.half_close(net);
                moved += 1;
            }
        }
        self.serve();
        if moved > 0 || self.progress() != before || self.hub.has_work() || self.is_over() {
            return;
        }
        if !self.net.borrow().book.waits.is_empty() {
            return;
        }
        let arrival = self.net.borrow().next_arrival();
        let verdict = self.net.borrow().next_verdict();
        let next = arrival.or(verdict).or_else(|| self.next_deadline());
        let next = next.expect("whoever is connected has something to wait for");
        let by = next.saturating_sub(self.now());
        self.jump(by);
    }

    /// Something that changes whenever the server gets on.
    fn progress(&self) -> (u64, usize, usize) {
        let net = self.net.borrow();
        let operations = net.wires.iter().map(|wire| wire.record.operations).sum();
        (operations, self.hub.peers(), self.backlog.len())
    }

    fn check_end(&mut self) {
        // What is on its way to a peer arrives although the server has closed.
        self.jump(Duration::from_secs(1));
        let taken = self.hub.admission().taken();
        let net = &mut *self.net.borrow_mut();
        net.settle();
        assert_eq!(self.service.open(), 0, "every file and task is closed");
        assert_eq!(taken, 0, "every berth is given back");
        assert_eq!(
            net.book.departed.len(),
            net.book.admitted().count(),
            "whoever was let in has left"
        );
        let now = net.now;
        for peer in &mut self.peers {
            peer.read(net, usize::MAX);
            let is_whole = peer.check_received(net, now);
            let Some(expect) = &peer.expect else { continue };
            expect
                .notes()
                .iter()
                .for_each(|&note| net.marks.event(note));
            if is_whole {
                net.marks.event(Event::WholeStream);
                if net.setup.seal_bytes.is_some() && net.setup.is_tls {
                    net.marks.event(Event::WholeTls);
                }
                if peer.equals_its_twin() {
                    net.marks.event(Event::Twin);
                }
            }
            if is_whole && expect.ending() == Some(Ending::Eof) {
                net.marks.event(Event::ServedAfterHalfClose);
            }
            if expect.ending() == Some(Ending::Cut) {
                net.marks.event(Event::Cut);
            }
        }
    }
}
