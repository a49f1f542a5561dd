//! What a sealed connection stands on.
//!
//! Owns the way from the engine's decorator to the network, and to the bytes of a file. Must never
//! tell the hub anything: the decorator does.

use std::io::{self, ErrorKind, IoSlice};

use berth::engine::ports::{Gather, More, ReadAt, Taken, Transport};

use crate::net::Shared;
use crate::service::SimFile;

/// What the decorator stands on.
#[derive(Debug)]
pub(crate) struct RawPipe {
    pub(crate) id: usize,
    pub(crate) net: Shared,
}

impl Transport for RawPipe {
    type File = SimFile;

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let net = &mut *self.net.borrow_mut();
        let most = net.rng.pick(&[space.len(), 100, 7]).min(space.len());
        let bytes = match net.take_raw(self.id, &mut space[..most]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                net.wires[self.id].readable = false;
                return Err(error);
            }
            n => n?,
        };
        let more = match bytes {
            0 => More::Never,
            n if n < most => More::WhenTold,
            _ => More::Perhaps,
        };
        net.wires[self.id].was_drained = more == More::WhenTold;
        Ok(Taken { bytes, more })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_parts(&[IoSlice::new(bytes)])
    }

    fn send_file(&mut self, _: &SimFile, _: u64, _: usize) -> io::Result<usize> {
        unreachable!("the bytes of a file are sealed before they are sent")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.net.borrow_mut().finish_raw(self.id)
    }

    fn settle(&mut self) -> io::Result<usize> {
        unreachable!("the pipe below owes nothing")
    }

    fn refuse(&mut self) {
        unreachable!("the pipe below has no handshake")
    }

    fn owes(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}

impl Gather for RawPipe {
    fn write_parts(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = parts.iter().flat_map(|part| part.iter().copied());
        let bytes: Vec<u8> = bytes.collect();
        let net = &mut *self.net.borrow_mut();
        let n = net.push_raw(self.id, &bytes, net.sealed_faults)?;
        net.wires[self.id].record.taken_at = net.now;
        Ok(n)
    }
}

impl ReadAt for SimFile {
    fn read_at(&self, out: &mut Vec<u8>, offset: u64, len: usize) -> io::Result<usize> {
        assert!(len > 0, "a file is read for at least a byte");
        let from = usize::try_from(offset).expect("it is small");
        let end = self.spec.readable().min(from.saturating_add(len));
        if from < end {
            out.extend_from_slice(self.spec.bytes(from, end));
            Ok(end - from)
        } else if self.spec.broken_at.is_some() {
            Err(ErrorKind::Other.into())
        } else {
            Ok(0)
        }
    }
}
