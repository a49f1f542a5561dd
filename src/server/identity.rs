//! What the server presents with TLS: read at the start, and again at SIGHUP.
//!
//! Owns the certificate with its key, and where the two are. Must never change one without the
//! other: if one cannot be used, both stay as they were.

use std::path::{Path, PathBuf};

use crate::server::config::{Config, StartError};
use crate::server::net::certificate::{self, Paths};
use crate::server::net::tls::Acceptor;
use crate::wire::Sanitized;

/// The certificate and its key, for the connections from now on. Those that are there keep what
/// they began with.
#[derive(Debug)]
pub struct Identity {
    paths: Paths,
    acceptor: Acceptor,
}

impl Identity {
    /// Reads the two files, if the configuration names them.
    ///
    /// # Errors
    /// When one cannot be used, or would be served.
    pub fn load(config: &Config) -> Result<Option<Self>, StartError> {
        let Some(tls) = &config.tls else {
            return Ok(None);
        };
        let paths = &tls.paths;
        let mut own = [&paths.key, &paths.certificate].into_iter();
        if let Some(served) = own.find(|&own| config.serves(Some(own))) {
            return Err(StartError::Served(served.clone()));
        }
        let acceptor = certificate::load(paths).map_err(StartError::Certificate)?;
        let paths = paths.clone();
        Ok(Some(Self { paths, acceptor }))
    }

    /// What the connections of TLS listeners have in common.
    #[must_use]
    pub const fn acceptor(&self) -> &Acceptor {
        &self.acceptor
    }

    /// The folders in which the files are, and those to which links lead: a new file comes into the
    /// place of an old one, so it is the folder that has to stay readable.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for path in [&self.paths.certificate, &self.paths.key] {
            folders.push(folder_of(path));
            folders.extend(path.canonicalize().ok().as_deref().map(folder_of));
        }
        folders.sort();
        folders.dedup();
        folders
    }

    /// Says which folders stay readable, and whether the files could be read again: privileges
    /// were dropped since the start.
    pub fn log_start(&self) {
        for folder in self.folders() {
            let folder = folder.as_os_str().as_encoded_bytes();
            log::info!("sandbox: files in '{}' stay readable", Sanitized(folder));
        }
        if let Err(fault) = certificate::load(&self.paths) {
            log::warn!("the certificate cannot be read again after SIGHUP: {fault}");
        }
    }

    /// Reads both files again.
    ///
    /// # Errors
    /// When one cannot be used. Both stay as they were.
    pub fn reload(&mut self) -> Result<(), certificate::Fault> {
        self.acceptor = certificate::load(&self.paths)?;
        Ok(())
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
