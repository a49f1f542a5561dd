//! Waiting on a live connection: the server is busy, or a file's bytes are slow.
//!
//! Owns the notices and ticks meanwhile. Must never lose a byte that has come.

use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use crate::client::error::Error;
use crate::client::net::connection::Client;
use crate::client::net::dial::{is_pause, is_timeout};

/// How long a server may be busy before a notice is shown.
const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// How often the progress bar is told that no bytes come.
const TICK: Duration = Duration::from_secs(1);

/// Shows which request the server is busy with.
pub type Waiting = fn(&[u8]);

impl Client {
    /// Does `read` with an answer that the server has to work for, to `request`. That may take any
    /// time, so the idle timeout is off and TCP keepalive finds out whether the server is there.
    pub(super) fn wait_for_work<T>(
        &mut self,
        request: &[u8],
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let waiting = self.waiting;
        self.patiently(
            NOTICE_AFTER,
            waiting.map(|tell| move || tell(request)),
            read,
        )
    }

    /// The same for the answer to the last byte of a file, for which the server's disk has to work.
    /// Does `tell` when nothing comes for a moment.
    pub(super) fn wait_for_disk(&mut self, tell: impl FnOnce()) -> Result<Vec<u8>, Error> {
        self.patiently(TICK, Some(tell), Self::line)
    }

    fn patiently<T>(
        &mut self,
        after: Duration,
        tell: Option<impl FnOnce()>,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.dying {
            return read(self);
        }
        if let Some(tell) = tell {
            let _ = self.stream().set_read_timeout(Some(after));
            if self.reader.fill_buf().is_err_and(|err| is_timeout(&err)) {
                tell();
            }
        }
        self.is_patient = true;
        let done = read(self);
        self.is_patient = false;
        self.set_timeout(self.timeout);
        done
    }

    /// How long one step may be waited for before a tick is due.
    pub(super) fn tick(&self) -> Duration {
        TICK.min(self.timeout.unwrap_or(TICK))
    }

    /// A line is to be read, from its beginning or from its middle. Who works may take any time
    /// between two lines, but has no reason to stop in the middle of one.
    pub(super) fn allow_silence(&mut self, begins: bool) {
        if self.is_patient && self.reader.buffer().is_empty() {
            let timeout = self.timeout.filter(|_| !begins);
            let _ = self.stream().set_read_timeout(timeout);
        }
    }

    /// Reads bytes of an announced file as [`Client::read`] does, and calls `tick` every second in
    /// which none come.
    ///
    /// # Errors
    /// When the connection broke, or the line was silent for too long.
    pub fn read_ticking(&mut self, buffer: &mut [u8], mut tick: impl FnMut()) -> io::Result<usize> {
        let start = Instant::now();
        let most = self.timeout.unwrap_or(Duration::MAX);
        loop {
            let left = most.saturating_sub(start.elapsed());
            let wait = TICK.min(left).max(Duration::from_millis(1));
            let _ = self.stream().set_read_timeout(Some(wait));
            let read = self.read(buffer);
            match &read {
                // A line that the kernel has found dead says so in another way.
                Err(err) if is_pause(err) && left > wait => tick(),
                _ => {
                    self.set_timeout(self.timeout);
                    return read;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::options::Options;
    use std::io::Write;
    use std::net::TcpListener;

    #[test]
    fn who_is_told_that_nothing_comes_is_told_too_when_that_is_too_long() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let options = Options {
            server: listener.local_addr().unwrap().to_string(),
            timeout: Some(Duration::from_millis(20)),
            ..Options::default()
        };
        let greeted = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            peer.write_all(b"Welcome Client01\nx").unwrap();
            peer
        });
        let mut client = Client::connect(&options).unwrap();
        let mut byte = [0; 1];
        assert_eq!(client.read_ticking(&mut byte, || {}).unwrap(), 1);
        let silent = client.read_ticking(&mut byte, || {}).unwrap_err();
        assert_eq!(client.broken(silent, Vec::new()).exit_code(), 28);
        drop(greeted.join().unwrap());
        assert_eq!(client.read_ticking(&mut byte, || {}).unwrap(), 0);
    }
}
