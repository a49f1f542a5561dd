//! A TCP connection as the engine's pipe of bytes.
//!
//! Owns the socket of one peer. Must never decide anything: each method is one system call.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::engine::ports::Transport;

/// A registered, non-blocking connection. Dropping it closes it.
#[derive(Debug)]
pub struct Socket(pub TcpStream);

/// A file that is being sent, with the name that its client knows it by. Dropping it closes it.
#[derive(Debug)]
pub struct Served {
    /// Where the bytes are.
    pub file: File,
    /// As the client wrote it.
    pub name: Box<[u8]>,
}

impl Transport for Socket {
    type File = Served;

    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// sendfile(2) with an explicit offset, so that the file's own position is neither used nor
    /// moved. A peer that went away is an error and not a signal: Rust programs ignore SIGPIPE.
    fn send_file(&mut self, served: &Served, offset: u64, len: usize) -> io::Result<usize> {
        let mut offset = offset;
        self.0.try_io(|| {
            Ok(rustix::fs::sendfile(
                &self.0,
                &served.file,
                Some(&mut offset),
                len,
            )?)
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}
