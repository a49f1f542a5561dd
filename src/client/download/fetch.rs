//! Downloads one file, over as many connections as it takes.
//!
//! Owns the order of the steps: look the file up, compare it with the partial file, request the
//! rest, receive it, verify the checksum, rename it. Must never resume bytes that are not known to
//! be the beginning of the server's current file.

use std::path::PathBuf;

use crate::client::download::metadata::Origin;
use crate::client::download::partial::Partial;
use crate::client::download::sink::Sink;
use crate::client::download::target::Target;
use crate::client::error::Error;
use crate::client::excerpt::{Excerpt, path_bytes};
use crate::client::net::connection::Answer;
use crate::client::net::reconnect::{Link, RetryPolicy};
use crate::client::options::Fetching;
use crate::client::ui::interrupt;
use crate::client::ui::progress::{Progress, Total};
use crate::wire::{Digest, ListedFile, Size};

/// How many bytes are read at once: a socket rarely holds more, and fewer means more system calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file to fetch.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name on the server.
    pub name: Vec<u8>,
    /// The line it was listed with, if it was looked up already.
    pub listed: Option<Vec<u8>>,
    /// Where it goes.
    pub target: Target,
    /// Which of several it is.
    pub total: Total,
}

/// A file that has come whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its name on the server.
    pub name: Vec<u8>,
    /// Where it is; nothing if it went to standard output.
    pub path: Option<PathBuf>,
    /// In bytes.
    pub size: u64,
    /// How many bytes were here before this run.
    pub resumed_at: Option<u64>,
    /// Its digest, where the server's was compared with that of what has come.
    pub digest: Option<Digest>,
}

/// Fetches one file.
///
/// # Errors
/// All that can happen on the way; what has come of it is kept unless it is wrong.
pub fn fetch(link: &mut Link, job: Job, how: &Fetching) -> Result<Fetched, Error> {
    let (sink, path) = match job.target {
        Target::Stdout => (Sink::stdout(), None),
        Target::Skip(_) => unreachable!("a skipped file is not fetched"),
        Target::File { target, overwrite } => {
            let partial = Partial::open(&target, overwrite)?;
            if let Some(unlocked) = partial.unlocked() {
                unlocked.tell(link, &target);
            }
            (Sink::Partial { partial, overwrite }, Some(target))
        }
    };
    let mut download = Download {
        have_first: sink.have(),
        have_before: sink.have(),
        name: job.name,
        listed: job.listed,
        total: job.total,
        in_pieces: false,
        sink,
    };
    download.advise(how);
    match download.persist(link, how) {
        Ok(digest) => download.finish(link, path, digest),
        Err(err) => {
            download.give_up(&err);
            Err(err)
        }
    }
}

/// A file on its way.
struct Download {
    name: Vec<u8>,
    /// The line it was listed with when that was last looked up.
    listed: Option<Vec<u8>>,
    total: Total,
    sink: Sink,
    /// How many bytes were here before this run; none once the file was begun again.
    have_first: u64,
    /// How many were here before the try under way; none once it began the file again.
    have_before: u64,
    /// Whether it came, or comes, in more than one piece.
    in_pieces: bool,
}

impl Download {
    /// What a person is told who presses Ctrl-C.
    fn advise(&self, how: &Fetching) {
        let name = Excerpt(&self.name);
        let same = match how.resume {
            true => "the same command",
            false => "the same command without --no-resume",
        };
        interrupt::advise(
            self.sink
                .can_restart()
                .then(|| format!("interrupted: the part of {name} is kept, {same} resumes it")),
        );
    }

    /// Tries until all has come and is right, or there is no use in trying.
    fn persist(&mut self, link: &mut Link, how: &Fetching) -> Result<Option<Digest>, Error> {
        let mut policy = RetryPolicy::new(how.retries);
        loop {
            self.have_before = self.sink.have();
            match self.attempt(link, how) {
                Ok(digest) => return Ok(digest),
                Err(err) => {
                    let gained = self.sink.have() > self.have_before;
                    policy.again(link, err, gained)?;
                    // The file may have changed meanwhile.
                    self.listed = None;
                }
            }
        }
    }

    fn attempt(&mut self, link: &mut Link, how: &Fetching) -> Result<Option<Digest>, Error> {
        if self.listed.is_none() && (how.look_up || self.sink.have() > 0) {
            let found = link.client()?.look_up(std::slice::from_ref(&self.name))?;
            self.listed = found.into_iter().next().map(|(_, line)| line);
        }
        let offset = self.agree(how)?;
        let size = self.start(link, offset)?;
        self.receive(link, size)?;
        match how.verify.unwrap_or(self.in_pieces) {
            true => self.verify(link).map(Some),
            false => Ok(None),
        }
    }

    /// From where on the file is wanted. What was here before is not touched: it goes when the
    /// server has said that the file comes.
    fn agree(&self, how: &Fetching) -> Result<u64, Error> {
        let have = self.sink.have();
        let is_unwanted = !how.resume && self.have_first > 0;
        if have == 0 || is_unwanted {
            return Ok(0);
        }
        let no = |reason| Err(Error::CannotResume(self.name.clone(), reason));
        let begun = match self.sink.origin() {
            // It is ours and good for nothing: a file that is not listed, or a script's.
            Origin::Unlisted if self.sink.can_restart() => return Ok(0),
            Origin::Unlisted | Origin::Unknown => {
                return no("nothing says of what file it is the beginning");
            }
            Origin::Listed(line) => line,
        };
        match self.listed.as_deref() {
            None => no("the server does not list the file any more"),
            Some(now) if name_of(begun) != name_of(now) => {
                no("it is the beginning of another file")
            }
            Some(now) if begun != now => no("the file has changed on the server since"),
            Some(now) if size_of(now).is_some_and(|size| have > size) => {
                no("it is longer than the file")
            }
            Some(_) => Ok(have),
        }
    }

    /// Asks for the file from `offset` on. Returns its whole size.
    fn start(&mut self, link: &mut Link, offset: u64) -> Result<u64, Error> {
        let listed_size = self.listed.as_deref().and_then(size_of);
        let line = match offset {
            0 => [b"get ", self.name.as_slice()].concat(),
            _ => [format!("get@{offset} ").as_bytes(), &self.name].concat(),
        };
        let stderr = link.stderr();
        let Answer::File(left) = link.client()?.ask(&line, |_| Ok(()))? else {
            unreachable!("a get is answered by a file or an error");
        };
        let Some(size) = left.checked_add(offset) else {
            let line = format!("START {left}").into_bytes();
            link.lose();
            return Err(Error::Protocol {
                expected: "a size that a file can have",
                line,
            });
        };
        if offset == 0 {
            let line = self.listed.as_deref().filter(|_| listed_size == Some(size));
            self.sink.begin(line)?;
            (self.have_first, self.have_before) = (0, 0);
            return Ok(size);
        }
        if listed_size != Some(size) {
            // Its bytes are on their way and unwanted.
            link.lose();
            let reason = "the file changes on the server";
            return Err(Error::CannotResume(self.name.clone(), reason));
        }
        self.in_pieces = true;
        let percent = u128::from(offset) * 100 / u128::from(size.max(1));
        stderr.info(format_args!(
            "resuming at {percent} % of {}",
            Excerpt(&self.name)
        ));
        Ok(size)
    }

    /// Takes the bytes up to `size` and the `END` behind them.
    fn receive(&mut self, link: &mut Link, size: u64) -> Result<(), Error> {
        let quiet = link.stderr().is_quiet();
        let client = link.client()?;
        let mut progress = Progress::begin(self.sink.have(), size, self.total, quiet);
        let mut buffer = vec![0; BUFFER_BYTES];
        while self.sink.have() < size {
            let left = usize::try_from(size - self.sink.have()).unwrap_or(usize::MAX);
            let room = &mut buffer[..left.min(BUFFER_BYTES)];
            let read = match progress.is_shown() {
                true => client.read_ticking(room, || progress.tick()),
                false => client.read(room),
            };
            match read {
                Ok(0) => return Err(self.cut(size, None)),
                Ok(n) => {
                    self.sink.write(&buffer[..n])?;
                    progress.add(n as u64);
                }
                Err(err) => {
                    return Err(match client.broken(err, Vec::new()) {
                        Error::Broken(err, _) => self.cut(size, Some(err)),
                        err => err,
                    });
                }
            }
        }
        client.end().map_err(|err| match err {
            Error::Closed(_) => self.cut(size, None),
            Error::Broken(err, _) => self.cut(size, Some(err)),
            err => err,
        })
    }

    fn cut(&self, size: u64, source: Option<std::io::Error>) -> Error {
        Error::Cut {
            name: self.name.clone(),
            got: self.sink.have(),
            size,
            source,
        }
    }

    /// Compares what has come with what the server has. Both sides work at the same time.
    fn verify(&mut self, link: &mut Link) -> Result<Digest, Error> {
        let size = self.sink.have();
        let quiet = link.stderr().is_quiet();
        let sink = &mut self.sink;
        let check = || {
            let mut progress = Progress::of_check(size, quiet);
            sink.digest(|bytes| progress.add(bytes))
        };
        let (remote, remote_size, local) = link.client()?.digest(&self.name, check)?;
        if (remote, remote_size) == (local, size) {
            return Ok(local);
        }
        Err(Error::Mismatch {
            name: self.name.clone(),
            local,
            remote,
        })
    }

    /// Removes what is wrong or cannot be resumed, but not what was here before.
    fn give_up(self, err: &Error) {
        let useless = match self.sink.origin() {
            Origin::Listed(_) => false,
            Origin::Unlisted => true,
            Origin::Unknown => self.have_first == 0,
        };
        if useless || matches!(err, Error::Mismatch { .. }) {
            self.sink.discard();
        }
    }

    fn finish(
        self,
        link: &mut Link,
        path: Option<PathBuf>,
        digest: Option<Digest>,
    ) -> Result<Fetched, Error> {
        let size = self.sink.have();
        let fallbacks = self.sink.keep()?;
        if let Some(path) = &path {
            for fallback in fallbacks {
                fallback.tell(link, path);
            }
            let path = path_bytes(path);
            let verified = digest.map_or("", |_| ", SHA-256 as on the server");
            let text = format!("saved {}, {}{verified}", Excerpt(&path), Size(size));
            link.stderr().info(text);
        }
        Ok(Fetched {
            name: self.name,
            path,
            size,
            resumed_at: Some(self.have_first).filter(|have| *have > 0),
            digest,
        })
    }
}

fn name_of(line: &[u8]) -> Option<&[u8]> {
    ListedFile::parse(line).map(|file| file.name)
}

fn size_of(line: &[u8]) -> Option<u64> {
    ListedFile::parse(line).map(|file| file.size)
}
