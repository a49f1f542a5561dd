//! What has to hold whenever the server's loop goes to sleep.
//!
//! Owns the checks of the state as it stands: the counts, the bounds, the deadlines, and that
//! nobody is forgotten. They look at the pipes and the virtual clock, so an event that was lost is
//! found at once and not when something times out.

use std::time::Duration;

use crate::expect::Expect;
use crate::marks::Event;
use crate::net::Net;
use crate::oracle::View;
use crate::peer::Peer;
use crate::wire::Wire;
use crate::world::World;

impl World {
    pub(crate) fn check(&self) {
        self.check_counts();
        let net = &mut *self.net.borrow_mut();
        if self.hub.has_work() {
            net.marks.event(Event::Yielded);
        }
        for id in 0..net.wires.len() {
            if !net.wires[id].is_live() {
                continue;
            }
            let view = self.views[id];
            self.check_deadlines(net, id, view);
            self.check_bytes(id, view);
            if !self.hub.has_work() {
                self.check_not_forgotten(net, id, view);
            }
        }
    }

    fn check_counts(&self) {
        let net = self.net.borrow();
        let (clients, unadmitted) = (net.book.clients(), net.book.unadmitted.len());
        let arriving = net.book.arriving.len();
        assert!(
            clients <= self.limits.clients_max,
            "never more than the cap"
        );
        assert!(
            unadmitted <= self.limits.unadmitted_max,
            "unadmitted are bounded: {unadmitted}"
        );
        assert_eq!(
            self.hub.clients(),
            clients,
            "the hub counts as the book does"
        );
        assert_eq!(
            self.hub.peers(),
            clients + unadmitted + arriving,
            "everybody holds a berth, waits for one or does neither"
        );
        assert_eq!(self.hub.arrivals(), arriving, "whoever waits is known to");
        assert!(arriving <= self.limits.arrivals_max, "arrivals are bounded");
        assert!(
            self.hub.peers() > 0 || self.hub.next_deadline().is_none(),
            "nothing is waited for where nobody is"
        );
        let live = net.wires.iter().filter(|wire| wire.is_live()).count();
        assert_eq!(self.hub.peers(), live, "whoever was let go of is let go of");
        let seen = self.views.iter().filter(|view| view.is_some()).count();
        assert_eq!(seen, clients, "each client has a session of its name");
    }

    /// No deadline is in the past once the server has had its chance.
    fn check_deadlines(&self, net: &Net, id: usize, view: Option<View>) {
        let wire = &net.wires[id];
        if !net.may_serve {
            return;
        }
        let is_ahead = |since: Duration, after: Duration| net.now < since + after;
        if net.book.arriving.contains(&id) {
            // Whoever's step of a handshake has to wait for others' is judged behind it.
            let waits = wire.is_sealed && self.hub.has_work();
            let in_time = waits || is_ahead(wire.arrived_at, self.limits.arrival);
            assert!(in_time, "wire {id}: arrives too long");
            return;
        }
        let stalls = match view {
            Some(view) => view.owes,
            None => wire.finished_at.is_none() && !self.is_told(wire, id),
        };
        assert!(
            !stalls || is_ahead(wire.record.taken_at, self.limits.stall),
            "wire {id}: stalls too long, since {:?}",
            wire.record.taken_at
        );
        let lingers = wire.finished_at;
        assert!(
            lingers.is_none() || wire.reset || wire.down.has_end(),
            "wire {id}: whoever is owed no more is told so"
        );
        assert!(
            lingers.is_none_or(|at| is_ahead(at, self.limits.linger)),
            "wire {id}: lingers too long, since {lingers:?}"
        );
        let awaits = view.is_some_and(|view| view.is_open() && view.awaits);
        assert!(
            !awaits || is_ahead(wire.record.moved_at, self.limits.stall),
            "wire {id}: nothing comes of a body for too long, since {:?}",
            wire.record.moved_at
        );
        let is_quiet = |view: View| view.is_open() && !view.owes && !view.is_tasking;
        let waits = view.is_some_and(is_quiet) && !awaits;
        assert!(
            !waits
                || net.book.unended.contains(&id)
                || !self.peers[id].lacks_an_end(wire)
                || is_ahead(wire.record.moved_at, self.limits.unended),
            "wire {id}: nobody says that a line lacks its end, since {:?}",
            wire.record.moved_at
        );
        if let Some(idle) = self.limits.idle.filter(|_| waits) {
            assert!(
                is_ahead(wire.record.moved_at, idle),
                "wire {id}: idle too long, since {:?}",
                wire.record.moved_at
            );
        }
    }

    /// Whether a peer that was turned away was sent its line, and only the end is missing. Whoever
    /// was late in its handshake is owed no line.
    fn is_told(&self, wire: &Wire, id: usize) -> bool {
        let expect = self.peers[id].expect.as_ref();
        let is_refused = wire.is_refused_early && !wire.owes;
        wire.is_bare
            || is_refused
            || expect.is_some_and(|expect| wire.record.written == expect.stream().len())
    }

    /// What one peer makes the server hold is bounded.
    fn check_bytes(&self, id: usize, view: Option<View>) {
        let Some(view) = view else { return };
        let expect = self.peers[id].expect.as_ref().expect("a client was met");
        // What was said before it had shown its token may be queued in front.
        let before = expect.outside_bytes();
        let most = self.limits.outbox_mark_bytes + expect.piece_bytes_max() + before;
        // How an upload fails is said at once, whatever the peer has still to take.
        let most = most
            + if expect.had_body {
                expect.piece_bytes_max()
            } else {
                0
            };
        assert!(
            view.queued <= most,
            "wire {id}: {} bytes are queued, and {most} may be",
            view.queued
        );
        assert!(
            !view.is_wasteful,
            "wire {id}: memory that holds nothing is kept between turns"
        );
        // Behind a piece that is partly sent stands at most what may be queued.
        assert!(
            view.held <= 2 * most,
            "wire {id}: {} bytes are held for {} that are queued",
            view.held,
            view.queued
        );
    }

    /// Whoever is answered and may not stay is told so, and an answer that can go on goes on.
    fn check_told(&self, net: &Net, id: usize, view: Option<View>) {
        let uploads = net.book.uploading.iter().any(|each| each.wire == id);
        let waits = net.book.waits.iter().any(|&(wire, _)| wire == id);
        assert!(
            waits || view.is_none_or(|view| !view.is_tasking),
            "wire {id}: an answer that can go on is forgotten"
        );
        let is_untold = view.is_some_and(|view| view.is_open() && !view.owes);
        assert!(
            !(self.is_stopping && is_untold && !uploads),
            "wire {id}: is not told of the end"
        );
        assert!(
            !is_untold || waits || (self.is_stopping && uploads) || net.token_end(id).is_none(),
            "wire {id}: is not told that its token has ended"
        );
    }

    /// Nothing is to be done for a connection when the loop sleeps, unless an event will wake it.
    fn check_not_forgotten(&self, net: &mut Net, id: usize, view: Option<View>) {
        let wire = &net.wires[id];
        if !net.may_serve {
            return;
        }
        let arriving = net.book.arriving.contains(&id);
        let expect = self.peers[id].expect.as_ref();
        let is_outside = expect.is_some_and(Expect::is_outside);
        let may_say = match is_outside {
            true => self.limits.token_bytes as usize,
            false => self.limits.inbox_bytes,
        };
        let hears = wire.record.read < may_say && !wire.end_read;
        let asks = is_outside && wire.record.written < "AUTH token\n".len();
        let (reads, writes) = match view {
            _ if arriving => (hears, net.owes(id) || asks),
            Some(view) => (view.wants_read, view.owes),
            None if wire.finished_at.is_none() => (false, true),
            None => (self.drains(net, id), false),
        };
        self.check_told(net, id, view);
        assert!(
            !((reads && wire.readable) || (writes && wire.writable)),
            "wire {id}: the server sleeps on what it knows"
        );
        if wire.edge_read || wire.edge_write {
            return;
        }
        // The engine's word is not taken for whom it owes nothing: such a peer is listened to.
        let reads = match view {
            Some(view) => !view.owes && !view.is_tasking,
            None => reads,
        };
        assert!(
            !(reads && wire.holds),
            "wire {id}: what its pipe holds is forgotten"
        );
        let news = wire.has_news(net.now);
        let low_water = net.setup.low_water;
        assert!(
            !(reads && news),
            "wire {id}: what the peer sent is forgotten"
        );
        assert!(
            !(writes && wire.has_room(low_water)),
            "wire {id}: what the peer is owed is forgotten"
        );
        if view.is_some_and(|view| view.owes && !view.wants_read) && has_input(wire) {
            net.marks.event(Event::HeldBack);
        }
    }
}

fn has_input(wire: &Wire) -> bool {
    wire.up.arrived() > 0
}

impl Peer {
    /// Whether the server has read the beginning of a line and not its end. Of those who speak
    /// Telnet, or say too long lines, that is not known here.
    fn lacks_an_end(&self, wire: &Wire) -> bool {
        let read = &self.script[..wire.record.read.min(self.script.len())];
        let line = read
            .rsplit(|&byte| byte == b'\n')
            .next()
            .unwrap_or_default();
        let needs_end = self.unframed.is_none() || read.contains(&b'\n');
        // Nor is it where a body was, which has no lines.
        let had_body = self.expect.as_ref().is_some_and(|expect| expect.had_body);
        needs_end
            && !had_body
            && !wire.end_read
            && !read.contains(&255)
            && (1..=4096).contains(&line.len())
    }
}
