//! A whole connection fed any bytes in any pieces, by a peer that takes any pieces: every answer
//! is whole, in order and the one that the protocol says, and the connection ends.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use berth::engine::berths::Berths;
use berth::engine::hub::Hub;
use berth::engine::limits::Limits;
use berth::engine::outbox::{Outbox, Transfer};
use berth::engine::ports::{
    Handler, More, Observer, Peer, Query, Received, Step, Taken, Transport,
};
use berth::engine::readiness::Readiness;
use berth::wire::put::Form;
use berth::wire::{
    ClientName, CloseReason, ErrorReply, LINE_BYTES_MAX, ListedFile, Put, Reply, Request, http,
};

use crate::input::{Said, Sayings, said};

/// The size of every file, and its bytes.
const FILE: &[u8; 300] = &[b'f'; 300];

/// Lines of a listing, one a step.
const LISTED: usize = 3;

/// The size of the largest upload that is accepted.
const UPLOAD_BYTES_MAX: u64 = 5000;

/// The largest body of a refused one that is discarded.
const DISCARD_BYTES: u64 = 9000;

/// Both directions of the connection, shared with the transport.
#[derive(Debug, Default)]
struct Pipe {
    /// What the peer sent and the server has not read.
    sent: Vec<u8>,
    /// Whether the peer will send more.
    ended: bool,
    /// How much the peer takes before a write blocks.
    room: usize,
    received: Vec<u8>,
    finished: bool,
}

struct End(Rc<RefCell<Pipe>>);

impl Transport for End {
    type File = ();

    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken> {
        let mut pipe = self.0.borrow_mut();
        let n = space.len().min(pipe.sent.len());
        if n == 0 && !pipe.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        space[..n].copy_from_slice(&pipe.sent[..n]);
        pipe.sent.drain(..n);
        let more = match n {
            0 => More::Never,
            n if n < space.len() => More::WhenTold,
            _ => More::Perhaps,
        };
        Ok(Taken { bytes: n, more })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.0.borrow_mut();
        assert!(!pipe.finished, "nothing is written behind the end");
        let n = bytes.len().min(pipe.room);
        if n == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.room -= n;
        pipe.received.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn send_file(&mut self, (): &(), offset: u64, len: usize) -> io::Result<usize> {
        let start = usize::try_from(offset).expect("offsets are those of the file");
        self.write(&FILE[start..start + len])
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().finished = true;
        Ok(())
    }

    fn settle(&mut self) -> io::Result<usize> {
        unreachable!("this pipe owes nothing of its own")
    }

    fn owes(&self) -> bool {
        false
    }

    fn refuse(&mut self) {
        unreachable!("there is no handshake")
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// The only peer there is.
#[derive(Debug)]
struct Nobody;

impl Peer for Nobody {
    type Origin = ();

    fn origin(&self) {}
}

/// Serves the same file under every name, and takes uploads if it is told to.
struct OneFile {
    takes_uploads: bool,
}

/// An answer under way.
enum Task {
    /// So many lines of a listing are left.
    Listing(usize),
    /// An upload with this name, size, and what came of it.
    Upload(Vec<u8>, u64, Vec<u8>),
}

/// What is said of the bytes of an upload.
fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let sum = bytes
        .iter()
        .fold(7u8, |sum, byte| sum.wrapping_mul(31) ^ byte);
    [sum; 32]
}

/// Not the file's, which no check here computes.
const DIGEST: [u8; 32] = [0x5a; 32];

impl Observer for OneFile {
    type File = ();
    type Peer = Nobody;

    fn transferred(&mut self, _: ClientName, transfer: &Transfer<()>, _: Duration) {
        assert!(transfer.sent <= transfer.size);
    }

    fn failed(&mut self, _: Option<ClientName>, error: &io::Error) {
        panic!("nothing fails here: {error}");
    }
}

impl Handler for OneFile {
    type File = ();
    type Task = Task;

    fn answer(&mut self, query: Query<'_>, _: Instant, reply: &mut Outbox<()>) -> Option<Task> {
        match query {
            Query::Put { put, size, .. } if size > UPLOAD_BYTES_MAX => {
                let too_large = Reply::Error(ErrorReply::TooLarge(UPLOAD_BYTES_MAX));
                reply.write(|out| too_large.write(out));
                debug_assert!(put.size == Some(size));
                None
            }
            Query::Put { put, size, .. } => {
                if size > 0 && put.form != Form::AtOnce {
                    reply.write(|out| Reply::Ready(0).write(out));
                }
                Some(Task::Upload(put.name.to_vec(), size, Vec::new()))
            }
            Query::GetOrMessage { .. } => unreachable!("only LF ends a line here"),
            Query::Get { offset, .. } => {
                let size = FILE.len() as u64;
                if offset > size {
                    let error_reply = Reply::Error(ErrorReply::OffsetBeyondEnd(size));
                    reply.write(|out| error_reply.write(out));
                    return None;
                }
                reply.write(|out| Reply::Start(size - offset).write(out));
                reply.send_file((), offset, size - offset);
                reply.write(|out| Reply::End.write(out));
                None
            }
            Query::Sha256 { .. } => {
                reply.write(|out| Reply::Sha256(&DIGEST, FILE.len() as u64).write(out));
                None
            }
            Query::Stat { name } => {
                let file = ListedFile {
                    size: FILE.len() as u64,
                    modified: UNIX_EPOCH,
                    name,
                };
                reply.write(|out| Reply::Stat(file).write(out));
                None
            }
            Query::Status | Query::List => {
                reply.write(|out| Reply::List.write(out));
                Some(Task::Listing(LISTED))
            }
        }
    }

    fn takes_uploads(&self) -> bool {
        self.takes_uploads
    }

    fn receive(&mut self, task: &mut Task, bytes: &[u8], _: &mut Outbox<()>) -> Received {
        let Task::Upload(_, size, came) = task else {
            panic!("a listing wants no bytes");
        };
        came.extend_from_slice(bytes);
        assert!(came.len() as u64 <= *size, "no more comes than is wanted");
        match came.len() % 3 {
            0 => Received::Pause,
            _ => Received::Going,
        }
    }

    fn abandoned(&mut self, task: Task, why: CloseReason, reply: &mut Outbox<()>) {
        let Task::Upload(name, size, came) = task else {
            panic!("nobody leaves while it is answered");
        };
        assert_eq!(why, CloseReason::Eof);
        let (came, name) = (came.len() as u64, &name);
        reply.write(|out| Reply::Error(ErrorReply::Cut { came, size, name }).write(out));
    }

    fn resume(&mut self, task: &mut Task, reply: &mut Outbox<()>) -> Step {
        let left = match task {
            Task::Listing(left) => left,
            Task::Upload(_, size, came) if (came.len() as u64) < *size => {
                return Step::Body(*size - came.len() as u64);
            }
            Task::Upload(_, size, came) => {
                reply.write(|out| Reply::Stored(&digest_of(came), *size).write(out));
                return Step::Done;
            }
        };
        if *left == 0 {
            reply.write(|out| Reply::End.write(out));
            return Step::Done;
        }
        *left -= 1;
        reply.write(|out| out.extend_from_slice(b"1 entry\n"));
        Step::More
    }
}

/// The first bytes say in which pieces the rest is sent and the answers are taken.
pub(crate) fn run(data: &[u8]) {
    let (cuts, input) = data.split_at(data.len().min(8));
    let limits = Limits {
        inbox_bytes: LINE_BYTES_MAX + 64,
        outbox_mark_bytes: 200,
        turn_bytes: 150,
        turn_requests: 3,
        discard_bytes: DISCARD_BYTES,
        ..Limits::default()
    };
    let now = Instant::now();
    let takes_uploads = cuts.first().is_some_and(|cut| cut % 2 == 1);
    let mut service = OneFile { takes_uploads };
    let mut hub: Hub<End, Task, Berths<Nobody>> = Hub::new(limits, Berths::new(1, 1));
    let pipe = Rc::new(RefCell::new(Pipe::default()));
    let key = hub.reserve();
    hub.accept(End(Rc::clone(&pipe)), Nobody, &mut service, now);
    let mut rest = input;
    let mut pieces = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
    for turn in 0.. {
        assert!(turn < 1_000_000, "it does not come to rest");
        let piece = pieces.next().unwrap_or(1) * (1 + input.len() / 4096);
        let n = piece.min(rest.len());
        pipe.borrow_mut().sent.extend_from_slice(&rest[..n]);
        rest = &rest[n..];
        pipe.borrow_mut().ended = rest.is_empty();
        pipe.borrow_mut().room += pieces.next().unwrap_or(1);
        hub.on_ready(key, Readiness::BOTH);
        hub.run(&mut service, now + Duration::from_millis(turn));
        if hub.peers() == 0 {
            break;
        }
    }
    assert_eq!(hub.clients(), 0);
    assert!(
        pipe.borrow().finished,
        "the peer is told that no more comes"
    );
    let (received, expected) = (&pipe.borrow().received, expected(input, takes_uploads));
    let differ = received.iter().zip(&expected).position(|(a, b)| a != b);
    assert!(
        received.len() == expected.len() && differ.is_none(),
        "{} bytes came instead of {}, the first difference at {differ:?}",
        received.len(),
        expected.len()
    );
}

/// All that the peer is to receive, by the words of the protocol.
fn expected(input: &[u8], takes_uploads: bool) -> Vec<u8> {
    let mut out = b"Welcome Client01\n".to_vec();
    let mut is_first = true;
    let mut sayings = said(input);
    while let Some(said) = sayings.next() {
        let text = match said {
            Said::Mark => {
                out.extend_from_slice(b"\xff\xfc\x06");
                continue;
            }
            Said::TooLong(head) if is_first && http::may_begin_request_line(&head) => {
                out.extend_from_slice(b"ERR this is not a web server\n");
                break;
            }
            Said::TooLong(_) => {
                is_first = false;
                out.extend_from_slice(b"ERR line longer than 4096 bytes\n");
                continue;
            }
            Said::Line(text) if is_first && http::is_request_line(&text) => {
                out.extend_from_slice(b"ERR this is not a web server\n");
                break;
            }
            Said::Line(text) => text,
        };
        is_first = false;
        match Request::parse(&text) {
            Request::Message(text) => out.extend_from_slice(&[text, b" ACK\n"].concat()),
            Request::Status | Request::List => {
                out.extend_from_slice(b"LIST\n1 entry\n1 entry\n1 entry\nEND\n");
            }
            Request::NoName(word) => {
                out.extend_from_slice(format!("ERR usage: {word} NAME\n").as_bytes());
            }
            Request::GetTooFar => out.extend_from_slice(b"ERR offset larger than any file\n"),
            Request::Get { offset, .. } if offset > FILE.len() as u64 => {
                out.extend_from_slice(b"ERR offset beyond the end, the file has 300 bytes\n");
            }
            Request::Get { offset, .. } => {
                let bytes = &FILE[usize::try_from(offset).expect("it is below the size")..];
                out.extend_from_slice(format!("START {}\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"END\n");
            }
            Request::Sha256 { .. } => {
                let digest = "5a".repeat(32);
                out.extend_from_slice(format!("SHA256 {digest} 300\n").as_bytes());
            }
            Request::Stat { name } => {
                out.extend_from_slice(&[b"STAT 300 1970-01-01T00:00:00Z ", name, b"\n"].concat());
            }
            Request::Put(_) if !takes_uploads => out.extend_from_slice(b"ERR no uploads here\n"),
            Request::Put(put) => {
                if !upload(put, &mut sayings, &mut out) {
                    break;
                }
            }
            Request::Exit => {
                out.extend_from_slice(b"Goodbye Client01\n");
                break;
            }
        }
    }
    out
}

/// What the peer is to receive for an upload. `false`: nothing comes behind that.
fn upload(put: Put<'_>, sayings: &mut Sayings<'_>, out: &mut Vec<u8>) -> bool {
    let comes_at_once = put.form == Form::AtOnce;
    let refusal = match put.size {
        _ if put.name.is_empty() => format!("ERR usage: {} NAME\n", put.usage()),
        None => "ERR size larger than any file\n".to_owned(),
        Some(size) if size > UPLOAD_BYTES_MAX => "ERR too large, 5000 bytes at most\n".to_owned(),
        Some(size) => {
            if size > 0 && !comes_at_once {
                out.extend_from_slice(b"READY 0\n");
            }
            let body = sayings.take_raw(size);
            let is_whole = body.len() as u64 == size;
            if is_whole {
                Reply::Stored(&digest_of(body), size).write(out);
            } else {
                let came = format!("ERR {} of {size} bytes came: ", body.len());
                out.extend_from_slice(&[came.as_bytes(), put.name, b"\n"].concat());
            }
            return is_whole;
        }
    };
    out.extend_from_slice(refusal.as_bytes());
    let Some(size) = put.size.filter(|&size| size <= DISCARD_BYTES) else {
        return !comes_at_once;
    };
    if comes_at_once {
        sayings.take_raw(size);
    }
    true
}
