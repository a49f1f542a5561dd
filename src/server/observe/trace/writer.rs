//! The file that a trace is written to.
//!
//! Owns the open file, the buffer and the maximum size. Must never stop the server: when the trace
//! cannot be written it ends, and this is logged.
//!
//! The form is the JSON Array Format of the Trace Event Format, one event a line. Each write ends
//! with the closing bracket, which the next write overwrites, so the file is valid JSON after each
//! write, even if the process is killed.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::regular_file::Links;
use crate::server::process::own_file;
use crate::wire::Sanitized;

/// The size of the buffer: one system call for some thousand events.
const BUFFER_BYTES: usize = 256 * 1024;

/// How long an event may be buffered. Only younger ones are lost when the process is killed.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// What a trace begins with, and that with the beginning of its first event.
const OPENING: &[u8] = b"[\n";
const BEGINNING: &[u8] = b"[\n{\"name\":\"";

/// The end of the file, until more is written over it.
const END: &[u8] = b"\n]\n";

/// A trace under way.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    /// `None` once the trace has ended.
    file: Option<File>,
    /// Where the next write goes.
    at: u64,
    /// The maximum size of the file in bytes.
    limit: u64,
    buffer: Vec<u8>,
    /// When the oldest event was put into the buffer.
    waiting_since: Option<Instant>,
}

impl Writer {
    /// Begins a trace of at most `limit` bytes at `path`, in place of one that is there.
    ///
    /// # Errors
    /// When the file cannot be made, is written already, or is there and no trace.
    pub fn create(path: &Path, limit: u64) -> io::Result<Self> {
        let options = &mut OpenOptions::new();
        let options = options.read(true).write(true).truncate(false);
        let file = own_file::open(path, options, Links::Followed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let reason = "it is written already, by this server or another";
                return Err(io::Error::other(reason));
            }
            Err(errno) => {
                let path = Sanitized(path.as_os_str().as_encoded_bytes());
                log::warn!("nothing keeps another server from the trace '{path}': {errno}");
            }
        }
        if !begins_like_a_trace(&file)? {
            return Err(io::Error::other("it is there and is no trace"));
        }
        file.set_len(0)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            at: 0,
            limit,
            buffer: OPENING.to_vec(),
            waiting_since: None,
        })
    }

    /// Adds an event, which `write` appends to what it is given: one JSON object in one line.
    /// To be called with at least one event before the first flush.
    pub fn event(&mut self, now: Instant, write: impl FnOnce(&mut Vec<u8>)) {
        if self.file.is_none() {
            return;
        }
        let before = self.buffer.len();
        if self.at + before as u64 > OPENING.len() as u64 {
            self.buffer.extend_from_slice(b",\n");
        }
        write(&mut self.buffer);
        if self.at + (self.buffer.len() + END.len()) as u64 > self.limit {
            self.buffer.truncate(before);
            self.flush();
            self.file = None;
            let path = Sanitized(self.path.as_os_str().as_encoded_bytes());
            log::warn!("the trace '{path}' is as long as it may be, and ends");
            return;
        }
        self.waiting_since.get_or_insert(now);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Flushes the buffer if that is due. Returns when to be called again even without an event.
    pub fn on_tick(&mut self, now: Instant) -> Option<Instant> {
        let due = self.waiting_since? + FLUSH_AFTER;
        if now < due {
            return Some(due);
        }
        self.flush();
        None
    }

    /// Flushes the buffer.
    pub fn flush(&mut self) {
        self.waiting_since = None;
        let Some(file) = &self.file else { return };
        let len = self.buffer.len() as u64;
        self.buffer.extend_from_slice(END);
        match file.write_all_at(&self.buffer, self.at) {
            Ok(()) => self.at += len,
            Err(error) => {
                close_off(file, self.at);
                let path = Sanitized(self.path.as_os_str().as_encoded_bytes());
                // A limit on file sizes is logged like a full disk.
                let full = error.kind() == ErrorKind::StorageFull;
                let why = if full {
                    "the disk is full"
                } else {
                    "it cannot be written"
                };
                log::error!("the trace '{path}' ends, {why}: {error}");
                self.file = None;
            }
        }
        self.buffer.clear();
    }
}

/// Ends the file where it was whole: what could be written of the last piece went over its end.
fn close_off(file: &File, at: u64) {
    let end = if at > 0 { END } else { b"" };
    // A disk that has no room for what was there before leaves nothing to be done.
    let _ = file.set_len(at).and_then(|()| file.write_all_at(end, at));
}

/// Whether a file could be a trace, though maybe one of which little was written.
fn begins_like_a_trace(file: &File) -> io::Result<bool> {
    let mut beginning = Vec::new();
    let most = BEGINNING.len() as u64;
    file.take(most).read_to_end(&mut beginning)?;
    Ok(beginning == BEGINNING[..beginning.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(path: &Path) -> serde_json::Value {
        let text = std::fs::read_to_string(path).expect("it is there");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn the_file_is_whole_json_after_each_write_and_stays_within_its_limit() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("trace");
        let now = Instant::now();
        let mut writer = Writer::create(&path, 100).expect("it is new");
        for i in 1..=100 {
            writer.event(now, |out| out.extend_from_slice(b"{\"ph\":\"i\"}"));
            writer.flush();
            let events = trace(&path).as_array().expect("an array").len();
            assert_eq!(events, i.min(8));
        }
        let len = path.metadata().expect("it is there").len();
        assert!((80..=100).contains(&len), "{len}");
    }

    #[test]
    fn an_event_is_written_when_it_has_waited_for_long_enough() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("trace");
        let now = Instant::now();
        let mut writer = Writer::create(&path, 1000).expect("it is new");
        assert_eq!(writer.on_tick(now), None);
        writer.event(now, |out| out.extend_from_slice(b"{}"));
        assert_eq!(writer.on_tick(now), Some(now + FLUSH_AFTER));
        assert_eq!(path.metadata().expect("it is there").len(), 0);
        assert_eq!(writer.on_tick(now + FLUSH_AFTER), None);
        assert_eq!(trace(&path), serde_json::json!([{}]));
        assert_eq!(writer.on_tick(now + FLUSH_AFTER), None);
    }

    #[test]
    fn a_trace_is_written_over_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("trace");
        let now = Instant::now();
        let whole = "[\n{\"name\":\"x\"}\n]\n";
        for (there, taken) in [
            ("", true),
            ("[\n", true),
            ("[\n{\"na", true),
            (whole, true),
            ("root:x:0:0:root:/root:/bin/sh\n", false),
            ("[1, 2]\n", false),
            ("{\"time\":\"2026-11-22T10:00:00.000Z\",\"seq\":1}\n", false),
        ] {
            std::fs::write(&path, there).expect("it can be written");
            let writer = Writer::create(&path, 1000);
            assert_eq!(writer.is_ok(), taken, "{there}");
            if let Ok(mut writer) = writer {
                writer.event(now, |out| out.extend_from_slice(b"{\"name\":\"x\"}"));
                writer.flush();
                Writer::create(&path, 1000).expect_err("the first still writes it");
            }
            let left = std::fs::read_to_string(&path).expect("it is there");
            assert_eq!(left, if taken { whole } else { there });
        }
    }

    #[test]
    fn what_cannot_be_written_over_is_no_place_for_a_trace() {
        Writer::create(Path::new("/dev/null"), 1000).expect_err("it is a device");
        Writer::create(Path::new("/"), 1000).expect_err("it is a folder");
    }
}
