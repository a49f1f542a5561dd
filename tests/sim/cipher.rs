//! The cipher of a sealed pipe: the toy in most seeds, and the server's own in some.
//!
//! Owns the choice between the two, and how many steps of a handshake were done. Must never do what
//! a cipher does.

use std::io::{self, IoSlice};

use berth::engine::sealed::{Cipher, Fault, RAW_BYTES_MAX};
use berth::server::net::tls::Tls;

use crate::seal::Seal;
use crate::setup::Setup;
use crate::tls;

/// The server's end of a sealed pipe.
#[derive(Debug)]
pub(crate) struct SimCipher {
    kind: Kind,
    /// Steps of the handshake that were done.
    pub(crate) steps: usize,
    /// It was told to say the end, or that its peer is turned away.
    is_over: bool,
}

#[derive(Debug)]
enum Kind {
    Toy(Seal),
    Tls(Box<Tls>),
}

/// Passes an operation on.
macro_rules! either {
    ($cipher:expr, $end:ident => $operation:expr) => {
        match &mut $cipher.kind {
            Kind::Toy($end) => $operation,
            Kind::Tls($end) => $operation,
        }
    };
}

/// The same, of what only looks.
macro_rules! ask {
    ($cipher:expr, $end:ident => $question:expr) => {
        match &$cipher.kind {
            Kind::Toy($end) => $question,
            Kind::Tls($end) => $question,
        }
    };
}

impl SimCipher {
    /// That of a new connection; `None` where pipes are not sealed.
    pub(crate) fn new(setup: &Setup) -> Option<Self> {
        let frame_bytes = setup.seal_bytes?;
        let kind = match setup.is_tls {
            true => Kind::Tls(Box::new(tls::accept())),
            false => Kind::Toy(Seal::new(frame_bytes)),
        };
        Some(Self {
            kind,
            steps: 0,
            is_over: false,
        })
    }
}

impl Cipher for SimCipher {
    fn feed(&mut self, raw: &[u8]) -> Result<(), Fault> {
        assert!(!self.is_over, "nothing is opened behind the end");
        assert!(raw.len() <= RAW_BYTES_MAX, "a little at a time");
        assert!(!self.holds(), "what it holds is taken before more comes");
        let (was_shaking, owed) = (self.is_handshaking(), self.owes());
        let fed = either!(self, end => end.feed(raw));
        // A step sends a flight or ends the handshake; what is no whole message yet is none.
        let moved = !self.is_handshaking() || (self.owes() && !owed);
        self.steps += usize::from(was_shaking && moved && fed.is_ok());
        fed
    }

    fn holds(&self) -> bool {
        // Of what was not taken before the end nothing ever is.
        !self.is_over && ask!(self, end => end.holds())
    }

    fn take(&mut self, space: &mut [u8]) -> usize {
        either!(self, end => end.take(space))
    }

    fn has_ended(&self) -> bool {
        ask!(self, end => end.has_ended())
    }

    fn seal(&mut self, plain: &[u8]) -> usize {
        assert!(!plain.is_empty(), "there is something to seal");
        assert!(!self.is_over, "nothing is sealed behind the end");
        assert!(!self.is_handshaking(), "sealed before there are keys");
        assert!(!self.owes(), "what it owes comes first");
        either!(self, end => end.seal(plain))
    }

    fn close(&mut self) {
        assert!(!self.is_over, "the end is said once");
        self.is_over = true;
        either!(self, end => end.close());
    }

    fn refuse(&mut self) {
        assert!(self.is_handshaking(), "behind that a line says it");
        assert!(!self.is_over, "the end is said once");
        self.is_over = true;
        either!(self, end => end.refuse());
    }

    fn owes(&self) -> bool {
        ask!(self, end => end.owes())
    }

    fn send(
        &mut self,
        write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        either!(self, end => end.send(write))
    }

    fn is_handshaking(&self) -> bool {
        ask!(self, end => end.is_handshaking())
    }
}
