//! The certificate and the key of a server, read from their files.
//!
//! Owns the checks on the two files, and the pin. Must never keep a key longer than it takes to
//! make a configuration of it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use sha2::{Digest, Sha256};
use webpki::{EndEntityCert, KeyUsage};

use crate::pem::damage;
use crate::regular_file::{self, Links};
use crate::server::net::tls::Acceptor;
use crate::wire::{Sanitized, Timestamp};

/// The longest of the two files. A chain of certificates takes a few KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the two are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The certificate, and behind it those that lead to one that clients trust.
    pub certificate: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used: the file, and what is wrong with it.
#[derive(Debug)]
pub struct Fault {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    /// The kernel refused, or it is no file.
    File(io::Error),
    /// Others may read the key; its mode.
    Open(u32),
    TooLong,
    /// It is damaged, or has no such thing in it.
    Pem(pem::Error, &'static str),
    /// The certificate is damaged.
    Certificate(webpki::Error),
    /// The key does not fit the certificate, or is of an unknown kind.
    Key(rustls::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Sanitized(self.path.as_os_str().as_encoded_bytes());
        write!(f, "'{path}': ")?;
        match &self.cause {
            Cause::File(error) => error.fmt(f),
            Cause::Open(mode) => {
                write!(f, "its mode is {mode:03o}, so that others get at it: ")?;
                f.write_str("chmod 600 it first")
            }
            Cause::TooLong => write!(f, "it is longer than {FILE_BYTES_MAX} bytes"),
            Cause::Pem(pem::Error::NoItemsFound, what) => write!(f, "there is no {what} in it"),
            Cause::Pem(error, _) => f.write_str(damage(error)),
            Cause::Certificate(error) => write!(f, "its certificate is damaged: {error}"),
            Cause::Key(rustls::Error::InconsistentKeys(_)) => {
                f.write_str("it is not the key of the certificate")
            }
            Cause::Key(error) => write!(f, "it is no key that can be used: {error}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Reads both files and makes what connections need of them.
///
/// # Errors
/// When one cannot be read or trusted, or the two do not belong together.
pub fn load(paths: &Paths) -> Result<Acceptor, Fault> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |cause| Fault { path, cause }
    };
    let chain = read(&paths.certificate, 0)
        .and_then(|bytes| parse_chain(&bytes))
        .map_err(at(&paths.certificate))?;
    if let Some(notice) = out_of_date(&chain[0], SystemTime::now()) {
        let path = paths.certificate.as_os_str().as_encoded_bytes();
        log::warn!("the certificate '{}' {notice}", Sanitized(path));
    }
    // The group may read it: that is how a server that gave root up does.
    let key = read(&paths.key, 0o027)
        .and_then(|bytes| {
            PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| Cause::Pem(error, "private key"))
        })
        .and_then(|key| Acceptor::new(chain, key).map_err(Cause::Key));
    key.map_err(at(&paths.key))
}

/// The content of the file at `path`, whose mode has none of these bits.
fn read(path: &Path, closed_to: u32) -> Result<Vec<u8>, Cause> {
    let file = regular_file::open(path, OpenOptions::new().read(true), Links::Followed);
    let file = file.map_err(Cause::File)?;
    let mode = file.metadata().map_err(Cause::File)?.permissions().mode() & 0o777;
    if mode & closed_to != 0 {
        return Err(Cause::Open(mode));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(Cause::File)?;
    match bytes.len() as u64 {
        0..=FILE_BYTES_MAX => Ok(bytes),
        _ => Err(Cause::TooLong),
    }
}

/// The certificates in a PEM file, of which there is at least one.
fn parse_chain(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let chain = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| Cause::Pem(error, "certificate"))?;
    let Some(first) = chain.first() else {
        return Err(Cause::Pem(pem::Error::NoItemsFound, "certificate"));
    };
    EndEntityCert::try_from(first).map_err(Cause::Certificate)?;
    Ok(chain)
}

/// The pin of a key: the SHA-256 of its SubjectPublicKeyInfo. It stays the same when a certificate
/// is renewed and its key is kept.
#[must_use]
pub fn pin(public_key_info: &[u8]) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(public_key_info))
}

/// The pin of the first certificate in the file at `path`.
///
/// # Errors
/// When it cannot be read, or is no certificate.
pub fn pin_of(path: &Path) -> Result<String, Fault> {
    let chain = read(path, 0).and_then(|bytes| parse_chain(&bytes));
    let own = chain.and_then(|chain| {
        let own = EndEntityCert::try_from(&chain[0]).map_err(Cause::Certificate)?;
        Ok(pin(&own.subject_public_key_info()))
    });
    own.map_err(|cause| Fault {
        path: path.to_owned(),
        cause,
    })
}

/// What is wrong with the time of a certificate, if something is.
fn out_of_date(certificate: &CertificateDer<'_>, now: SystemTime) -> Option<String> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    // The time is checked first, and nothing else is asked here: nobody is trusted.
    let judged = certificate.verify_for_usage(
        &[],
        &[],
        &[],
        UnixTime::since_unix_epoch(now),
        KeyUsage::server_auth(),
        None,
        None,
    );
    let at = |time: UnixTime| {
        let since = std::time::Duration::from_secs(time.as_secs());
        Timestamp(SystemTime::UNIX_EPOCH + since)
    };
    match judged.err()? {
        webpki::Error::CertExpired { not_after, .. } => {
            Some(format!("has expired on {}", at(not_after)))
        }
        webpki::Error::CertNotValidYet { not_before, .. } => {
            Some(format!("is not valid before {}", at(not_before)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_certificate_that_has_expired_or_is_not_valid_yet_is_told_apart() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let made = made.expect("a key can be made");
        let at = |years: u64| {
            let since = Duration::from_secs(years * 365 * 24 * 60 * 60);
            out_of_date(made.cert.der(), SystemTime::UNIX_EPOCH + since)
        };
        assert_eq!(at(60), None);
        let told = at(1).expect("it is too early");
        assert!(told.starts_with("is not valid before 1975-"), "{told}");
        let told = at(3000).expect("it is too late");
        assert!(told.starts_with("has expired on 4096-"), "{told}");
    }

    #[test]
    fn the_pin_is_that_of_the_key_and_of_every_certificate_with_it() {
        let key = rcgen::KeyPair::generate().expect("a key can be made");
        let pins = ["a", "b"].map(|name| {
            let params = rcgen::CertificateParams::new([name.to_owned()]).expect("it is a name");
            let made = params.self_signed(&key).expect("it can be signed");
            let der = made.der().clone();
            let certificate = EndEntityCert::try_from(&der).expect("it is one");
            pin(&certificate.subject_public_key_info())
        });
        assert_eq!(pins[0], pins[1]);
        assert_eq!(
            pins[0],
            pin(&rcgen::PublicKeyData::subject_public_key_info(&key))
        );
        assert_eq!(pins[0].len(), 43);
    }
}
