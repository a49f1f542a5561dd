//! The body of an upload, as a session sees it: bytes that are counted and not searched.
//!
//! Owns how many are owed, and what becomes of those that are not wanted. Must never look into one,
//! nor keep one: what is in the input buffer is handed on first, then what the socket has.

use std::time::Instant;

use crate::engine::limits::Limits;
use crate::engine::line_buffer::LineBuffer;
use crate::engine::outbox::Outbox;
use crate::engine::phase::{Ending, Phase};
use crate::engine::session::Session;
use crate::engine::under_way::UnderWay;
use crate::wire::CloseReason;

impl<F, K> Session<F, K> {
    /// How many bytes of a body the client has announced and not sent. 0 while the answer has a
    /// step to do before it takes more of them.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        match self.phase {
            Phase::Open => self.under_way.owed(),
            _ => 0,
        }
    }

    /// Whether what is owed is not wanted.
    #[must_use]
    pub const fn is_discarding(&self) -> bool {
        matches!(self.under_way, UnderWay::Discard(_))
    }

    /// An upload was refused whose body of `size` bytes follows all the same. A body of up to
    /// [`Limits::discard_bytes`] is discarded, and the session goes on; behind a larger one, or one
    /// of a size that cannot be counted, it ends.
    pub fn refuse_body(&mut self, size: Option<u64>, limits: &Limits) {
        match size {
            Some(0) => {}
            Some(size) if size <= limits.discard_bytes => {
                self.under_way = UnderWay::Discard(size);
            }
            _ => self.leave(CloseReason::Upload, None),
        }
    }

    /// The input that was read already, the answer that wants it, and the outbox for its words.
    pub(super) const fn body(&mut self) -> (&mut LineBuffer, &mut UnderWay<K>, &mut Outbox<F>) {
        (&mut self.inbox, &mut self.under_way, &mut self.outbox)
    }

    /// A read put these bytes elsewhere than into the input buffer. Returns how many of them, at
    /// the front, are of the body: where frames come, the others are theirs.
    pub fn received_body(&mut self, bytes: &mut [u8], limits: &Limits, now: Instant) -> usize {
        self.running.received(bytes.len());
        let kept = self.strip(bytes, limits);
        if kept > 0 {
            self.moved_at = now;
        }
        kept
    }

    /// Whether nothing of a body came for the stall timeout. To be called when there was nothing
    /// left to read. The time in which the answer does its steps does not count.
    #[must_use]
    pub fn is_body_late(&self, limits: &Limits, now: Instant) -> bool {
        self.owed() > 0 && now >= self.moved_at + limits.stall
    }

    /// Takes the answer under way of a client that leaves before it is complete.
    pub fn take_abandoned(&mut self) -> Option<(K, CloseReason)> {
        let reason = match self.phase.ending()? {
            Ending::Left(reason) => reason,
            // What its page asks for next comes on another connection.
            Ending::Moved => CloseReason::Reset,
            Ending::Refused(_) | Ending::NotAdmitted => return None,
        };
        Some((self.under_way.take()?, reason))
    }
}
