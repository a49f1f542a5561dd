//! TLS for the connections of a listener: everything that this program does with rustls.
//!
//! Owns the cipher of one connection, and the configuration made of a certificate and its key. Must
//! never touch a socket: `engine/sealed.rs` does.
//!
//! TLS 1.3 only, without session tickets, resumption and early data: a handshake with an elliptic
//! curve costs little more than a resumption, and early data can be replayed. AES-128-GCM comes
//! first, as it is the fastest where the processor has AES.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

use crate::engine::sealed::{BATCH_BYTES_MAX, Cipher, Fault};
use crate::wire::{ErrorReply, Reply};

/// The type of a TLS record that carries a handshake: the first byte of every client.
const HANDSHAKE_RECORD: u8 = 0x16;

/// An unencrypted record with a fatal alert: what came could not be read.
const DECODE_ERROR: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 50];

/// One that tells a client in its handshake to try later.
const INTERNAL_ERROR: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 80];

/// The application protocol that a client may name (ALPN). One that names only others is refused:
/// an attacker led it here to confuse the two protocols.
const PROTOCOL: &[u8] = b"berth/1";

/// What all connections have in common.
#[derive(Clone)]
pub struct Acceptor(Arc<ServerConfig>);

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// Presents `chain`, whose first certificate is that of `key`.
    ///
    /// # Errors
    /// When the key is of an unknown kind, or not that of the certificate.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let mut provider = ring::default_provider();
        provider.cipher_suites = vec![
            ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
            ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ];
        Self::with(provider, chain, key)
    }

    fn with(
        provider: CryptoProvider,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let key = CertifiedKey::from_der(chain, key, &provider)?;
        let mut config = ServerConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.ignore_client_order = true;
        config.send_tls13_tickets = 0;
        // Of a client that is turned away, which may read its line before it has finished.
        config.send_half_rtt_data = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self(config.into()))
    }

    /// The cipher of a new connection.
    ///
    /// # Panics
    /// When rustls rejects its own configuration.
    #[must_use]
    pub fn accept(&self) -> Tls {
        let connection = ServerConnection::new(Arc::clone(&self.0));
        let mut connection = connection.expect("only a wrong fragment size is refused");
        connection.set_buffer_limit(Some(BATCH_BYTES_MAX));
        Tls {
            connection,
            spoken: Spoken::Nothing,
            plain: 0,
            early: Vec::new(),
            has_ended: false,
        }
    }
}

/// What the peer has spoken so far.
#[derive(Debug)]
enum Spoken {
    Nothing,
    /// TLS: nothing unencrypted but an alert may be sent any more.
    Tls,
    /// Something else, or nothing that rustls answers. This is what is left of the answer.
    Other(Vec<u8>),
}

/// The cipher of one connection.
#[derive(Debug)]
pub struct Tls {
    connection: ServerConnection,
    spoken: Spoken,
    /// How many decrypted bytes were not taken.
    plain: usize,
    /// Those of them that had to make room for the rest of a read.
    early: Vec<u8>,
    has_ended: bool,
}

impl Tls {
    /// Answers a peer that does not speak TLS in plain text.
    fn say_what_is_spoken(&mut self) {
        let mut line = Vec::new();
        Reply::Error(ErrorReply::SpeaksTls).write(&mut line);
        self.spoken = Spoken::Other(line);
    }

    /// The peer violated TLS. rustls has an alert for most of the ways to do that; for the others
    /// the end is said.
    fn violated(&mut self, error: &rustls::Error) -> Fault {
        log::debug!("a peer violated TLS: {error}");
        match (self.is_handshaking(), self.owes()) {
            (_, true) => {}
            (true, false) => self.spoken = Spoken::Other(DECODE_ERROR.to_vec()),
            (false, false) => self.connection.send_close_notify(),
        }
        Fault
    }

    /// rustls accepts no more input while it holds a record's worth of decrypted bytes.
    fn make_room(&mut self) {
        while self.early.len() < self.plain {
            let before = self.early.len();
            self.early.resize(self.plain, 0);
            let n = self.connection.reader().read(&mut self.early[before..]);
            let n = n.expect("bytes that were decrypted are there");
            self.early.truncate(before + n);
        }
    }
}

impl Cipher for Tls {
    fn feed(&mut self, mut raw: &[u8]) -> Result<(), Fault> {
        match (&self.spoken, raw.first()) {
            (_, None) => return Ok(()),
            (Spoken::Nothing, Some(&HANDSHAKE_RECORD)) => self.spoken = Spoken::Tls,
            (Spoken::Nothing, Some(_)) => {
                self.say_what_is_spoken();
                return Err(Fault);
            }
            (Spoken::Tls | Spoken::Other(_), Some(_)) => {}
        }
        while !raw.is_empty() {
            // All of it is accepted unless a record is longer than any may be.
            self.connection.read_tls(&mut raw).map_err(|_| Fault)?;
            let state = self.connection.process_new_packets();
            let state = state.map_err(|error| self.violated(&error))?;
            self.plain = self.early.len() + state.plaintext_bytes_to_read();
            self.has_ended = state.peer_has_closed();
            if !raw.is_empty() {
                self.make_room();
            }
        }
        Ok(())
    }

    fn holds(&self) -> bool {
        self.plain > 0
    }

    fn take(&mut self, space: &mut [u8]) -> usize {
        let n = match self.early.len() {
            0 if self.plain == 0 => 0,
            0 => {
                let n = self.connection.reader().read(space);
                n.expect("bytes that were decrypted are there")
            }
            len => {
                let n = len.min(space.len());
                space[..n].copy_from_slice(&self.early[..n]);
                self.early.drain(..n);
                n
            }
        };
        if self.early.is_empty() {
            self.early = Vec::new();
        }
        self.plain -= n;
        n
    }

    fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn seal(&mut self, plain: &[u8]) -> usize {
        let sealed = self.connection.writer().write(plain);
        sealed.expect("a buffer that is empty takes it")
    }

    fn close(&mut self) {
        match self.spoken {
            // Nothing of TLS has begun, so a person with nc may be told what to speak.
            Spoken::Nothing => self.say_what_is_spoken(),
            Spoken::Tls if !self.connection.is_handshaking() => {
                self.connection.send_close_notify();
            }
            Spoken::Tls | Spoken::Other(_) => {}
        }
    }

    fn refuse(&mut self) {
        if self.connection.negotiated_key_exchange_group().is_none() {
            self.spoken = Spoken::Other(INTERNAL_ERROR.to_vec());
            return;
        }
        // The client will read it as soon as it has finished its handshake, for which this end does
        // not wait. The line is no secret.
        let mut line = Vec::new();
        Reply::Full.write(&mut line);
        let sealed = self.connection.writer().write_all(&line);
        sealed.expect("a buffer that holds a handshake takes it");
        self.connection.send_close_notify();
    }

    fn owes(&self) -> bool {
        match &self.spoken {
            Spoken::Other(line) => !line.is_empty(),
            Spoken::Nothing | Spoken::Tls => self.connection.wants_write(),
        }
    }

    fn send(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match &mut self.spoken {
            Spoken::Other(line) => {
                let n = write(&[IoSlice::new(line)])?;
                line.drain(..n);
                Ok(n)
            }
            Spoken::Nothing | Spoken::Tls => self.connection.write_tls(&mut Output(write)),
        }
    }

    fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }
}

/// Where rustls writes its records to: all of them at once.
struct Output<W>(W);

impl<W: FnMut(&[IoSlice<'_>]) -> io::Result<usize>> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.0)(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sealed::RAW_BYTES_MAX;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    fn pair() -> (Tls, ClientConnection) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.expect("a key can be made");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
        let chain = vec![made.cert.der().clone()];
        let mut roots = RootCertStore::empty();
        roots.add(chain[0].clone()).expect("it is a certificate");
        let acceptor = Acceptor::new(chain, key).expect("they belong together");
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("it is a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("it can begin");
        let mut pair = (acceptor.accept(), client);
        shake_hands(&mut pair.0, &mut pair.1);
        pair
    }

    fn output(client: &mut ClientConnection) -> Vec<u8> {
        let mut out = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut out).expect("a vector takes it");
        }
        out
    }

    fn shake_hands(server: &mut Tls, client: &mut ClientConnection) {
        while server.is_handshaking() {
            server.feed(&output(client)).expect("it is TLS");
            let mut flight = Vec::new();
            while server.owes() {
                let sent = server.send(|parts| {
                    parts.iter().for_each(|part| flight.extend_from_slice(part));
                    Ok(parts.iter().map(|part| part.len()).sum())
                });
                sent.expect("a vector takes it");
            }
            let mut flight = &flight[..];
            while !flight.is_empty() {
                client.read_tls(&mut flight).expect("there is room");
                client.process_new_packets().expect("it is TLS");
            }
        }
    }

    #[test]
    fn a_full_record_and_more_behind_it_are_all_kept() {
        let (mut server, mut client) = pair();
        let mut raw = Vec::new();
        let mut plain = Vec::new();
        // The end of a record that fills the buffer of rustls comes together with others.
        for len in [16_384, 1000, 1000, 1] {
            let bytes = vec![b'a' + (len % 7) as u8; len];
            client.writer().write_all(&bytes).expect("there is room");
            raw.extend(output(&mut client));
            plain.extend(bytes);
        }
        let mut came = Vec::new();
        // Nearly all of the first record, then as much as there is.
        let (first, rest) = raw.split_at(16_384);
        for piece in first
            .chunks(RAW_BYTES_MAX)
            .chain(rest.chunks(RAW_BYTES_MAX))
        {
            server.feed(piece).expect("it is TLS");
            let mut space = [0; 700];
            while server.holds() {
                let n = server.take(&mut space);
                assert!(n > 0, "what is held is given");
                came.extend_from_slice(&space[..n]);
            }
        }
        assert!(came == plain, "{} of {} bytes", came.len(), plain.len());
    }
}
