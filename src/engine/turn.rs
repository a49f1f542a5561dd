//! One turn of one connection: the only code that does I/O on it.
//!
//! Owns the order of a turn: gate, answer, write, read. They stand in [`super::answering`],
//! [`super::outbound`] and [`super::inbound`]. Must never return an error: a failed operation
//! closes its own connection and no other.

use std::io::{self, ErrorKind};
use std::time::Instant;

use crate::engine::admission::Refusal;
use crate::engine::budget::Budget;
use crate::engine::buffer_pool::BufferPool;
use crate::engine::close_reason::reason;
use crate::engine::connection::Connection;
use crate::engine::event::{Event, Turn};
use crate::engine::limits::Limits;
use crate::engine::phase::{Gate, Phase};
use crate::engine::ports::{Backend, Transport};
use crate::wire::{CloseReason, ErrorReply, Reply};

/// What all turns in one turn of the loop have in common.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// The bounds to keep.
    pub limits: &'a Limits,
    /// The time, read once per turn of the loop.
    pub now: Instant,
    /// The number of connections that have a turn in this turn of the loop. They share the bytes
    /// that may be read and written in it.
    pub turns: usize,
    /// Whether the server drains, so that a client gets a last line instead of its next answer.
    pub stopping: bool,
}

/// The state of one turn.
#[derive(Debug)]
pub struct TurnContext<'a, T: Transport, K, S> {
    /// The connection that has its turn.
    pub(super) connection: &'a mut Connection<T, K>,
    /// The handler and the observers.
    pub(super) service: &'a mut S,
    /// The bounds to keep.
    pub(super) limits: &'a Limits,
    /// The time, read once per turn of the loop.
    pub(super) now: Instant,
    /// Whether the server drains.
    pub(super) stopping: bool,
    /// What is left of the turn's budget.
    pub(super) budget: Budget,
    /// Where a piece of a body goes.
    pub(super) body: &'a mut Vec<u8>,
}

impl<T: Transport, K> Connection<T, K> {
    /// Answers, writes and reads until nothing moves or the budget is spent.
    pub fn turn(
        &mut self,
        service: &mut impl Backend<T, K>,
        round: Round<'_>,
        pool: &mut BufferPool<T::File>,
    ) -> Turn {
        pool.lend(self.session.buffers());
        if !self.transport.owes() {
            self.session.note_nothing_unsent(round.now);
        }
        let turn = TurnContext {
            budget: Budget::new(round.limits, round.turns),
            limits: round.limits,
            now: round.now,
            stopping: round.stopping,
            connection: self,
            service,
            body: pool.body(),
        };
        let turn = turn.take();
        pool.take(self.session.buffers());
        turn
    }
}

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Answers, writes and reads until nothing moves or the budget is spent.
    pub(super) fn take(mut self) -> Turn {
        let turn = self.work();
        self.connection.abandon(self.service);
        self.report();
        turn
    }

    fn work(&mut self) -> Turn {
        loop {
            let settled = self.settle();
            if let Some(turn) = self.gate() {
                return turn;
            }
            // The answers to all requests of one read are sent with one write. The write comes
            // before the next read, so that an answer does not wait for more requests.
            let answered = self.answer();
            if answered {
                self.service.on_event(Event::Answered);
            }
            let wrote = self.flush();
            let read = self.fill();
            if matches!(self.connection.session.phase(), Phase::Closed(_)) {
                return Turn::Done;
            }
            let moved = settled || answered || wrote || read || self.act_on_quiet();
            // A step of a handshake takes longer than a turn of any client: one is a turn.
            let shook_hands = read && !self.connection.is_ready();
            if !moved || self.budget.is_spent() || shook_hands {
                return self.rest(moved);
            }
        }
    }

    /// Checks whether the peer has passed its gate. `Some` ends the turn.
    fn gate(&mut self) -> Option<Turn> {
        let Phase::Arriving(gate, _) = self.connection.session.phase() else {
            return None;
        };
        if self.stopping {
            self.give_up(gate);
        } else if gate == Gate::Handshake && self.connection.is_ready() {
            return Some(Turn::Arrived);
        }
        None
    }

    /// Ends a peer that was not granted a berth, with a line if its handshake is complete.
    fn give_up(&mut self, gate: Gate) {
        let session = &mut self.connection.session;
        let refusal = match gate {
            Gate::Handshake if self.stopping => return session.close(CloseReason::Shutdown),
            // If nothing has come, the transport may still say what it was waiting for.
            Gate::Handshake => return session.shook_hands_too_late(self.limits),
            Gate::Head if self.stopping && session.inbox.is_empty() => {
                return session.close(CloseReason::Shutdown);
            }
            Gate::Token(_) | Gate::Head if !self.stopping => Refusal::Late(self.limits.arrival),
            Gate::Token(_) | Gate::Head | Gate::Verdict => Refusal::Full,
        };
        session.turn_away(refusal, self.service, self.now);
    }

    /// Does what is due to a client of which there was nothing left to read.
    fn act_on_quiet(&mut self) -> bool {
        let owes = self.connection.transport.owes();
        let session = &mut self.connection.session;
        session.end_unframed_line(self.limits, owes, self.now)
            || self.dismiss_idle()
            || self.give_body_up()
    }

    /// Closes a client whose idle timeout is over, with a line that says so.
    fn dismiss_idle(&mut self) -> bool {
        let owes = self.connection.transport.owes();
        let session = &mut self.connection.session;
        let Some(quiet) = session.is_idle(self.limits, owes, self.now) else {
            return false;
        };
        let last = Reply::Error(ErrorReply::Idle(quiet));
        session.leave(CloseReason::Idle, Some(last));
        true
    }

    /// Ends a client that has announced a body and sends nothing of it, with a line that says so.
    fn give_body_up(&mut self) -> bool {
        let session = &mut self.connection.session;
        let is_late = session.is_body_late(self.limits, self.now);
        if is_late {
            let last = Reply::Error(ErrorReply::NothingCame(self.limits.stall));
            self.cut_short(CloseReason::Stalled, Some(last));
        }
        is_late
    }

    /// Ends a client within a body. What its answer has to say of that is sent too.
    pub(super) fn cut_short(&mut self, reason: CloseReason, last: Option<Reply<'_>>) {
        self.connection.session.leave(reason, last);
        self.connection.abandon(self.service);
    }

    /// Ends the turn, because nothing moved or the budget is spent. Closes the connection if its
    /// stall timeout is over, whatever the peer has been sending, or its arrival timeout.
    fn rest(&mut self, moved: bool) -> Turn {
        let owes = self.connection.transport.owes();
        let session = &mut self.connection.session;
        if session.note_unended(self.limits, owes, self.now)
            && let Some(name) = session.berth()
        {
            self.service.unended(name);
        }
        let late = session.is_late(self.now);
        if let Some(gate) = late {
            self.give_up(gate);
        }
        let session = &mut self.connection.session;
        if session.is_stalled(self.limits, owes, self.now) {
            session.close(CloseReason::Stalled);
        }
        if matches!(session.phase(), Phase::Closed(_)) {
            return Turn::Done;
        }
        if late.is_some() {
            return Turn::Yielded;
        }
        // All input may have been the transport's own, which is no activity of the client.
        if self.dismiss_idle() || self.give_body_up() || moved {
            Turn::Yielded
        } else {
            Turn::Waiting
        }
    }

    /// Reports the transfers that have ended, which closes their files.
    pub(super) fn report(&mut self) {
        while let Some((name, transfer, lasted)) = self.connection.session.next_ended(self.now) {
            self.service.transferred(name, &transfer, lasted);
        }
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.budget.bytes = self.budget.bytes.saturating_sub(bytes);
    }

    /// An operation failed with another error than `WouldBlock`. An interrupted one is retried.
    pub(super) fn failed(&mut self, error: &io::Error) {
        self.service.on_event(Event::Failed);
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        let reason = reason(error);
        if reason == CloseReason::Error {
            let name = self.connection.session.client();
            self.service.failed(name, error);
        }
        self.connection.session.close(reason);
    }
}
