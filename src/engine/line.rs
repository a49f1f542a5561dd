//! What a line is, and what ends one.
//!
//! Owns the enums for it. Must never search for an end: [`super::line_buffer`] does.

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A line.
    Line,
    /// A line that a pause has ended: all there is belongs to it.
    Ended,
    /// The rest of a line that was too long and has been answered; discarded up to its LF.
    Excess,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// LF.
    Lf,
    /// LF, or a long pause: no line end was seen yet.
    Undecided,
    /// A short pause: the connection is unframed. A LF, should one come after all, makes it
    /// [`LineEnd::Lf`].
    Pause,
    /// LF or CR NUL: the peer has turned out to be a Telnet client, which may send either for
    /// Enter. From any other peer CR NUL is two bytes of a line.
    Telnet,
}

/// What was taken from the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line, without its LF and without one CR before that.
    Text(&'a [u8]),
    /// A line of an unframed connection, without one CR at its end.
    Unframed(&'a [u8]),
    /// A line of more than [`crate::wire::LINE_BYTES_MAX`] bytes, of which these are the first;
    /// returned once for each such line.
    TooLong(&'a [u8]),
    /// Not a line: a Telnet client waits for a TIMING-MARK, see [`crate::wire::telnet::Command`].
    Mark,
}
