//! The part of a turn that reads.
//!
//! Owns when a read is tried, what follows from its result, and the way of a body from the input
//! buffer or the socket to the answer that waits for it. Must never parse the bytes.

use std::io::{self, ErrorKind};

use crate::engine::event::Event;
use crate::engine::outbox::Outbox;
use crate::engine::ports::{Backend, Handler, More, Received, Taken, Transport};
use crate::engine::turn::TurnContext;
use crate::engine::under_way::UnderWay;
use crate::wire::CloseReason;

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Hands on what was read of a body, then reads once: the input is served before more is read.
    pub(super) fn fill(&mut self) -> bool {
        let fed = self.feed();
        let connection = &mut *self.connection;
        if !connection.readiness.readable() || !connection.session.wants_read(self.limits) {
            return fed;
        }
        match connection.session.owed() {
            0 => self.fill_inbox() || fed,
            owed => self.fill_body(owed) || fed,
        }
    }

    fn fill_inbox(&mut self) -> bool {
        let connection = &mut *self.connection;
        let space = connection.session.space(self.limits);
        let len = space.len().min(self.budget.bytes);
        if len == 0 {
            return false;
        }
        match connection.transport.read(&mut space[..len]) {
            Ok(taken) => {
                if taken.bytes > 0 {
                    let session = &mut connection.session;
                    session.received(taken.bytes, self.limits, self.now);
                }
                self.took(taken);
            }
            Err(error) => return self.read_failed(&error),
        }
        true
    }

    /// Reads no more than is owed, so that requests behind the body stay in the kernel.
    fn fill_body(&mut self, owed: u64) -> bool {
        let connection = &mut *self.connection;
        self.body.resize(self.limits.body_piece_bytes, 0);
        let most = self.body.len().min(self.budget.bytes);
        let len = usize::try_from(owed).unwrap_or(usize::MAX).min(most);
        if len == 0 {
            return false;
        }
        match connection.transport.read(&mut self.body[..len]) {
            Ok(taken) => {
                if taken.bytes > 0 {
                    let session = &mut connection.session;
                    let read = &mut self.body[..taken.bytes];
                    let kept = session.received_body(read, self.limits, self.now);
                    let (_, under_way, reply) = session.body();
                    let piece = &self.body[..kept];
                    let went = hand_on(under_way, piece, reply, self.service);
                    self.went(went);
                }
                self.took(taken);
            }
            Err(error) => return self.read_failed(&error),
        }
        true
    }

    /// Hands on what of a body is in the input buffer, behind its request: the turn that read it
    /// has paid for it. If the input has ended before the body has, so has the upload.
    fn feed(&mut self) -> bool {
        let mut fed = false;
        loop {
            let session = &mut self.connection.session;
            let owed = session.owed();
            if owed == 0 {
                return fed;
            }
            let most = usize::try_from(owed).unwrap_or(usize::MAX);
            let (inbox, under_way, reply) = session.body();
            if inbox.is_empty() {
                let is_cut = inbox.has_ended();
                if is_cut {
                    self.cut_short(CloseReason::Eof, None);
                }
                return fed || is_cut;
            }
            let piece = inbox.take_raw(most);
            let went = hand_on(under_way, piece, reply, self.service);
            self.went(went);
            fed = true;
        }
    }

    /// Ends the session behind an upload that has failed.
    fn went(&mut self, went: Received) {
        if went == Received::Failed {
            let session = &mut self.connection.session;
            session.end_task();
            session.leave(CloseReason::Upload, None);
        }
    }

    fn read_failed(&mut self, error: &io::Error) -> bool {
        let connection = &mut *self.connection;
        match error.kind() {
            ErrorKind::WouldBlock => {
                connection.readiness.read_blocked();
                self.service.on_event(Event::ReadBlocked);
                return false;
            }
            ErrorKind::InvalidData => {
                // The transport has an alert to send, so the connection is not closed yet.
                self.service.on_event(Event::Failed);
                connection.session.broke_rules();
            }
            _ => self.failed(error),
        }
        true
    }

    fn took(&mut self, taken: Taken) {
        let connection = &mut *self.connection;
        if taken.bytes > 0 || taken.more != More::Never {
            self.service.on_event(Event::Read(taken.bytes));
        }
        if taken.bytes == 0 && taken.more != More::Never {
            connection.session.heard(self.now);
        }
        match taken.more {
            More::Perhaps => {}
            More::WhenTold => connection.readiness.read_all(),
            More::Never => {
                self.service.on_event(Event::ReadEnd);
                connection.session.input_ended();
                if !connection.transport.is_ready() {
                    // The handshake cannot be completed any more.
                    connection.session.close(CloseReason::Eof);
                }
            }
        }
        self.spend(match taken {
            Taken {
                bytes,
                more: More::Never,
            } => bytes,
            // A read that returned nothing for us (TLS records only) has cost work all the same.
            Taken { bytes, .. } => bytes.max(self.limits.read_cost_bytes),
        });
    }
}

/// Gives the next bytes of a body to the answer that waits for them, or drops them where none does.
fn hand_on<F, K>(
    under_way: &mut UnderWay<K>,
    piece: &[u8],
    reply: &mut Outbox<F>,
    service: &mut impl Handler<File = F, Task = K>,
) -> Received {
    let went = match under_way {
        // Frames may have been without a payload.
        _ if piece.is_empty() => Received::Going,
        UnderWay::Body(task, _) => service.receive(task, piece, reply),
        _ => Received::Going,
    };
    under_way.came(piece.len() as u64, went != Received::Going);
    went
}
