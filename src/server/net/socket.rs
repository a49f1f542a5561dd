//! A TCP connection as a [`Transport`] of the engine.
//!
//! Owns the socket of one peer. Must never decide anything: each method is one system call, except
//! for long files, which are corked and read ahead (`files/readahead.rs`), and for files that
//! sendfile(2) refuses, which are read and written. Congestion control and buffer sizes are left as
//! the administrator set them.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::FileExt;
use std::sync::Once;

use mio::net::TcpStream;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use socket2::SockRef;

use crate::engine::ports::{Gather, More, ReadAt, Taken, Transport};
use crate::server::files::readahead::Readahead;
use crate::wire::Sanitized;

/// The size of a write from which on corking and readahead are worth their system calls: sending
/// it takes many times as long. Less than the smallest share of a turn, or it would never apply.
const LONG_BYTES: usize = 48 * 1024;

/// Read and written at once of a file that sendfile(2) refuses.
const COPY_BYTES: usize = 64 * 1024;

/// That files are copied is logged once, however many they are.
static TOLD_OF_COPIES: Once = Once::new();

/// A registered, non-blocking connection. Dropping it closes it.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// Whether the socket is corked: an incomplete segment waits for more bytes.
    corked: bool,
}

impl Socket {
    /// A connection that has just been accepted.
    #[must_use]
    pub const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            corked: false,
        }
    }

    /// Holds incomplete segments back, or sends them: `TCP_CORK` of tcp(7). Without it every write
    /// ends in a segment of its own, however short: four full ones and one of 212 bytes for each
    /// 256 KiB over loopback.
    fn cork(&mut self, corked: bool) {
        // If the kernel refuses, more segments are sent.
        let done = SockRef::from(&self.stream).set_tcp_cork(corked);
        self.corked = corked && done.is_ok();
    }

    /// sendfile(2) with an explicit offset, so that the file's own position is neither used nor
    /// moved. A peer that went away is an error and not a signal: Rust programs ignore SIGPIPE.
    fn hand_over(&self, file: &File, mut offset: u64, len: usize) -> io::Result<usize> {
        let mut sent = || rustix::fs::sendfile(&self.stream, file, Some(&mut offset), len);
        self.stream.try_io(|| Ok(sent()?))
    }

    /// The same through a buffer of our own. Bytes that were read and not sent are read again.
    fn copy(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        let mut bytes = vec![0; len.min(COPY_BYTES)];
        let n = file.read_at(&mut bytes, offset)?;
        // The file has become shorter: there is nothing to write.
        if n == 0 {
            Ok(0)
        } else {
            self.stream.write(&bytes[..n])
        }
    }
}

/// Whether sendfile(2) does not support such a file, or a seccomp filter forbids the call.
fn is_refused(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM)
    )
}

/// A file that is being sent, with the name that its client knows it by. Dropping it closes it.
#[derive(Debug)]
pub struct Served {
    /// The open file.
    pub file: File,
    /// As the client wrote it.
    pub name: Box<[u8]>,
    /// The state of its readahead.
    ahead: Cell<Readahead>,
    way: Cell<Way>,
}

/// How bytes come from a file into a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// With sendfile(2).
    Sendfile,
    /// With read(2) and write(2).
    Copy,
}

impl Served {
    /// `file`, which was asked for as `name`.
    #[must_use]
    pub fn new(file: File, name: &[u8]) -> Self {
        Self {
            file,
            name: name.into(),
            ahead: Cell::new(Readahead::Unknown),
            way: Cell::new(Way::Sendfile),
        }
    }

    /// Announces that a long piece is about to be read. Returns whether it is the first of all.
    fn fetch_ahead(&self, offset: u64, len: usize) -> bool {
        let ahead = self.ahead.get();
        let piece = offset..offset.saturating_add(len as u64);
        self.ahead.set(ahead.fetch(&self.file, piece));
        ahead == Readahead::Unknown
    }

    /// From now on it is copied, because of `error`.
    fn give_up_sendfile(&self, error: &io::Error) {
        self.way.set(Way::Copy);
        TOLD_OF_COPIES.call_once(|| {
            let name = Sanitized(&self.name);
            log::warn!("sent by read and write, as sendfile refuses {name}: {error} (said once)");
        });
    }
}

impl ReadAt for Served {
    fn read_at(&self, out: &mut Vec<u8>, offset: u64, len: usize) -> io::Result<usize> {
        if len >= LONG_BYTES {
            self.fetch_ahead(offset, len);
        }
        let before = out.len();
        out.reserve_exact(len);
        // What is read goes where nothing was, so it is not zeroed first.
        let n = rustix::io::pread(&self.file, spare_capacity(out), offset)?;
        out.truncate(before + len);
        Ok(n.min(len))
    }
}

impl Gather for Socket {
    fn write_parts(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(parts)
    }
}

impl Transport for Socket {
    type File = Served;

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let bytes = self.stream.read(space)?;
        // A short read emptied the receive buffer, so an event will report more input.
        let more = match bytes {
            0 => More::Never,
            n if n < space.len() => More::WhenTold,
            _ => More::Perhaps,
        };
        Ok(Taken { bytes, more })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.stream.write(bytes)?;
        if self.corked {
            // This was what stands behind a file.
            self.cork(false);
        }
        Ok(n)
    }

    fn send_file(&mut self, served: &Served, offset: u64, len: usize) -> io::Result<usize> {
        if len >= LONG_BYTES && served.fetch_ahead(offset, len) {
            self.cork(true);
        }
        if served.way.get() == Way::Sendfile {
            match self.hand_over(&served.file, offset, len) {
                Err(error) if is_refused(&error) => served.give_up_sendfile(&error),
                sent => return sent,
            }
        }
        self.copy(&served.file, offset, len)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn settle(&mut self) -> io::Result<usize> {
        unreachable!("a socket owes nothing of its own")
    }

    fn refuse(&mut self) {
        unreachable!("a socket has no handshake")
    }

    fn owes(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair() -> (Socket, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let peer = std::net::TcpStream::connect(address).expect("it listens");
        let (stream, _) = listener.accept().expect("it called");
        stream.set_nonblocking(true).expect("it is a socket");
        (Socket::new(TcpStream::from_std(stream)), peer)
    }

    fn long_file() -> Served {
        let mut file = tempfile::tempfile().expect("a file can be made");
        file.write_all(&[b'.'; LONG_BYTES]).expect("it is new");
        Served::new(file, b"file")
    }

    #[test]
    fn a_long_file_leaves_the_systems_congestion_control_alone() {
        let (mut socket, _peer) = pair();
        let algorithm = |socket: &Socket| SockRef::from(&socket.stream).tcp_congestion();
        let before = algorithm(&socket).expect("it is TCP");
        let n = socket.send_file(&long_file(), 0, LONG_BYTES);
        assert_eq!(n.expect("there is room"), LONG_BYTES);
        assert_eq!(algorithm(&socket).expect("it is TCP"), before);
    }

    #[test]
    fn what_stands_behind_a_long_file_is_not_kept_back() {
        let (mut socket, mut peer) = pair();
        let corked = |socket: &Socket| SockRef::from(&socket.stream).tcp_cork().expect("it is TCP");

        let served = long_file();
        let n = socket
            .send_file(&served, 0, LONG_BYTES)
            .expect("there is room");
        assert_eq!(n, LONG_BYTES);
        assert!(corked(&socket), "more is to come");
        assert_eq!(socket.write(b"END\n").expect("there is room"), 4);
        assert!(!corked(&socket), "that was all");

        let mut came = vec![0; LONG_BYTES + 4];
        peer.read_exact(&mut came).expect("all of it comes");
        assert!(came.ends_with(b".END\n"));
        let n = socket.send_file(&served, 0, 9).expect("there is room");
        assert_eq!(n, 9);
        assert!(!corked(&socket), "a short one goes at once");
    }

    #[test]
    fn a_file_that_the_kernel_does_not_send_is_read_and_written() {
        let (mut socket, mut peer) = pair();
        // This file has a read of its own and nothing that sendfile could use.
        let path = "/proc/self/auxv";
        let bytes = std::fs::read(path).expect("the kernel has it");
        let served = Served::new(File::open(path).expect("the kernel has it"), b"vector");
        let refused = socket.hand_over(&served.file, 0, 9).expect_err("it cannot");
        assert!(is_refused(&refused), "{refused}");
        let mut sent = 0;
        while sent < bytes.len() {
            let n = socket.send_file(&served, sent as u64, 100);
            sent += n.expect("there is room");
        }
        assert_eq!(served.way.get(), Way::Copy);
        let mut came = vec![0; bytes.len()];
        peer.read_exact(&mut came).expect("all of it comes");
        assert!(came == bytes);
    }

    #[test]
    fn a_file_that_is_copied_and_has_become_shorter_sends_nothing() {
        let (mut socket, _peer) = pair();
        let file = tempfile::tempfile().expect("a file can be made");
        assert_eq!(socket.copy(&file, 7, 9).expect("there is nothing"), 0);
    }
}
