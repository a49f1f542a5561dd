//! The readiness of a connection's socket, as edge-triggered epoll reports it.
//!
//! Owns three bits. Must never be cleared on a guess: an edge-triggered event comes once, so a bit
//! cleared too early is a connection that hangs for ever.

/// Whether reading and writing are worth trying.
///
/// A bit means "not known to block". Both start set, because a new connection is tried first and
/// waited for later. An event sets a bit; only an operation clears it: one that would have blocked,
/// or a read that took all there was while no event had reported the end of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    readable: bool,
    writable: bool,
    /// The end of the input, or an error, is there to be read, behind whatever data is. It stays
    /// set, for nothing comes behind that.
    closing: bool,
}

impl Readiness {
    /// Both directions are worth trying.
    pub const BOTH: Self = Self {
        readable: true,
        writable: true,
        closing: false,
    };

    /// The readiness that an event reports.
    #[must_use]
    pub const fn of(readable: bool, writable: bool) -> Self {
        Self {
            readable,
            writable,
            closing: false,
        }
    }

    /// The same, with whether the event also reported the end of input or an error.
    #[must_use]
    pub const fn with_end(self, closing: bool) -> Self {
        Self { closing, ..self }
    }

    /// Adds the readiness that an event reported.
    pub fn note(&mut self, event: Self) {
        self.readable |= event.readable;
        self.writable |= event.writable;
        self.closing |= event.closing;
    }

    /// Whether a read is worth trying.
    #[must_use]
    pub const fn readable(self) -> bool {
        self.readable
    }

    /// Whether a write is worth trying.
    #[must_use]
    pub const fn writable(self) -> bool {
        self.writable
    }

    /// A read returned `WouldBlock`: the next event will report when to try again.
    pub fn read_blocked(&mut self) {
        self.readable = false;
    }

    /// Whether the end of input or an error was reported.
    #[must_use]
    pub const fn closing(self) -> bool {
        self.closing
    }

    /// A read took less than there was room for, so there was no more. The next event will say when
    /// there is, unless the end came in the same event as the data: nothing speaks of it again, so
    /// it has to be read (measured on Linux 6.18; tokio clears its own bit by the same rule).
    pub fn read_all(&mut self) {
        self.readable = self.closing;
    }

    /// A write would have blocked: the next event will say when to try again.
    pub fn write_blocked(&mut self) {
        self.writable = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_adds_and_never_takes_away() {
        let mut readiness = Readiness::BOTH;
        readiness.read_blocked();
        readiness.note(Readiness::of(false, true));
        assert!(!readiness.readable() && readiness.writable());
        readiness.write_blocked();
        readiness.note(Readiness::of(true, false));
        assert!(readiness.readable() && !readiness.writable());
    }

    #[test]
    fn a_short_read_is_the_last_unless_an_end_is_behind_it() {
        let mut readiness = Readiness::BOTH;
        readiness.read_all();
        assert!(!readiness.readable());
        readiness.note(Readiness::of(true, false).with_end(true));
        readiness.read_all();
        assert!(readiness.readable() && readiness.closing());
        readiness.note(Readiness::of(false, true));
        assert!(readiness.closing(), "an end is not taken back");
    }
}
