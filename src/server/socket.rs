//! A TCP connection as the engine's pipe of bytes.
//!
//! Owns the socket of one peer. Must never decide anything: each method is one system call, but for
//! long files, before which the socket is set up for where the peer is ([`super::nearness`]) and
//! the file is brought into memory ([`super::ahead`]).

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;

use mio::net::TcpStream;

use super::ahead::Ahead;
use super::nearness::{self, Distance};
use crate::engine::ports::Transport;

/// A piece of a file from which on both are worth their system calls: sending it takes many times
/// as long. Less than the smallest share of a turn, or it would never be met.
const LONG_BYTES: usize = 32 * 1024;

/// A registered, non-blocking connection. Dropping it closes it.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// Of the peer, as far as it was measured before long files.
    distance: Distance,
}

impl Socket {
    /// A connection that has just been accepted.
    #[must_use]
    pub const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            distance: Distance::Far,
        }
    }
}

/// A file that is being sent, with the name that its client knows it by. Dropping it closes it.
#[derive(Debug)]
pub struct Served {
    /// Where the bytes are.
    pub file: File,
    /// As the client wrote it.
    pub name: Box<[u8]>,
    /// How much of it the kernel was asked for.
    ahead: Cell<Ahead>,
}

impl Served {
    /// `file`, which was asked for as `name`.
    #[must_use]
    pub fn new(file: File, name: &[u8]) -> Self {
        Self {
            file,
            name: name.into(),
            ahead: Cell::new(Ahead::Unknown),
        }
    }
}

impl Transport for Socket {
    type File = Served;

    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.stream.read(space)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    /// sendfile(2) with an explicit offset, so that the file's own position is neither used nor
    /// moved. A peer that went away is an error and not a signal: Rust programs ignore SIGPIPE.
    fn send_file(&mut self, served: &Served, offset: u64, len: usize) -> io::Result<usize> {
        if len >= LONG_BYTES {
            let ahead = served.ahead.get();
            if ahead == Ahead::Unknown && self.distance == Distance::Far {
                self.distance = nearness::suit(self.stream.as_fd());
            }
            let piece = offset..offset.saturating_add(len as u64);
            served.ahead.set(ahead.fetch(&served.file, piece));
        }
        let mut offset = offset;
        self.stream.try_io(|| {
            Ok(rustix::fs::sendfile(
                &self.stream,
                &served.file,
                Some(&mut offset),
                len,
            )?)
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}
