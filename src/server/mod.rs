//! The loop: one thread, one `poll`, every event noted before any work is done.
//!
//! Owns `Poll`, the listeners, the signals and the clock. Must never decide anything about a
//! peer: that is the hub's, and this is its thin edge. Only the start and `poll` itself can fail.

use std::io::{self, ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

use self::catalog::Catalog;
use self::listener::Listener;
use self::service::{FolderService, Task, TurnedAway};
use self::socket::Socket;
use self::start::{begin_logbook, give_up_privileges, listen, log_start, open_journal, open_trace};
use self::watch::service::Watched;
use self::watch::trace::Trace;
use self::watch::writer::Writer;
use self::watch::{Stage, Tracer, Watch};
use crate::engine::hub::Hub;
use crate::engine::readiness::Readiness;

pub mod ahead;
pub mod catalog;
pub mod config;
pub mod descriptors;
pub mod digest;
mod inotify;
pub mod journal;
pub mod listener;
pub mod listing;
pub mod logbook;
pub mod logging;
pub mod own_file;
pub mod privileges;
pub mod remembered;
pub mod roster;
pub mod service;
pub mod socket;
mod start;
pub mod watch;
mod whereabouts;

pub use config::{Address, Config, StartError};

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
    slow_turn: Duration,
    /// Where a trace goes, if one was asked for.
    trace: Option<Writer>,
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
        let mut catalog = Catalog::open(&config.repo)
            .map_err(|error| StartError::Folder(config.repo.clone(), error))?;
        descriptors::reserve(&config.limits, config.listen.len())
            .map_err(StartError::Descriptors)?;
        let journal = open_journal(config)?;
        let trace = open_trace(config)?;
        let poll = Poll::new().map_err(StartError::Loop)?;
        let signals = Signals::new([SIGINT, SIGTERM, SIGUSR1, SIGXFSZ]);
        let mut signals = signals.map_err(StartError::Loop)?;
        if journal.is_some() || !io::stdin().is_terminal() {
            // To a server in a terminal that keeps nothing, a hangup is what it always was.
            signals.add_signal(SIGHUP).map_err(StartError::Loop)?;
        }
        poll.registry()
            .register(&mut signals, SIGNALS, Interest::READABLE)
            .map_err(StartError::Loop)?;
        let mut listeners = listen(config)?;
        for (i, listener) in listeners.iter_mut().enumerate() {
            let registered = listener.register(poll.registry(), Token(LAST_LISTENER - i));
            registered.map_err(StartError::Loop)?;
        }
        let fence = give_up_privileges(config, &catalog, journal.as_ref())?;
        if fence.is_around_files() {
            catalog.fenced();
        }
        log_start(config, &catalog, fence);
        let logbook = begin_logbook(config, journal, &listeners);
        Ok(Self {
            poll,
            signals,
            listeners,
            hub: Hub::new(config.limits).after(logbook.last_client()),
            service: FolderService::new(catalog, config.per_address_max, logbook),
            drain: config.drain,
            slow_turn: config.slow_turn,
            trace,
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
        let (slow, now) = (self.slow_turn, Instant::now());
        match self.trace.take() {
            None => self.watched_by(Watch::new((), slow, now)),
            Some(writer) => self.watched_by(Watch::new(Trace::new(writer, now), slow, now)),
        }
    }

    /// The loop itself. What watches it is compiled into it.
    fn watched_by<T: Tracer>(mut self, mut watch: Watch<T>) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = Instant::now();
        loop {
            match self.poll.poll(&mut events, self.timeout(now)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                polled => polled?,
            }
            now = Instant::now();
            watch.polled(now, events.iter().count());
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
            watch.stage(Stage::Noted);
            if signalled && self.was_told_twice(now, &watch) {
                self.end(now, &mut watch);
                return Ok(Outcome::Cut);
            }
            let service = &mut self.service;
            let watch_it = &mut watch;
            self.hub.run(
                &mut Watched {
                    service,
                    watch: watch_it,
                },
                now,
            );
            watch.stage(Stage::Ran);
            let accepted = self.accept(now, &mut watch);
            watch.stage(Stage::Accepted(accepted));
            if self
                .stop_at
                .is_some_and(|stop_at| self.hub.peers() == 0 || now >= stop_at)
            {
                self.log_end();
                self.end(now, &mut watch);
                return Ok(Outcome::Drained);
            }
            let busy = !events.is_empty() || self.hub.has_work();
            let tend_at = self.service.logbook().tend(now, busy);
            self.tend_at = tend_at.into_iter().chain(watch.tend(now)).min();
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
    /// free for them, and no key is used for two peers within one batch of events. Returns how
    /// many there were.
    fn accept<T: Tracer>(&mut self, now: Instant, watch: &mut Watch<T>) -> usize {
        let mut accepted = 0;
        let service = &mut self.service;
        let mut watched = Watched { service, watch };
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
                self.hub.admit(Socket::new(stream), peer, &mut watched, now);
                accepted += 1;
            }
        }
        accepted
    }

    /// Does what a signal asks for. Says whether a stop was asked for again.
    fn was_told_twice<T: Tracer>(&mut self, now: Instant, watch: &Watch<T>) -> bool {
        for signal in self.signals.pending() {
            match signal {
                SIGHUP => self.service.reopen(),
                // A file may not grow so large: the write has failed too, and that is dealt with.
                SIGXFSZ => {}
                SIGUSR1 => watch.figures.log(now),
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
    fn end<T: Tracer>(&mut self, now: Instant, watch: &mut Watch<T>) {
        let service = &mut self.service;
        self.hub.cut(&mut Watched { service, watch }, now);
        self.service.logbook().close();
        watch.close();
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
        let knocks = self.service.knocks();
        if knocks > 0 {
            log::info!("came and asked for nothing: {knocks}");
        }
    }
}
