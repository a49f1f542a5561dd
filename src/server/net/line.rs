//! The connection of a peer: plain, or encrypted with TLS.
//!
//! Owns the choice between the two, which the listener makes. Must never do anything itself. The
//! plain way is inlined into a turn, as if there were no other.

use std::io;

use crate::engine::ports::{Taken, Transport};
use crate::engine::sealed::Sealed;
use crate::server::net::socket::{Served, Socket};
use crate::server::net::tls::Tls;

/// The connection of a peer. Dropping it closes it.
#[derive(Debug)]
pub enum Line {
    /// What a peer sends is what is read.
    Plain(Socket),
    /// The state of TLS is large, and only those pay for it who use it.
    Tls(Box<Sealed<Socket, Tls>>),
}

/// Passes an operation on.
macro_rules! either {
    ($line:expr, $transport:ident => $operation:expr) => {
        match $line {
            Line::Plain($transport) => $operation,
            Line::Tls($transport) => $operation,
        }
    };
}

impl Transport for Line {
    type File = Served;

    #[inline]
    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        either!(self, transport => transport.read(space))
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, transport => transport.write(bytes))
    }

    #[inline]
    fn send_file(&mut self, file: &Served, offset: u64, len: usize) -> io::Result<usize> {
        either!(self, transport => transport.send_file(file, offset, len))
    }

    #[inline]
    fn finish(&mut self) -> io::Result<()> {
        either!(self, transport => transport.finish())
    }

    #[inline]
    fn settle(&mut self) -> io::Result<usize> {
        either!(self, transport => transport.settle())
    }

    fn refuse(&mut self) {
        either!(self, transport => transport.refuse());
    }

    #[inline]
    fn owes(&self) -> bool {
        either!(self, transport => transport.owes())
    }

    #[inline]
    fn is_ready(&self) -> bool {
        either!(self, transport => transport.is_ready())
    }
}
