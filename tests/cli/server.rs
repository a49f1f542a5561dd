//! Servers for one connection each, which do what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::program::DEADLINE;

/// What a server does with one connection.
pub(crate) type Talk = Box<dyn FnOnce(&mut Peer) + Send>;

/// A server with one peer after another, on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    /// Takes one connection, says nothing by itself, and closes in good order after `talk`.
    pub(crate) fn mute(talk: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::mute_each(vec![Box::new(talk)])
    }

    /// Takes a connection for each of these, one after the other, and greets it.
    pub(crate) fn polite_each(talks: Vec<Talk>) -> Self {
        let greeted = talks.into_iter().zip(1..).map(|(talk, number)| {
            let talk: Talk = Box::new(move |peer| {
                peer.say(format!("Welcome Client{number:02}\n").as_bytes());
                talk(peer);
            });
            talk
        });
        Self::mute_each(greeted.collect())
    }

    /// Takes a connection for each of these, one after the other, and says nothing by itself.
    pub(crate) fn mute_each(talks: Vec<Talk>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            for talk in talks {
                let (stream, _) = listener.accept().unwrap();
                let mut peer = Peer(Some(BufReader::new(stream)));
                talk(&mut peer);
                peer.close();
            }
        });
        Self { address, thread }
    }

    /// The same behind `Welcome Client01`.
    pub(crate) fn polite(talk: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::mute(|peer| {
            peer.say(b"Welcome Client01\n");
            talk(peer);
        })
    }

    /// Waits for the server's end. What failed in its thread fails here.
    pub(crate) fn join(self) {
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The server's end of the connection, while it is open.
pub(crate) struct Peer(Option<BufReader<TcpStream>>);

impl Peer {
    fn stream(&mut self) -> &mut BufReader<TcpStream> {
        self.0.as_mut().expect("a test does nothing after a close")
    }

    /// Sends bytes. A client that is gone is for the test to notice, not for the server.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream().get_mut().write_all(bytes);
    }

    /// Sends the bytes again and again until the client is gone.
    pub(crate) fn repeat(&mut self, bytes: &[u8]) {
        while self.stream().get_mut().write_all(bytes).is_ok() {}
    }

    /// Reads one line, without its LF; all that is left, at the end.
    pub(crate) fn line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        let _ = self.stream().read_until(b'\n', &mut line);
        line.pop_if(|last| *last == b'\n');
        line
    }

    /// Reads so many bytes; fewer at the end.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.stream().take(length as u64).read_to_end(&mut bytes);
        bytes
    }

    /// Reads one line, which must be this one.
    pub(crate) fn expect(&mut self, line: &[u8]) {
        let got = self.line();
        assert_eq!(
            got.escape_ascii().to_string(),
            line.escape_ascii().to_string()
        );
    }

    /// Reads one line, which must be this one, and answers every `list` and `stat` before it: a
    /// prompt asks for one or two, as it comes.
    pub(crate) fn expect_after_lists(&mut self, line: &[u8], listing: &[u8]) {
        loop {
            let got = self.line();
            if let Some(name) = got.strip_prefix(b"stat ") {
                self.say(&stat(name, listing));
                continue;
            }
            if got != b"list" {
                return assert_eq!(
                    got.escape_ascii().to_string(),
                    line.escape_ascii().to_string()
                );
            }
            self.say(listing);
        }
    }

    /// Whether the client is still there after so long, and says nothing.
    pub(crate) fn stays(&mut self, time: Duration) -> bool {
        let stream = self.stream().get_mut();
        stream.set_read_timeout(Some(time)).unwrap();
        let silent = stream.peek(&mut [0]).is_err_and(|err| {
            matches!(
                err.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            )
        });
        stream.set_read_timeout(None).unwrap();
        silent
    }

    /// Reads the `exit` at the end of a script and answers it.
    pub(crate) fn expect_exit(&mut self) {
        self.expect(b"exit");
        self.say(b"Goodbye Client01\n");
    }

    /// Breaks the connection: the client gets a reset.
    pub(crate) fn reset(&mut self) {
        let socket = socket2::SockRef::from(self.stream().get_ref());
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        self.abandon();
    }

    /// Closes in good order.
    pub(crate) fn close_now(&mut self) {
        let _ = self.stream().get_ref().shutdown(Shutdown::Write);
    }

    /// Closes at once: what the client sends from here on is answered by a reset.
    pub(crate) fn abandon(&mut self) {
        self.0 = None;
    }

    /// Sends FIN and reads what still comes, so that no close destroys what was sent.
    fn close(self) {
        if let Some(mut stream) = self.0 {
            let _ = stream.get_ref().shutdown(Shutdown::Write);
            let _ = stream.get_ref().set_read_timeout(Some(DEADLINE));
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

/// The answer to `stat` of a server that answers `list` so.
pub(crate) fn stat(name: &[u8], listing: &[u8]) -> Vec<u8> {
    let end = [b" ", name].concat();
    let line = listing
        .split(|byte| *byte == b'\n')
        .find(|line| line.ends_with(&end));
    match line {
        Some(line) => [b"STAT ", line, b"\n"].concat(),
        None => [b"ERR no such file: ", name, b"\n"].concat(),
    }
}
