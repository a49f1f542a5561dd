//! The part of a turn that writes.
//!
//! Owns the only writes there are: the transport's own bytes, then queued bytes and files, then the
//! shutdown of the sending side. Must never parse the bytes.

use std::io::{self, ErrorKind};

use crate::engine::connection::Connection;
use crate::engine::event::Event;
use crate::engine::outbox::Chunk;
use crate::engine::phase::Phase;
use crate::engine::ports::{Backend, Transport};
use crate::engine::turn::TurnContext;

/// The result of a write.
enum Wrote {
    /// Queued bytes, or bytes of a file.
    Some(usize, Event),
    /// Nothing: the file is shorter than what was announced.
    FileEnded,
}

impl<T: Transport, K, S: Backend<T, K>> TurnContext<'_, T, K, S> {
    /// Sends the unsent bytes of the transport's own, before anything else.
    pub(super) fn settle(&mut self) -> bool {
        let mut moved = false;
        while self.connection.readiness.writable()
            && self.budget.bytes > 0
            && self.connection.transport.owes()
            && !matches!(self.connection.session.phase(), Phase::Closed(_))
        {
            match self.connection.transport.settle() {
                Ok(n) => {
                    self.service.on_event(Event::Settled(n));
                    self.connection.session.settled(self.now);
                    self.spend(n);
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.write_blocked(),
                Err(error) => {
                    self.failed(&error);
                    moved = true;
                }
            }
        }
        moved
    }

    /// Writes the queued output, and shuts the sending side down behind the last byte.
    pub(super) fn flush(&mut self) -> bool {
        let mut moved = false;
        while self.connection.readiness.writable()
            && self.budget.bytes > 0
            && self.connection.is_ready()
            && !self.connection.transport.owes()
            && self.connection.session.front().is_some()
        {
            match self.send() {
                Ok(Wrote::Some(n, event)) => {
                    self.service.on_event(event);
                    self.connection.session.sent(n, self.now);
                    self.report();
                    self.spend(n);
                    moved = true;
                }
                Ok(Wrote::FileEnded) => {
                    self.file_ended_early();
                    moved = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.write_blocked(),
                Err(error) => {
                    self.failed(&error);
                    moved = true;
                }
            }
        }
        self.finish() || moved
    }

    /// Sends the first chunk, as far as the turn's budget goes.
    fn send(&mut self) -> io::Result<Wrote> {
        let most = self.budget.bytes;
        let Connection {
            session, transport, ..
        } = &mut *self.connection;
        match session.front() {
            None => Ok(Wrote::Some(0, Event::Wrote(0))),
            Some(Chunk::Bytes(bytes)) => match transport.write(&bytes[..bytes.len().min(most)])? {
                0 => Err(ErrorKind::WriteZero.into()),
                n => Ok(Wrote::Some(n, Event::Wrote(n))),
            },
            Some(Chunk::File { file, offset, left }) => {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(most);
                match transport.send_file(file, offset, len)? {
                    0 => Ok(Wrote::FileEnded),
                    n => Ok(Wrote::Some(n, Event::Sent(n))),
                }
            }
        }
    }

    fn finish(&mut self) -> bool {
        let connection = &mut *self.connection;
        if !connection.session.is_drained() || connection.transport.owes() {
            return false;
        }
        match connection.transport.finish() {
            Ok(()) => {
                self.service.on_event(Event::Finished);
                connection.session.finished(self.limits, self.now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.write_blocked();
                return false;
            }
            Err(error) => self.failed(&error),
        }
        true
    }

    fn write_blocked(&mut self) {
        self.connection.readiness.write_blocked();
        self.service.on_event(Event::WriteBlocked);
    }

    fn file_ended_early(&mut self) {
        self.service.on_event(Event::Failed);
        let name = self.connection.session.client();
        self.service.failed(name, &ErrorKind::UnexpectedEof.into());
        self.connection.session.file_ended_early();
    }
}
