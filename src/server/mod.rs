//! The event loop: one thread, one `poll`, every event noted before any work is done.
//!
//! Owns `Poll`, the listeners, the signals and the clock. Must never decide anything about a peer:
//! the hub does. Only the start and `poll` itself can fail.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGXFSZ};
use signal_hook_mio::v1_0::Signals;

use crate::engine::hub::Hub;
use crate::engine::readiness::Readiness;
use crate::engine::sealed::Sealed;
use crate::server::access::doorkeeper::Doorkeeper;
use crate::server::handler::{FolderHandler, Task};
use crate::server::identity::Identity;
use crate::server::net::caller::Caller;
use crate::server::net::line::Line;
use crate::server::net::listener::{Door, Listener};
use crate::server::net::socket::Socket;
use crate::server::observe::{Stage, Tracer, Watch};

pub mod access;
pub mod config;
pub mod files;
pub mod handler;
pub mod identity;
pub mod net;
pub mod observe;
pub mod process;
pub mod records;
pub mod reload;
pub mod startup;
pub mod uploads;

pub use config::{Address, Config, StartError};
pub use startup::Server;

/// Connections have the tokens from 0 on, which are the hub's keys; the signals the last one, the
/// thread that waits for the disk the one before it, and the listeners those before that.
const SIGNALS: Token = Token(usize::MAX);
const DISK: Token = Token(usize::MAX - 1);
const LAST_LISTENER: usize = usize::MAX - 2;

/// Events taken from the kernel at once. More than that many ready connections wait for the next
/// turn of the loop, which comes at once.
const EVENTS_MAX: usize = 1024;

/// Connections accepted in one turn of the loop, so that a flood of them does not starve clients.
/// Each listener has an equal share of them.
const ACCEPTS_MAX: usize = 64;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server was told to stop, and all clients left or the drain timeout was over.
    Drained,
    /// The server was told twice, and stopped at once.
    Cut,
}

/// The state of the loop. The tracer is compiled into it.
struct EventLoop<T> {
    poll: Poll,
    signals: Signals,
    /// Empty once the server was told to stop.
    listeners: Vec<Listener>,
    /// What TLS listeners present; there is one if there are any.
    identity: Option<Identity>,
    hub: Hub<Line, Task, Doorkeeper>,
    /// The file of the tokens, if there is one.
    tokens: Option<PathBuf>,
    /// The handler, and the observer that measures.
    backend: (FolderHandler, Watch<T>),
    drain: Duration,
    /// The end of the drain timeout; `None` until the server is told to stop.
    stop_at: Option<Instant>,
    /// When the next tick of the event log or of the trace is due.
    tick_at: Option<Instant>,
}

/// What came besides the events of connections and listeners.
#[derive(Clone, Copy, Default)]
struct Noted {
    /// A signal.
    signals: bool,
    /// The thread that waits for the disk has done something.
    disk: bool,
}

impl<T: Tracer> EventLoop<T> {
    /// Serves until it is told to stop.
    fn run(mut self) -> io::Result<Outcome> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = Instant::now();
        loop {
            match self.poll.poll(&mut events, self.timeout(now)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
                polled => polled?,
            }
            now = Instant::now();
            self.backend.1.polled(now, events.iter().count());
            let noted = self.note(&events);
            self.backend.1.stage(Stage::Noted);
            if noted.disk {
                self.backend.0.woken(now);
                self.hub.wake();
            }
            if noted.signals && self.was_told_twice(now) {
                self.end(now);
                return Ok(Outcome::Cut);
            }
            self.end_tokens(now);
            self.hub.run(&mut self.backend, now);
            self.backend.1.stage(Stage::Ran);
            let accepted = self.accept(now);
            self.backend.1.stage(Stage::Accepted(accepted));
            if self
                .stop_at
                .is_some_and(|stop_at| self.hub.peers() == 0 || now >= stop_at)
            {
                self.log_end();
                self.end(now);
                return Ok(Outcome::Drained);
            }
            let busy = !events.is_empty() || self.hub.has_work();
            let (service, watch) = &mut self.backend;
            let tick_at = service.event_log().on_tick(now, busy);
            self.tick_at = tick_at.into_iter().chain(watch.on_tick(now)).min();
        }
    }

    /// Notes every event, and does nothing else.
    fn note(&mut self, events: &Events) -> Noted {
        let mut noted = Noted::default();
        for event in events {
            match event.token() {
                SIGNALS => noted.signals = true,
                DISK => noted.disk = true,
                Token(key) if key > LAST_LISTENER - self.listeners.len() => {
                    self.listeners[LAST_LISTENER - key].note();
                }
                Token(key) => {
                    let ends = event.is_read_closed() || event.is_error();
                    let event = Readiness::of(event.is_readable(), event.is_writable());
                    self.hub.on_ready(key, event.with_end(ends));
                }
            }
        }
        noted
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
        let deadlines = deadlines.chain(self.stop_at).chain(self.tick_at);
        let deadlines = deadlines.chain(self.hub.admission_ref().due());
        let next = accepts.chain(deadlines).min()?;
        Some(next.saturating_duration_since(now))
    }

    /// Accepts connections. It comes after the turns, so a berth freed in this turn of the loop is
    /// free for them, and no key is used for two peers within one batch of events. Returns their
    /// number.
    fn accept(&mut self, now: Instant) -> usize {
        let mut accepted = 0;
        let share = (ACCEPTS_MAX / self.listeners.len().max(1)).max(1);
        for listener in &mut self.listeners {
            for _ in 0..share {
                let Some((mut stream, peer)) = listener.accept(now) else {
                    break;
                };
                let key = self.hub.reserve();
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
                let line = line(Socket::new(stream), listener.door(), self.identity.as_ref());
                let caller = Caller {
                    address: peer,
                    door: listener.door(),
                };
                self.hub.accept(line, caller, &mut self.backend, now);
                accepted += 1;
            }
        }
        accepted
    }

    /// Handles the signals that came. Returns whether this was the second one to stop.
    fn was_told_twice(&mut self, now: Instant) -> bool {
        for signal in self.signals.pending() {
            match signal {
                SIGHUP => {
                    self.backend.0.reopen();
                    self.reload_tokens(now);
                    self.reload_certificate();
                }
                // RLIMIT_FSIZE was hit: the write has failed with EFBIG too, and that is handled.
                SIGXFSZ => {}
                SIGUSR1 => self.backend.1.metrics.log(now),
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
                    self.backend.0.event_log().stopping(clients);
                }
            }
        }
        false
    }

    /// Closes all connections that are left, then the event log and the trace.
    fn end(&mut self, now: Instant) {
        self.hub.abort(&mut self.backend, now);
        let (service, watch) = &mut self.backend;
        service.event_log().close();
        watch.close();
    }

    fn log_end(&self) {
        if self.hub.clients() > 0 {
            let clients = self.hub.clients();
            log::warn!("the drain timeout is over, clients cut: {clients}");
        }
        let (full, crowded) = (self.backend.1.metrics.full, self.backend.1.metrics.crowded);
        if full + crowded > 0 {
            log::info!("turned away: {full} as all was full, {crowded} for their address's share");
        }
        let knocks = self.backend.0.knocks();
        if knocks > 0 {
            log::info!("came and asked for nothing: {knocks}");
        }
    }
}

/// The connection of a peer that came through this door.
fn line(socket: Socket, door: Door, identity: Option<&Identity>) -> Line {
    match door {
        Door::Plain => Line::Plain(socket),
        Door::Tls => {
            let identity = identity.expect("a TLS listener is bound with a certificate");
            Line::Tls(Box::new(Sealed::new(socket, identity.acceptor().accept())))
        }
    }
}
