//! The steps of a start that are not about sockets.
//!
//! Owns what is opened, given up and said before the loop runs. Must never be needed afterwards.

use std::io;
use std::time::SystemTime;

use rustix::io::Errno;

use super::catalog::{Catalog, Resolver};
use super::config::{Address, Config, StartError};
use super::journal::{Journal, Past};
use super::listener::Listener;
use super::logbook::Logbook;
use super::privileges::{self, Fence};
use super::watch::writer::Writer;
use crate::wire::Harmless;

/// Gives up what serving does not take, now that the folder is open and the addresses are bound.
pub(super) fn give_up_privileges(
    config: &Config,
    catalog: &Catalog,
    journal: Option<&(Journal, Past)>,
) -> Result<Fence, StartError> {
    if let Some(name) = &config.user {
        privileges::become_user(name).map_err(StartError::Privileges)?;
    }
    let journal = journal.map(|(journal, _)| journal.path());
    let fence = privileges::fence_in(catalog.root(), journal, config.sandbox);
    let fence = fence.map_err(StartError::Privileges)?;
    // Whoever was given up may have been the only one who can read the folder.
    let readable = catalog.check();
    readable.map_err(|error| StartError::Folder(config.repo.clone(), error))?;
    Ok(fence)
}

/// Opened before the fence too, and locked.
pub(super) fn open_journal(config: &Config) -> Result<Option<(Journal, Past)>, StartError> {
    let open = |path| Journal::open(path).map_err(|error| (path.to_owned(), error));
    let opened = config.journal.as_deref().map(open).transpose();
    opened.map_err(|(path, error)| StartError::Journal(path, error))
}

/// Opened before the fence, which lets nothing be opened for writing.
pub(super) fn open_trace(config: &Config) -> Result<Option<Writer>, StartError> {
    let Some(path) = &config.trace else {
        return Ok(None);
    };
    let writer = Writer::create(path, config.trace_limit);
    let writer = writer.map_err(|error| StartError::Trace(path.clone(), error))?;
    Ok(Some(writer))
}

/// Binds every address that is asked for. Callers wait in the queue from then on.
pub(super) fn listen(config: &Config) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::new();
    for address in &config.listen {
        let bound = bind(address, &mut listeners);
        bound.map_err(|error| StartError::Listen(address.clone(), error))?;
    }
    Ok(listeners)
}

/// Binds all that a name stands for, with one port, but for what this host has not: a name may well
/// have an IPv6 address where there is no IPv6.
fn bind(address: &Address, listeners: &mut Vec<Listener>) -> io::Result<()> {
    let before = listeners.len();
    let mut port = address.port;
    let mut missing = None;
    for mut one in address.resolve()? {
        one.set_port(port);
        match Listener::bind(one) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) if is_not_here(&error) => missing = Some((one, error)),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some((_, error)) if listeners.len() == before => return Err(error),
        Some((one, error)) => log::warn!("not listening on {one}, which is {address} too: {error}"),
        None => {}
    }
    Ok(())
}

fn is_not_here(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

/// Begins to write down what happens, behind what the journal knows.
pub(super) fn begin_logbook(
    config: &Config,
    journal: Option<(Journal, Past)>,
    listeners: &[Listener],
) -> Logbook {
    let mut logbook = Logbook::new(SystemTime::now);
    if let Some((journal, past)) = journal {
        past.log();
        if config.serves(config.journal.as_deref()) {
            log::warn!("the journal is in the served folder: whoever gets files gets it too");
        }
        logbook = logbook.continued(journal, past);
    }
    let addresses = listeners.iter().map(Listener::local_addr);
    logbook.started(addresses.flatten().collect(), config.limits.clients_max);
    logbook
}

/// Says what is in force. A start that fails says that and nothing else, so this comes last.
pub(super) fn log_start(config: &Config, catalog: &Catalog, fence: Fence) {
    let how = match catalog.resolver() {
        Resolver::Kernel => "resolved by the kernel (openat2)",
        Resolver::Walk => "walked component by component, links refused (no openat2 here)",
    };
    let folder = config.repo.as_os_str().as_encoded_bytes();
    log::info!("serving the folder '{}', names {how}", Harmless(folder));
    log::info!("sandbox: {fence}");
    if config.serves(config.trace.as_deref()) {
        log::warn!("the trace is in the served folder: whoever gets files gets it too");
    }
    if privileges::is_root() {
        log::warn!("running as root, which serving does not take: see --user");
    }
}
