//! The part of a turn that reads.
//!
//! Owns when a read is tried, and what follows from its result. Must never parse the bytes.

use std::io::ErrorKind;

use crate::engine::event::Event;
use crate::engine::ports::{Backend, More, Taken, Transport};
use crate::engine::turn::TurnContext;
use crate::wire::CloseReason;

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Reads once: the input is served before more is read.
    pub(super) fn fill(&mut self) -> bool {
        let connection = &mut *self.connection;
        if !connection.readiness.readable() || !connection.session.wants_read(self.limits) {
            return false;
        }
        let space = connection.session.space(self.limits);
        let len = space.len().min(self.budget.bytes);
        if len == 0 {
            return false;
        }
        match connection.transport.read(&mut space[..len]) {
            Ok(taken) => self.took(taken),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                connection.readiness.read_blocked();
                self.service.on_event(Event::ReadBlocked);
                return false;
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                // The transport has an alert to send, so the connection is not closed yet.
                self.service.on_event(Event::Failed);
                connection.session.broke_rules();
            }
            Err(error) => self.failed(&error),
        }
        true
    }

    fn took(&mut self, taken: Taken) {
        let connection = &mut *self.connection;
        if taken.bytes > 0 || taken.more != More::Never {
            self.service.on_event(Event::Read(taken.bytes));
        }
        if taken.bytes > 0 {
            let session = &mut connection.session;
            session.received(taken.bytes, self.limits, self.now);
        } else if taken.more != More::Never {
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
