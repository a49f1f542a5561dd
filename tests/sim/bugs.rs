//! The mistakes that are made on purpose, to see whether the oracle notices.
//!
//! Owns their list. Must never make one: each is made where it belongs.

/// A mistake that is made on purpose outside the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// An edge is lost between the kernel and the hub.
    SwallowEdge,
    /// The last byte of a write arrives twice.
    RepeatByte,
    /// The last byte of a write never arrives.
    LoseByte,
    /// A write says that it took one byte fewer than it did.
    UnderstateWrite,
    /// A read says that it gave one byte fewer than it did.
    UnderstateRead,
    /// The end of the input is never told.
    HideEnd,
    /// Closing the sending side does nothing.
    IgnoreFinish,
    /// The loop wakes for events and never for a deadline.
    IgnoreDeadlines,
    /// The hub is told a time that is a little behind.
    LateClock,
    /// The hub is told a time that is a little ahead.
    EarlyClock,
    /// A sealed pipe that holds more says that an event will tell of it.
    ForgetMore,
    /// It says so because the socket was empty once, although an event has come since.
    RememberDrained,
    /// A sealed pipe does not tell of an end that was said inside it.
    NeverSayEnd,
    /// It tells data and keeps the end behind it to itself.
    HideSaidEnd,
    /// It says that it can be written to before its handshake is done.
    ReadyTooEarly,
    /// It does not tell that it owes what its handshake has to say.
    HideHandshake,
    /// It does not tell that it owes what it has taken.
    HideDebt,
    /// It does not read while it has something to send, and calls that blocked.
    ReadAfterWrite,
    /// It opens what came while it writes, and tells nobody.
    OpenAsideOfReads,
    /// It calls an end in the middle by the name of something else.
    NameTheEnd,
    /// It breaks the connection of who breaks the rules, without the alert.
    DestroyAlert,
    /// The loop does any number of handshake steps at once.
    AllHandshakes,
    /// A read that gives nothing costs nothing of a turn.
    WorkForNothing,
    /// Whoever arrives may take twice as long as it says.
    LongArrival,
    /// Whoever has shown no token may say a line more than it should.
    MoreLines,
    /// It may say twice as much as it should.
    MoreBytes,
    /// The token of who was turned away stays in use.
    KeepToken,
    /// Every good token gives every right.
    AllRights,
    /// The judge keeps a berth that was given back.
    KeepBerth,
    /// The service leaves out a piece of a listing.
    SkipStep,
    /// The service sends a file from one byte further on.
    ShiftFile,
    /// The service never closes a file.
    LeakFile,
    /// The loop has room for one client fewer than it says.
    FewerBerths,
    /// The loop has room for one client more than it says.
    MoreBerths,
    /// The loop keeps peers who are leaving for twice as long as it says.
    LongLinger,
    /// The loop does one turn's work of four at once.
    LargeTurns,
    /// The service wants a byte more of a body than it has.
    LongBody,
    /// The loop does not wake an answer that waited.
    LoseWake,
    /// Whoever sends nothing of a body has twice as long as it says.
    LongStall,
    /// The loop ends a line a moment too early.
    EarlyPause,
    /// The loop ends a line a moment too late.
    LatePause,
}

impl Bug {
    pub(crate) const ALL: &[Self] = &[
        Self::SwallowEdge,
        Self::RepeatByte,
        Self::LoseByte,
        Self::UnderstateWrite,
        Self::UnderstateRead,
        Self::HideEnd,
        Self::IgnoreFinish,
        Self::IgnoreDeadlines,
        Self::LateClock,
        Self::EarlyClock,
        Self::ForgetMore,
        Self::RememberDrained,
        Self::NeverSayEnd,
        Self::HideSaidEnd,
        Self::ReadyTooEarly,
        Self::HideHandshake,
        Self::HideDebt,
        Self::ReadAfterWrite,
        Self::OpenAsideOfReads,
        Self::NameTheEnd,
        Self::DestroyAlert,
        Self::AllHandshakes,
        Self::WorkForNothing,
        Self::LongArrival,
        Self::MoreLines,
        Self::MoreBytes,
        Self::KeepToken,
        Self::AllRights,
        Self::KeepBerth,
        Self::SkipStep,
        Self::ShiftFile,
        Self::LeakFile,
        Self::FewerBerths,
        Self::MoreBerths,
        Self::LongLinger,
        Self::LargeTurns,
        Self::LongBody,
        Self::LoseWake,
        Self::LongStall,
        Self::EarlyPause,
        Self::LatePause,
    ];
}
