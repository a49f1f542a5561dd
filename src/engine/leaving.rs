//! How a session comes to its end.
//!
//! Owns the ways out of a session, and that the first reason for leaving is the one that stays.
//! Must never send anything: a last line is queued like any other.

use std::time::Instant;

use crate::engine::admission::Refusal;
use crate::engine::limits::Limits;
use crate::engine::phase::{Ending, Phase};
use crate::engine::ports::Handler;
use crate::engine::response::Response;
use crate::engine::session::Session;
use crate::engine::speech::Speech;
use crate::wire::web::ask::is_head;
use crate::wire::{CloseReason, Reply};

impl<F, K> Session<F, K> {
    /// Queues a last line, if there is one, and takes no more requests.
    pub fn leave(&mut self, reason: CloseReason, last: Option<Reply<'_>>) {
        self.drain(Ending::Left(reason), last);
    }

    /// Whoever speaks HTTP gets no last line: what it is told is the answer to its request.
    pub(super) fn drain(&mut self, ending: Ending, last: Option<Reply<'_>>) {
        if let Some(last) = last
            && self.speech.is_lines()
        {
            self.outbox.write(|out| last.write(out));
        }
        self.say_close(ending);
        self.drain_unsaid(ending);
    }

    fn drain_unsaid(&mut self, ending: Ending) {
        self.inbox.clear();
        self.phase.advance(Phase::Draining(ending));
    }

    /// The peer is refused a berth: what says so is queued, and the session ends behind it. A peer
    /// that should speak first and has not is told nothing, and counts as nobody: browsers open
    /// connections that they may never use.
    pub fn turn_away(
        &mut self,
        refusal: Refusal,
        service: &mut impl Handler<File = F, Task = K>,
        now: Instant,
    ) {
        self.note_nothing_unsent(now);
        match self.speech {
            Speech::Lines | Speech::Socket(_) => {
                self.drain(Ending::Refused(refusal), Some(refusal.reply()));
            }
            Speech::Http(_) if self.inbox.is_empty() => self.drain(Ending::NotAdmitted, None),
            Speech::Http(_) => {
                let is_head = is_head(self.inbox.unread());
                let refused = Response::Refused { refusal, is_head };
                service.respond(refused, &mut self.outbox);
                self.drain(Ending::Refused(refusal), None);
            }
        }
    }

    /// The client said `exit`.
    pub fn exit(&mut self) {
        let goodbye = self.hold.name().map(Reply::Goodbye);
        self.leave(CloseReason::Exit, goodbye);
    }

    /// Whether all output is sent, so that the sending side is to be shut down.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        matches!(self.phase, Phase::Draining(_)) && self.outbox.is_empty()
    }

    /// The sending side is shut down. Unless the peer has closed too, it gets time to read.
    pub fn finished(&mut self, limits: &Limits, now: Instant) {
        let Phase::Draining(ending) = self.phase else {
            panic!("only what was drained can be finished");
        };
        self.phase.advance(if self.has_hung_up() {
            Phase::Closed(ending)
        } else {
            Phase::Lingering(ending, now + limits.linger)
        });
    }

    /// The connection broke, or a timeout is over. A session that was leaving already keeps its
    /// reason. A peer that was not admitted has none.
    pub fn close(&mut self, reason: CloseReason) {
        let ending = match self.phase {
            Phase::Arriving(..) => Ending::NotAdmitted,
            phase => phase.ending().unwrap_or(Ending::Left(reason)),
        };
        self.outbox.clear();
        self.inbox.clear();
        self.phase.advance(Phase::Closed(ending));
    }

    /// A file that is being sent ended before its announced size. The peer notices by the end of
    /// the stream without `END`; the output queued behind the file is dropped.
    pub fn file_ended_early(&mut self) {
        self.outbox.clear();
        self.inbox.clear();
        let ending = self.phase.ending();
        let ending = ending.unwrap_or(Ending::Left(CloseReason::Error));
        self.phase.advance(Phase::Draining(ending));
    }

    /// The peer violated the protocol of its transport (TLS): its input is ignored from now on, and
    /// it gets no more answers.
    pub fn broke_rules(&mut self) {
        self.end_unsaid(Refusal::BrokeRules);
    }

    /// The peer did not complete its handshake in time.
    pub fn shook_hands_too_late(&mut self, limits: &Limits) {
        self.end_unsaid(Refusal::Late(limits.arrival));
    }

    /// The same, with the reason if the peer holds no berth yet. No line says it: the peer could
    /// not read one.
    pub(super) fn end_unsaid(&mut self, refusal: Refusal) {
        self.outbox.clear();
        match self.phase {
            Phase::Arriving(..) => self.drain_unsaid(Ending::Refused(refusal)),
            Phase::Open => self.drain_unsaid(Ending::Left(CloseReason::Reset)),
            Phase::Draining(_) | Phase::Lingering(..) | Phase::Closed(_) => {}
        }
    }
}
