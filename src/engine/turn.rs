//! One turn of one connection: the only code that does I/O on it.
//!
//! Owns the order of a turn: gate, answer, write, read. They stand in [`super::answering`],
//! [`super::outbound`] and [`super::inbound`]. Must never let a fault of one peer out: a turn has a
//! verdict and no error.

use std::io::{self, ErrorKind};
use std::time::Instant;

use crate::engine::budget::Budget;
use crate::engine::buffer_pool::BufferPool;
use crate::engine::close_reason::reason;
use crate::engine::connection::Connection;
use crate::engine::event::{Event, Turn};
use crate::engine::limits::Limits;
use crate::engine::phase::{Gate, Phase};
use crate::engine::ports::{Backend, Transport};
use crate::wire::{CloseReason, ErrorReply, Reply};

/// What a turn has to know about the rest of the server.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// The bounds to keep.
    pub limits: &'a Limits,
    /// The moment, read once for everybody in a turn of the loop.
    pub now: Instant,
    /// How many have a turn in this turn of the loop, who share what may be read and written.
    pub turns: usize,
    /// Whether the server was told to stop, so that a last line takes the next request's place.
    pub stopping: bool,
}

/// What one turn works with.
#[derive(Debug)]
pub struct TurnContext<'a, T: Transport, K, S> {
    /// Whose turn it is.
    pub(super) connection: &'a mut Connection<T, K>,
    /// Who answers, and who hears of it.
    pub(super) service: &'a mut S,
    /// The bounds to keep.
    pub(super) limits: &'a Limits,
    /// The moment, read once for everybody in a turn of the loop.
    pub(super) now: Instant,
    /// Whether the server was told to stop.
    pub(super) stopping: bool,
    /// What is left of the turn's share.
    pub(super) budget: Budget,
}

impl<T: Transport, K> Connection<T, K> {
    /// Answers, writes and reads until nothing moves or the turn's share is used up.
    pub fn turn(
        &mut self,
        service: &mut impl Backend<T, K>,
        round: Round<'_>,
        pool: &mut BufferPool<T::File>,
    ) -> Turn {
        pool.lend(self.session.memory());
        if !self.transport.owes() {
            self.session.note_nothing_owed(round.now);
        }
        let turn = TurnContext {
            budget: Budget::new(round.limits, round.turns),
            limits: round.limits,
            now: round.now,
            stopping: round.stopping,
            connection: self,
            service,
        };
        let turn = turn.take();
        pool.take(self.session.memory());
        turn
    }
}

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Answers, writes and reads until nothing moves or the turn's share is used up.
    pub(super) fn take(mut self) -> Turn {
        let turn = self.work();
        self.report();
        turn
    }

    fn work(&mut self) -> Turn {
        loop {
            let settled = self.settle();
            if let Some(turn) = self.gate() {
                return turn;
            }
            // Answers of one read go out in one write; and the write comes before the next read,
            // so nobody waits for an answer while the server looks for more questions.
            let answered = self.answer();
            if answered {
                self.service.on_event(Event::Answered);
            }
            let wrote = self.flush();
            let read = self.fill();
            if matches!(self.connection.session.phase(), Phase::Closed(_)) {
                return Turn::Done;
            }
            let moved = settled || answered || wrote || read || self.dismiss_idle();
            // A step of a handshake takes longer than a turn of anybody else: one is a turn.
            let shook_hands = read && !self.connection.is_ready();
            if !moved || self.budget.is_spent() || shook_hands {
                return self.rest(moved);
            }
        }
    }

    /// Looks whether the peer has passed its gate. Says how the turn ends where it does.
    fn gate(&mut self) -> Option<Turn> {
        let Phase::Arriving(gate, _) = self.connection.session.phase() else {
            return None;
        };
        if self.stopping {
            self.give_up(gate);
        } else if gate == Gate::Handshake && self.connection.is_ready() {
            self.connection.session.await_verdict();
            return Some(Turn::Arrived);
        }
        None
    }

    /// Ends a peer that has not been let in: with the line that it expects, where one can be said.
    fn give_up(&mut self, gate: Gate) {
        let session = &mut self.connection.session;
        match gate {
            Gate::Handshake => session.close(CloseReason::Shutdown),
            Gate::Verdict => session.turn_away(Reply::Full, self.now),
        }
    }

    /// Tells a client that was quiet for too long that it has to go.
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

    /// Nothing moved, or enough did: the turn is over, and the connection too if its peer has
    /// taken nothing for too long, whatever it has been sending, or has not arrived in time.
    fn rest(&mut self, moved: bool) -> Turn {
        let owes = self.connection.transport.owes();
        let session = &mut self.connection.session;
        if session.note_unended(self.limits, owes, self.now)
            && let Some(name) = session.berth()
        {
            self.service.unended(name);
        }
        if session.is_stalled(self.limits, owes, self.now) {
            session.close(CloseReason::Stalled);
            return Turn::Done;
        }
        if let Some(gate) = session.is_late(self.now) {
            self.give_up(gate);
            return match self.connection.session.phase() {
                Phase::Closed(_) => Turn::Done,
                _ => Turn::Yielded,
            };
        }
        // What came may all have been the pipe's own, which is no sign of life.
        if self.dismiss_idle() || moved {
            Turn::Yielded
        } else {
            Turn::Waiting
        }
    }

    /// Tells of the files of which no more will be sent, so that they are closed.
    pub(super) fn report(&mut self) {
        while let Some((name, transfer, lasted)) = self.connection.session.next_ended(self.now) {
            self.service.transferred(name, &transfer, lasted);
        }
    }

    pub(super) fn spend(&mut self, bytes: usize) {
        self.budget.bytes = self.budget.bytes.saturating_sub(bytes);
    }

    /// An operation failed otherwise than by blocking. An interrupted one is simply tried again.
    pub(super) fn failed(&mut self, error: &io::Error) {
        self.service.on_event(Event::Failed);
        if error.kind() == ErrorKind::Interrupted {
            return;
        }
        let reason = reason(error);
        if reason == CloseReason::Error {
            let berth = self.connection.session.berth();
            self.service.failed(berth, error);
        }
        self.connection.session.close(reason);
    }
}
