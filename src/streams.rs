//! The standard streams, for both programs.
//!
//! Owns two cases that std does not handle: a stream that was closed when the program started, and
//! one that another process sharing it made non-blocking. Must never take unwritten bytes for
//! written, nor decide what a failure means.

use std::env;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, fcntl_getfd};
use rustix::process::getpgrp;
use rustix::stdio;
use rustix::termios::{
    self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush,
};
use signal_hook::consts::SIGXFSZ;

/// Which of the three were closed when the program began: a bit for each.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Finds out what is closed. Before `main` the standard library puts `/dev/null` there, which
/// takes everything, and afterwards nothing tells that from one that was put there on purpose.
#[ctor::ctor(unsafe)]
fn look() {
    for (bit, stream) in [stdio::stdin(), stdio::stdout(), stdio::stderr()]
        .into_iter()
        .enumerate()
    {
        if fcntl_getfd(stream) == Err(Errno::BADF) {
            CLOSED.fetch_or(1 << bit, Ordering::Relaxed);
        }
    }
}

/// Makes a file that has grown to its limit (`ulimit -f`) an error and not the end of the program.
/// To be called first of all: any output may be a file.
pub fn survive_limits() {
    // It fails only for signals that cannot be caught.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// One of the three, without a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    number: u8,
    stream: BorrowedFd<'static>,
}

/// What Ctrl-C types.
const CTRL_C: u8 = 3;

/// Reads one line of at most `most` bytes from standard input. A terminal does not show it, nor
/// what is typed from `ask` on.
///
/// # Errors
/// When it cannot be read, is longer, or Ctrl-C was pressed.
pub fn read_secret(most: u64, ask: impl FnOnce()) -> io::Result<String> {
    let input = stdio::stdin();
    let shown = termios::tcgetattr(input).ok();
    if let Some(shown) = &shown {
        let mut hidden = shown.clone();
        // Without a signal the terminal is never left in this state. Ctrl-C ends the line instead.
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        termios::tcsetattr(input, OptionalActions::Flush, &hidden)?;
        ask();
    }
    let line = read_until(most, |byte| {
        byte == b'\n' || (byte == CTRL_C && shown.is_some())
    });
    if let Some(shown) = &shown {
        termios::tcsetattr(input, OptionalActions::Now, shown)?;
    }
    let line = line?;
    match line.len() as u64 {
        _ if shown.is_some() && line.contains(&CTRL_C) => Err(io::ErrorKind::Interrupted.into()),
        n if n > most => Err(io::Error::other("the line is too long")),
        _ => String::from_utf8(line).map_err(|_| io::Error::other("it is no text")),
    }
}

/// Reads standard input up to a byte that is an end, and one byte more than `most` at most.
fn read_until(most: u64, is_end: impl Fn(u8) -> bool) -> io::Result<Vec<u8>> {
    let mut input = io::BufReader::new(stdin().take(most + 1));
    let mut line = Vec::new();
    loop {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        let end = piece.iter().position(|&byte| is_end(byte));
        let taken = end.map_or(piece.len(), |end| end + 1);
        line.extend_from_slice(&piece[..taken]);
        input.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok(line);
        }
    }
}

/// Standard input.
#[must_use]
pub fn stdin() -> Stream {
    Stream {
        number: 0,
        stream: stdio::stdin(),
    }
}

/// Standard output.
#[must_use]
pub fn stdout() -> Stream {
    Stream {
        number: 1,
        stream: stdio::stdout(),
    }
}

/// Standard error.
#[must_use]
pub fn stderr() -> Stream {
    Stream {
        number: 2,
        stream: stdio::stderr(),
    }
}

impl Stream {
    /// Whether a terminal is at its other end.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.stream.is_terminal()
    }

    /// Whether something can be written at once.
    #[must_use]
    pub fn has_room(self) -> bool {
        wait(self.stream, PollFlags::OUT, Some(Duration::ZERO)).unwrap_or(false)
    }

    /// Whether its reader has gone, which a program that writes nothing does not notice.
    #[must_use]
    pub fn has_lost_its_reader(self) -> bool {
        let mut asked = [PollFd::new(&self.stream, PollFlags::empty())];
        let found = poll(&mut asked, Some(&Timespec::default()));
        found.is_ok()
            && asked[0]
                .revents()
                .intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// Whether its output may be coloured when `--color` does not say.
    #[must_use]
    pub fn takes_color(self) -> bool {
        let unset = |name| env::var_os(name).is_none_or(|value| value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        self.is_terminal() && unset("NO_COLOR") && !dumb
    }

    /// Does `step` as soon as it can be done.
    fn patiently<T>(
        self,
        ready: PollFlags,
        step: impl FnMut() -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        if CLOSED.load(Ordering::Relaxed) & 1 << self.number != 0 {
            return Err(Errno::BADF.into());
        }
        patiently(self.stream, ready, step)
    }
}

/// Does `step`, again and again if need be, and waits in between where it would block.
fn patiently<T>(
    stream: BorrowedFd<'_>,
    ready: PollFlags,
    mut step: impl FnMut() -> rustix::io::Result<T>,
) -> io::Result<T> {
    loop {
        match step() {
            Err(Errno::AGAIN) => wait(stream, ready, None)?,
            Err(Errno::INTR) => continue,
            done => return Ok(done?),
        };
    }
}

/// Waits until a stream is ready; at most so long, if that is given. Whether it is.
fn wait(stream: BorrowedFd<'_>, ready: PollFlags, most: Option<Duration>) -> io::Result<bool> {
    let end = most.map(|most| Instant::now() + most);
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut asked = [PollFd::new(&stream, ready)];
        match poll(&mut asked, left.as_ref()) {
            Err(Errno::INTR) => {}
            done => return Ok(done? > 0),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stream = self.stream;
        self.patiently(PollFlags::IN, || rustix::io::read(stream, &mut *buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stream = self.stream;
        self.patiently(PollFlags::OUT, || rustix::io::write(stream, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream
    }
}

/// The terminal, made to wait for whoever reads and writes it and knows of nothing else.
#[derive(Debug)]
pub struct Waiting {
    /// How the two were before; nothing where nothing was changed.
    before: [Option<OFlags>; 2],
}

impl Waiting {
    /// From here on, until it is dropped.
    #[must_use]
    pub fn begin() -> Self {
        let before = [stdio::stdin(), stdio::stdout()].map(|stream| {
            let flags = fcntl_getfl(stream).ok()?;
            let waits = flags - OFlags::NONBLOCK;
            (flags != waits && fcntl_setfl(stream, waits).is_ok()).then_some(flags)
        });
        Self { before }
    }
}

/// Standard input, made to give what is there and to wait for nothing.
#[derive(Debug)]
pub struct Hurry(Option<OFlags>);

impl Hurry {
    /// From here on, until it is dropped. Standard output may be the same terminal, and has room
    /// when this begins.
    #[must_use]
    pub fn begin() -> Self {
        let _ = wait(stdio::stdout(), PollFlags::OUT, None);
        let stdin = stdio::stdin();
        let flags = fcntl_getfl(stdin).ok();
        let changed = |flags: &OFlags| fcntl_setfl(stdin, *flags | OFlags::NONBLOCK).is_ok();
        Self(flags.filter(changed))
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            let _ = fcntl_setfl(stdio::stdin(), before);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for (stream, before) in [stdio::stdin(), stdio::stdout()]
            .into_iter()
            .zip(self.before)
        {
            if let Some(flags) = before {
                let _ = fcntl_setfl(stream, flags);
            }
        }
    }
}

/// How a terminal reads and writes.
#[derive(Debug)]
pub struct Modes(Termios);

impl Modes {
    /// What a line editor asks of a terminal for as long as a line is typed, ended: marks around
    /// what is pasted.
    const PASTE_OFF: &[u8] = b"\x1b[?2004l\r\n";

    /// How it is now; nothing where standard input is none.
    #[must_use]
    pub fn now() -> Option<Self> {
        termios::tcgetattr(stdio::stdin()).ok().map(Self)
    }

    /// Makes it so again, after a line that was not typed to its end. Only whoever is in the
    /// foreground may do this, and a line editor that is in the background has done it.
    pub fn put_back(&self) {
        if termios::tcgetpgrp(stdio::stdin()).is_ok_and(|group| group != getpgrp()) {
            return;
        }
        let _ = termios::tcsetattr(stdio::stdin(), OptionalActions::Now, &self.0);
        // A terminal that was stopped is not waited for.
        if stdout().has_room() {
            let _ = stdout().write_all(Self::PASTE_OFF);
        }
    }
}

/// Drops what was typed and not read.
pub fn drop_typed() {
    let _ = tcflush(stdio::stdin(), QueueSelector::IFlush);
}

/// Whether something to read comes within this time.
#[must_use]
pub fn has_input(time: Duration) -> bool {
    wait(stdio::stdin(), PollFlags::IN, Some(time)).unwrap_or(false)
}

/// Whether something was typed and not read, be it a line or the beginning of one.
#[must_use]
pub fn has_typed() -> bool {
    let Ok(before) = termios::tcgetattr(stdio::stdin()) else {
        return false;
    };
    let mut keys = before.clone();
    keys.local_modes -= LocalModes::ICANON;
    let _ = termios::tcsetattr(stdio::stdin(), OptionalActions::Now, &keys);
    let found = has_input(Duration::ZERO);
    let _ = termios::tcsetattr(stdio::stdin(), OptionalActions::Now, &before);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_pipe_that_says_not_now_gets_all_of_it() {
        let (mut reader, writer) = io::pipe().unwrap();
        fcntl_setfl(&writer, fcntl_getfl(&writer).unwrap() | OFlags::NONBLOCK).unwrap();
        let sent = vec![7; 1 << 20];
        let read = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all.len()
        });
        let mut left = &sent[..];
        while !left.is_empty() {
            let step = || rustix::io::write(&writer, left);
            let n = patiently(writer.as_fd(), PollFlags::OUT, step).unwrap();
            left = &left[n..];
        }
        drop(writer);
        assert_eq!(read.join().unwrap(), sent.len());
    }
}
