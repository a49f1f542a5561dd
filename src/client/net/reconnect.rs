//! Reconnects to a server.
//!
//! Owns the current connection, if there is one, the wait for a berth, and the retry policy. Must
//! never repeat a request: the caller knows whether that is safe.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::Instant;

use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::known_servers;
use crate::client::net::backoff::Backoff;
use crate::client::net::connection::Client;
use crate::client::net::silence::Waiting;
use crate::client::options::Options;
use crate::client::ui::confirm;
use crate::client::ui::interrupt;
use crate::client::ui::stderr::Stderr;

/// A server, and the connection to it while there is one.
#[derive(Debug)]
pub struct Link {
    options: Options,
    stderr: Stderr,
    client: Option<Client>,
    /// The notes that were given, and are not given again.
    noted: Vec<&'static str>,
    /// Whether to report that the server is busy with a request.
    tells: bool,
}

impl Link {
    /// Connects, and waits for a berth as long as the options say.
    ///
    /// # Errors
    /// See [`Client::connect`].
    pub fn open(options: Options) -> Result<Self, Error> {
        let stderr = Stderr::new(&options);
        let mut link = Self {
            options,
            stderr,
            client: None,
            noted: Vec::new(),
            tells: !stderr.is_quiet() && io::stderr().is_terminal(),
        };
        link.connect()?;
        Ok(link)
    }

    /// The options it was opened with.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Where messages go.
    #[must_use]
    pub const fn stderr(&self) -> Stderr {
        self.stderr
    }

    /// Writes a note of this `kind`, the first of its kind in this session only.
    pub fn info_once(&mut self, kind: &'static str, note: impl Display) {
        if !self.noted.contains(&kind) {
            self.noted.push(kind);
            self.stderr.info(note);
        }
    }

    /// The connection, made again if it was lost, with the same wait for a berth. Ctrl-C may cut
    /// it from now on.
    ///
    /// # Errors
    /// See [`Client::connect`].
    pub fn client(&mut self) -> Result<&mut Client, Error> {
        if self.client.is_none() {
            self.connect()?;
        }
        let waiting = self.tells.then_some(tell_of_work as Waiting);
        let client = self.client.as_mut().expect("a connection was made");
        client.when_waiting(waiting);
        interrupt::enter(client.stream());
        Ok(client)
    }

    /// The connection if there is one, for use in the background.
    pub const fn connected(&mut self) -> Option<&mut Client> {
        match &mut self.client {
            Some(client) => {
                client.when_waiting(None);
                Some(client)
            }
            None => None,
        }
    }

    /// Drops the connection if the server has closed it while nothing was asked, as it does with
    /// idle clients.
    pub fn lose_if_gone(&mut self) {
        if self.client.as_mut().is_some_and(Client::has_gone) {
            self.client = None;
        }
    }

    /// Drops the connection.
    pub fn lose(&mut self) {
        self.client = None;
    }

    /// Whether nothing more can come after this error: the server is out of reach, or the output is
    /// closed. A line that is merely out of step is given up, and the next request gets another.
    pub fn is_over(&mut self, err: &Error) -> bool {
        if !err.session_goes_on() {
            self.lose();
        }
        err.is_passing() || matches!(err, Error::Stdout(_) | Error::Interrupted)
    }

    /// Says goodbye to the server, if connected.
    pub fn leave(&mut self) {
        if let Some(client) = self.client.take() {
            client.leave();
        }
    }

    /// Connects anew, and waits for a berth as long as the options say.
    ///
    /// # Errors
    /// See [`Client::connect`].
    pub fn connect(&mut self) -> Result<(), Error> {
        let end = self.options.wait.map(|wait| Instant::now() + wait);
        let mut backoff = Backoff::for_a_berth();
        let mut told = false;
        loop {
            let err = match Client::connect(&self.options) {
                Ok(client) => {
                    self.client = Some(client);
                    return Ok(());
                }
                Err(err) => err,
            };
            if self.learns(&err)? {
                continue;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                return Err(err);
            };
            if !matches!(err, Error::TurnedAway(_)) {
                return Err(err);
            }
            if !told {
                told = true;
                let wait = humantime::format_duration(self.options.wait.unwrap_or_default());
                self.stderr.info(format_args!(
                    "{}: waiting for a berth, {wait} at most",
                    err.cause()
                ));
            }
            interrupt::pause(backoff.take().min(left))?;
        }
    }

    /// Asks whether to trust a server that is not known, and notes the answer for ever. One that
    /// is known and has another key is not asked about: see `berth trust`.
    fn learns(&self, err: &Error) -> Result<bool, Error> {
        let Error::Untrusted {
            server,
            pin,
            known: false,
            ..
        } = err
        else {
            return Ok(false);
        };
        let trusted = confirm::trust(&format!("{}\ntrust it? [yes/No] ", err.cause()))?;
        if trusted {
            known_servers::put(server, pin)?;
        }
        Ok(trusted)
    }
}

/// Reports why nothing happens.
fn tell_of_work(request: &[u8]) {
    let stderr = Stderr::new(&Options::default());
    stderr.info(format_args!(
        "waiting: the server is at work on '{}'; Ctrl-C ends it",
        Excerpt(request)
    ));
}

/// How often a request is retried after a lost connection.
#[derive(Debug)]
pub struct RetryPolicy {
    retries: u32,
    left: u32,
    backoff: Backoff,
    /// Two clients with one file would take the upload from each other for ever, each with
    /// something gained. So these pauses grow whatever was gained.
    after_eviction: Backoff,
    /// The error of the first try in a row that gained nothing: it says more than the failed
    /// reconnects after it.
    failure: Option<Error>,
}

impl RetryPolicy {
    /// Allows so many tries in a row that gain nothing.
    #[must_use]
    pub const fn new(retries: u32) -> Self {
        Self {
            retries,
            left: retries,
            backoff: Backoff::after_a_loss(),
            after_eviction: Backoff::after_an_eviction(),
            failure: None,
        }
    }

    /// Waits before another try, after one that ended with `err` and `gained` something or not.
    ///
    /// # Errors
    /// When there is to be no other try: why the first of those that gained nothing failed.
    pub fn again(&mut self, link: &mut Link, err: Error, gained: bool) -> Result<(), Error> {
        if !err.is_passing() || interrupt::raised() {
            return Err(err);
        }
        link.lose();
        // With --wait, the time to wait for a berth is over.
        if matches!(err, Error::TurnedAway(_)) && link.options.wait.is_some() {
            return Err(err);
        }
        let evicted = err.is_eviction();
        if gained && !evicted {
            self.left = self.retries;
            self.backoff.reset();
            self.failure = None;
        }
        if self.left == 0 {
            return Err(self.failure.take().unwrap_or(err));
        }
        self.left -= 1;
        let pause = match evicted {
            true => self.after_eviction.take(),
            false => self.backoff.take(),
        };
        let number = self.retries - self.left;
        link.stderr().info(format_args!(
            "{}; trying again in {:.1} s ({number} of {})",
            err.cause(),
            pause.as_secs_f64(),
            self.retries
        ));
        self.failure.get_or_insert(err);
        interrupt::pause(pause)
    }
}
