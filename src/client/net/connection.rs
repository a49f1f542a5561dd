//! One blocking connection to a server.
//!
//! Owns the socket and the framing of answers: the end of an answer follows from its request, which
//! the client parses as the server does. Must never write to a terminal or to a file.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::error::Error;
use crate::client::net::auth::check_shows_none;
use crate::client::net::dial::is_timeout;
use crate::client::net::one_line::{framed, missing, refusal, refusal_of, unexpected};
use crate::client::net::secure;
use crate::client::net::silence::Waiting;
use crate::client::net::stream::Stream;
use crate::client::options::Options;
use crate::wire::reply::{
    AUTH, END, LIST, SPEAKS_TLS, STATUS, is_refusal, parse_error, parse_start, parse_welcome,
};
use crate::wire::{LINE_BYTES_MAX, Request};

/// The longest line read from a server, in bytes before its LF.
///
/// The longest that a berthd sends is a message come back or an entry of `list`, both a little
/// longer than 4096 bytes. More than this is no berthd, and without a bound a server could fill the
/// memory of its clients.
pub const ANSWER_LINE_BYTES_MAX: usize = 64 * 1024;

/// The longest answer of several lines, in bytes: that of millions of files. Some ways to show one
/// hold all of it, and a server is not to choose how much that is.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How long the last words of a server are waited for when it no longer takes requests.
///
/// They have arrived by then or never will.
pub(super) const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait for the goodbye at the end of a script, which is not shown.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All of it has been shown.
    Whole,
    /// So many bytes of a file follow, then `END`; [`Client::read`] and [`Client::end`] take them.
    File(u64),
    /// The server said goodbye; the session is over.
    Goodbye,
}

/// One connection to a server that has let this client in.
#[derive(Debug)]
pub struct Client {
    /// Reads go through the buffer, writes to the stream below it.
    pub(super) reader: BufReader<Stream>,
    /// The server's first line.
    pub(super) welcome: Vec<u8>,
    /// The idle timeout; `None`: none.
    pub(super) timeout: Option<Duration>,
    /// Shows that the server is busy.
    pub(super) waiting: Option<Waiting>,
    /// Whether the server may take any time before it begins another line.
    pub(super) is_patient: bool,
    /// Whether a send failed, so that only a last error line may still come.
    pub(super) dying: bool,
}

impl Client {
    /// Connects to the server and waits for the welcome.
    ///
    /// # Errors
    /// When no address of the server answers, when it turns the client away, and when whatever
    /// listens there is no berthd.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let stream = secure::open(options)?;
        let mut client = Self {
            reader: BufReader::new(stream),
            welcome: Vec::new(),
            timeout: None,
            waiting: None,
            is_patient: false,
            dying: false,
        };
        client.welcome = match client.line_within(options.connect_timeout) {
            Err(Error::NotGreeted(time)) => client.what_it_says_then(time)?,
            line => line?,
        };
        if client.welcome == AUTH {
            client.show_token(options)?;
        }
        client.set_timeout(options.timeout);
        if parse_welcome(&client.welcome).is_some() {
            Ok(client)
        } else if parse_error(&client.welcome) == Some(SPEAKS_TLS) {
            Err(Error::Handshake("the server speaks TLS there".into()))
        } else if is_refusal(&client.welcome) {
            Err(Error::TurnedAway(client.welcome))
        } else {
            Err(unexpected("a welcome", client.welcome))
        }
    }

    /// The server's first line.
    #[must_use]
    pub fn welcome(&self) -> &[u8] {
        &self.welcome
    }

    /// The name that the server gave.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        parse_welcome(&self.welcome).unwrap_or_default()
    }

    /// The socket, for Ctrl-C to shut down.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref().socket()
    }

    /// Shows with `waiting` from now on that the server is busy.
    pub const fn when_waiting(&mut self, waiting: Option<Waiting>) {
        self.waiting = waiting;
    }

    /// Sets the idle timeout. Never zero, which no system accepts.
    pub(super) fn set_timeout(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        self.timeout = timeout;
        // A system that cannot do this waits for ever, which is what it does otherwise too.
        let _ = self.stream().set_read_timeout(timeout);
        let _ = self.stream().set_write_timeout(timeout);
    }

    /// Sends one line (without its LF) and hands each line of the answer to `show`.
    ///
    /// The line that announces a file is not shown: it is for the program, as the bytes are.
    ///
    /// # Errors
    /// When the server refuses (its line is shown first), breaks the protocol or is gone, and
    /// whatever `show` fails with.
    pub fn ask(
        &mut self,
        line: &[u8],
        show: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Answer, Error> {
        check_shows_none(line)?;
        let request = Request::parse(line);
        self.send(line)?;
        match request {
            Request::List | Request::Sha256 { .. } => {
                self.wait_for_work(line, |client| client.answer(request, show))
            }
            _ => self.answer(request, show),
        }
    }

    /// Reads the answer to `request`.
    fn answer(
        &mut self,
        request: Request<'_>,
        mut show: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Answer, Error> {
        let first = self.line()?;
        if let Some(reason) = refusal_of(&first, request) {
            show(&first)?;
            return Err(refusal(reason));
        }
        match request {
            Request::Status => self.lines(first, STATUS, "STATUS", show),
            Request::List => self.lines(first, LIST, "LIST", show),
            Request::Get { .. } => match parse_start(&first) {
                Some(size) => Ok(Answer::File(size)),
                None => Err(unexpected("START and a size", first)),
            },
            _ => match missing(request, &first) {
                Some(expected) => Err(unexpected(expected, first)),
                None if request == Request::Exit => show(&first).map(|()| Answer::Goodbye),
                None => show(&first).map(|()| Answer::Whole),
            },
        }
    }

    /// Reads bytes of an announced file. Zero means that the server closed.
    ///
    /// # Errors
    /// When the connection broke.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// Reads the `END` behind a file. It is judged byte by byte, because a server that sends
    /// something else may never send a LF.
    ///
    /// # Errors
    /// When something else comes, or nothing.
    pub fn end(&mut self) -> Result<(), Error> {
        let mut seen = Vec::with_capacity(END.len() + 1);
        for expected in END.iter().chain(b"\n") {
            let mut byte = [0];
            match self.read(&mut byte) {
                Ok(0) => return Err(Error::Closed(seen)),
                Ok(_) => seen.extend_from_slice(&byte),
                Err(err) => return Err(self.broken(err, seen)),
            }
            if byte[0] != *expected {
                return Err(unexpected("END behind the file", seen));
            }
        }
        Ok(())
    }

    /// Ends the session and ignores errors: everything has been answered. The goodbye is read
    /// because a close with unread bytes is a reset, which the server takes for a broken
    /// connection.
    pub fn leave(mut self) {
        self.set_timeout(Some(GOODBYE_TIMEOUT));
        if self.send(b"exit").is_ok() {
            let _ = self.line_within(GOODBYE_TIMEOUT);
        }
    }

    /// Sends a line, in one packet where it fits.
    ///
    /// A failure is not told from here: the server may have said why before it closed, and that
    /// stands unread in the receive buffer. The read that follows finds it, or the end.
    ///
    /// # Errors
    /// See [`framed`].
    pub(super) fn send(&mut self, line: &[u8]) -> Result<(), Error> {
        let line = framed(line)?;
        let stream = self.reader.get_mut();
        if stream.write_all(&line).is_err() {
            self.dying = true;
            self.set_timeout(Some(LAST_WORDS_TIMEOUT));
        }
        Ok(())
    }

    /// What it means that a read failed behind `line`, the beginning of one.
    #[must_use]
    pub fn broken(&self, err: io::Error, line: Vec<u8>) -> Error {
        match self.timeout {
            // The wait for last words is over: the connection takes nothing and brings nothing.
            Some(_) if is_timeout(&err) && self.dying => Error::Closed(line),
            Some(timeout) if is_timeout(&err) => silent(line, timeout, Error::TimedOut),
            _ => Error::Broken(err, line),
        }
    }

    /// Shows the lines of an answer that `END` ends.
    fn lines(
        &mut self,
        first: Vec<u8>,
        head: &[u8],
        expected: &'static str,
        mut show: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<Answer, Error> {
        if first != head {
            return Err(unexpected(expected, first));
        }
        let mut line = first;
        let mut left = ANSWER_BYTES_MAX;
        while line != END {
            let Some(rest) = left.checked_sub(line.len() + 1) else {
                return Err(unexpected("END within 256 MiB", line));
            };
            left = rest;
            show(&line)?;
            line = self.line()?;
        }
        show(&line).map(|()| Answer::Whole)
    }

    /// Reads a line that has to come within `time` as a whole, in one piece or in many.
    pub(super) fn line_within(&mut self, time: Duration) -> Result<Vec<u8>, Error> {
        let start = Instant::now();
        let mut line = Vec::new();
        while line.len() <= ANSWER_LINE_BYTES_MAX {
            if self.reader.buffer().is_empty() {
                let left = time.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(silent(line, time, Error::NotGreeted));
                }
                self.set_timeout(Some(left));
            }
            let mut byte = [0];
            match self.read(&mut byte) {
                Ok(0) => return Err(Error::Closed(line)),
                Ok(_) if byte[0] == b'\n' => return Ok(line),
                Ok(_) => line.push(byte[0]),
                Err(err) if is_timeout(&err) => {
                    return Err(silent(line, time, Error::NotGreeted));
                }
                Err(err) => return Err(self.broken(err, line)),
            }
        }
        Err(Error::EndlessLine(line))
    }

    /// Reads one line, without its LF.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        while line.len() <= ANSWER_LINE_BYTES_MAX {
            self.allow_silence(line.is_empty());
            let read = match self.reader.fill_buf() {
                Ok([]) => return Err(Error::Closed(line)),
                Ok(read) => read,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(self.broken(err, line)),
            };
            let room = ANSWER_LINE_BYTES_MAX + 1 - line.len();
            let read = &read[..read.len().min(room)];
            let end = read.iter().position(|&byte| byte == b'\n');
            line.extend_from_slice(&read[..end.unwrap_or(read.len())]);
            let taken = end.map_or(read.len(), |end| end + 1);
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(line);
            }
        }
        Err(Error::EndlessLine(line))
    }
}

/// What it means that within `time` no more came than `line`, which has no end.
fn silent(line: Vec<u8>, time: Duration, nothing_came: fn(Duration) -> Error) -> Error {
    match line.is_empty() {
        true => nothing_came(time),
        false => Error::Unended(line, time),
    }
}

/// A line as the server reads it: one CR at its end belongs to the line end.
#[must_use]
pub fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

// A message of full length must come back whole.
const _: () = assert!(ANSWER_LINE_BYTES_MAX >= LINE_BYTES_MAX + b" ACK".len());
