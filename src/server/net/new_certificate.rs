//! A certificate of one's own, for a server that has none.
//!
//! Owns what stands in it and how its two files are made. Must never replace a file.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use tempfile::NamedTempFile;

use crate::server::net::certificate::{Paths, pin};
use crate::wire::Sanitized;

/// How long it is valid. It is trusted for its key, and a key is changed when it is lost.
const VALID: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// It is valid a little before it is made, for clients whose clocks are behind.
const CLOCKS_DIFFER: Duration = Duration::from_secs(24 * 60 * 60);

/// The names of the two files.
const CERTIFICATE: &str = "berth.crt";
const KEY: &str = "berth.key";

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The two files.
    pub paths: Paths,
    /// Identifies the key to clients.
    pub pin: String,
    /// The names that stand in the certificate.
    pub names: Vec<String>,
}

/// What to do next.
impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Path| Sanitized(path.as_os_str().as_encoded_bytes()).to_string();
        let Paths { certificate, key } = &self.paths;
        let (certificate, key) = (path(certificate), path(key));
        writeln!(f, "berthd: made for {}:", self.names.join(", "))?;
        writeln!(f, "  --tls-cert {certificate} --tls-key {key}")?;
        f.write_str("its pin, for those who connect:")
    }
}

/// Why a certificate could not be made.
#[derive(Debug)]
pub enum Fault {
    /// The folder or a file cannot be made there.
    File(PathBuf, io::Error),
    /// The name is no name of a host and no address.
    Name(String),
    /// The generator failed.
    Generator(rcgen::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => {
                let path = Sanitized(path.as_os_str().as_encoded_bytes());
                write!(f, "cannot make '{path}': {error}")?;
                match error.kind() {
                    io::ErrorKind::AlreadyExists => f.write_str("; it is not replaced"),
                    _ => Ok(()),
                }
            }
            Self::Name(name) => write!(
                f,
                "'{}' is no name of a host and no address",
                Sanitized(name.as_bytes())
            ),
            Self::Generator(error) => write!(f, "cannot make a key: {error}"),
        }
    }
}

/// Makes a key and a certificate for this host, and for `names`, in `folder`, which is made if it
/// is not there.
///
/// # Errors
/// When a file is there already or cannot be made. None is left behind then.
pub fn make(folder: &Path, names: &[String]) -> Result<Made, Fault> {
    let names = all_names(names);
    let mut params = CertificateParams::default();
    for name in &names {
        let name = subject(name).ok_or_else(|| Fault::Name(name.clone()))?;
        params.subject_alt_names.push(name);
    }
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, names[0].as_str());
    params.distinguished_name = subject;
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - CLOCKS_DIFFER).into();
    params.not_after = (now + VALID).into();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Fault::Generator)?;
    let certificate = params.self_signed(&key).map_err(Fault::Generator)?;
    let paths = Paths {
        certificate: folder.join(CERTIFICATE),
        key: folder.join(KEY),
    };
    let private = pem("PRIVATE KEY", &key.serialize_der());
    let public = pem("CERTIFICATE", certificate.der());
    write_both(folder, &paths, &private, &public)?;
    let pin = pin(&key.subject_public_key_info());
    Ok(Made { paths, pin, names })
}

/// The loopback names, the host's own, and those that were given; each once.
fn all_names(given: &[String]) -> Vec<String> {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    let host = Some(host).filter(|host| subject(host).is_some());
    let loopback = [
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
    ];
    let mut names: Vec<String> = Vec::new();
    for name in given.iter().cloned().chain(host).chain(loopback) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A name as a certificate has it: letters, digits, dots and hyphens, or an address.
fn subject(name: &str) -> Option<rcgen::SanType> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Some(rcgen::SanType::IpAddress(ip));
    }
    let is_label = |label: &str| {
        let is_sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
        (1..=63).contains(&label.len()) && label.chars().all(is_sign)
    };
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let is_name = name.len() <= 253 && rest.split('.').all(is_label);
    let name = is_name.then(|| name.to_owned().try_into().ok())??;
    Some(rcgen::SanType::DnsName(name))
}

/// Writes both files, whole, or none. The key is never readable by others, not even for a moment.
fn write_both(folder: &Path, paths: &Paths, key: &str, certificate: &str) -> Result<(), Fault> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| Fault::File(path, error)
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    // The mode of both is 0600 from the start.
    let beside = |text: &str| {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let key = beside(key).map_err(failed(&paths.key))?;
    let certificate = beside(certificate).map_err(failed(&paths.certificate))?;
    let public = Permissions::from_mode(0o644);
    let opened = certificate.as_file().set_permissions(public);
    opened.map_err(failed(&paths.certificate))?;
    key.persist_noclobber(&paths.key)
        .map_err(|error| Fault::File(paths.key.clone(), error.error))?;
    certificate
        .persist_noclobber(&paths.certificate)
        .map_err(|error| {
            // A key without its certificate is of no use, and in the way of the next try.
            let _ = fs::remove_file(&paths.key);
            Fault::File(paths.certificate.clone(), error.error)
        })?;
    Ok(())
}

/// Bytes as a PEM file has them.
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
