//! What one turn did, in numbers.
//!
//! Owns the sums of a turn and the words for them. Must never grow with what is done.

use std::fmt;

use crate::engine::deed::{Deed, Verb};
use crate::wire::ClientName;

/// The sums of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// The table's key for the peer.
    pub key: usize,
    /// Its name, while it holds a berth.
    pub name: Option<ClientName>,
    /// Requests taken, in the order of [`Verb::ALL`].
    pub requests: [u32; Verb::ALL.len()],
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
    /// Whether a deadline came.
    pub expired: bool,
}

impl Deeds {
    /// Adds a step.
    #[inline(always)]
    pub fn add(&mut self, deed: Deed) {
        match deed {
            Deed::Began(key, name) => (self.key, self.name) = (key, name),
            Deed::Took(verb) => self.requests[verb as usize] += 1,
            Deed::Wrote(n) | Deed::Settled(n) => self.written += n as u64,
            Deed::Sent(n) => self.sent += n as u64,
            Deed::Read(n) => self.read += n as u64,
            Deed::WriteBlocked | Deed::ReadBlocked => self.blocked += 1,
            Deed::Failed => self.failed += 1,
            Deed::Answered
            | Deed::ReadEnd
            | Deed::Finished
            | Deed::Rested(_)
            | Deed::Expired(_) => {}
        }
    }

    /// Whose turn it was.
    #[must_use]
    pub const fn who(&self) -> Who {
        Who(self.name)
    }

    /// The requests that there were, each with its verb.
    pub fn asked(&self) -> impl Iterator<Item = (Verb, u32)> {
        let verbs = Verb::ALL.into_iter().zip(self.requests);
        verbs.filter(|&(_, count)| count > 0)
    }
}

/// Whose turn it was, in words.
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

/// What was done, as in `2 get, 12 B read, 20 B written, 262144 B sent, 1 would block`.
impl fmt::Display for Deeds {
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
        for (verb, count) in self.asked() {
            say(count.into(), verb.word())?;
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
        let mut deeds = Deeds::default();
        assert_eq!(deeds.to_string(), "nothing to count");
        deeds.add(Deed::Began(3, Some(ClientName(7))));
        for verb in Verb::ALL {
            deeds.add(Deed::Took(verb));
        }
        deeds.add(Deed::Read(5));
        deeds.add(Deed::Wrote(6));
        deeds.add(Deed::Sent(7));
        deeds.add(Deed::WriteBlocked);
        assert_eq!(
            format!("{}: {deeds}", deeds.who()),
            "Client07: 1 message, 1 status, 1 list, 1 get, 1 sha256, 1 stat, 1 exit, 1 mistake, \
             5 B read, 6 B written, 7 B of files sent, 1 would block"
        );
    }
}
