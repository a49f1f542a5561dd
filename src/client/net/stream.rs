//! The stream to a server: TCP, or TLS over it.
//!
//! Owns the choice between the two, and that the end of TLS is said. Must never decide whom to
//! trust.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::{ClientConnection, StreamOwned};

/// The stream to a server.
#[derive(Debug)]
pub enum Stream {
    /// What is sent is what is read.
    Plain(TcpStream),
    /// Encrypted, to a server that is trusted.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// The socket: for its options, and for Ctrl-C to shut down.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref(),
        }
    }
}

impl Stream {
    /// Whether a token may be sent: nobody on the way can read it, and the server at the other end
    /// is the one that was meant.
    #[must_use]
    pub fn may_carry_a_token(&self) -> bool {
        match self {
            // What is sent to this machine leaves it nowhere.
            Self::Plain(socket) => socket.peer_addr().is_ok_and(|peer| peer.ip().is_loopback()),
            // Without a right pin or an authority there is no such stream.
            Self::Tls(_) => true,
        }
    }

    /// Writes some of the bytes. Unlike `write` it counts them as written when they are only kept
    /// for [`Stream::flush`], so that a timeout loses none.
    ///
    /// # Errors
    /// As a socket's.
    pub fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }
}

/// Reads what is decrypted, and before that what has come. Unlike rustls's own it writes nothing
/// first: a server that takes no more may have said why.
fn read_tls(
    stream: &mut StreamOwned<ClientConnection, TcpStream>,
    space: &mut [u8],
) -> io::Result<usize> {
    loop {
        match stream.conn.reader().read(space) {
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return outcome,
        }
        stream.conn.read_tls(&mut stream.sock)?;
        let read = stream.conn.process_new_packets();
        // An alert, or the answer to a new key. A line that takes no more is noticed elsewhere.
        let _ = stream.conn.write_tls(&mut stream.sock);
        read.map_err(io::Error::other)?;
    }
}

impl Read for Stream {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(space),
            Self::Tls(stream) => read_tls(stream, space),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => {
                let n = stream.write(bytes)?;
                // Otherwise only the next write reports an error.
                stream.flush()?;
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            // A connection that is broken takes it no more, and nothing follows from that.
            let _ = stream.conn.write_tls(&mut stream.sock);
        }
    }
}
