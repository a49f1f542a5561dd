//! A transport that encrypts another one: TLS over TCP, with the TLS left to a [`Cipher`].
//!
//! Owns what TLS changes about a byte stream: a handshake before the first byte, input that is
//! buffered inside, output of the cipher's own, an end inside the stream, an alert for a peer that
//! violates the protocol. Must never know a record: the cipher does, so that the simulator runs
//! this file with a toy.
//!
//! Only a read of the pipe reports `WouldBlock` for a read, and only a write to it one for a write.
//! Only [`Transport::read`] reads from the pipe: input that another call had decrypted would be
//! waited for in vain, as no event reports it.

use std::io::{self, ErrorKind, IoSlice};

use crate::engine::ports::{Gather, More, ReadAt, Taken, Transport};

/// The most bytes read from the pipe at once. More than one record in a read is rare while requests
/// are lines, and a cipher accepts this much whatever it holds.
pub const RAW_BYTES_MAX: usize = 4 * 1024;

/// The most bytes of a file that are encrypted at once, and sent with one write: what the socket
/// does not accept waits in memory.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;

/// The peer violated the protocol of the cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// One end of an encrypted stream, without the stream: it turns bytes into bytes, and owns those
/// that were not accepted yet.
pub trait Cipher {
    /// Decrypts `raw`, at most [`RAW_BYTES_MAX`] bytes, all of which are accepted. To be called
    /// only while it holds nothing. After a fault it owes the alert for it, and is fed no more.
    fn feed(&mut self, raw: &[u8]) -> Result<(), Fault>;

    /// Whether there are decrypted bytes to be taken.
    fn holds(&self) -> bool;

    /// Takes decrypted bytes; 0 if it holds none.
    fn take(&mut self, space: &mut [u8]) -> usize;

    /// Whether the peer has said inside the stream that it sends no more.
    fn has_ended(&self) -> bool;

    /// Encrypts a first part of `plain`, which is not empty, and returns its length, which is not
    /// 0. To be called only after the handshake, and while nothing is owed.
    fn seal(&mut self, plain: &[u8]) -> usize;

    /// Says inside the stream that no more is sent, if that can be said. It is fed no more, and
    /// nothing more is taken.
    fn close(&mut self);

    /// Tells the peer that it is turned away, as far as the handshake has come. It is fed no more,
    /// and nothing more is taken.
    fn refuse(&mut self);

    /// Whether it has output for the pipe: of its own, or encrypted.
    fn owes(&self) -> bool;

    /// Hands that output to `write` once, and drops what that has accepted.
    fn send(&mut self, write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>)
    -> io::Result<usize>;

    /// Whether the handshake is not complete.
    fn is_handshaking(&self) -> bool;
}

/// Whether input is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is.
    Open,
    /// It is read and discarded: the peer violated the protocol or was turned away, or the end was
    /// said.
    Over,
}

/// The pipe `T`, encrypted with `C`.
#[derive(Debug)]
pub struct Sealed<T, C> {
    pipe: T,
    cipher: C,
    stage: Stage,
}

impl<T: Gather, C: Cipher> Sealed<T, C> {
    /// The encrypted end of a connection whose handshake has not begun.
    pub const fn new(pipe: T, cipher: C) -> Self {
        Self {
            pipe,
            cipher,
            stage: Stage::Open,
        }
    }

    /// The cipher.
    pub const fn cipher(&self) -> &C {
        &self.cipher
    }

    /// Reads from the pipe and decrypts. Returns what is known of the pipe's rest.
    fn fetch(&mut self) -> io::Result<More> {
        let mut raw = [0; RAW_BYTES_MAX];
        let taken = self.pipe.read(&mut raw)?;
        if taken.bytes == 0 && taken.more == More::Never {
            // Whether all was sent is not known: the end was not said inside the stream.
            return Err(ErrorKind::ConnectionReset.into());
        }
        if self.cipher.feed(&raw[..taken.bytes]).is_err() {
            self.stage = Stage::Over;
            return Err(ErrorKind::InvalidData.into());
        }
        Ok(taken.more)
    }

    fn send(&mut self) -> io::Result<usize> {
        let Self { pipe, cipher, .. } = self;
        cipher.send(|parts| match pipe.write_parts(parts)? {
            0 => Err(ErrorKind::WriteZero.into()),
            n => Ok(n),
        })
    }

    /// Encrypts, and tries to send that with one write. What the pipe does not accept is owed.
    fn seal(&mut self, plain: &[u8]) -> io::Result<usize> {
        assert!(
            self.is_ready() && !self.owes() && self.stage == Stage::Open,
            "a sealed pipe is written to after its handshake, before its end, and owes nothing"
        );
        let n = self.cipher.seal(&plain[..plain.len().min(BATCH_BYTES_MAX)]);
        match self.send() {
            Ok(_) => Ok(n),
            // It was accepted all the same, and the next `settle` reports this again.
            Err(error) if is_pause(&error) => Ok(n),
            Err(error) => Err(error),
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

// Each is called where a plain socket's operation is inlined, which it has to stay.
impl<T: Gather, C: Cipher> Transport for Sealed<T, C> {
    type File = T::File;

    #[inline(never)]
    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        if self.stage == Stage::Over {
            return self.pipe.read(space);
        }
        let mut more = More::Perhaps;
        if !self.cipher.holds() {
            more = self.fetch()?;
        }
        let bytes = self.cipher.take(space);
        if self.cipher.holds() {
            more = More::Perhaps;
        } else if self.cipher.has_ended() {
            more = More::Never;
        } else if more == More::Never {
            // The pipe reports its end again.
            more = More::Perhaps;
        }
        Ok(Taken { bytes, more })
    }

    #[inline(never)]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seal(bytes)
    }

    #[inline(never)]
    fn send_file(&mut self, file: &T::File, offset: u64, len: usize) -> io::Result<usize> {
        let mut plain = Vec::new();
        match file.read_at(&mut plain, offset, len.min(BATCH_BYTES_MAX))? {
            0 => Ok(0),
            _ => self.seal(&plain),
        }
    }

    #[inline(never)]
    fn finish(&mut self) -> io::Result<()> {
        if self.stage == Stage::Open {
            self.stage = Stage::Over;
            self.cipher.close();
        }
        while self.owes() {
            self.send()?;
        }
        self.pipe.finish()
    }

    #[inline(never)]
    fn settle(&mut self) -> io::Result<usize> {
        self.send()
    }

    fn refuse(&mut self) {
        self.stage = Stage::Over;
        self.cipher.refuse();
    }

    fn owes(&self) -> bool {
        self.cipher.owes()
    }

    fn is_ready(&self) -> bool {
        // A handshake that is over is not worked on either.
        self.stage == Stage::Over || !self.cipher.is_handshaking()
    }
}
