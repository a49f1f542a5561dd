//! A peer that speaks to the server, line by line and byte by byte.
//!
//! Owns one connection. Nothing here sleeps: each wait is for bytes, for an end, or for a
//! condition that is asked again after each answer of the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// One connection to the server.
pub(crate) struct Peer {
    input: BufReader<TcpStream>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("it is not zero");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self {
            input: BufReader::new(stream),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.input.get_ref()
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream()
            .write_all(bytes.as_ref())
            .expect("the server reads what is sent");
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&self) {
        self.stream()
            .shutdown(Shutdown::Write)
            .expect("the connection is there");
    }

    /// Reads so many bytes.
    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.input
            .read_exact(&mut bytes)
            .expect("as much comes as was announced");
        bytes
    }

    /// Reads one line, its LF included; empty at the end.
    pub(crate) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        self.input
            .read_until(b'\n', &mut line)
            .expect("a line or the end comes");
        line
    }

    /// Reads one line as text, without its LF.
    pub(crate) fn text(&mut self) -> String {
        let line = String::from_utf8(self.line()).expect("a line of text comes");
        line.strip_suffix('\n')
            .expect("a line ends in LF")
            .to_owned()
    }

    /// Reads exactly these bytes.
    pub(crate) fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let expected = bytes.as_ref();
        let mut received = vec![0; expected.len()];
        let mut at = 0;
        while at < expected.len() {
            let n = self
                .input
                .read(&mut received[at..])
                .unwrap_or_else(|error| panic!("{error} after {}", received[..at].escape_ascii()));
            if n == 0 {
                break;
            }
            at += n;
            if received[..at] != expected[..at] {
                break;
            }
        }
        assert_eq!(
            received[..at].escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    /// Reads the end, and nothing before it.
    pub(crate) fn expect_end(mut self) {
        let rest = self.rest();
        assert!(
            rest.is_empty(),
            "before the end came {}",
            rest.escape_ascii()
        );
    }

    /// Reads to the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.input
            .read_to_end(&mut rest)
            .expect("the end comes, and no reset");
        rest
    }

    /// Sends a line and reads one.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.text()
    }

    /// Sends a message and takes it back: proof that the server serves this client.
    pub(crate) fn echo(&mut self) {
        assert_eq!(self.ask("ping"), "ping ACK");
    }

    /// Fetches a file.
    pub(crate) fn get(&mut self, request: &str) -> Vec<u8> {
        let size = self.start(request);
        let bytes = self.read(usize::try_from(size).expect("it fits"));
        self.expect("END\n");
        bytes
    }

    /// Asks for a file and reads how many bytes follow.
    pub(crate) fn start(&mut self, request: &str) -> u64 {
        let start = self.ask(request);
        let size = start
            .strip_prefix("START ")
            .and_then(|size| size.parse().ok());
        size.unwrap_or_else(|| panic!("{request:?} was answered {start:?}"))
    }

    /// Sends a request and reads the lines of its answer, the first and the last included.
    pub(crate) fn lines(&mut self, request: &str) -> Vec<String> {
        let mut lines = vec![self.ask(request)];
        while lines.last().is_some_and(|line| line != "END") {
            lines.push(self.text());
        }
        lines
    }
}

/// Asks the server something over and over until `done`, which is told how long that has taken.
///
/// This is how a test lets time pass: the server is kept awake and answers all the while.
pub(crate) fn meanwhile(peer: &mut Peer, mut done: impl FnMut(Duration) -> bool) {
    let start = Instant::now();
    while !done(start.elapsed()) {
        assert!(start.elapsed() < PATIENCE, "it did not happen");
        peer.echo();
    }
}
