//! The token gate: what happens between the demand for a token and the question for a berth.
//!
//! Owns what a peer may say there, and how often. Must never judge a token, which the admission
//! does, nor keep one: it is in the input buffer until it is judged.

use std::time::Instant;

use crate::engine::admission::{Demand, Denial, Refusal, Ticket, Verdict};
use crate::engine::entry::Standing;
use crate::engine::hold::Hold;
use crate::engine::hub::Hub;
use crate::engine::limits::Limits;
use crate::engine::line_buffer::Line;
use crate::engine::phase::{Ending, Gate, Phase};
use crate::engine::ports::{Admission, Backend, Transport};
use crate::engine::rights::{Access, Rights};
use crate::engine::session::Session;
use crate::wire::token::parse_auth;
use crate::wire::{ClientName, ErrorReply, Reply, Request};

/// A line from a peer that has shown no token.
enum Said<'a> {
    /// `auth`, and what is to be judged.
    Auth(&'a [u8]),
    /// `exit`.
    Exit,
    /// A Telnet client waits for a TIMING-MARK.
    Mark,
    /// Anything else.
    Other,
}

impl<'a> Said<'a> {
    fn of(line: Line<'a>) -> Self {
        match line {
            Line::Mark => Self::Mark,
            Line::TooLong(_) => Self::Other,
            Line::Text(text) | Line::Unframed(text) => match parse_auth(text) {
                Some(shown) => Self::Auth(shown),
                None if Request::parse(text) == Request::Exit => Self::Exit,
                None => Self::Other,
            },
        }
    }
}

impl<F, K> Session<F, K> {
    /// A token is demanded of the peer before anything else.
    fn demand_token(&mut self, limits: &Limits, now: Instant) {
        if let Phase::Arriving(_, deadline) = self.phase {
            self.note_nothing_unsent(now);
            self.outbox.write(|out| Reply::Auth.write(out));
            let gate = Gate::Token(limits.token_lines);
            self.phase.advance(Phase::Arriving(gate, deadline));
        }
    }

    /// The peer has said something else than its token, and may say so many more lines.
    fn demand_again(&mut self, lines_left: u8) {
        if let Phase::Arriving(_, deadline) = self.phase {
            let again = Reply::Error(ErrorReply::AuthFirst);
            self.outbox.write(|out| again.write(out));
            self.phase
                .advance(Phase::Arriving(Gate::Token(lines_left), deadline));
        }
    }

    fn next_said(&mut self) -> Option<Said<'_>> {
        self.inbox.next_line().map(Said::of)
    }
}

impl<T: Transport, K, A: Admission> Hub<T, K, A> {
    /// Asks the admission what the peer has to show.
    pub(super) fn demand(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let arrival = self.arrivals.get(key);
        let arrival = arrival.expect("an arriving peer is in the list of arrivals");
        match self.admission.demand(&arrival.peer, now) {
            Demand::Nothing => {
                self.entries[key].connection.session_mut().await_verdict();
                self.ask(key, turns, service, now);
            }
            Demand::Token => {
                let session = self.entries[key].connection.session_mut();
                session.demand_token(&self.limits, now);
                self.wait(key, service, now);
                self.serve(key, turns, service, now);
            }
            Demand::Refused(refusal) => {
                self.settle(key, Verdict::Refused(refusal), turns, service, now);
            }
        }
    }

    /// Handles what the peer has said at the token gate, if it is there.
    pub(super) fn hear(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        loop {
            let session = self.entries[key].connection.session_mut();
            let Phase::Arriving(Gate::Token(lines_left), _) = session.phase() else {
                return;
            };
            let has_said_all = session.has_said_all(&self.limits);
            let has_ended = session.inbox.has_ended();
            match session.next_said() {
                Some(Said::Auth(shown)) => {
                    let arrival = self.arrivals.get(key);
                    let arrival = arrival.expect("an arriving peer is in the list of arrivals");
                    let (ticket, peer) = (arrival.ticket, &arrival.peer);
                    let judged = self.admission.check(ticket, peer, shown, now);
                    return self.judged(key, judged, turns, service, now);
                }
                Some(Said::Exit) => return self.let_go(key, turns, service, now),
                Some(Said::Mark) => session.outbox.write(|out| Reply::NoMark.write(out)),
                Some(Said::Other) if lines_left > 1 => session.demand_again(lines_left - 1),
                Some(Said::Other) => return self.deny(key, Denial::NotShown, turns, service, now),
                None if has_ended => return self.let_go(key, turns, service, now),
                None if has_said_all => {
                    return self.deny(key, Denial::NotShown, turns, service, now);
                }
                None => return,
            }
            self.enqueue(key);
        }
    }

    /// The peer's token was judged. It was its only try.
    fn judged(
        &mut self,
        key: usize,
        judged: Result<Rights, Denial>,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        match judged {
            Ok(rights) => {
                let session = self.entries[key].connection.session_mut();
                session.access = Access::Holder(rights);
                session.await_verdict();
                self.ask(key, turns, service, now);
            }
            Err(denial) => self.deny(key, denial, turns, service, now),
        }
    }

    fn deny(
        &mut self,
        key: usize,
        denial: Denial,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let verdict = Verdict::Refused(Refusal::Denied(denial));
        self.settle(key, verdict, turns, service, now);
    }

    /// The peer leaves as it came: with no berth, and nobody's fault.
    pub(super) fn let_go(
        &mut self,
        key: usize,
        turns: usize,
        service: &mut impl Backend<T, K, Peer = A::Peer>,
        now: Instant,
    ) {
        let entry = &mut self.entries[key];
        let before = entry.standing();
        let session = entry.connection.session_mut();
        session.note_nothing_unsent(now);
        session.drain(Ending::NotAdmitted, None);
        debug_assert!(matches!(before, Standing::Arriving(_)));
        self.left(key, before, service, now);
        self.serve(key, turns, service, now);
    }

    /// Tokens have changed, or time has gone by: each session that was let in with one gets what
    /// `access` says of its ticket. Whoever has no access any more is told so in place of the
    /// answer to its next request, and leaves.
    pub fn reassess(&mut self, mut access: impl FnMut(Ticket, Option<ClientName>) -> Access) {
        let keys: Vec<usize> = self.entries.iter().map(|(key, _)| key).collect();
        for key in keys {
            let entry = &mut self.entries[key];
            let ticket = entry.ticket;
            let session = entry.connection.session_mut();
            let rides = matches!(session.hold, Hold::Ride { .. });
            let is_over = session.phase().ending().is_some();
            if rides || is_over || !matches!(session.access, Access::Holder(_)) {
                continue;
            }
            session.access = access(ticket, session.berth());
            if matches!(session.access, Access::Ended(_)) {
                self.enqueue(key);
            }
        }
        self.reassess_riders();
    }
}
