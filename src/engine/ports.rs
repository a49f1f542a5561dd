//! The two doors of the engine: the only ways to the outside.
//!
//! Owns the shape of a pipe of bytes and of the meaning of a request. Must never hold code, but for
//! the emptiness of what nobody has to hear: what goes through a door is decided on one side of it
//! and done on the other.

use std::io;
use std::time::Duration;

use super::deed::Deed;
use super::outbox::{Outbox, Passage};
use super::tally::Tally;
use crate::wire::{ClientName, Farewell};

pub use super::admission::Refusal;
pub use super::query::Query;

/// A pipe of bytes to one peer that never waits.
///
/// Every operation does what it can at once. `WouldBlock` means that nothing could be done and
/// that an event will tell when it can; a short write means nothing at all; `Interrupted` means
/// try again. Every other error means that the pipe, or the file, is broken.
pub trait Transport {
    /// What file bytes are sent from. Dropping it closes it.
    type File: std::fmt::Debug;

    /// Reads into `space`, which is not empty. `Ok(0)`: the peer will send no more. A short read
    /// took all there was, and an event will tell of more, unless one said before that the end is
    /// there.
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize>;

    /// Writes from `bytes`, which are not empty. `Ok(0)` is an error, as in [`io::Write`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends up to `len` (not 0) bytes of `file` from `offset` on, without moving any position
    /// that the file may have. `Ok(0)`: the file ends before `offset`.
    fn send_file(&mut self, file: &Self::File, offset: u64, len: usize) -> io::Result<usize>;

    /// Tells the peer that no more will come. What was written before still arrives.
    fn finish(&mut self) -> io::Result<()>;
}

/// What the requests mean that need more than the session to answer.
pub trait Service {
    /// What the bytes of a `get` are sent from.
    type File;

    /// An answer that takes several steps, such as a long listing.
    type Task;

    /// Where a client came from, as the service shows it.
    type Peer;

    /// Whether a newcomer from `peer` may have the berth that is free.
    fn has_share(&self, peer: &Self::Peer) -> bool;

    /// A newcomer was turned away, and is told so.
    fn refused(&mut self, peer: Self::Peer, refusal: Refusal);

    /// A client was let in.
    fn arrived(&mut self, name: ClientName, peer: Self::Peer);

    /// A client has said its first line: it did more than knock.
    fn asked(&mut self, name: ClientName);

    /// A client has sent the beginning of a line and nothing more for long. This is told once.
    fn unended(&mut self, name: ClientName);

    /// A client's berth is free again, after a stay that came to `tally`.
    fn departed(&mut self, name: ClientName, farewell: Farewell, tally: &Tally);

    /// No more of a file will be sent to this client, which has not departed yet. It took
    /// `lasted` from the request to the last byte, or to the moment it was given up.
    fn transferred(&mut self, to: ClientName, passage: Passage<Self::File>, lasted: Duration);

    /// A connection ends through our own fault: a file that shrank or cannot be read, or whatever
    /// else is not the peer's doing. The name is that of a client whose berth this was.
    fn failed(&mut self, name: Option<ClientName>, error: &io::Error);

    /// Begins to answer `query`, at the end of `reply`. The answer is whole if no task comes back;
    /// otherwise [`Service::resume`] is called until it is.
    fn answer(&mut self, query: Query<'_>, reply: &mut Outbox<Self::File>) -> Option<Self::Task>;

    /// Goes on with an answer for a step that is short enough for everybody else to wait for, and
    /// that queues at most as much as a connection may have queued before it takes more.
    fn resume(&mut self, task: &mut Self::Task, reply: &mut Outbox<Self::File>) -> Step;

    /// Hears what the engine does, which changes nothing. Unless a service listens this is empty,
    /// and the compiler takes the call away.
    fn saw(&mut self, _deed: Deed) {}
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to it.
    More,
    /// It is whole.
    Done,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_doors_hold_no_code() {
        let (doors, _) = include_str!("ports.rs")
            .split_once("#[cfg(test)]")
            .expect("this test stands behind the doors");
        let functions = doors.split("    fn ").skip(1);
        for function in functions.clone() {
            let end = function.find([';', '{']).expect("a function ends");
            let rest = &function[end..];
            assert!(
                rest.starts_with(';') || rest.starts_with("{}"),
                "{function}"
            );
        }
        assert!(functions.count() > 10, "there are doors");
    }
}
