//! What a server is told, and what it says when it cannot start.
//!
//! Owns both shapes. Must never act on them.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::limits::Limits;
use crate::server::process::fd_limit::TooFew;
use crate::server::process::sandbox::{self, Sandbox};
use crate::server::records::journal::OpenError;
use crate::wire::Sanitized;

/// What a server is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder to serve.
    pub repo: PathBuf,
    /// Where to listen; port 0 lets the system choose.
    pub listen: Vec<Address>,
    /// What peers may cost.
    pub limits: Limits,
    /// How many berths one address may hold.
    pub per_address_max: usize,
    /// Whom to become, if the process is root's.
    pub user: Option<String>,
    /// How much the fence around the folder matters.
    pub sandbox: Sandbox,
    /// How long those inside have when the server is told to stop.
    pub drain: Duration,
    /// How long a turn may take before the log is told of it.
    pub slow_turn: Duration,
    /// Where to write a trace of what the loop does, if one is wanted.
    pub trace: Option<PathBuf>,
    /// How many bytes that may take.
    pub trace_limit: u64,
    /// Where to keep what happened, if it is to be kept.
    pub journal: Option<PathBuf>,
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
    /// All that the host's name stands for, each once, in the system's order.
    ///
    /// # Errors
    /// When it stands for nothing, or nobody knows.
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
    /// Whether one of the server's own files, if it keeps that, lies among those it hands out.
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
    /// The address is taken, is not this host's, or may not be bound.
    Listen(Address, io::Error),
    /// The cap needs more open files than the process is allowed.
    Descriptors(TooFew),
    /// A privilege could not be given up.
    Privileges(sandbox::Failure),
    /// The kernel refused what a loop is made of.
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
            Self::Listen(address, error) => {
                write!(
                    f,
                    "cannot listen on {address}: {error}; say where with --listen ADDR:PORT"
                )
            }
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

impl std::error::Error for StartError {}
