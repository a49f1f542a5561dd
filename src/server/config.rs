//! The configuration of a server, and the errors of its start.
//!
//! Owns both types. Must never act on them.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::limits::Limits;
use crate::server::access::store::Fault;
use crate::server::net::certificate;
use crate::server::process::fd_limit::TooFew;
use crate::server::process::sandbox::{self, Sandbox};
use crate::server::records::journal::OpenError;
use crate::server::uploads;
use crate::wire::Sanitized;

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder to serve.
    pub repo: PathBuf,
    /// Where to listen; port 0 lets the system choose.
    pub listen: Vec<Address>,
    /// Where to listen with TLS, and what to present there, if that is wanted.
    pub tls: Option<Tls>,
    /// The limits on what peers may cost.
    pub limits: Limits,
    /// How many berths one address may hold.
    pub per_address_max: usize,
    /// The user to switch to, if the process runs as root.
    pub user: Option<String>,
    /// Whether the sandbox is required.
    pub sandbox: Sandbox,
    /// The drain timeout: how long clients have when the server is told to stop.
    pub drain: Duration,
    /// A turn that takes longer than this is logged.
    pub slow_turn: Duration,
    /// The file of the trace, if one is wanted.
    pub trace: Option<PathBuf>,
    /// The maximum size of the trace in bytes.
    pub trace_limit: u64,
    /// The file of the journal, if one is wanted.
    pub journal: Option<PathBuf>,
    /// The file of the tokens, if clients have to show one.
    pub tokens: Option<PathBuf>,
    /// Whether tokens may be shown on a connection that others can read.
    pub tokens_in_clear: bool,
    /// Which uploads are accepted, if any are.
    pub uploads: Option<uploads::Settings>,
}

/// Listening with TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where; port 0 lets the system choose.
    pub listen: Vec<Address>,
    /// What is presented there.
    pub paths: certificate::Paths,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address without brackets; an IPv6 one may have its interface behind a `%`.
    pub host: String,
    /// With 0 the system chooses.
    pub port: u16,
}

impl Address {
    /// All addresses of the host name, each once, in the system's order.
    ///
    /// # Errors
    /// When it has no address, or the lookup fails.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(addresses)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        let host = Sanitized(host.as_bytes());
        if self.host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl Config {
    /// Whether one of the server's own files, if it keeps that, is in the served folder.
    #[must_use]
    pub fn serves(&self, own: Option<&Path>) -> bool {
        let inside = |own: &Path| {
            let (own, repo) = (own.canonicalize().ok()?, self.repo.canonicalize().ok()?);
            Some(own.starts_with(repo))
        };
        own.and_then(inside).unwrap_or(false)
    }
}

/// Why a server could not start. Nothing is bound then.
#[derive(Debug)]
pub enum StartError {
    /// The folder is missing, is none, or may not be read.
    Folder(PathBuf, io::Error),
    /// The journal is another server's, is none, or may not be written.
    Journal(PathBuf, OpenError),
    /// The trace cannot be written there.
    Trace(PathBuf, io::Error),
    /// The tokens cannot be read, or not all of them.
    Tokens(PathBuf, Fault),
    /// The tokens are in the served folder.
    TokensServed(PathBuf),
    /// Tokens would be shown there on a connection that others can read.
    InClear(SocketAddr),
    /// The address is taken, is not this host's, or may not be bound.
    Listen(Address, io::Error),
    /// The same, with TLS.
    TlsListen(Address, io::Error),
    /// The certificate or its key cannot be used.
    Certificate(certificate::Fault),
    /// This file of the server's own would be handed out.
    Served(PathBuf),
    /// The cap needs more open files than the process is allowed.
    Descriptors(TooFew),
    /// Uploads cannot be accepted in this folder.
    Uploads(PathBuf, uploads::Fault),
    /// This file of the server's own could be replaced by an upload.
    Replaceable(PathBuf),
    /// A privilege could not be given up.
    Privileges(sandbox::Failure),
    /// The kernel refused epoll, the signal handlers or a registration.
    Loop(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path, error) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(f, "cannot serve the folder '{}': {error}", Sanitized(path))?;
                f.write_str("; say which with --repo DIR")
            }
            Self::Journal(path, error) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(f, "cannot keep the journal '{}': {error}", Sanitized(path))?;
                f.write_str("; say where with --journal FILE")
            }
            Self::Trace(path, error) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(f, "cannot write the trace '{}': {error}", Sanitized(path))?;
                f.write_str("; say where with --trace FILE")
            }
            Self::Tokens(..) | Self::TokensServed(_) | Self::InClear(_) => self.about_tokens(f),
            Self::Listen(address, error) => {
                write!(
                    f,
                    "cannot listen on {address}: {error}; say where with --listen ADDR:PORT"
                )
            }
            Self::TlsListen(address, error) => write!(
                f,
                "cannot listen on {address}: {error}; say where with --tls-listen ADDR:PORT"
            ),
            Self::Served(path) => {
                let path = Sanitized(path.as_os_str().as_encoded_bytes());
                write!(
                    f,
                    "'{path}' is in the served folder: any client could get it"
                )
            }
            Self::Uploads(path, fault) => {
                let path = Sanitized(path.as_os_str().as_encoded_bytes());
                write!(f, "cannot accept uploads in '{path}': {fault}")
            }
            Self::Replaceable(path) => {
                let path = Sanitized(path.as_os_str().as_encoded_bytes());
                write!(
                    f,
                    "'{path}' is in the served folder: with --overwrite any client could replace it"
                )
            }
            Self::Certificate(fault) => write!(f, "cannot speak TLS with {fault}"),
            Self::Descriptors(TooFew { needed, allowed }) => write!(
                f,
                "so many clients need {needed} open files and only {allowed} are allowed: \
                 raise the limit (ulimit -Hn) or lower --max-clients"
            ),
            Self::Privileges(failure) => failure.fmt(f),
            Self::Loop(error) => write!(f, "cannot set up the event loop: {error}"),
        }
    }
}

impl StartError {
    fn about_tokens(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(path, fault) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(
                    f,
                    "cannot use the tokens file '{}': {fault}",
                    Sanitized(path)
                )?;
                f.write_str("; make it with 'berthd token add NAME --tokens FILE'")
            }
            Self::TokensServed(path) => {
                let path = path.as_os_str().as_encoded_bytes();
                let path = Sanitized(path);
                write!(
                    f,
                    "the tokens file '{path}' is in the served folder: move it out"
                )
            }
            Self::InClear(address) => write!(
                f,
                "whoever is on the way to {address} could read the tokens: listen there with TLS \
                 (--tls-listen), or say --tokens-in-clear"
            ),
            _ => unreachable!("the others are not about tokens"),
        }
    }
}

impl std::error::Error for StartError {}
