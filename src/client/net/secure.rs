//! TLS to a server, and whether it is the one that was meant.
//!
//! Owns the handshake and the judgement of the server's key. Must never let a byte of the
//! conversation through before both are done, and has no way to leave the judgement out.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, InvalidMessage,
    RootCertStore, SignatureScheme, StreamOwned,
};
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::client::known_servers;
use crate::client::net::dial::{dial, is_timeout};
use crate::client::net::stream::Stream;
use crate::client::options::Options;
use crate::client::tokens::{self, OwnToken};
use crate::pem::damage;

/// The application protocol (ALPN).
const PROTOCOL: &[u8] = b"berth/1";

/// The longest file of certificates that is read: dozens of times those of a system.
const BUNDLE_BYTES_MAX: u64 = 16 << 20;

/// Connects to the server: with TLS if that is asked for, or if the server is known by a pin. One
/// that is known is never spoken to in the clear.
///
/// # Errors
/// When no address answers, the handshake fails, or the server is not trusted.
pub(super) fn open(options: &Options) -> Result<Stream, Error> {
    let mut pins = known_servers::pins(&options.server)?;
    // A token that was handed out with a pin is for that server and no other.
    if let Some(pin) = tokens::find(&options.server)?
        .as_ref()
        .and_then(OwnToken::pin)
    {
        pins = vec![pin.to_owned()];
    }
    if !options.tls && pins.is_empty() {
        return Ok(Stream::Plain(dial(options)?));
    }
    let judge = match pins.is_empty() {
        true => Judge::by_authorities(options)?,
        false => Judge::by_pins(pins),
    };
    let (mut socket, judge) = (dial(options)?, Arc::new(judge));
    let mut tls = begin(options, &judge)?;
    shake_hands(&mut tls, &mut socket, options, &judge)?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(tls, socket))))
}

/// The pin that the server presents, whether it is trusted or not. Nothing else is asked of it.
///
/// # Errors
/// When it cannot be reached or does not speak TLS.
pub fn learn(options: &Options) -> Result<String, Error> {
    let judge = Arc::new(Judge::by_pins(Vec::new()));
    let mut tls = begin(options, &judge)?;
    match shake_hands(&mut tls, &mut dial(options)?, options, &judge) {
        Err(Error::Untrusted { pin, .. }) => Ok(pin),
        Err(error) => Err(error),
        Ok(()) => unreachable!("no pin is the right one"),
    }
}

/// Whom to trust.
#[derive(Debug)]
struct Judge {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    /// The pin of a server that was refused, and why.
    refused: Mutex<Option<(String, String)>>,
}

#[derive(Debug)]
enum Trust {
    /// The key with one of these pins, whatever its certificate says.
    Pins(Vec<String>),
    /// Whom an authority vouches for.
    Authorities(Arc<WebPkiServerVerifier>),
    /// There is no authority.
    Nothing,
}

/// The content of a file of certificates, which may be a pipe.
fn read_bundle(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    let file = File::open(path)?;
    file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut pem)?;
    match pem.len() as u64 {
        0..=BUNDLE_BYTES_MAX => Ok(pem),
        _ => Err(io::Error::other("it is longer than 16 MiB")),
    }
}

impl Judge {
    fn by_pins(pins: Vec<String>) -> Self {
        Self::new(ring::default_provider().into(), Trust::Pins(pins))
    }

    /// Trusts the certificates of `--ca`, or those of the system.
    fn by_authorities(options: &Options) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        match &options.ca {
            Some(path) => {
                let failed = |error| Error::Trust(path_bytes(path), error);
                let pem = read_bundle(path).map_err(failed)?;
                for found in CertificateDer::pem_slice_iter(&pem) {
                    let found = found.map_err(|error| failed(io::Error::other(damage(&error))))?;
                    let added = roots.add(found);
                    added.map_err(|error| failed(io::Error::other(error)))?;
                }
                if roots.is_empty() {
                    return Err(failed(io::Error::other("there is no certificate in it")));
                }
            }
            None => {
                // One that cannot be read vouches for no server.
                let found = rustls_native_certs::load_native_certs().certs;
                roots.add_parsable_certificates(found);
            }
        }
        if roots.is_empty() {
            return Ok(Self::new(provider, Trust::Nothing));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let verifier = verifier.build().expect("there are roots");
        Ok(Self::new(provider, Trust::Authorities(verifier)))
    }

    fn new(provider: Arc<CryptoProvider>, trust: Trust) -> Self {
        Self {
            provider,
            trust,
            refused: Mutex::new(None),
        }
    }

    fn refuse(&self, pin: String, why: &dyn ToString) -> rustls::Error {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused = Some((pin, why.to_string()));
        rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        behind: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let own = EndEntityCert::try_from(certificate);
        let own = own.map_err(|_| CertificateError::BadEncoding)?;
        let pin = BASE64URL_NOPAD.encode(&Sha256::digest(own.subject_public_key_info()));
        match &self.trust {
            Trust::Pins(pins) if pins.contains(&pin) => Ok(ServerCertVerified::assertion()),
            Trust::Pins(pins) => Err(self.refuse(pin, &pins.join(" or "))),
            Trust::Authorities(roots) => roots
                .verify_server_cert(certificate, behind, name, ocsp, now)
                .map_err(|error| self.refuse(pin, &error)),
            Trust::Nothing => Err(self.refuse(pin, &"this system has no certificates to trust")),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A client's end for this server, before its first byte.
fn begin(options: &Options, judge: &Arc<Judge>) -> Result<ClientConnection, Error> {
    let host = options.server.rsplit_once(':');
    let host = host.map_or(options.server.as_str(), |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // Only this machine knows the interface behind a `%`.
    let bare = bare.split('%').next().unwrap_or_default();
    let name = ServerName::try_from(bare.to_owned());
    let name = name.map_err(|_| Error::Handshake("the server's name is none".into()))?;
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&judge.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(judge) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    ClientConnection::new(config.into(), name).map_err(|error| failed(&error))
}

/// Completes the handshake within the timeout for connecting.
fn shake_hands(
    tls: &mut ClientConnection,
    socket: &mut TcpStream,
    options: &Options,
    judge: &Judge,
) -> Result<(), Error> {
    let time = options.connect_timeout;
    let end = Instant::now() + time;
    let broken = |error: io::Error| match is_timeout(&error) {
        true => Error::NotGreeted(time),
        false => Error::Handshake(format!("the connection broke: {error}")),
    };
    while tls.is_handshaking() || tls.wants_write() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::NotGreeted(time));
        }
        let left = Some(left.max(Duration::from_millis(1)));
        let _ = socket.set_read_timeout(left);
        let _ = socket.set_write_timeout(left);
        if tls.wants_write() {
            tls.write_tls(socket).map_err(broken)?;
        } else if tls.read_tls(socket).map_err(broken)? == 0 {
            return Err(Error::Handshake("the server closed the connection".into()));
        } else if let Err(error) = tls.process_new_packets() {
            // The alert tells the server why. If it does not arrive, nothing is lost.
            let _ = tls.write_tls(socket);
            return Err(refusal(options, judge).unwrap_or_else(|| failed(&error)));
        }
    }
    Ok(())
}

/// The server was refused by the judge.
fn refusal(options: &Options, judge: &Judge) -> Option<Error> {
    let refused = judge.refused.lock();
    let (pin, why) = refused.unwrap_or_else(PoisonError::into_inner).take()?;
    Some(Error::Untrusted {
        server: options.server.clone(),
        pin,
        known: matches!(judge.trust, Trust::Pins(_)),
        why,
    })
}

fn failed(error: &rustls::Error) -> Error {
    Error::Handshake(match error {
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => "the server does not speak TLS there".into(),
        error => error.to_string(),
    })
}
