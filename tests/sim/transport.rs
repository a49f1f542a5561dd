//! The operations of the server's end of a connection.
//!
//! Owns what each of them does, with all that can go wrong in one. Must never let a wrong
//! operation pass: one after the end, or on what is broken, is a mistake of the engine's.

use std::io::{self, ErrorKind};

use berth::engine::ports::{More, Taken};
use berth::wire::CloseReason;

use crate::marks::Fault;
use crate::net::Net;
use crate::service::SimFile;
use crate::setup::Bug;
use crate::wire::Wire;

/// What can go wrong with a write.
pub(crate) const WRITE_FAULTS: [Fault; 4] = [
    Fault::InterruptedWrite,
    Fault::WriteError,
    Fault::FalseWriteBlock,
    Fault::ShortWrite,
];

/// What can go wrong when a file is sent.
pub(crate) const SEND_FAULTS: [Fault; 4] = [
    Fault::InterruptedSend,
    Fault::SendError,
    Fault::FalseWriteBlock,
    Fault::ShortSend,
];

/// More operations than a run takes by far: a hundred thousand bytes in the smallest of pieces, and
/// each of them interrupted a few times.
const OPERATIONS_MAX: usize = 500_000;

/// What breaks a pipe, and whose fault that is.
const BREAKS: &[(ErrorKind, CloseReason)] = &[
    (ErrorKind::ConnectionReset, CloseReason::Reset),
    (ErrorKind::ConnectionAborted, CloseReason::Reset),
    (ErrorKind::BrokenPipe, CloseReason::Reset),
    (ErrorKind::NotConnected, CloseReason::Reset),
    (ErrorKind::TimedOut, CloseReason::Reset),
    (ErrorKind::HostUnreachable, CloseReason::Reset),
    (ErrorKind::Other, CloseReason::Error),
    (ErrorKind::PermissionDenied, CloseReason::Error),
    (ErrorKind::InvalidInput, CloseReason::Error),
    (ErrorKind::OutOfMemory, CloseReason::Error),
];

impl Net {
    fn wire(&mut self, id: usize) -> &mut Wire {
        &mut self.wires[id]
    }

    /// Counts an operation; there are only so many in a run that ends.
    fn count(&mut self, id: usize) {
        self.operations += 1;
        assert!(
            self.operations < OPERATIONS_MAX,
            "wire {id}: the turn never ends"
        );
        self.wire(id).record.operations += 1;
    }

    /// Begins an operation, which fails if the connection is broken.
    fn begin(&mut self, id: usize, interrupted: Fault, error: Fault) -> io::Result<()> {
        let interrupted = self.fault(interrupted);
        let breaks = self.fault(error);
        self.count(id);
        let wire = self.wire(id);
        assert!(wire.fatal.is_none(), "what is broken is left alone");
        if interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        if wire.reset {
            wire.fatal = Some(CloseReason::Reset);
            return Err(ErrorKind::ConnectionReset.into());
        }
        if breaks {
            let (kind, reason) = self.rng.pick(BREAKS);
            return Err(self.break_with(id, kind, reason));
        }
        Ok(())
    }

    pub(crate) fn break_with(
        &mut self,
        id: usize,
        kind: ErrorKind,
        reason: CloseReason,
    ) -> io::Error {
        let wire = self.wire(id);
        wire.fatal = Some(reason);
        wire.break_off();
        kind.into()
    }

    pub(crate) fn read(&mut self, id: usize, space: &mut [u8]) -> io::Result<Taken> {
        assert!(!space.is_empty(), "a read has somewhere to go");
        assert!(!self.wire(id).end_read, "nothing is read behind the end");
        assert!(
            self.wire(id).readable || self.setup.limits.unframed.is_some(),
            "what is known to block is not tried"
        );
        let mut n = match self.take_raw(id, space) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.wire(id).read_blocked();
                return Err(error);
            }
            n => n?,
        };
        let more = match n {
            0 => More::Never,
            n if n < space.len() => More::WhenTold,
            _ => More::Perhaps,
        };
        if n > 1 && self.errs(Bug::UnderstateRead) {
            n -= 1;
        }
        let now = self.now;
        let wire = self.wire(id);
        match more {
            More::Never => wire.end_read = true,
            More::WhenTold => wire.believe_blocked(),
            More::Perhaps => {}
        }
        if n > 0 {
            wire.record.read += n;
            wire.record.moved_at = now;
        }
        Ok(Taken { bytes: n, more })
    }

    /// A read of the socket itself. `Ok(0)`: the end.
    pub(crate) fn take_raw(&mut self, id: usize, space: &mut [u8]) -> io::Result<usize> {
        self.begin(id, Fault::InterruptedRead, Fault::ReadError)?;
        let short = self.fault(Fault::ShortRead);
        let blocks = self.fault(Fault::FalseReadBlock);
        let hides = self.setup.bug == Some(Bug::HideEnd);
        let now = self.now;
        let wire = &mut self.wires[id];
        if wire.up.is_over(now) && !blocks && !hides {
            return Ok(0);
        }
        if wire.up.arrived() == 0 || blocks {
            wire.arm_read();
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut n = space.len();
        if short {
            n = self.rng.between(1, n);
        }
        let wire = self.wire(id);
        // What stops a read before the end of what is there, urgent data say, is told of again.
        wire.edge_read |= n < space.len();
        n = wire.up.take(&mut space[..n]);
        if n < space.len() && !wire.closing {
            wire.arm_read();
        }
        Ok(n)
    }

    pub(crate) fn write(
        &mut self,
        id: usize,
        bytes: &[u8],
        faults: [Fault; 4],
    ) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a write has something to write");
        let mut n = match self.push_raw(id, bytes, faults) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.wire(id).write_blocked();
                return Err(error);
            }
            n => n?,
        };
        if n > 1 && self.errs(Bug::UnderstateWrite) {
            n -= 1;
        }
        let now = self.now;
        let record = &mut self.wire(id).record;
        record.written += n;
        record.moved_at = now;
        record.taken_at = now;
        Ok(n)
    }

    /// A write to the socket itself.
    pub(crate) fn push_raw(
        &mut self,
        id: usize,
        bytes: &[u8],
        faults: [Fault; 4],
    ) -> io::Result<usize> {
        let [interrupted, error, false_block, short] = faults;
        assert!(
            self.wire(id).finished_at.is_none(),
            "nothing is written behind the end"
        );
        self.wire(id).record.write_tries += 1;
        self.begin(id, interrupted, error)?;
        let blocks = self.fault(false_block);
        let short = self.fault(short);
        if self.wire(id).down.room() == 0 || blocks {
            self.wire(id).arm_write();
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut n = bytes.len().min(self.wire(id).down.room());
        if short {
            n = self.rng.between(1, n);
        }
        self.deliver(id, &bytes[..n]);
        Ok(n)
    }

    /// Puts bytes on their way to the peer, who may be gone.
    fn deliver(&mut self, id: usize, bytes: &[u8]) {
        if self.wire(id).deaf {
            self.wire(id).break_off();
            return;
        }
        let at = self.arrival();
        let lose = self.errs(Bug::LoseByte);
        let repeat = self.errs(Bug::RepeatByte);
        let down = &mut self.wire(id).down;
        down.push(&bytes[..bytes.len() - usize::from(lose)], at);
        if repeat {
            down.push(&bytes[bytes.len() - 1..], at);
        }
    }

    /// A file is sent from where it ends, or breaks.
    pub(crate) fn file_ends(&mut self, id: usize, file: &SimFile, len: usize) -> io::Result<usize> {
        assert!(len > 0, "a file is sent for at least a byte");
        self.count(id);
        if file.spec.broken_at.is_none() {
            return Ok(0);
        }
        self.wire(id).fatal = Some(CloseReason::Error);
        Err(ErrorKind::Other.into())
    }

    pub(crate) fn send_file(
        &mut self,
        id: usize,
        file: &SimFile,
        from: usize,
        len: usize,
    ) -> io::Result<usize> {
        assert!(len > 0, "a file is sent for at least a byte");
        let end = file.spec.readable().min(from.saturating_add(len));
        self.write(id, file.spec.bytes(from, end), SEND_FAULTS)
    }

    pub(crate) fn finish_raw(&mut self, id: usize) -> io::Result<()> {
        let now = self.now;
        assert!(self.wire(id).finished_at.is_none(), "the end is told once");
        self.begin(id, Fault::InterruptedFinish, Fault::FinishError)?;
        let at = self.arrival();
        let ignores = self.setup.bug == Some(Bug::IgnoreFinish);
        let wire = self.wire(id);
        if !ignores {
            wire.down.end(at);
        }
        wire.finished_at = Some(now);
        wire.read_at_finish = wire.record.read;
        Ok(())
    }
}
