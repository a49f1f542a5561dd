//! What tokens take at the start of a server.
//!
//! Owns the checks of the configuration that are about them. Must never let a server start with a
//! weaker guard than was asked for.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::server::access::store;
use crate::server::access::tokens::Tokens;
use crate::server::config::{Config, StartError};
use crate::server::net::listener::{Door, Listener};
use crate::wire::Sanitized;

/// Reads the tokens, if there is a file of them.
///
/// # Errors
/// When they cannot be read, or could be by whoever gets files.
pub fn load(config: &Config) -> Result<Option<Tokens>, StartError> {
    let Some(path) = &config.tokens else {
        return Ok(None);
    };
    let tokens = store::read(path).map_err(|fault| StartError::Tokens(path.clone(), fault))?;
    if config.serves(Some(path)) {
        return Err(StartError::TokensServed(path.clone()));
    }
    Ok(Some(tokens))
}

/// Whether tokens would be shown where others can read them.
///
/// # Errors
/// When they would, and nobody has said that this is fine.
pub fn check_listeners(config: &Config, listeners: &[Listener]) -> Result<(), StartError> {
    if config.tokens.is_none() || config.tokens_in_clear {
        return Ok(());
    }
    let plain = listeners
        .iter()
        .filter(|listener| listener.door() == Door::Plain);
    let mut addresses = plain.filter_map(|listener| listener.local_addr().ok());
    match addresses.find(|address| !address.ip().is_loopback()) {
        Some(address) => Err(StartError::InClear(address)),
        None => Ok(()),
    }
}

/// The folders that have to stay readable inside the sandbox: that of the path, and that to which a
/// link leads.
#[must_use]
pub fn folders(config: &Config) -> Vec<PathBuf> {
    let Some(path) = &config.tokens else {
        return Vec::new();
    };
    let folder = |path: &Path| match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let resolved = path.canonicalize().ok().map(|path| folder(&path));
    [Some(folder(path)), resolved]
        .into_iter()
        .flatten()
        .collect()
}

/// Says how many tokens there are. Whether they can be read again is known only now, as privileges
/// were given up meanwhile.
pub fn log_start(config: &Config, tokens: Option<&Tokens>) {
    let (Some(path), Some(tokens)) = (&config.tokens, tokens) else {
        return;
    };
    let now = SystemTime::now();
    let expired = tokens.iter().filter(|token| token.has_expired(now)).count();
    log::info!("tokens: {}, expired: {expired}", tokens.len());
    if tokens.len() == expired {
        log::warn!("no token is valid, so nobody gets in");
    }
    for folder in folders(config) {
        let folder = folder.as_os_str().as_encoded_bytes();
        log::info!("sandbox: files in '{}' stay readable", Sanitized(folder));
    }
    if let Err(fault) = store::read(path) {
        log::warn!("the tokens cannot be read again after SIGHUP: {fault}");
    }
}
