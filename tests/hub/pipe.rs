//! The pipes between the hub and its peers.
//!
//! Owns what is on its way: what a peer writes is there at once, and what the hub writes is kept.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use berth::engine::ports::{More, Taken, Transport};

/// One connection, seen from both ends.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) to_hub: Vec<u8>,
    pub(crate) from_hub: Vec<u8>,
    pub(crate) peer_has_ended: bool,
    pub(crate) hub_has_ended: bool,
    pub(crate) is_closed: bool,
    /// So many more bytes are taken from the hub.
    pub(crate) room: usize,
}

#[derive(Debug)]
pub(crate) struct Pipe(pub(crate) Rc<RefCell<Wire>>);

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.borrow_mut().is_closed = true;
    }
}

impl Pipe {
    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let n = bytes.len().min(wire.room);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.room -= n;
        wire.from_hub.extend_from_slice(&bytes[..n]);
        Ok(n)
    }
}

impl Transport for Pipe {
    type File = Vec<u8>;

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let mut wire = self.0.borrow_mut();
        let bytes = space.len().min(wire.to_hub.len());
        let more = match (bytes, wire.peer_has_ended) {
            (0, false) => return Err(ErrorKind::WouldBlock.into()),
            (0, true) => More::Never,
            _ => More::Perhaps,
        };
        space[..bytes].copy_from_slice(&wire.to_hub[..bytes]);
        wire.to_hub.drain(..bytes);
        Ok(Taken { bytes, more })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)
    }

    fn send_file(&mut self, file: &Vec<u8>, offset: u64, len: usize) -> io::Result<usize> {
        let start = usize::try_from(offset).expect("it is small");
        let end = file.len().min(start + len);
        self.take(&file[start.min(end)..end])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().hub_has_ended = true;
        Ok(())
    }

    fn settle(&mut self) -> io::Result<usize> {
        unreachable!("it owes nothing")
    }

    fn refuse(&mut self) {}

    fn owes(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}
