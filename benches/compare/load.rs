//! The loads: requests on many connections, and downloads.
//!
//! Owns the generators, which are one thread each and use as little as they can: what is measured
//! is the server. Must never judge a figure.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::time::{ClockId, clock_gettime};

use crate::dialect::Dialect;
use crate::stream::{Place, Stream};

/// What a client that copies reads at once.
const COPY_BYTES: usize = 256 * 1024;
/// What a client that discards asks the kernel to discard at once.
const DISCARD_BYTES: usize = 4 * 1024 * 1024;

/// Connections with so many requests in flight each, served by one thread.
pub(crate) struct Generator {
    ready: OwnedFd,
    peers: Vec<Peer>,
    questions: Vec<u8>,
    answers: Vec<u8>,
    in_flight: usize,
}

struct Peer {
    stream: Stream,
    /// How much of the answers came. It is 0 between two rounds.
    came: usize,
}

/// What a load moved (requests, or bytes), in which time, and what that took of its own processor.
#[derive(Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) sum: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu: Duration,
}

impl Moved {
    pub(crate) fn rate(&self) -> f64 {
        self.sum as f64 / self.seconds
    }
}

impl Generator {
    pub(crate) fn connect(
        dialect: Dialect,
        place: Place,
        peers: usize,
        in_flight: usize,
    ) -> io::Result<Self> {
        let ready = epoll::create(CreateFlags::CLOEXEC)?;
        let peers = (0..peers).map(|key| {
            let stream = dialect.connect(place)?;
            stream.set_nonblocking()?;
            let key = EventData::new_u64(key as u64);
            epoll::add(&ready, &stream, key, EventFlags::IN)?;
            Ok(Peer { stream, came: 0 })
        });
        let peers = peers.collect::<io::Result<_>>()?;
        Ok(Self {
            ready,
            peers,
            questions: dialect.question().repeat(in_flight).into_bytes(),
            answers: dialect.answer().repeat(in_flight).into_bytes(),
            in_flight,
        })
    }

    /// Keeps every connection busy for so long, and waits for the last answers.
    pub(crate) fn run(&mut self, span: Duration) -> io::Result<Moved> {
        let mut events = Vec::<Event>::with_capacity(self.peers.len());
        let mut space = vec![0; self.answers.len()];
        let mut rounds = 0;
        let mut under_way = self.peers.len();
        let (began, cpu) = (Instant::now(), cpu());
        for peer in &mut self.peers {
            peer.stream.write_all(&self.questions)?;
        }
        while under_way > 0 {
            events.clear();
            match epoll::wait(&self.ready, spare_capacity(&mut events), None) {
                Err(Errno::INTR) => continue,
                waited => waited?,
            };
            let over = began.elapsed() >= span;
            for event in &events {
                let peer = &mut self.peers[event.data.u64() as usize];
                if !peer.heard(&self.answers, &mut space)? {
                    continue;
                }
                rounds += 1;
                if over {
                    under_way -= 1;
                } else {
                    peer.stream.write_all(&self.questions)?;
                }
            }
        }
        Ok(Moved {
            sum: rounds * self.in_flight as u64,
            seconds: began.elapsed().as_secs_f64(),
            cpu: self::cpu() - cpu,
        })
    }
}

impl Peer {
    /// Reads and compares what came; whether all answers are there.
    fn heard(&mut self, answers: &[u8], space: &mut [u8]) -> io::Result<bool> {
        loop {
            let left = &answers[self.came..];
            let n = match self.stream.read(&mut space[..left.len()]) {
                // It was part of a record.
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                read => read?,
            };
            if n == 0 || space[..n] != left[..n] {
                return Err(io::Error::other("an answer came back wrong"));
            }
            self.came = (self.came + n) % answers.len();
            if self.came == 0 || !self.stream.holds() {
                return Ok(self.came == 0);
            }
        }
    }
}

/// What a client does with a file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// Reads them into its memory, and drops them.
    Copy,
    /// Lets the kernel drop them: tcp(7), `MSG_TRUNC`. Not with TLS.
    Discard,
}

/// A client that fetches files.
pub(crate) struct Fetcher {
    stream: Stream,
    dialect: Dialect,
    flags: RecvFlags,
    space: Vec<u8>,
}

impl Fetcher {
    pub(crate) fn connect(dialect: Dialect, place: Place, sink: Sink) -> io::Result<Self> {
        let (flags, len) = match sink {
            Sink::Copy => (RecvFlags::empty(), COPY_BYTES),
            Sink::Discard => (RecvFlags::TRUNC, DISCARD_BYTES),
        };
        Ok(Self {
            stream: dialect.connect(place)?,
            dialect,
            flags,
            space: vec![0; len],
        })
    }

    /// Fetches a file, whole.
    pub(crate) fn fetch(&mut self, name: &str) -> io::Result<Moved> {
        self.fetch_until(name, &AtomicBool::new(false))
    }

    /// Fetches a file, or as much of it as comes until it is told to stop.
    pub(crate) fn fetch_until(&mut self, name: &str, stop: &AtomicBool) -> io::Result<Moved> {
        let (began, cpu) = (Instant::now(), cpu());
        let request = self.dialect.get(name);
        self.stream.write_all(request.as_bytes())?;
        let size = self.dialect.header(&mut self.stream)?;
        let mut left = size;
        while left > 0 && !stop.load(Ordering::Relaxed) {
            let len = self
                .space
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let space = &mut self.space[..len];
            let n = match &self.stream {
                Stream::Plain(socket) => recv(socket, space, self.flags)?.1,
                Stream::Tls(_) => self.stream.read(space)?,
            };
            if n == 0 {
                return Err(io::Error::other(format!("closed {left} bytes too early")));
            }
            left -= n as u64;
        }
        if left == 0 {
            self.hear_the_end()?;
        }
        Ok(Moved {
            sum: size - left,
            seconds: began.elapsed().as_secs_f64(),
            cpu: self::cpu() - cpu,
        })
    }

    fn hear_the_end(&mut self) -> io::Result<()> {
        let end = self.dialect.end_of_file().as_bytes();
        let space = &mut self.space[..end.len()];
        self.stream.read_exact(space)?;
        if space == end {
            return Ok(());
        }
        Err(io::Error::other("no END behind a file"))
    }
}

/// What this thread used of its processor so far.
pub(crate) fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        spent.tv_sec.unsigned_abs(),
        spent.tv_nsec.unsigned_abs() as u32,
    )
}
