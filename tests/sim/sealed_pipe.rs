//! A sealed connection, as the engine's own decorator makes one.
//!
//! Owns the record of what the hub was told, and planted bugs. Must never let a wrong
//! operation pass: one before the pipe is ready, before its debts are paid, or after its end.

use std::io::{self, ErrorKind};

use berth::engine::ports::{More, Taken, Transport};
use berth::engine::sealed::{Cipher, Sealed};
use berth::wire::CloseReason;

use crate::cipher::SimCipher;
use crate::marks::{Event, Fault};
use crate::net::{Net, Shared};
use crate::raw_pipe::RawPipe;
use crate::setup::Bug;
use crate::socket::Socket;
use crate::transport::WRITE_FAULTS;

/// A sealed connection of the server's.
#[derive(Debug)]
pub(crate) struct Secret {
    sealed: Sealed<RawPipe, SimCipher>,
    /// What was opened aside of a read, by mistake.
    aside: Vec<u8>,
}

impl Secret {
    pub(crate) fn new(id: usize, net: &Shared) -> Option<Self> {
        let cipher = SimCipher::new(&net.borrow().setup)?;
        let net = Shared::clone(net);
        Some(Self {
            sealed: Sealed::new(RawPipe { id, net }, cipher),
            aside: Vec::new(),
        })
    }

    fn owes(&self) -> bool {
        self.sealed.owes()
    }

    /// What a read gives, with the mistake that is to be made.
    fn take(&mut self, net: &Shared, space: &mut [u8]) -> io::Result<Taken> {
        if !self.aside.is_empty() {
            let n = space.len().min(self.aside.len());
            for (to, from) in space.iter_mut().zip(self.aside.drain(..n)) {
                *to = from;
            }
            let more = More::Perhaps;
            return Ok(Taken { bytes: n, more });
        }
        let few = {
            let net = &mut *net.borrow_mut();
            net.setup.gives_little && net.rng.chance(500)
        };
        let most = if few { 1 } else { space.len() };
        self.sealed.read(&mut space[..most])
    }

    /// Whether more may come, as it is told by mistake.
    fn mistake(&self, net: &Net, id: usize, space: usize, taken: Taken) -> More {
        let Taken { bytes, more } = taken;
        let holds = self.sealed.cipher().holds();
        match (net.setup.bug, more) {
            (Some(Bug::ForgetMore), More::Perhaps) if bytes < space => More::WhenTold,
            (Some(Bug::RememberDrained), More::Perhaps) if !holds && net.wires[id].was_drained => {
                More::WhenTold
            }
            (Some(Bug::HideSaidEnd), More::Never) if bytes > 0 => More::WhenTold,
            (Some(Bug::NeverSayEnd), More::Never) => More::WhenTold,
            (_, more) => more,
        }
    }
}

impl Socket {
    /// Keeps what the oracle has to know of the decorator.
    fn look(net: &mut Net, id: usize, secret: &Secret) {
        net.wires[id].owes = secret.owes();
        net.wires[id].holds = secret.sealed.cipher().holds();
    }

    /// A read of a sealed pipe.
    pub(crate) fn read_sealed(
        net: &Shared,
        id: usize,
        secret: &mut Secret,
        space: &mut [u8],
    ) -> io::Result<Taken> {
        net.borrow().check_read(id, space);
        let owed = secret.owes();
        if owed && net.borrow().setup.bug == Some(Bug::ReadAfterWrite) {
            // What the pipe says of one direction is told of the other.
            net.borrow_mut().wires[id].read_blocked();
            return Err(ErrorKind::WouldBlock.into());
        }
        let steps = secret.sealed.cipher().steps;
        let taken = secret.take(net, space);
        let net = &mut *net.borrow_mut();
        Self::look(net, id, secret);
        net.handshake_steps += usize::from(secret.sealed.cipher().steps > steps);
        match taken {
            Ok(taken) => {
                let more = secret.mistake(net, id, space.len(), taken);
                let taken = Taken { more, ..taken };
                net.note_taken(id, owed, taken);
                Ok(taken)
            }
            Err(error) => Err(net.note_refused(id, owed, error)),
        }
    }

    /// Seals `bytes`, or those of a file, and says that they were taken whatever the socket does.
    pub(crate) fn write_sealed(
        net: &Shared,
        id: usize,
        secret: &mut Secret,
        write: impl FnOnce(&mut Sealed<RawPipe, SimCipher>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let n = write(&mut secret.sealed);
        if n.is_ok() && net.borrow().setup.bug == Some(Bug::OpenAsideOfReads) {
            // Reads what came on the way, and nobody is told that it is there.
            let mut space = [0; 1000];
            if let Ok(taken) = secret.sealed.read(&mut space) {
                secret.aside.extend(&space[..taken.bytes]);
            }
            net.borrow_mut().wires[id].believe_blocked();
        }
        let net = &mut *net.borrow_mut();
        Self::look(net, id, secret);
        let n = n?;
        let now = net.now;
        let record = &mut net.wires[id].record;
        record.operations += 1;
        record.written += n;
        (record.moved_at, record.taken_at) = (now, now);
        Ok(n)
    }

    /// Sends what the pipe itself owes.
    pub(crate) fn settle_sealed(net: &Shared, id: usize, secret: &mut Secret) -> io::Result<usize> {
        assert!(secret.owes(), "wire {id}: settled without a debt");
        net.borrow_mut().sealed_faults = WRITE_FAULTS;
        let n = secret.sealed.settle();
        let net = &mut *net.borrow_mut();
        Self::look(net, id, secret);
        net.note_blocked(id, n.as_ref().err());
        let n = n?;
        net.marks.event(Event::Settled);
        net.wires[id].record.moved_at = net.now;
        Ok(n)
    }

    /// Says that no more comes, then tells the pipe below.
    pub(crate) fn finish_sealed(net: &Shared, id: usize, secret: &mut Secret) -> io::Result<()> {
        assert!(
            !secret.owes(),
            "wire {id}: ended before what it owes is sent"
        );
        net.borrow_mut().sealed_faults = [
            Fault::InterruptedFinish,
            Fault::FinishError,
            Fault::FalseWriteBlock,
            Fault::ShortWrite,
        ];
        let finished = secret.sealed.finish();
        let net = &mut *net.borrow_mut();
        Self::look(net, id, secret);
        net.note_blocked(id, finished.as_ref().err());
        if secret.owes() && finished.is_err() {
            net.marks.event(Event::FinishBlocked);
            if net.wires[id].is_bare {
                // Nothing was owed before this turn.
                net.wires[id].record.taken_at = net.now;
                net.wires[id].is_bare = false;
            }
        }
        finished
    }

    /// Turns the peer away in its handshake.
    pub(crate) fn refuse_sealed(net: &Shared, id: usize, secret: &mut Secret) {
        assert!(
            !secret.sealed.is_ready(),
            "wire {id}: behind its handshake a line says it"
        );
        let net = &mut *net.borrow_mut();
        if !net.wires[id].owes {
            net.wires[id].record.taken_at = net.now;
        }
        secret.sealed.refuse();
        net.wires[id].is_refused_early = true;
        Self::look(net, id, secret);
    }

    /// Whether the pipe says that it can be written to.
    pub(crate) fn says_ready(net: &Shared, secret: &Secret) -> bool {
        secret.sealed.is_ready() || net.borrow().setup.bug == Some(Bug::ReadyTooEarly)
    }

    /// Whether the pipe says that it owes something.
    pub(crate) fn says_debt(net: &Shared, secret: &Secret) -> bool {
        match net.borrow().setup.bug {
            Some(Bug::HideHandshake) if !secret.sealed.is_ready() => false,
            Some(Bug::HideDebt) if secret.sealed.is_ready() => false,
            _ => secret.owes(),
        }
    }
}

impl Net {
    /// Whether the pipe of this wire owes bytes of its own.
    pub(crate) fn owes(&self, id: usize) -> bool {
        self.wires[id].owes
    }

    fn check_read(&self, id: usize, space: &[u8]) {
        assert!(!space.is_empty(), "a read has somewhere to go");
        assert!(
            self.wires[id].readable,
            "wire {id}: what is known to block is not tried"
        );
        assert!(!self.wires[id].end_read, "nothing is read behind the end");
    }

    /// The hub is told what a read gave.
    fn note_taken(&mut self, id: usize, owed: bool, taken: Taken) {
        let now = self.now;
        let nothing = taken.bytes == 0 && taken.more != More::Never;
        if nothing {
            self.marks.event(Event::NothingOpened);
        }
        let is_arriving = self.book.arriving.contains(&id);
        let wire = &mut self.wires[id];
        match taken.more {
            More::Never => wire.end_read = true,
            More::WhenTold => wire.believe_blocked(),
            More::Perhaps => {}
        }
        wire.record.operations += 1;
        wire.record.empty_reads += usize::from(nothing);
        wire.record.read += taken.bytes;
        if !owed {
            wire.record.taken_at = now;
        }
        // An end is no activity, whatever came with it: the transport does not say.
        if taken.bytes > 0 || (is_arriving && taken.more != More::Never) {
            wire.record.moved_at = now;
        }
    }

    /// The hub is told why a read failed.
    fn note_refused(&mut self, id: usize, owed: bool, error: io::Error) -> io::Error {
        let bug = self.setup.bug;
        let (kind, now) = (error.kind(), self.now);
        let wire = &mut self.wires[id];
        if kind == ErrorKind::InvalidData {
            wire.broke_rules = true;
            if !owed {
                wire.record.taken_at = now;
            }
            self.marks.event(Event::BrokeRules);
            if bug == Some(Bug::DestroyAlert) {
                return self.break_with(id, ErrorKind::Other, CloseReason::Reset);
            }
        } else if kind == ErrorKind::ConnectionReset && wire.fatal.is_none() {
            let kind = match bug {
                // As TLS libraries call it; here it is the word for a file that shrank.
                Some(Bug::NameTheEnd) => ErrorKind::UnexpectedEof,
                _ => kind,
            };
            self.marks.event(Event::CutInside);
            return self.break_with(id, kind, CloseReason::Reset);
        }
        error
    }

    /// The hub is told that a write would block.
    fn note_blocked(&mut self, id: usize, error: Option<&io::Error>) {
        if error.is_some_and(|error| error.kind() == ErrorKind::WouldBlock) {
            self.wires[id].writable = false;
        }
    }
}
