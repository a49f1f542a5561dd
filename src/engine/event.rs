//! The events that the engine reports to its observers, step by step.
//!
//! Owns the names of the steps. Must never hold a time: an observer may read a clock, the engine
//! may not. An event goes to [`super::ports::Observer::on_event`]; where that is empty, the
//! compiler removes the call.

use crate::wire::ClientName;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Nothing can be done until an event or a deadline.
    Waiting,
    /// The budget is spent and there is more to do: the connection is queued again.
    Yielded,
    /// The handshake is complete: the admission is to be asked for a berth now.
    Arrived,
    /// The connection is over and is to be dropped.
    Done,
}

/// One step, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A turn begins of the peer with this key, who has this name while it holds a berth.
    Began(usize, Option<ClientName>),
    /// A request was taken.
    Took(RequestKind),
    /// Requests were answered, as far as possible now: the answers are queued.
    Answered,
    /// So many queued bytes were written.
    Wrote(usize),
    /// So many bytes of a file were sent.
    Sent(usize),
    /// So many bytes of the transport's own (of TLS) were sent.
    Settled(usize),
    /// A write returned `WouldBlock`: the send buffer is full.
    WriteBlocked,
    /// All output was sent, and the sending side is shut down.
    Finished,
    /// So many bytes were read; 0 if all of them were the transport's own.
    Read(usize),
    /// The end of the input was read.
    ReadEnd,
    /// A read returned `WouldBlock`: the receive buffer is empty.
    ReadBlocked,
    /// An operation failed, or was interrupted.
    Failed,
    /// The turn is over.
    Rested(TurnEnd),
    /// A timer of the peer with this key expired: a turn follows.
    Expired(usize),
}

/// The state of a connection at the end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnEnd {
    /// How it ended.
    pub turn: Turn,
    /// Whether the peer holds a berth: if not, it was turned away or lingers.
    pub is_client: bool,
    /// Whether there is unsent output, of a file or not.
    pub owes: bool,
    /// Unsent bytes in memory.
    pub queued: usize,
}

/// The kind of a request, without its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A message, which is sent back.
    Message,
    /// `status`.
    Status,
    /// `list`.
    List,
    /// `get` with a name.
    Get,
    /// `sha256` with a name.
    Sha256,
    /// `stat` with a name.
    Stat,
    /// `put` or `replace`, in either form.
    Put,
    /// `exit`.
    Exit,
    /// An invalid line: too long, or a command with missing or invalid arguments.
    Mistake,
}

impl RequestKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::Status,
        Self::List,
        Self::Get,
        Self::Sha256,
        Self::Stat,
        Self::Put,
        Self::Exit,
        Self::Mistake,
    ];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Status => "status",
            Self::List => "list",
            Self::Get => "get",
            Self::Sha256 => "sha256",
            Self::Stat => "stat",
            Self::Put => "put",
            Self::Exit => "exit",
            Self::Mistake => "mistake",
        }
    }
}
