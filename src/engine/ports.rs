//! The ports of the engine: the traits through which it reaches the outside.
//!
//! Owns the traits [`Transport`], [`Handler`], [`Observer`] and [`Admission`]. Must never decide
//! anything: the engine decides on one side of a port, and the server acts on the other.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::time::{Duration, Instant};

use crate::engine::admission::{Demand, Denial, Ticket, Verdict};
use crate::engine::event::Event;
use crate::engine::news::{Moving, News};
use crate::engine::outbox::{Outbox, Transfer};
use crate::engine::response::Response;
use crate::engine::rights::Rights;
use crate::engine::speech::Speech;
use crate::engine::stats::SessionStats;
use crate::wire::web::{Ask, Scheme, WebDoor};
use crate::wire::{ClientName, CloseReason};

pub use crate::engine::admission::Refusal;
pub use crate::engine::query::Query;

/// A non-blocking byte stream to one peer: TCP, or TLS over TCP.
///
/// `WouldBlock` means that the socket accepts no output or has no input, and that an event will
/// report when it does. A short write does not mean that the next one would block. `Interrupted`
/// means try again. `InvalidData` from a read means that the peer violated the transport's
/// protocol: it gets no more answers, but the transport's alert is still sent. Every other error
/// means that the connection is broken.
///
/// A transport may have bytes of its own to send, as TLS has: its handshake, its replies and its
/// close_notify. [`Transport::settle`] sends them, before any other output.
pub trait Transport {
    /// What file bytes are sent from. Dropping it closes it.
    type File: Debug;

    /// Reads into `space`, which is not empty.
    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken>;

    /// Writes from `bytes`, which are not empty. `Ok(0)` is an error, as in [`io::Write`]. To be
    /// called only while the transport is ready and owes nothing. It may owe (have buffered) what
    /// it has accepted afterwards.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends up to `len` (not 0) bytes of `file` from `offset` on, without moving any position
    /// that the file may have. `Ok(0)`: the file ends before `offset`. To be called as
    /// [`Transport::write`] is.
    fn send_file(&mut self, file: &Self::File, offset: u64, len: usize) -> io::Result<usize>;

    /// Shuts the sending side down. What was written before still arrives. To be called only while
    /// the transport owes nothing, and again after `WouldBlock`, as soon as it owes nothing once
    /// more. From then on input is to be discarded.
    fn finish(&mut self) -> io::Result<()>;

    /// Sends the transport's own unsent bytes, and returns how many the socket accepted. To be
    /// called only while it owes some.
    fn settle(&mut self) -> io::Result<usize>;

    /// Turns the peer away in the middle of its handshake, where no line can be written: what the
    /// transport can say instead is owed from now on, and input is to be discarded. To be called
    /// only while the transport is not ready.
    fn refuse(&mut self);

    /// Whether the transport has unsent bytes of its own.
    fn owes(&self) -> bool;

    /// Whether the handshake is complete, so that the transport can be written to.
    fn is_ready(&self) -> bool;
}

/// A transport that can carry an encrypted stream: see [`super::sealed`].
pub trait Gather: Transport<File: ReadAt> {
    /// Writes from `parts` in their order, as [`Transport::write`] does from one.
    fn write_parts(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A file that can be read, so that its bytes can be encrypted.
pub trait ReadAt {
    /// Appends up to `len` (not 0) bytes from `offset` on to `out`, and returns their number. Does
    /// not move any position that the file may have. `Ok(0)`: the file ends before `offset`.
    fn read_at(&self, out: &mut Vec<u8>, offset: u64, len: usize) -> io::Result<usize>;
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of bytes put into the space. 0 if all input was the transport's own.
    pub bytes: usize,
    /// Whether there is more input.
    pub more: More,
}

/// What a read knows of the input behind it.
///
/// The number of bytes alone does not tell: a transport that decrypts may hold more than it
/// returned, or may have got its last byte long before the socket reports the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There may be more: another read is worth trying.
    Perhaps,
    /// In this very call the socket had no more, and the transport buffers none. An event will
    /// report more input, unless one has reported the end before. That the socket had no more in
    /// an earlier call is not enough: an event may have come since, and it comes once.
    WhenTold,
    /// Nothing: the peer will send no more.
    Never,
}

/// Answers the requests that the session cannot answer alone.
pub trait Handler {
    /// What the bytes of a `get` are sent from.
    type File;

    /// An answer that takes several steps, such as a long listing.
    type Task;

    /// Whether uploads are accepted. If not, each gets one line, and what follows it is read as
    /// requests.
    fn takes_uploads(&self) -> bool {
        false
    }

    /// Begins to answer `query`, at the end of `reply`. The answer is complete if no task is
    /// returned; otherwise [`Handler::resume`] is called until it is. Without a task, an upload is
    /// refused: if its body follows all the same, it is not read as requests.
    fn answer(
        &mut self,
        query: Query<'_>,
        now: Instant,
        reply: &mut Outbox<Self::File>,
    ) -> Option<Self::Task>;

    /// Does the next step of an answer. A step has to be short, as all other clients wait for it,
    /// and queues at most as many bytes as a connection may have queued when it takes a request.
    fn resume(&mut self, task: &mut Self::Task, reply: &mut Outbox<Self::File>) -> Step;

    /// Takes the next bytes of the body that `task` waits for: some, and never more than it said.
    fn receive(
        &mut self,
        _task: &mut Self::Task,
        _bytes: &[u8],
        _reply: &mut Outbox<Self::File>,
    ) -> Received {
        unreachable!("no task waits for a body")
    }

    /// The names by which the web door may be reached. To be called only if a listener speaks HTTP,
    /// as the two below.
    fn web_door(&self, _scheme: Scheme) -> &WebDoor {
        unreachable!("no listener speaks HTTP")
    }

    /// Writes an answer of the web door that needs no berth, at the end of `reply`.
    fn respond(&mut self, _response: Response<'_>, _reply: &mut Outbox<Self::File>) {
        unreachable!("no listener speaks HTTP")
    }

    /// Begins to answer a request of the web door for a file, a folder or an upload, from a client
    /// that has the right to it: as [`Handler::answer`] does. The answer is the last of its
    /// connection.
    fn fetch(
        &mut self,
        _ask: &Ask<'_>,
        _from: ClientName,
        _now: Instant,
        _reply: &mut Outbox<Self::File>,
    ) -> Option<Self::Task> {
        unreachable!("no listener speaks HTTP")
    }

    /// The latest news for pages, if there are any.
    fn news(&self) -> Option<News<'_>> {
        None
    }

    /// Makes the news anew: these files are on their way. Called from time to time while a page is
    /// there to be told. Returns whether there will be more, though nothing else happens: of an
    /// upload, say.
    fn gather(&mut self, _moving: &[Moving], _now: Instant) -> bool {
        false
    }

    /// The client leaves before its answer is complete. If its input ended within a body
    /// ([`CloseReason::Eof`]), what is queued in `reply` is still sent.
    fn abandoned(&mut self, _task: Self::Task, _why: CloseReason, _reply: &mut Outbox<Self::File>) {
    }
}

/// Is told what happens, and changes nothing. A method that an observer does not implement is
/// empty, and the compiler removes the call.
pub trait Observer {
    /// What the bytes of a `get` are sent from.
    type File;

    /// Where a client came from.
    type Peer;

    /// A newcomer was refused a berth, and the line that says so is queued, if there is one.
    fn refused(&mut self, _peer: &Self::Peer, _refusal: Refusal) {}

    /// A client was granted a berth. `token` is the name of the token that it showed, if one was
    /// demanded.
    fn arrived(&mut self, _name: ClientName, _peer: &Self::Peer, _token: Option<&str>) {}

    /// A client has sent its first line, so it is more than a port scan.
    fn asked(&mut self, _name: ClientName) {}

    /// A client has sent an incomplete line and nothing more for [`unended`]. This is told once.
    ///
    /// [`unended`]: crate::engine::limits::Limits::unended
    fn unended(&mut self, _name: ClientName) {}

    /// A client's berth is free again. `stats` sums its session up.
    fn departed(&mut self, _name: ClientName, _reason: CloseReason, _stats: &SessionStats) {}

    /// The client whose turn it is asked for this file, and its bytes are queued.
    fn queued(&mut self, _file: &[u8]) {}

    /// A transfer to this client has ended; the client has not departed yet. It took `lasted` from
    /// the request to the last byte, or to the moment it was aborted.
    fn transferred(
        &mut self,
        _to: ClientName,
        _transfer: &Transfer<Self::File>,
        _lasted: Duration,
    ) {
    }

    /// A connection ends through an error that is not the peer's: a file that shrank or cannot be
    /// read, or an unexpected errno. The name is that of the client, if the peer held a berth.
    fn failed(&mut self, _name: Option<ClientName>, _error: &io::Error) {}

    /// The engine reports each step that it makes.
    fn on_event(&mut self, _event: Event) {}
}

/// Decides which newcomer gets a berth.
///
/// It may answer later: then the newcomer waits, until the arrival timeout at most, and the verdict
/// is given to [`super::hub::Hub::decided`].
pub trait Admission {
    /// What is known of a newcomer.
    type Peer: Peer;

    /// What a newcomer has to show before [`Admission::ask`].
    fn demand(&mut self, _peer: &Self::Peer, _now: Instant) -> Demand {
        Demand::Nothing
    }

    /// Whether this token lets the peer in, and what it may ask for then. Called at most once for a
    /// ticket, and only where a token is demanded. The token counts as in use until the peer
    /// withdraws, leaves or is turned away.
    fn check(
        &mut self,
        _ticket: Ticket,
        _peer: &Self::Peer,
        _token: &[u8],
        _now: Instant,
    ) -> Result<Rights, Denial> {
        Err(Denial::Unknown)
    }

    /// The name of the token that the peer with this ticket has shown.
    fn holder(&self, _ticket: Ticket) -> Option<&str> {
        None
    }

    /// The peer with this ticket was refused a berth, perhaps after its token was checked.
    fn turned_away(&mut self, _ticket: Ticket) {}

    /// Whether the peer with this ticket may have a berth. A verdict at once, or `None`: later.
    fn ask(&mut self, ticket: Ticket, peer: &Self::Peer) -> Option<Verdict>;

    /// The peer with this ticket has gone before its verdict, perhaps before [`Admission::ask`]. If
    /// a berth is granted all the same, the hub gives it back with [`Admission::leave`].
    fn withdraw(&mut self, _ticket: Ticket) {}

    /// The berth that was granted for this ticket is free again. May be called more than once.
    fn leave(
        &mut self,
        ticket: Ticket,
        name: ClientName,
        reason: CloseReason,
        stats: &SessionStats,
    );

    /// Whether clients may be served at `now`. A remote admission may have given the berths of this
    /// server to another one after it lost contact. Called before any turn.
    fn may_serve(&self, _now: Instant) -> bool {
        true
    }
}

/// A peer that connects, as the server knows it.
pub trait Peer: Debug {
    /// What the berths per origin are counted by: an address, or a block of addresses.
    type Origin: Clone + Debug + Ord;

    /// Its origin.
    fn origin(&self) -> Self::Origin;

    /// What is spoken on the listener that it came through.
    fn speech(&self) -> Speech {
        Speech::Lines
    }
}

/// The handler and observer of a hub, in one value. Its transports are `T`, its tasks `K`.
pub trait Backend<T: Transport, K>:
    Handler<File = T::File, Task = K> + Observer<File = T::File>
{
}

impl<S, T: Transport, K> Backend<T, K> for S where
    S: Handler<File = T::File, Task = K> + Observer<File = T::File>
{
}

/// Whether an answer is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More steps are needed.
    More,
    /// More steps are needed, and none can be done before [`super::hub::Hub::wake`] is called.
    Waiting,
    /// So many bytes of a body are needed, not 0, before the next step.
    Body(u64),
    /// It is complete.
    Done,
}

/// What becomes of a body after some bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The bytes behind them are wanted too, if there are any.
    Going,
    /// A step has to be done before more are wanted.
    Pause,
    /// The upload has failed: what says so is queued, and the session ends behind it.
    Failed,
}
