//! Uploads one file, over as many connections as it takes.
//!
//! Owns the order of the steps: read the file, offer it, send the rest, wait for the server's word
//! that it is stored. What the server has of it is the server's to know: nothing is kept here.

use std::path::PathBuf;

use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::net::body::Offer;
use crate::client::net::connection::Client;
use crate::client::net::reconnect::{Link, RetryPolicy};
use crate::client::options::{OnExist, Sending};
use crate::client::ui::confirm::ask;
use crate::client::ui::interrupt;
use crate::client::ui::progress::{Progress, Total};
use crate::client::upload::names::numbered;
use crate::client::upload::source::{PIECE_BYTES, Source};
use crate::streams;
use crate::wire::put::Form;
use crate::wire::reply::EXISTS;
use crate::wire::{Digest, Put, Size};

/// How many names are tried for one that is taken.
const RENAMES_MAX: u32 = 10_000;

/// What the bar says once all bytes have left.
const DISK: &str = "waiting for the server's disk ";

/// A file to upload.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where it is; standard input if nowhere.
    pub path: Option<PathBuf>,
    /// Its name on the server.
    pub name: Vec<u8>,
    /// Which of several it is.
    pub total: Total,
}

/// A file that the server has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name on the server.
    pub name: Vec<u8>,
    /// Where it is here; nothing if it came on standard input.
    pub path: Option<PathBuf>,
    /// In bytes.
    pub size: u64,
    /// How many bytes the server had before this run.
    pub resumed_at: Option<u64>,
    /// Of the whole file, here and there.
    pub digest: Digest,
}

/// Uploads one file; nothing comes back for one whose name is taken and may stay so.
///
/// # Errors
/// All that can happen on the way; what has come of it stays with the server for the next try.
pub fn put(link: &mut Link, job: Job, how: &Sending) -> Result<Option<Stored>, Error> {
    // The connection is there before a long read, so that Ctrl-C finds it at a prompt.
    link.client()?;
    let source = match &job.path {
        Some(path) => Source::open(path, link.stderr().is_quiet())?,
        None => Source::spool(streams::stdin())?,
    };
    // That may have taken longer than the server lets a client be idle.
    link.lose_if_gone();
    let mut upload = Upload {
        asked: job.name.clone(),
        name: job.name,
        replaces: how.on_exist == Some(OnExist::Overwrite),
        total: job.total,
        source,
        resumed_at: None,
        reached: 0,
        has_sent: false,
    };
    let is_stored = upload.settle(link, how)?;
    Ok(is_stored.then(|| upload.finish(link, job.path)))
}

/// A file on its way.
struct Upload {
    /// The name that was asked for.
    asked: Vec<u8>,
    /// The name that it is to have: that one, unless it is taken.
    name: Vec<u8>,
    replaces: bool,
    total: Total,
    source: Source,
    /// How many bytes the server had before this run.
    resumed_at: Option<u64>,
    /// The furthest byte that the server has asked for.
    reached: u64,
    /// Whether anything was sent in this run.
    has_sent: bool,
}

impl Upload {
    /// Uploads it under a name that is free, or may be taken. Whether it is stored.
    fn settle(&mut self, link: &mut Link, how: &Sending) -> Result<bool, Error> {
        let mut on_exist = how.on_exist;
        for number in 1..=RENAMES_MAX {
            let refused = match self.persist(link, how) {
                Err(Error::Refused(reason)) if reason.starts_with(EXISTS) => reason,
                outcome => return outcome.map(|()| true),
            };
            let choice = match on_exist {
                Some(choice) => choice,
                None => ask(&self.name)?,
            };
            on_exist = Some(choice);
            match choice {
                OnExist::Skip => {
                    let name = Excerpt(&self.name);
                    link.stderr()
                        .info(format_args!("skipped {name}, it is there"));
                    return Ok(false);
                }
                // Once it may be replaced, what is there is no file.
                OnExist::Overwrite if !self.replaces => self.replaces = true,
                OnExist::Error | OnExist::Overwrite => return Err(Error::Refused(refused)),
                OnExist::Rename => self.name = numbered(&self.asked, number),
            }
        }
        Err(Error::Refused([EXISTS, &self.asked].concat()))
    }

    /// Tries until it is stored, or there is no use in trying.
    fn persist(&mut self, link: &mut Link, how: &Sending) -> Result<(), Error> {
        self.advise();
        let mut policy = RetryPolicy::new(how.retries);
        loop {
            let before = self.reached;
            match self.attempt(link, how) {
                Ok(()) => return Ok(()),
                Err(err) => policy.again(link, err, self.reached > before)?,
            }
        }
    }

    /// What a person is told who presses Ctrl-C.
    fn advise(&self) {
        let name = Excerpt(&self.name);
        interrupt::advise(Some(format!(
            "interrupted: the server keeps what it has of {name}, the same command goes on"
        )));
    }

    fn attempt(&mut self, link: &mut Link, how: &Sending) -> Result<(), Error> {
        self.source.check()?;
        let digest = *self.source.digest();
        let modified = self.source.modified().filter(|_| how.keeps_time);
        let put = Put {
            replaces: self.replaces,
            size: Some(self.source.size()),
            form: Form::WhenReady { digest, modified },
            name: &self.name,
        };
        let offset = match link.client()?.offer(put, &digest)? {
            Offer::Stored => return Ok(()),
            Offer::Ready(offset) => offset,
        };
        self.reached = self.reached.max(offset);
        if offset > 0 {
            if !self.has_sent {
                self.resumed_at = Some(offset);
            }
            let percent = u128::from(offset) * 100 / u128::from(self.source.size());
            let name = Excerpt(&self.name);
            link.stderr()
                .info(format_args!("resuming at {percent} % of {name}"));
        }
        let quiet = link.stderr().is_quiet();
        let sent = self.send(link.client()?, offset, quiet);
        if sent.is_err() {
            // Bytes may be owed, or the server closes: what comes next would not be an answer.
            link.lose();
        }
        sent
    }

    /// Sends all from this byte on, and waits until it is stored.
    fn send(&mut self, client: &mut Client, offset: u64, quiet: bool) -> Result<(), Error> {
        let size = self.source.size();
        let mut progress = Progress::begin(offset, size, self.total, quiet);
        self.has_sent = true;
        self.source.seek(offset)?;
        let mut left = size - offset;
        let mut buffer = vec![0; PIECE_BYTES];
        while left > 0 {
            let piece = self.source.read(left, &mut buffer)?;
            left -= piece.len() as u64;
            if left == 0 {
                // Without its last bytes nothing gets the name.
                self.source.check()?;
            }
            client.push(piece, || progress.tick())?;
            progress.add(piece.len() as u64);
        }
        let digest = self.source.digest();
        client.stored(digest, size, || progress.say(Some(DISK)))?;
        progress.say(None);
        Ok(())
    }

    fn finish(self, link: &Link, path: Option<PathBuf>) -> Stored {
        let (name, size) = (Excerpt(&self.name), Size(self.source.size()));
        match self.has_sent || self.source.size() == 0 {
            true => link.stderr().info(format_args!("stored {name}, {size}")),
            false => link.stderr().info(format_args!("{name} is there, {size}")),
        }
        Stored {
            path,
            size: self.source.size(),
            resumed_at: self.resumed_at,
            digest: *self.source.digest(),
            name: self.name,
        }
    }
}
