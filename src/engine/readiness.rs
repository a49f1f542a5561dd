//! What the kernel last said about a connection.
//!
//! Owns two bits. Must never be cleared by anything but a refused operation: with edge-triggered
//! events the kernel speaks once, so a bit cleared on a guess is a connection that hangs for ever.

/// Whether reading and writing are worth trying.
///
/// A bit means "not known to block". Both start set, because a new connection is tried first and
/// waited for later. An event sets a bit; only `WouldBlock` clears it, never a short read or a
/// short write (mio, `Poll`, "Draining readiness").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    readable: bool,
    writable: bool,
}

impl Readiness {
    /// Both directions are worth trying.
    pub const BOTH: Self = Self {
        readable: true,
        writable: true,
    };

    /// An event that names what became possible.
    #[must_use]
    pub const fn of(readable: bool, writable: bool) -> Self {
        Self { readable, writable }
    }

    /// Adds what an event said.
    pub fn note(&mut self, event: Self) {
        self.readable |= event.readable;
        self.writable |= event.writable;
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

    /// A read would have blocked: the next event will say when to try again.
    pub fn read_blocked(&mut self) {
        self.readable = false;
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
}
