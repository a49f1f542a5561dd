//! A TCP connection as the engine's pipe of bytes.
//!
//! Owns the socket of one peer. Must never decide anything: each method is one system call.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};

use crate::engine::ports::Transport;

/// A registered, non-blocking connection. Dropping it closes it.
#[derive(Debug)]
pub struct Socket(TcpStream);

/// How long a connection may be quiet before the peer's kernel is asked whether it is there.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// How long to wait for its answer before it is asked again.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long a peer's kernel may leave what was sent, or asked, unanswered. A peer that vanished
/// (its cable, its power, its NAT's memory) sends no FIN; after this its berth is free. A minute
/// and a half outlasts a train's tunnel and is far below the hours that TCP would wait by itself.
const VANISHED_AFTER: Duration = Duration::from_secs(90);

impl Socket {
    /// A connection that was just accepted, set up as every one is.
    ///
    /// # Errors
    /// When the kernel has no memory left, or the peer has gone already.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        // An answer is written when it is due; it is not to wait for the ACK of the one before.
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let ask = TcpKeepalive::new()
            .with_time(ASK_AFTER)
            .with_interval(ASK_EVERY);
        socket.set_tcp_keepalive(&ask)?;
        socket.set_tcp_user_timeout(Some(VANISHED_AFTER))?;
        Ok(Self(stream))
    }
}

impl Transport for Socket {
    type File = File;

    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// sendfile(2) with an explicit offset, so that the file's own position is neither used nor
    /// moved. A peer that went away is an error and not a signal: Rust programs ignore SIGPIPE.
    fn send_file(&mut self, file: &File, offset: u64, len: usize) -> io::Result<usize> {
        let mut offset = offset;
        self.0
            .try_io(|| Ok(rustix::fs::sendfile(&self.0, file, Some(&mut offset), len)?))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_vanishes_is_noticed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let _peer = std::net::TcpStream::connect(address).expect("it listens");
        let (stream, _) = listener.accept().expect("somebody called");
        let socket = Socket::new(TcpStream::from_std(stream)).expect("it is connected");
        let options = SockRef::from(&socket.0);
        assert!(options.keepalive().expect("it is a socket"));
        assert_eq!(options.tcp_keepalive_time().expect("it is TCP"), ASK_AFTER);
        assert_eq!(
            options.tcp_keepalive_interval().expect("it is TCP"),
            ASK_EVERY
        );
        assert_eq!(
            options.tcp_user_timeout().expect("it is TCP"),
            Some(VANISHED_AFTER)
        );
        assert!(options.tcp_nodelay().expect("it is TCP"));
    }
}
