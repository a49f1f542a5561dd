//! One connection as the hub has it.
//!
//! Owns whether it is sealed, and tells the story of each operation. Must never do one: the network
//! does, and the engine's decorator for what is sealed.

use std::io;

use berth::engine::ports::{Taken, Transport};

use crate::net::Shared;
use crate::sealed_pipe::Secret;
use crate::service::SimFile;
use crate::transport::{SEND_FAULTS, WRITE_FAULTS};

/// One connection as the engine sees it.
#[derive(Debug)]
pub(crate) struct Socket {
    id: usize,
    net: Shared,
    /// The decorator, if the connection is sealed.
    secret: Option<Secret>,
}

impl Socket {
    pub(crate) fn new(id: usize, net: &Shared) -> Self {
        Self {
            id,
            net: Shared::clone(net),
            secret: Secret::new(id, net),
        }
    }
}

impl Transport for Socket {
    type File = SimFile;

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let Self { id, net, secret } = self;
        let result = match secret {
            Some(secret) => Self::read_sealed(net, *id, secret, space),
            None => net.borrow_mut().read(*id, space),
        };
        let said = || format!("  wire {id}: read {} -> {result:?}", space.len());
        net.borrow_mut().say(said);
        result
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { id, net, secret } = self;
        net.borrow_mut().sealed_faults = WRITE_FAULTS;
        let result = match secret {
            Some(secret) => Self::write_sealed(net, *id, secret, |sealed| sealed.write(bytes)),
            None => net.borrow_mut().write(*id, bytes, WRITE_FAULTS),
        };
        let said = || format!("  wire {id}: write {} -> {result:?}", bytes.len());
        net.borrow_mut().say(said);
        result
    }

    fn send_file(&mut self, file: &SimFile, offset: u64, len: usize) -> io::Result<usize> {
        let Self { id, net, secret } = self;
        let result = match secret {
            _ if file.spec.readable() <= offset as usize => {
                net.borrow_mut().file_ends(*id, file, len)
            }
            Some(secret) => {
                net.borrow_mut().sealed_faults = SEND_FAULTS;
                Self::write_sealed(net, *id, secret, |sealed| {
                    sealed.send_file(file, offset, len)
                })
            }
            None => net.borrow_mut().send_file(*id, file, offset as usize, len),
        };
        if let Ok(n) = result {
            net.borrow_mut().wires[*id].record.unreported += n as u64;
        }
        let said = || format!("  wire {id}: send {len} @{offset} -> {result:?}");
        net.borrow_mut().say(said);
        result
    }

    fn finish(&mut self) -> io::Result<()> {
        let Self { id, net, secret } = self;
        let result = match secret {
            Some(secret) => Self::finish_sealed(net, *id, secret),
            None => net.borrow_mut().finish_raw(*id),
        };
        net.borrow_mut()
            .say(|| format!("  wire {id}: finish -> {result:?}"));
        result
    }

    fn settle(&mut self) -> io::Result<usize> {
        let Self { id, net, secret } = self;
        let secret = secret.as_mut().expect("only a sealed pipe owes something");
        let result = Self::settle_sealed(net, *id, secret);
        net.borrow_mut()
            .say(|| format!("  wire {id}: settle -> {result:?}"));
        result
    }

    fn refuse(&mut self) {
        let Self { id, net, secret } = self;
        let secret = secret.as_mut();
        let secret = secret.expect("only a sealed pipe has a handshake");
        Self::refuse_sealed(net, *id, secret);
        net.borrow_mut()
            .say(|| format!("  wire {id}: is turned away in its handshake"));
    }

    fn owes(&self) -> bool {
        let secret = self.secret.as_ref();
        secret.is_some_and(|secret| Self::says_debt(&self.net, secret))
    }

    fn is_ready(&self) -> bool {
        let secret = self.secret.as_ref();
        secret.is_none_or(|secret| Self::says_ready(&self.net, secret))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A failed check unwinds through here with the network in use; nothing more is recorded.
        if let Ok(mut net) = self.net.try_borrow_mut() {
            net.dropped(self.id);
        }
    }
}
