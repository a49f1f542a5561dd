//! A client's end of a connection, plain or with TLS.
//!
//! Owns the TLS of all clients: the same version, suite and library for each server. They check no
//! certificate, as what is measured is the server. Must never hold back a byte that came.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// No answer takes so long, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is read from the socket at once: several records of 16 KiB.
const RAW_BYTES: usize = 256 * 1024;

/// Where a server listens, and what it speaks there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

impl Stream {
    /// Connects, and completes the handshake.
    pub(crate) fn connect(place: Place) -> io::Result<Self> {
        let socket = TcpStream::connect(place.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        if !place.tls {
            return Ok(Self::Plain(socket));
        }
        Ok(Self::Tls(Box::new(Tls::connect(socket)?)))
    }

    /// Whether there are bytes that the socket does not report any more.
    pub(crate) fn holds(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.plain > 0 || !tls.left.is_empty(),
        }
    }

    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        self.socket().set_nonblocking(true)
    }

    const fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.socket,
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl Read for Stream {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(space),
            Self::Tls(tls) => tls.read(space),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Tls {
    connection: ClientConnection,
    socket: TcpStream,
    /// What was read from the socket; the part of it that was not decrypted.
    raw: Box<[u8]>,
    left: Range<usize>,
    /// How many decrypted bytes were not taken.
    plain: usize,
}

impl Tls {
    fn connect(socket: TcpStream) -> io::Result<Self> {
        let mut tls = Self {
            connection: new_connection()?,
            socket,
            raw: vec![0; RAW_BYTES].into(),
            left: 0..0,
            plain: 0,
        };
        while tls.connection.is_handshaking() {
            tls.send()?;
            tls.receive()?;
        }
        tls.send()?;
        Ok(tls)
    }

    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.plain == 0 {
            self.receive()?;
        }
        let n = self.connection.reader().read(space)?;
        self.plain -= n;
        Ok(n)
    }

    /// Decrypts a piece, which comes from the socket if nothing is left.
    fn receive(&mut self) -> io::Result<()> {
        if self.left.is_empty() {
            let n = self.socket.read(&mut self.raw)?;
            if n == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.left = 0..n;
        }
        let mut piece = &self.raw[self.left.clone()];
        self.left.start += self.connection.read_tls(&mut piece)?;
        let state = self.connection.process_new_packets();
        let state = state.map_err(io::Error::other)?;
        self.plain = state.plaintext_bytes_to_read();
        if state.peer_has_closed() && self.plain == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.connection.writer().write(bytes)?;
        self.send()?;
        Ok(n)
    }

    fn send(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.socket)?;
        }
        Ok(())
    }
}

fn new_connection() -> io::Result<ClientConnection> {
    let name = ServerName::IpAddress(IpAddr::from(Ipv4Addr::LOCALHOST).into());
    ClientConnection::new(Arc::clone(&CONFIG), name).map_err(io::Error::other)
}

/// The first bytes of a handshake, which any number of connections may begin with: they cost a
/// client nothing, and a server all of its part.
pub(crate) fn hello() -> io::Result<Vec<u8>> {
    let mut hello = Vec::new();
    new_connection()?.write_tls(&mut hello)?;
    Ok(hello)
}

static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let provider = CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..ring::default_provider()
    };
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring has it")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    Arc::new(config)
});

/// Whoever answers is trusted, unseen.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
