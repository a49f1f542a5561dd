//! The operations of a sealed pipe.
//!
//! Owns what each does, with all that can go wrong in one. Must never let a wrong operation pass:
//! one before the pipe is ready, before its debts are paid, or after its end.

use std::io::{self, ErrorKind};

use berth::engine::ports::{More, Taken};
use berth::wire::CloseReason;

use crate::marks::{Event, Fault};
use crate::net::Net;
use crate::seal::{DATA, END, RAW_BYTES_MAX, Seal, Stage, frame};
use crate::setup::Bug;

impl Net {
    fn seal(&mut self, id: usize) -> &mut Seal {
        let seal = self.wires[id].seal.as_mut();
        seal.expect("this pipe is sealed")
    }

    /// Whether the pipe of this wire owes bytes of its own.
    pub(crate) fn owes(&self, id: usize) -> bool {
        self.wires[id].seal.as_ref().is_some_and(Seal::owes)
    }

    /// A read of a sealed pipe.
    pub(crate) fn read_sealed(&mut self, id: usize, space: &mut [u8]) -> io::Result<Taken> {
        assert!(!space.is_empty(), "a read has somewhere to go");
        assert!(
            self.wires[id].readable,
            "wire {id}: what is known to block is not tried"
        );
        assert!(!self.wires[id].end_read, "nothing is read behind the end");
        if self.setup.bug == Some(Bug::ReadAfterWrite) && self.owes(id) {
            // What the pipe says of one direction is told of the other.
            self.wires[id].read_blocked();
            return Err(ErrorKind::WouldBlock.into());
        }
        let is_over = self.seal(id).finished || self.seal(id).stage == Stage::Broken;
        let taken = if is_over {
            self.throw_away(id, space)?
        } else {
            let remembers = self.setup.bug == Some(Bug::RememberDrained);
            self.seal(id).drained &= remembers;
            if !self.seal(id).holds() {
                self.fetch(id)?;
            }
            self.give(id, space)
        };
        let now = self.now;
        let wire = &mut self.wires[id];
        match taken.more {
            More::Never => wire.end_read = true,
            More::WhenTold => wire.believe_blocked(),
            More::Perhaps => {}
        }
        wire.record.operations += 1;
        wire.record.empty_reads += usize::from(taken.bytes == 0 && taken.more != More::Never);
        wire.record.read += taken.bytes;
        let is_arriving = self.book.arriving.contains(&id);
        if taken.bytes > 0 || is_arriving {
            self.wires[id].record.moved_at = now;
        }
        Ok(taken)
    }

    /// Reads from the socket and opens what came.
    fn fetch(&mut self, id: usize) -> io::Result<()> {
        if self.seal(id).stage == Stage::Ended {
            return Ok(());
        }
        let mut raw = [0; RAW_BYTES_MAX];
        let most = self.rng.pick(&[RAW_BYTES_MAX, 100, 7]);
        let n = match self.take_raw(id, &mut raw[..most]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.wires[id].readable = false;
                return Err(error);
            }
            n => n?,
        };
        if n == 0 {
            let kind = match self.setup.bug {
                // As TLS libraries call it; here it is the word for a file that shrank.
                Some(Bug::NameTheEnd) => (ErrorKind::UnexpectedEof, CloseReason::Reset),
                _ => (ErrorKind::ConnectionReset, CloseReason::Reset),
            };
            self.marks.event(Event::CutInside);
            return Err(self.break_with(id, kind.0, kind.1));
        }
        let now = self.now;
        let owed = self.owes(id);
        let seal = self.seal(id);
        seal.drained = n < most;
        seal.raw.extend(&raw[..n]);
        let shook_hands = seal.open();
        let is_broken = seal.stage == Stage::Broken && !seal.said_end;
        self.handshake_steps += usize::from(shook_hands);
        if is_broken {
            self.wires[id].broke_rules = true;
            if !owed {
                self.wires[id].record.taken_at = now;
            }
            self.marks.event(Event::BrokeRules);
            if self.setup.bug == Some(Bug::DestroyAlert) {
                return Err(self.break_with(id, ErrorKind::Other, CloseReason::Reset));
            }
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(())
    }

    /// Gives out some of what is held.
    fn give(&mut self, id: usize, space: &mut [u8]) -> Taken {
        let few = self.setup.gives_little && self.rng.chance(500);
        let bug = self.setup.bug;
        let seal = self.seal(id);
        let most = if few { 1 } else { space.len() };
        let n = most.min(seal.plain.len());
        for (to, from) in space.iter_mut().zip(seal.plain.drain(..n)) {
            *to = from;
        }
        let mut more = seal.more();
        let nothing = n == 0 && more != More::Never;
        match bug {
            Some(Bug::ForgetMore) if n < space.len() && more == More::Perhaps => {
                more = More::WhenTold;
            }
            Some(Bug::HideSaidEnd) if more == More::Never && n > 0 => more = More::WhenTold,
            Some(Bug::NeverSayEnd) if more == More::Never => more = More::WhenTold,
            _ => {}
        }
        if nothing {
            self.marks.event(Event::NothingOpened);
        }
        Taken { bytes: n, more }
    }

    /// Reads what nobody wants.
    fn throw_away(&mut self, id: usize, space: &mut [u8]) -> io::Result<Taken> {
        let bytes = match self.take_raw(id, space) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.wires[id].readable = false;
                return Err(error);
            }
            n => n?,
        };
        let more = match bytes {
            0 => More::Never,
            n if n < space.len() => More::WhenTold,
            _ => More::Perhaps,
        };
        Ok(Taken { bytes, more })
    }

    /// Seals `bytes`, and says that all of a frame was taken whatever the socket does.
    pub(crate) fn write_sealed(
        &mut self,
        id: usize,
        bytes: &[u8],
        faults: [Fault; 4],
    ) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a write has something to write");
        let seal = self.seal(id);
        assert!(seal.is_ready(), "wire {id}: written to before it is ready");
        assert!(!seal.owes(), "wire {id}: what it owes comes first");
        assert!(!seal.said_end, "nothing is written behind the end");
        let n = bytes.len().min(seal.frame_bytes);
        seal.out.extend(frame(DATA, &bytes[..n]));
        if self.setup.bug == Some(Bug::OpenAsideOfReads) {
            // Reads what came on the way, and nobody is told that it is there.
            let _ = self.fetch(id);
            self.wires[id].believe_blocked();
        }
        if self.rng.chance(500) {
            self.push_out(id, faults)?;
        }
        let now = self.now;
        let record = &mut self.wires[id].record;
        record.operations += 1;
        record.written += n;
        record.moved_at = now;
        record.taken_at = now;
        Ok(n)
    }

    /// Gives the socket what waits for it. That it takes no more is no error here: the pipe owes
    /// it then, and hears of it again when that is sent.
    fn push_out(&mut self, id: usize, faults: [Fault; 4]) -> io::Result<()> {
        let out: Vec<u8> = self.seal(id).out.iter().copied().collect();
        match self.push_raw(id, &out, faults) {
            Ok(n) => {
                self.seal(id).out.drain(..n);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn send_sealed(&mut self, id: usize, bytes: &[u8]) -> io::Result<usize> {
        let faults = [
            Fault::InterruptedSend,
            Fault::SendError,
            Fault::FalseWriteBlock,
            Fault::ShortSend,
        ];
        let n = self.write_sealed(id, bytes, faults)?;
        self.wires[id].record.unreported += n as u64;
        Ok(n)
    }

    /// Sends what the pipe itself owes.
    pub(crate) fn settle_sealed(&mut self, id: usize) -> io::Result<usize> {
        assert!(self.owes(id), "wire {id}: settled without a debt");
        let faults = [
            Fault::InterruptedWrite,
            Fault::WriteError,
            Fault::FalseWriteBlock,
            Fault::ShortWrite,
        ];
        let out: Vec<u8> = self.seal(id).out.iter().copied().collect();
        let n = match self.push_raw(id, &out, faults) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.wires[id].writable = false;
                return Err(error);
            }
            n => n?,
        };
        self.marks.event(Event::Settled);
        self.seal(id).out.drain(..n);
        let record = &mut self.wires[id].record;
        (record.moved_at, record.taken_at) = (self.now, self.now);
        Ok(n)
    }

    /// Says that no more comes, then tells the pipe below.
    pub(crate) fn finish_sealed(&mut self, id: usize) -> io::Result<()> {
        assert!(
            !self.owes(id),
            "wire {id}: ended before what it owes is sent"
        );
        let faults = [
            Fault::InterruptedFinish,
            Fault::FinishError,
            Fault::FalseWriteBlock,
            Fault::ShortWrite,
        ];
        let seal = self.seal(id);
        let says = matches!(seal.stage, Stage::Open | Stage::Ended) && !seal.said_end;
        if says {
            seal.said_end = true;
            seal.out.extend(frame(END, &[]));
        }
        while self.owes(id) {
            let out: Vec<u8> = self.seal(id).out.iter().copied().collect();
            match self.push_raw(id, &out, faults) {
                Ok(n) => {
                    self.seal(id).out.drain(..n);
                    self.wires[id].record.taken_at = self.now;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.marks.event(Event::FinishBlocked);
                    self.wires[id].writable = false;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        self.finish_raw(id)?;
        let seal = self.seal(id);
        seal.finished = true;
        seal.plain.clear();
        seal.raw.clear();
        Ok(())
    }

    /// Whether the pipe says that it can be written to.
    pub(crate) fn says_ready(&self, id: usize) -> bool {
        let seal = self.wires[id].seal.as_ref();
        seal.is_none_or(|seal| seal.is_ready() || self.setup.bug == Some(Bug::ReadyTooEarly))
    }

    /// Whether the pipe says that it owes something.
    pub(crate) fn says_debt(&self, id: usize) -> bool {
        let Some(seal) = &self.wires[id].seal else {
            return false;
        };
        match self.setup.bug {
            Some(Bug::HideHandshake) if !seal.is_ready() => false,
            Some(Bug::HideDebt) if seal.is_ready() => false,
            _ => seal.owes(),
        }
    }
}
