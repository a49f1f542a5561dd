//! The doors of the engine: the only ways to the outside.
//!
//! Owns the shape of a pipe of bytes, of the meaning of a request, of whoever judges newcomers and
//! of whoever watches. Must never hold a decision: what goes through a door is decided on one side
//! of it and done on the other.

use std::fmt::Debug;
use std::io;
use std::time::{Duration, Instant};

use crate::engine::admission::{Ticket, Verdict};
use crate::engine::event::Event;
use crate::engine::outbox::{Outbox, Transfer};
use crate::engine::stats::SessionStats;
use crate::wire::{ClientName, CloseReason};

pub use crate::engine::admission::Refusal;
pub use crate::engine::query::Query;

/// A pipe of bytes to one peer that never waits.
///
/// Every operation does what it can at once. `WouldBlock` means that nothing could be done because
/// the socket below takes or has nothing, and that an event will tell when it does; a short write
/// means nothing at all; `Interrupted` means try again. `InvalidData` of a read means that the peer
/// breaks the rules of the pipe: it gets no more answers, but what the pipe owes it, an alert, is
/// still sent. Every other error means that the pipe is broken.
///
/// A pipe may have bytes of its own to send, as TLS has: those of its handshake, its answers to
/// the other end of the pipe, and its way to say that no more comes. What it owes so is sent by
/// [`Transport::settle`] before anything else is.
pub trait Transport {
    /// What file bytes are sent from. Dropping it closes it.
    type File: Debug;

    /// Reads into `space`, which is not empty.
    fn read(&mut self, space: &mut [u8]) -> io::Result<Taken>;

    /// Writes from `bytes`, which are not empty. `Ok(0)` is an error, as in [`io::Write`]. To be
    /// called only while the pipe is ready and owes nothing: what it has taken it may owe then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends up to `len` (not 0) bytes of `file` from `offset` on, without moving any position
    /// that the file may have. `Ok(0)`: the file ends before `offset`. To be called as
    /// [`Transport::write`] is.
    fn send_file(&mut self, file: &Self::File, offset: u64, len: usize) -> io::Result<usize>;

    /// Tells the peer that no more will come. What was written before still arrives. To be called
    /// only while the pipe owes nothing, and again after `WouldBlock`, as soon as it owes nothing
    /// once more. From then on a read gives what is to be thrown away.
    fn finish(&mut self) -> io::Result<()>;

    /// Sends what the pipe itself owes, and says how many bytes the socket took. To be called only
    /// while it owes something.
    fn settle(&mut self) -> io::Result<usize>;

    /// Whether the pipe has unsent bytes of its own.
    fn owes(&self) -> bool;

    /// Whether the pipe can be written to: it is for ever once its handshake is done.
    fn is_ready(&self) -> bool;
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many bytes were put into the space. None, when all that came was the pipe's own.
    pub bytes: usize,
    /// What is known of the rest.
    pub more: More,
}

/// What a read knows of what is behind it.
///
/// The number of bytes alone does not tell: a pipe that decrypts may hold more than it gave out,
/// or may have got its last byte long before the socket says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// There may be more: another read is worth trying.
    Perhaps,
    /// In this very call the socket had no more, and nothing is held inside. An event will tell of
    /// more, unless one has said before that the end is there. That the socket had no more in an
    /// earlier call is not enough: an event may have come since, and it comes once.
    WhenTold,
    /// Nothing: the peer will send no more.
    Never,
}

/// What the requests mean that need more than the session to answer.
pub trait Handler {
    /// What the bytes of a `get` are sent from.
    type File;

    /// An answer that takes several steps, such as a long listing.
    type Task;

    /// Begins to answer `query`, at the end of `reply`. The answer is whole if no task comes back;
    /// otherwise [`Handler::resume`] is called until it is.
    fn answer(
        &mut self,
        query: Query<'_>,
        now: Instant,
        reply: &mut Outbox<Self::File>,
    ) -> Option<Self::Task>;

    /// Goes on with an answer for a step that is short enough for everybody else to wait for, and
    /// that queues at most as much as a connection may have queued before it takes more.
    fn resume(&mut self, task: &mut Self::Task, reply: &mut Outbox<Self::File>) -> Step;
}

/// Hears what happens, which changes nothing. What an observer does not want to hear it leaves out,
/// and the compiler takes the call away.
pub trait Observer {
    /// What the bytes of a `get` are sent from.
    type File;

    /// Where a client came from.
    type Peer;

    /// A newcomer was turned away, and is told so.
    fn refused(&mut self, _peer: &Self::Peer, _refusal: Refusal) {}

    /// A client was let in.
    fn arrived(&mut self, _name: ClientName, _peer: &Self::Peer) {}

    /// A client has said its first line: it did more than knock.
    fn asked(&mut self, _name: ClientName) {}

    /// A client has sent the beginning of a line and nothing more for long. This is told once.
    fn unended(&mut self, _name: ClientName) {}

    /// A client's berth is free again, after a stay that came to `stats`.
    fn departed(&mut self, _name: ClientName, _farewell: CloseReason, _tally: &SessionStats) {}

    /// The file that the client whose turn it is named so was found, and its bytes are queued.
    fn queued(&mut self, _file: &[u8]) {}

    /// No more of a file will be sent to this client, which has not departed yet. It took
    /// `lasted` from the request to the last byte, or to the moment it was given up.
    fn transferred(&mut self, _to: ClientName, _passage: &Transfer<Self::File>, _lasted: Duration) {
    }

    /// A connection ends through our own fault: a file that shrank or cannot be read, or whatever
    /// else is not the peer's doing. The name is that of a client whose berth this was.
    fn failed(&mut self, _name: Option<ClientName>, _error: &io::Error) {}

    /// The engine did this.
    fn on_event(&mut self, _deed: Event) {}
}

/// Judges newcomers.
///
/// The judge may answer later: then the newcomer waits, for as long as it may be arriving, and the
/// verdict is given to [`super::hub::Hub::decided`].
pub trait Admission {
    /// A newcomer, as it is judged.
    type Peer: Peer;

    /// Whether the peer with this ticket may have a berth. A verdict at once, or `None`: later.
    fn ask(&mut self, ticket: Ticket, peer: &Self::Peer) -> Option<Verdict>;

    /// The peer with this ticket has gone before it was judged, perhaps before anybody asked. A
    /// verdict that is under way all the same is answered by [`Admission::leave`].
    fn withdraw(&mut self, _ticket: Ticket) {}

    /// The berth that was granted for this ticket is free again. It may be said more than once.
    fn leave(
        &mut self,
        ticket: Ticket,
        name: ClientName,
        reason: CloseReason,
        stats: &SessionStats,
    );

    /// Whether anybody may be served at `now`: a judge elsewhere may have given the berths of this
    /// server to others when it was not heard of for too long. Asked before any turn.
    fn may_serve(&self, _now: Instant) -> bool {
        true
    }
}

/// Somebody who connects, as the server knows it.
pub trait Peer: Debug {
    /// Where it is, as far as shares go: an address, or a block of them.
    type Origin: Clone + Debug + Ord;

    /// Where it is.
    fn origin(&self) -> Self::Origin;
}

/// What a hub is run with, whose pipes are `T` and tasks `K`: one value that answers and hears.
pub trait Backend<T: Transport, K>:
    Handler<File = T::File, Task = K> + Observer<File = T::File>
{
}

impl<S, T: Transport, K> Backend<T, K> for S where
    S: Handler<File = T::File, Task = K> + Observer<File = T::File>
{
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to it.
    More,
    /// It is whole.
    Done,
}

/// Two in one: the first answers, and both hear.
impl<A: Handler, B> Handler for (A, B) {
    type File = A::File;
    type Task = A::Task;

    fn answer(
        &mut self,
        query: Query<'_>,
        now: Instant,
        reply: &mut Outbox<A::File>,
    ) -> Option<A::Task> {
        self.0.answer(query, now, reply)
    }

    fn resume(&mut self, task: &mut A::Task, reply: &mut Outbox<A::File>) -> Step {
        self.0.resume(task, reply)
    }
}

impl<A, B> Observer for (A, B)
where
    A: Observer,
    B: Observer<File = A::File, Peer = A::Peer>,
{
    type File = A::File;
    type Peer = A::Peer;

    fn refused(&mut self, peer: &A::Peer, refusal: Refusal) {
        self.0.refused(peer, refusal);
        self.1.refused(peer, refusal);
    }

    fn arrived(&mut self, name: ClientName, peer: &A::Peer) {
        self.0.arrived(name, peer);
        self.1.arrived(name, peer);
    }

    fn asked(&mut self, name: ClientName) {
        self.0.asked(name);
        self.1.asked(name);
    }

    fn unended(&mut self, name: ClientName) {
        self.0.unended(name);
        self.1.unended(name);
    }

    fn departed(&mut self, name: ClientName, reason: CloseReason, stats: &SessionStats) {
        self.0.departed(name, reason, stats);
        self.1.departed(name, reason, stats);
    }

    fn queued(&mut self, file: &[u8]) {
        self.0.queued(file);
        self.1.queued(file);
    }

    fn transferred(&mut self, to: ClientName, transfer: &Transfer<A::File>, lasted: Duration) {
        self.0.transferred(to, transfer, lasted);
        self.1.transferred(to, transfer, lasted);
    }

    fn failed(&mut self, name: Option<ClientName>, error: &io::Error) {
        self.0.failed(name, error);
        self.1.failed(name, error);
    }

    // A event is known where it is told: inlined, a listener costs what its own arm does.
    #[inline(always)]
    fn on_event(&mut self, event: Event) {
        self.0.on_event(event);
        self.1.on_event(event);
    }
}
