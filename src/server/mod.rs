//! The loop: one thread, one `poll`, every event noted before any work is done.
//!
//! Owns `Poll`, the listeners, the signals and the clock. Must never decide anything about a
//! peer: that is the hub's, and this is its thin edge. Only the start and `poll` itself can fail.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

use self::catalog::{Catalog, Resolver};
use self::journal::{Journal, Past};
use self::listener::Listener;
use self::logbook::Logbook;
use self::privileges::Fence;
use self::service::{FolderService, Task, TurnedAway};
use self::socket::Socket;
use crate::engine::hub::Hub;
use crate::engine::readiness::Readiness;
use crate::wire::Harmless;

pub mod catalog;
pub mod config;
pub mod descriptors;
pub mod digest;
pub mod journal;
pub mod listener;
pub mod listing;
pub mod logbook;
pub mod logging;
pub mod privileges;
pub mod roster;
pub mod service;
pub mod socket;

pub use config::{Config, StartError};

/// Connections have the tokens from 0 on, which are the hub's keys; the signals the last one, and
/// the listeners those before it.
const SIGNALS: Token = Token(usize::MAX);
const LAST_LISTENER: usize = usize::MAX - 1;

/// Events taken from the kernel at once. More than that many ready connections wait for the next
/// turn of the loop, which comes at once.
const EVENTS_MAX: usize = 1024;

/// Newcomers taken in one turn of the loop, so that a flood of them leaves the clients their turn.
/// Each address that is listened on has an equal share of them.
const ACCEPTS_MAX: usize = 64;

/// A server that is bound and ready to run.
pub struct Server {
    poll: Poll,
    signals: Signals,
    /// Empty once the server was told to stop.
    listeners: Vec<Listener>,
    hub: Hub<Socket, Task>,
    service: FolderService,
    drain: Duration,
    /// When the server stops whatever is under way; `None` until it is told to stop.
    stop_at: Option<Instant>,
    /// When the logbook has to be looked after even if nothing happens.
    tend_at: Option<Instant>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server was told to stop, and what was under way was finished or ran out of time.
    Drained,
    /// The server was told twice, and stopped at once.
    Cut,
}

impl Server {
    /// Opens the folder, then binds all addresses: callers wait in the queue from then on.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn bind(config: &Config) -> Result<Self, StartError> {
        let catalog = Catalog::open(&config.repo)
            .map_err(|error| StartError::Folder(config.repo.clone(), error))?;
        descriptors::reserve(&config.limits, config.listen.len())
            .map_err(StartError::Descriptors)?;
        let journal = open_journal(config)?;
        let poll = Poll::new().map_err(StartError::Loop)?;
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(StartError::Loop)?;
        if journal.is_some() {
            // Without a journal a hangup is what it always was.
            [SIGHUP, SIGXFSZ]
                .iter()
                .try_for_each(|&signal| signals.add_signal(signal))
                .map_err(StartError::Loop)?;
        }
        poll.registry()
            .register(&mut signals, SIGNALS, Interest::READABLE)
            .map_err(StartError::Loop)?;
        let mut listeners = Vec::new();
        for (i, &address) in config.listen.iter().enumerate() {
            let bound = Listener::bind(address).and_then(|mut listener| {
                listener.register(poll.registry(), Token(LAST_LISTENER - i))?;
                Ok(listener)
            });
            listeners.push(bound.map_err(|error| StartError::Listen(address, error))?);
        }
        let fence = give_up_privileges(config, &catalog)?;
        log_start(config, &catalog, fence);
        let logbook = begin_logbook(config, journal, &listeners);
        Ok(Self {
            poll,
            signals,
            listeners,
            hub: Hub::new(config.limits).after(logbook.last_client()),
            service: FolderService::new(catalog, config.per_address_max, logbook),
            drain: config.drain,
            stop_at: None,
            tend_at: None,
        })
    }

    /// The addresses that were bound, in the order they were asked for.
    ///
    /// # Errors
    /// When the kernel does not know them, which it does.
    pub fn local_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// Serves until it is told to stop, by SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When `poll` fails, which leaves nothing to be done.
    pub fn run(mut self) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = Instant::now();
        loop {
            match self.poll.poll(&mut events, self.timeout(now)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                polled => polled?,
            }
            now = Instant::now();
            let mut signalled = false;
            for event in &events {
                match event.token() {
                    SIGNALS => signalled = true,
                    Token(key) if key > LAST_LISTENER - self.listeners.len() => {
                        self.listeners[LAST_LISTENER - key].note();
                    }
                    Token(key) => {
                        let ends = event.is_read_closed() || event.is_error();
                        let event = Readiness::of(event.is_readable(), event.is_writable());
                        self.hub.note(key, event.with_end(ends));
                    }
                }
            }
            if signalled && self.was_told_twice(now) {
                self.end(now);
                return Ok(Outcome::Cut);
            }
            self.hub.run(&mut self.service, now);
            self.accept(now);
            if self
                .stop_at
                .is_some_and(|stop_at| self.hub.peers() == 0 || now >= stop_at)
            {
                self.log_end();
                self.end(now);
                return Ok(Outcome::Drained);
            }
            let busy = !events.is_empty() || self.hub.has_work();
            self.tend_at = self.service.logbook().tend(now, busy);
        }
    }

    /// How long `poll` may wait: not at all while there is work, for ever while nothing is due.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.hub.has_work() {
            return Some(Duration::ZERO);
        }
        let accepts = self
            .listeners
            .iter()
            .filter_map(|listener| listener.due(now));
        let deadlines = self.hub.next_deadline().into_iter();
        let deadlines = deadlines.chain(self.stop_at).chain(self.tend_at);
        let next = accepts.chain(deadlines).min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Takes in newcomers. It comes after the turns, so a berth freed in this turn of the loop is
    /// free for them, and no key is used for two peers within one batch of events.
    fn accept(&mut self, now: Instant) {
        let share = (ACCEPTS_MAX / self.listeners.len().max(1)).max(1);
        for listener in &mut self.listeners {
            for _ in 0..share {
                let Some((mut stream, peer)) = listener.accept(now) else {
                    break;
                };
                let key = self.hub.vacancy();
                // Both interests, once and for all: what is wanted is computed, never registered.
                let interests = Interest::READABLE | Interest::WRITABLE;
                let registered = self
                    .poll
                    .registry()
                    .register(&mut stream, Token(key), interests);
                if let Err(error) = registered {
                    log::warn!("{peer} could not be let in: {error}");
                    continue;
                }
                self.hub.admit(Socket(stream), peer, &mut self.service, now);
            }
        }
    }

    /// Does what a signal asks for. Says whether a stop was asked for again.
    fn was_told_twice(&mut self, now: Instant) -> bool {
        for signal in self.signals.pending() {
            match signal {
                SIGHUP => self.service.logbook().reopen(),
                // A file may not grow so large: the write has failed too, and that is dealt with.
                SIGXFSZ => {}
                _ if self.stop_at.is_some() => {
                    log::warn!("stopping at once");
                    return true;
                }
                _ => {
                    let drain = humantime::format_duration(self.drain);
                    let clients = self.hub.clients();
                    match clients {
                        0 => log::info!("stopping"),
                        clients => log::info!("stopping: {clients} inside have {drain} to finish"),
                    }
                    self.stop_at = Some(now + self.drain);
                    self.listeners.clear();
                    self.hub.stop();
                    self.service.logbook().stopping(clients);
                }
            }
        }
        false
    }

    /// Ends everybody who is left, and the logbook behind them.
    fn end(&mut self, now: Instant) {
        self.hub.cut(&mut self.service, now);
        self.service.logbook().close();
    }

    fn log_end(&self) {
        if self.hub.clients() > 0 {
            let clients = self.hub.clients();
            log::warn!("the drain timeout is over, clients cut: {clients}");
        }
        let TurnedAway { full, crowded } = self.service.turned_away();
        if full + crowded > 0 {
            log::info!("turned away: {full} as all was full, {crowded} for their address's share");
        }
    }
}

/// Gives up what serving does not take, now that the folder is open and the addresses are bound.
fn give_up_privileges(config: &Config, catalog: &Catalog) -> Result<Fence, StartError> {
    if let Some(name) = &config.user {
        privileges::become_user(name).map_err(StartError::Privileges)?;
    }
    let fence = privileges::fence_in(catalog.root(), config.journal.as_deref(), config.sandbox);
    let fence = fence.map_err(StartError::Privileges)?;
    // Whoever was given up may have been the only one who can read the folder.
    let readable = catalog.check();
    readable.map_err(|error| StartError::Folder(config.repo.clone(), error))?;
    Ok(fence)
}

fn open_journal(config: &Config) -> Result<Option<(Journal, Past)>, StartError> {
    let open = |path| Journal::open(path).map_err(|error| (path.to_owned(), error));
    let opened = config.journal.as_deref().map(open).transpose();
    opened.map_err(|(path, error)| StartError::Journal(path, error))
}

/// Begins to write down what happens, behind what the journal knows.
fn begin_logbook(
    config: &Config,
    journal: Option<(Journal, Past)>,
    listeners: &[Listener],
) -> Logbook {
    let mut logbook = Logbook::new(SystemTime::now);
    if let Some((journal, past)) = journal {
        past.log();
        if config.serves_its_journal() {
            log::warn!("the journal is in the served folder: whoever gets files gets it too");
        }
        logbook = logbook.continued(journal, past);
    }
    let addresses = listeners.iter().map(Listener::local_addr);
    logbook.started(addresses.flatten().collect(), config.limits.clients_max);
    logbook
}

/// Says what is in force. A start that fails says that and nothing else, so this comes last.
fn log_start(config: &Config, catalog: &Catalog, fence: Fence) {
    let how = match catalog.resolver() {
        Resolver::Kernel => "resolved by the kernel (openat2)",
        Resolver::Walk => "walked component by component, links refused (no openat2 here)",
    };
    let folder = config.repo.as_os_str().as_encoded_bytes();
    log::info!("serving the folder '{}', names {how}", Harmless(folder));
    log::info!("sandbox: {fence}");
    if privileges::is_root() {
        log::warn!("running as root, which serving does not take: see --user");
    }
}
