//! What the engine does, told step by step to whoever listens.
//!
//! Owns the names of the steps. Must never hold a time: who hears of an event may ask a clock, the
//! engine may not. An event goes to [`super::ports::Observer::on_event`]; where that does nothing
//! the compiler leaves nothing of it.

use crate::wire::ClientName;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Nothing can be done until an event or a deadline.
    Waiting,
    /// There is more to do, and others to do it for first.
    Yielded,
    /// The peer has passed its gates: whether it gets a berth is to be asked now.
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
    /// What was asked is answered, as far as it can be now: the answers are queued.
    Answered,
    /// So many queued bytes were written.
    Wrote(usize),
    /// So many bytes of a file were sent.
    Sent(usize),
    /// So many bytes were sent that the pipe itself owed.
    Settled(usize),
    /// A write would have blocked: the peer has to take something first.
    WriteBlocked,
    /// All was sent, and the peer told so.
    Finished,
    /// So many bytes were read; none, where all that came was the pipe's own.
    Read(usize),
    /// The end of the input was read.
    ReadEnd,
    /// A read would have blocked: the peer has to say something first.
    ReadBlocked,
    /// An operation failed, or was interrupted.
    Failed,
    /// The turn is over.
    Rested(TurnEnd),
    /// Something is due for the peer with this key: a turn follows.
    Expired(usize),
}

/// How things stand at the end of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnEnd {
    /// How it ended.
    pub turn: Turn,
    /// Whether the peer holds a berth: if not, it was turned away or lingers.
    pub is_client: bool,
    /// Whether anything is owed to the peer, of a file or not.
    pub owes: bool,
    /// Unsent bytes in memory.
    pub queued: usize,
}

/// What was asked for, without its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Something to be sent back.
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
    /// `exit`.
    Exit,
    /// A line that is none of these: too long, or a command that cannot be meant.
    Mistake,
}

impl RequestKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Message,
        Self::Status,
        Self::List,
        Self::Get,
        Self::Sha256,
        Self::Stat,
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
            Self::Exit => "exit",
            Self::Mistake => "mistake",
        }
    }
}
