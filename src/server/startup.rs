//! The start: opens files, binds addresses, drops privileges and logs the configuration.
//!
//! Owns the order of these. Must never be called after the loop runs.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use mio::{Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

use rustix::io::Errno;

use crate::engine::berths::Berths;
use crate::engine::hub::Hub;
use crate::engine::limits::Limits;
use crate::server::access::doorkeeper::Doorkeeper;
use crate::server::access::guard;
use crate::server::config::{Address, Config, StartError};
use crate::server::files::root::{Resolver, ServedDir};
use crate::server::handler::FolderHandler;
use crate::server::identity::Identity;
use crate::server::net::listener::{Door, Listener};
use crate::server::observe::trace::tracer::Trace;
use crate::server::observe::trace::writer::Writer;
use crate::server::observe::{Tracer, Watch};
use crate::server::process::fd_limit;
use crate::server::process::sandbox::{self, Restrictions};
use crate::server::records::journal::{Journal, Recovered};
use crate::server::records::recorder::EventLog;
use crate::server::uploads::{self, Uploads};
use crate::server::{DISK, EventLoop, LAST_LISTENER, Outcome, SIGNALS};
use crate::wire::Sanitized;

/// A server that is bound and ready to run.
pub struct Server {
    poll: Poll,
    signals: Signals,
    listeners: Vec<Listener>,
    identity: Option<Identity>,
    doorkeeper: Doorkeeper,
    /// The file of the tokens, if there is one.
    tokens: Option<PathBuf>,
    service: FolderHandler,
    limits: Limits,
    drain: Duration,
    slow_turn: Duration,
    /// The file of the trace, if one was asked for.
    trace: Option<Writer>,
}

impl Server {
    /// Opens the folder, then binds all addresses: peers wait in the backlog from then on.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let mut served_dir = ServedDir::open(&config.repo)
            .map_err(|error| StartError::Folder(config.repo.clone(), error))?;
        let identity = Identity::load(config)?;
        let reserved = config.uploads.as_ref().map(|_| uploads::DESCRIPTORS);
        fd_limit::reserve(
            &config.limits,
            listeners_max(config),
            identity.is_some(),
            reserved,
        )
        .map_err(StartError::Descriptors)?;
        check_own_files(config)?;
        let tokens = guard::load(config)?;
        let journal = open_journal(config)?;
        let trace = open_trace(config)?;
        let poll = Poll::new().map_err(StartError::Loop)?;
        let signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGXFSZ]);
        let mut signals = signals.map_err(StartError::Loop)?;
        let rereads = journal.is_some() || tokens.is_some() || identity.is_some();
        if rereads || !io::stdin().is_terminal() {
            // A server in a terminal without files to reopen keeps the default: a hangup ends it.
            signals.add_signal(SIGHUP).map_err(StartError::Loop)?;
        }
        poll.registry()
            .register(&mut signals, SIGNALS, Interest::READABLE)
            .map_err(StartError::Loop)?;
        let mut listeners = listen(config)?;
        guard::check_listeners(config, &listeners)?;
        for (i, listener) in listeners.iter_mut().enumerate() {
            let registered = listener.register(poll.registry(), Token(LAST_LISTENER - i));
            registered.map_err(StartError::Loop)?;
        }
        let (restrictions, mut uploads) =
            give_up_privileges(config, &served_dir, journal.as_ref(), identity.as_ref())?;
        start_uploads(config, uploads.as_mut(), &poll)?;
        if restrictions.is_around_files() {
            served_dir.sandboxed();
        }
        log_start(config, &served_dir, restrictions);
        guard::log_start(config, tokens.as_ref());
        identity.iter().for_each(Identity::log_start);
        uploads.iter().for_each(Uploads::log_start);
        let event_log = begin_event_log(config, journal, &listeners);
        let berths = Berths::new(config.limits.clients_max, config.per_address_max)
            .with_last_client_number(event_log.last_client());
        Ok(Self {
            poll,
            signals,
            listeners,
            identity,
            doorkeeper: Doorkeeper::new(berths, tokens, SystemTime::now),
            tokens: config.tokens.clone(),
            service: FolderHandler::new(served_dir, event_log).with_uploads(uploads),
            limits: config.limits,
            drain: config.drain,
            slow_turn: config.slow_turn,
            trace,
        })
    }

    /// The addresses that were bound, in the order they were asked for, those with TLS last.
    ///
    /// # Errors
    /// When the kernel does not know them, which it does.
    pub fn local_addrs(&self) -> io::Result<Vec<(SocketAddr, Door)>> {
        let address = |listener: &Listener| Ok((listener.local_addr()?, listener.door()));
        self.listeners.iter().map(address).collect()
    }

    /// Serves until it is told to stop, by SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When `poll` fails.
    pub fn run(mut self) -> io::Result<Outcome> {
        let (slow, now) = (self.slow_turn, Instant::now());
        match self.trace.take() {
            None => self.watched_by(Watch::new((), slow, now)).run(),
            Some(writer) => {
                let trace = Trace::new(writer, now);
                self.watched_by(Watch::new(trace, slow, now)).run()
            }
        }
    }

    fn watched_by<T: Tracer>(self, watch: Watch<T>) -> EventLoop<T> {
        EventLoop {
            poll: self.poll,
            signals: self.signals,
            listeners: self.listeners,
            identity: self.identity,
            hub: Hub::new(self.limits, self.doorkeeper),
            tokens: self.tokens,
            backend: (self.service, watch),
            drain: self.drain,
            stop_at: None,
            tick_at: None,
        }
    }
}

/// Drops privileges and enters the sandbox, once the folder is open and the addresses are bound.
fn give_up_privileges(
    config: &Config,
    served_dir: &ServedDir,
    journal: Option<&(Journal, Recovered)>,
    identity: Option<&Identity>,
) -> Result<(Restrictions, Option<Uploads>), StartError> {
    if let Some(name) = &config.user {
        sandbox::become_user(name).map_err(StartError::Privileges)?;
    }
    let open = |settings| {
        let opened = Uploads::open(served_dir, &config.repo, settings);
        opened.map_err(|fault| StartError::Uploads(settings.dir.clone(), fault))
    };
    let uploads = config.uploads.as_ref().map(open).transpose()?;
    let journal = journal.map(|(journal, _)| journal.path());
    let mut own = guard::folders(config);
    own.extend(identity.into_iter().flat_map(Identity::folders));
    let writable = uploads.as_ref().map(Uploads::writable);
    let restrictions = sandbox::enter(served_dir.root(), journal, &own, writable, config.sandbox);
    let restrictions = restrictions.map_err(StartError::Privileges)?;
    // Perhaps only root could read the folder.
    let readable = served_dir.check();
    readable.map_err(|error| StartError::Folder(config.repo.clone(), error))?;
    Ok((restrictions, uploads))
}

/// Whether an upload could replace one of the files that the server keeps.
fn check_own_files(config: &Config) -> Result<(), StartError> {
    if !config
        .uploads
        .as_ref()
        .is_some_and(|uploads| uploads.overwrite)
    {
        return Ok(());
    }
    let own = [&config.journal, &config.trace].into_iter().flatten();
    match own.into_iter().find(|own| config.serves(Some(own))) {
        Some(own) => Err(StartError::Replaceable(own.clone())),
        None => Ok(()),
    }
}

/// Starts the thread that waits for the disk, in the sandbox.
fn start_uploads(
    config: &Config,
    uploads: Option<&mut Uploads>,
    poll: &Poll,
) -> Result<(), StartError> {
    let (Some(uploads), Some(settings)) = (uploads, &config.uploads) else {
        return Ok(());
    };
    let waker = Waker::new(poll.registry(), DISK).map_err(StartError::Loop)?;
    let wake = move || {
        if let Err(error) = waker.wake() {
            log::error!("the loop cannot be woken: {error}");
        }
    };
    let started = uploads.start(SystemTime::now(), wake);
    started.map_err(|fault| StartError::Uploads(settings.dir.clone(), fault))
}

/// Opens and locks the journal, before the sandbox.
fn open_journal(config: &Config) -> Result<Option<(Journal, Recovered)>, StartError> {
    let open = |path| Journal::open(path).map_err(|error| (path.to_owned(), error));
    let opened = config.journal.as_deref().map(open).transpose();
    opened.map_err(|(path, error)| StartError::Journal(path, error))
}

/// Opens the trace, before the sandbox, which lets nothing be opened for writing.
fn open_trace(config: &Config) -> Result<Option<Writer>, StartError> {
    let Some(path) = &config.trace else {
        return Ok(None);
    };
    let writer = Writer::create(path, config.trace_limit);
    let writer = writer.map_err(|error| StartError::Trace(path.clone(), error))?;
    Ok(Some(writer))
}

/// Binds every address of the configuration. Peers wait in the backlog from then on.
fn listen(config: &Config) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::new();
    for address in &config.listen {
        let bound = bind(address, Door::Plain, &mut listeners);
        bound.map_err(|error| StartError::Listen(address.clone(), error))?;
    }
    for address in config.tls.iter().flat_map(|tls| &tls.listen) {
        let bound = bind(address, Door::Tls, &mut listeners);
        bound.map_err(|error| StartError::TlsListen(address.clone(), error))?;
    }
    Ok(listeners)
}

/// How many addresses are to be bound.
fn listeners_max(config: &Config) -> usize {
    let tls = config.tls.as_ref();
    config.listen.len() + tls.map_or(0, |tls| tls.listen.len())
}

/// Binds all addresses of a name with one port, except those that this host lacks: a name may have
/// an IPv6 address on a host without IPv6.
fn bind(address: &Address, door: Door, listeners: &mut Vec<Listener>) -> io::Result<()> {
    let before = listeners.len();
    let mut port = address.port;
    let mut missing = None;
    for mut one in address.resolve()? {
        one.set_port(port);
        match Listener::bind(one, door) {
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

/// Begins the event log, continuing the journal.
fn begin_event_log(
    config: &Config,
    journal: Option<(Journal, Recovered)>,
    listeners: &[Listener],
) -> EventLog {
    let mut event_log = EventLog::new(SystemTime::now);
    if let Some((journal, past)) = journal {
        past.log();
        if config.serves(config.journal.as_deref()) {
            log::warn!("the journal is in the served folder: every client can download it");
        }
        event_log = event_log.continued(journal, past);
    }
    let addresses = listeners.iter().map(Listener::local_addr);
    event_log.started(addresses.flatten().collect(), config.limits.clients_max);
    event_log
}

/// Logs the configuration. A start that fails logs only its error, so this comes last.
fn log_start(config: &Config, served_dir: &ServedDir, restrictions: Restrictions) {
    let how = match served_dir.resolver() {
        Resolver::Kernel => "resolved by the kernel (openat2)",
        Resolver::Walk => "walked component by component, links refused (no openat2 here)",
    };
    let folder = config.repo.as_os_str().as_encoded_bytes();
    log::info!("serving the folder '{}', names {how}", Sanitized(folder));
    log::info!("sandbox: {restrictions}");
    if config.serves(config.trace.as_deref()) {
        log::warn!("the trace is in the served folder: every client can download it");
    }
    if sandbox::is_root() {
        log::warn!("running as root, which serving does not take: see --user");
    }
}
