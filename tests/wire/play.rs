//! Plays a transcript against the real server, over real sockets.
//!
//! Owns the connections of one transcript. Nothing here sleeps: every
//! step waits for bytes, and the read timeout is only there so that a mistake ends in a message.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::Setup;
use crate::transcript::{Action, Kind, Piece, Step, Transcript};

/// Far longer than any answer takes on the slowest machine that runs this.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// In which form the client's bytes reach the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    AsWritten,
    ByteByByte,
    WithCrLf,
}

/// One connection of a transcript.
struct Peer {
    input: BufReader<TcpStream>,
    /// Lines in a row, kept until something else happens, so that they go out in one piece.
    unsent: Vec<u8>,
}

impl Peer {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        let timeout = stream.set_read_timeout(Some(READ_TIMEOUT));
        timeout.expect("the timeout is not zero");
        // Single bytes must travel alone.
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self {
            input: BufReader::new(stream),
            unsent: Vec::new(),
        }
    }

    fn queue(&mut self, bytes: &[u8], style: Style) {
        match (style, bytes) {
            (Style::WithCrLf, [line @ .., b'\n']) => {
                self.unsent.extend_from_slice(line);
                self.unsent.extend_from_slice(b"\r\n");
            }
            _ => self.unsent.extend_from_slice(bytes),
        }
    }

    fn flush(&mut self, style: Style) {
        let mut output = self.input.get_ref();
        let piece = match style {
            Style::ByteByByte => 1,
            Style::AsWritten | Style::WithCrLf => self.unsent.len().max(1),
        };
        for bytes in self.unsent.chunks(piece) {
            output
                .write_all(bytes)
                .expect("the server reads what is sent");
        }
        self.unsent.clear();
    }

    fn expect(&mut self, pieces: &[Piece]) -> Result<(), String> {
        let mut received = Vec::new();
        for piece in pieces {
            let fits = match piece {
                Piece::Byte(byte) => self.next(&mut received)? == *byte,
                Piece::Time => self.time(&mut received)?,
                Piece::Port => self.port(&mut received)?,
            };
            if !fits {
                // What is at hand of the rest helps to see what was sent instead.
                received.extend_from_slice(self.input.buffer());
                return Err(told(&received, "so far"));
            }
        }
        Ok(())
    }

    fn next(&mut self, received: &mut Vec<u8>) -> Result<u8, String> {
        let mut byte = [0];
        match self.input.read_exact(&mut byte) {
            Ok(()) => {
                received.push(byte[0]);
                Ok(byte[0])
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(told(received, "and then the end"))
            }
            Err(error) => Err(told(received, &format!("and then: {error}"))),
        }
    }

    fn time(&mut self, received: &mut Vec<u8>) -> Result<bool, String> {
        let pattern = b"0000-00-00T00:00:00Z";
        for like in pattern {
            let byte = self.next(received)?;
            let digit = *like == b'0' && byte.is_ascii_digit();
            if !digit && byte != *like {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn port(&mut self, received: &mut Vec<u8>) -> Result<bool, String> {
        let first = self.next(received)?;
        // A digit and what follows it come in one line, so the byte behind it will come too.
        while let [b'0'..=b'9', ..] = self.input.fill_buf().unwrap_or_default() {
            self.next(received)?;
        }
        Ok(first.is_ascii_digit())
    }

    fn expect_eof(mut self) -> Result<(), String> {
        let mut rest = Vec::new();
        match self.input.read_to_end(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(told(&rest, "and then the end")),
            Err(error) => Err(told(&rest, &format!("and then: {error}"))),
        }
    }
}

fn told(received: &[u8], then: &str) -> String {
    format!("received \"{}\" {then}", received.escape_ascii())
}

/// Plays the transcript, and panics with the line of the document that the server did not follow.
pub(crate) fn play(transcript: &Transcript, style: Style, folder: &Path, tokens: &Path) {
    let setup = Setup::new().serving(folder);
    let setup = match transcript.kind {
        Kind::Unframed => setup.with("--unframed"),
        Kind::Tokens => setup.with(&format!("--tokens {}", tokens.display())),
        Kind::Uploads => setup.with("--uploads . --overwrite --max-upload 1GiB --keep-free 0"),
        Kind::Any | Kind::LfOnly => setup,
    };
    let mut server = setup.start();
    let mut peers: BTreeMap<usize, Peer> = BTreeMap::new();
    let mut stopped = false;
    for step in &transcript.steps {
        for (number, peer) in &mut peers {
            if *number != step.peer || !matches!(step.action, Action::Send(_)) {
                peer.flush(style);
            }
        }
        if matches!(step.action, Action::Stop) {
            server.signal(Signal::TERM);
            stopped = true;
        } else {
            let peer = peers.remove(&step.peer);
            let peer = peer.unwrap_or_else(|| Peer::connect(server.address));
            let peer = take(step, peer, style).unwrap_or_else(|error_reply| {
                let Step { line, shown, .. } = step;
                panic!("docs/protocol.md:{line}, {style:?}\n  expected {shown}\n  {error_reply}")
            });
            peers.extend(peer.map(|peer| (step.peer, peer)));
        }
    }
    let at = format!("docs/protocol.md:{}, {style:?}", transcript.line);
    for (number, mut peer) in peers {
        peer.flush(style);
        let shut = peer.input.get_ref().shutdown(Shutdown::Write);
        shut.unwrap_or_else(|error| panic!("{at}: connection {number} broke: {error}"));
        let nothing = peer.expect_eof();
        nothing.unwrap_or_else(|more| panic!("{at}\n  the end of connection {number}: {more}"));
    }
    if stopped {
        assert_eq!(
            server.wait().code(),
            Some(0),
            "{at}: the exit status after !STOP"
        );
    }
}

/// Takes one step with its connection, which is given back unless it ended.
fn take(step: &Step, mut peer: Peer, style: Style) -> Result<Option<Peer>, String> {
    match &step.action {
        Action::Send(bytes) => peer.queue(bytes, style),
        Action::SendEof => {
            let shut = peer.input.get_ref().shutdown(Shutdown::Write);
            shut.map_err(|error| error.to_string())?;
        }
        Action::Expect(pieces) => peer.expect(pieces)?,
        Action::ExpectEof => return peer.expect_eof().map(|()| None),
        Action::Stop => unreachable!("it is about no connection"),
    }
    Ok(Some(peer))
}
