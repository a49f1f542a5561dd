//! Real TLS: the server's own cipher, and a client for it.
//!
//! Owns a key that is the same every time, and a peer's end. Must never depend on a random byte:
//! each record is as long in every run, with an Ed25519 certificate and X25519, so a seed tells the
//! same story whatever the keys are.

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use berth::server::net::tls::{Acceptor, Tls};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{AlertDescription, ClientConfig, ClientConnection, Error, RootCertStore};

use crate::sealed_peer::End;

/// What a PKCS #8 file of an Ed25519 key begins with.
const KEY_HEAD: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// How often rustls lets a peer make new keys with no data in between. For the next one it has no
/// alert, so the end would be said as if no rule were broken.
const NEW_KEYS_MAX: u8 = 32;

/// What the server says to whoever has said nothing of TLS.
const IN_CLEAR: &[u8] = b"ERR this port speaks TLS\n";

fn ends() -> &'static (Acceptor, Arc<ClientConfig>) {
    static ENDS: OnceLock<(Acceptor, Arc<ClientConfig>)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let key = [&KEY_HEAD[..], &[7; 32]].concat();
        let key = PrivatePkcs8KeyDer::from(key);
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ED25519);
        let pair = pair.expect("it is a key");
        let about = rcgen::CertificateParams::new(["localhost".to_owned()]);
        let about = about.expect("it is a name");
        let certificate = about.self_signed(&pair).expect("it can be signed");
        let chain = vec![certificate.der().clone()];
        let mut roots = RootCertStore::empty();
        roots.add(chain[0].clone()).expect("it is a certificate");
        let client = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has it")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let acceptor = Acceptor::new(chain, PrivateKeyDer::Pkcs8(key));
        (acceptor.expect("they belong together"), client.into())
    })
}

/// The server's end of a new connection.
pub(crate) fn accept() -> Tls {
    ends().0.accept()
}

/// A peer's end.
#[derive(Debug)]
pub(crate) struct TlsPeer {
    tls: ClientConnection,
    /// Something has come.
    has_heard: bool,
    /// What came that is no TLS.
    clear: Vec<u8>,
    /// How often new keys were made since the last data.
    new_keys: u8,
    pub(crate) end: Option<End>,
}

impl TlsPeer {
    pub(crate) fn new() -> Self {
        let name = ServerName::try_from("localhost").expect("it is a name");
        let tls = ClientConnection::new(Arc::clone(&ends().1), name);
        Self {
            tls: tls.expect("it can be begun"),
            has_heard: false,
            clear: Vec::new(),
            new_keys: 0,
            end: None,
        }
    }

    /// Whether its last flight is made.
    pub(crate) fn may_finish(&self) -> bool {
        !self.tls.is_handshaking()
    }

    /// Records that wait to be sent.
    pub(crate) fn output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).expect("a vector takes it");
        }
        out
    }

    /// Who was sent an alert has no keys any more, and may send on all the same.
    fn is_broken(&self) -> bool {
        matches!(self.end, Some(End::Alert | End::Busy))
    }

    pub(crate) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        if self.is_broken() {
            return [b"\x17\x03\x03\x01\x00", plain].concat();
        }
        self.new_keys = 0;
        let mut writer = self.tls.writer();
        writer.write_all(plain).expect("there is room");
        self.output()
    }

    pub(crate) fn new_keys(&mut self) -> Option<Vec<u8>> {
        if self.is_broken() {
            return Some(self.seal(b"keys"));
        }
        if self.new_keys == NEW_KEYS_MAX {
            return None;
        }
        self.new_keys += 1;
        let asked = self.tls.refresh_traffic_keys();
        asked.expect("the handshake is complete");
        Some(self.output())
    }

    pub(crate) fn say_end(&mut self) -> Vec<u8> {
        self.tls.send_close_notify();
        self.output()
    }

    /// Opens what came.
    pub(crate) fn open(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let begins_in_clear = !self.has_heard && bytes.first() == Some(&IN_CLEAR[0]);
        self.has_heard |= !bytes.is_empty();
        if !self.clear.is_empty() || begins_in_clear {
            self.clear.extend(bytes);
            let is_word = IN_CLEAR.starts_with(&self.clear);
            assert!(
                is_word && self.tls.is_handshaking(),
                "nothing else in clear"
            );
            return plain;
        }
        while !bytes.is_empty() {
            assert!(self.end.is_none(), "nothing comes behind the end of TLS");
            self.tls.read_tls(&mut bytes).expect("there is room");
            self.end = match self.tls.process_new_packets() {
                Ok(state) => state.peer_has_closed().then_some(End::Said),
                Err(Error::AlertReceived(AlertDescription::InternalError)) => Some(End::Busy),
                Err(Error::AlertReceived(_)) => Some(End::Alert),
                Err(error) => panic!("the server's TLS: {error}"),
            };
            // What came in front of an alert is there all the same.
            let mut space = [0; 4096];
            while let Ok(n @ 1..) = self.tls.reader().read(&mut space) {
                plain.extend(&space[..n]);
            }
        }
        plain
    }
}
