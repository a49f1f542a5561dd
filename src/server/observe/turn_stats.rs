//! The statistics of one turn.
//!
//! Owns the sums of a turn and their text. Must never grow with the work of the turn.

use std::fmt;

use crate::engine::event::{Event, RequestKind};
use crate::wire::ClientName;

/// The sums of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnStats {
    /// The table's key for the peer.
    pub key: usize,
    /// Its name, while it holds a berth.
    pub name: Option<ClientName>,
    /// Requests taken, in the order of [`RequestKind::ALL`].
    pub requests: [u32; RequestKind::ALL.len()],
    /// Bytes read.
    pub read: u64,
    /// Bytes written from memory.
    pub written: u64,
    /// Bytes of files sent.
    pub sent: u64,
    /// Operations that would have blocked.
    pub blocked: u32,
    /// Operations that failed or were interrupted.
    pub failed: u32,
    /// Whether a timer expired.
    pub expired: bool,
}

impl TurnStats {
    /// Adds a step.
    #[inline(always)]
    pub fn add(&mut self, event: Event) {
        match event {
            Event::Began(key, name) => (self.key, self.name) = (key, name),
            Event::Took(kind) => self.requests[kind as usize] += 1,
            Event::Wrote(n) | Event::Settled(n) => self.written += n as u64,
            Event::Sent(n) => self.sent += n as u64,
            Event::Read(n) => self.read += n as u64,
            Event::WriteBlocked | Event::ReadBlocked => self.blocked += 1,
            Event::Failed => self.failed += 1,
            Event::Answered
            | Event::ReadEnd
            | Event::Finished
            | Event::Rested(_)
            | Event::Expired(_) => {}
        }
    }

    /// Whose turn it was.
    #[must_use]
    pub const fn who(&self) -> Who {
        Who(self.name)
    }

    /// The number of requests of each kind, without counts of 0.
    pub fn asked(&self) -> impl Iterator<Item = (RequestKind, u32)> {
        let kinds = RequestKind::ALL.into_iter().zip(self.requests);
        kinds.filter(|&(_, count)| count > 0)
    }
}

/// Whose turn it was, in text.
#[derive(Clone, Copy, Debug)]
pub struct Who(Option<ClientName>);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => name.fmt(f),
            None => f.write_str("a peer without a berth"),
        }
    }
}

/// The sums in text: `2 get, 12 B read, 20 B written, 262144 B sent, 1 would block`.
impl fmt::Display for TurnStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        let mut say = |count: u64, what: &str| {
            if count == 0 {
                return Ok(());
            }
            write!(f, "{between}{count} {what}")?;
            between = ", ";
            Ok(())
        };
        for (kind, count) in self.asked() {
            say(count.into(), kind.word())?;
        }
        say(self.read, "B read")?;
        say(self.written, "B written")?;
        say(self.sent, "B of files sent")?;
        say(self.blocked.into(), "would block")?;
        say(self.failed.into(), "failed")?;
        if between.is_empty() {
            f.write_str("nothing to count")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_told_in_words() {
        let mut events = TurnStats::default();
        assert_eq!(events.to_string(), "nothing to count");
        events.add(Event::Began(3, Some(ClientName(7))));
        for kind in RequestKind::ALL {
            events.add(Event::Took(kind));
        }
        events.add(Event::Read(5));
        events.add(Event::Wrote(6));
        events.add(Event::Sent(7));
        events.add(Event::WriteBlocked);
        assert_eq!(
            format!("{}: {events}", events.who()),
            "Client07: 1 message, 1 status, 1 list, 1 get, 1 sha256, 1 stat, 1 put, 1 exit, 1 \
             mistake, 5 B read, 6 B written, 7 B of files sent, 1 would block"
        );
    }
}
