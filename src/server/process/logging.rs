//! The log, on standard error, without ever blocking.
//!
//! Owns the output of log lines. Must never block the loop: a terminal that was stopped, or a pipe
//! without a reader, costs lines of the log and no client.

use std::io::{self, Stderr, Write};
use std::time::SystemTime;

use log::LevelFilter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use crate::wire::Timestamp;

/// The longest line. A pipe that is writable takes this much at once (PIPE_BUF in pipe(7)).
const LINE_BYTES_MAX: usize = 4096;

/// Installs the logger for records of at least this `level`. To be called once.
pub fn start(level: LevelFilter) {
    env_logger::Builder::new()
        .filter_level(level)
        .format(|out, record| {
            let now = Timestamp(SystemTime::now());
            writeln!(out, "{now} {:5} {}", record.level(), record.args())
        })
        .target(env_logger::Target::Pipe(Box::new(NonBlockingWriter::new(
            io::stderr(),
        ))))
        .init();
}

/// An output that writes a line if it does not block, and counts it as lost otherwise.
#[derive(Debug)]
struct NonBlockingWriter<W> {
    out: W,
    lost: u64,
}

impl<W> NonBlockingWriter<W> {
    const fn new(out: W) -> Self {
        Self { out, lost: 0 }
    }
}

/// An output that can be checked for room.
trait Room {
    fn has_room(&self) -> bool;
}

impl Room for Stderr {
    fn has_room(&self) -> bool {
        has_room(self)
    }
}

/// A write to an output without a reader does not block: it fails at once.
fn has_room(out: impl AsFd) -> bool {
    let mut asked = [PollFd::new(&out, PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

impl<W: Write + Room> Write for NonBlockingWriter<W> {
    /// Writes one line, whole or not at all.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.out.has_room() {
            self.lost += 1;
            return Ok(line.len());
        }
        let mut text = Vec::new();
        if self.lost > 0 {
            writeln!(text, "({} lines of the log were lost)", self.lost)?;
        }
        text.extend_from_slice(line);
        if text.len() > LINE_BYTES_MAX {
            text.truncate(LINE_BYTES_MAX - 1);
            text.push(b'\n');
        }
        self.out.write_all(&text)?;
        self.lost = 0;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, PipeWriter, Read, pipe};

    impl Room for PipeWriter {
        fn has_room(&self) -> bool {
            has_room(self)
        }
    }

    fn filled() -> (PipeReader, NonBlockingWriter<PipeWriter>) {
        let (reader, writer) = pipe().expect("a pipe can be made");
        let mut log = NonBlockingWriter::new(writer);
        while log.lost < 3 {
            log.write_all(&[b'x'; 1000])
                .expect("a lost line is no error");
        }
        (reader, log)
    }

    #[test]
    fn a_pipe_that_nobody_reads_costs_lines_and_no_time() {
        let (mut reader, mut log) = filled();
        let mut read = vec![0; 1 << 20];
        let n = reader.read(&mut read).expect("it is full");
        assert!(n > 10_000);
        log.write_all(b"again\n").expect("there is room");
        let n = reader.read(&mut read).expect("a line was written");
        let text = str::from_utf8(&read[..n]).expect("it is text");
        assert_eq!(
            text.trim_start_matches('x'),
            "(3 lines of the log were lost)\nagain\n"
        );
    }

    #[test]
    fn a_line_longer_than_a_pipe_takes_at_once_is_cut() {
        let (mut reader, writer) = pipe().expect("a pipe can be made");
        let mut log = NonBlockingWriter::new(writer);
        log.write_all(&[b'x'; 10_000]).expect("there is room");
        drop(log);
        let mut text = Vec::new();
        reader.read_to_end(&mut text).expect("the end comes");
        assert_eq!(text.len(), LINE_BYTES_MAX);
        assert_eq!(text.last(), Some(&b'\n'));
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_and_no_wait() {
        let (reader, writer) = pipe().expect("a pipe can be made");
        drop(reader);
        let mut log = NonBlockingWriter::new(writer);
        log.write_all(b"x").expect_err("nobody reads");
    }
}
