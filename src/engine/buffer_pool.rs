//! Buffers that are lent to one session after another.
//!
//! Owns the buffers that a session reads and answers with during its turn. Most turns leave them
//! empty, so one set serves all sessions: an idle client costs no buffer, and a request costs no
//! allocation. Must never hold unsent output or unread input.

use crate::engine::line_buffer::LineBuffer;
use crate::engine::outbox::Outbox;

/// Room for the input and the output of one turn. `F` is a file on its way.
#[derive(Debug)]
pub struct BufferPool<F> {
    input: Vec<u8>,
    /// Where the body of an upload is read to; allocated with the first one.
    body: Vec<u8>,
    output: Outbox<F>,
}

/// An empty pool: the first session to have a turn allocates the buffers.
impl<F> Default for BufferPool<F> {
    fn default() -> Self {
        Self {
            input: Vec::new(),
            body: Vec::new(),
            output: Outbox::new(),
        }
    }
}

impl<F> BufferPool<F> {
    /// Lends buffers to a session that has none. To be called when a turn begins.
    pub fn lend(&mut self, (inbox, outbox): (&mut LineBuffer, &mut Outbox<F>)) {
        inbox.borrow(&mut self.input);
        outbox.borrow(&mut self.output);
    }

    /// Where a piece of a body goes; nothing of it is kept.
    pub const fn body(&mut self) -> &mut Vec<u8> {
        &mut self.body
    }

    /// Takes empty buffers back. To be called when a turn is over.
    pub fn take(&mut self, (inbox, outbox): (&mut LineBuffer, &mut Outbox<F>)) {
        inbox.release(&mut self.input);
        outbox.release(&mut self.output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_round_and_nobody_keeps_it_who_has_nothing_in_it() {
        let mut pool = BufferPool::<()>::default();
        let mut sessions = [(); 3].map(|()| (LineBuffer::new(8192), Outbox::new()));
        let mut places = std::collections::BTreeSet::new();
        for (inbox, outbox) in &mut sessions {
            pool.lend((inbox, outbox));
            inbox.space()[0] = b'\n';
            inbox.received(1);
            inbox.next_line().expect("a line is there");
            outbox.write(|out| out.extend_from_slice(b"an answer"));
            places.insert(inbox.space().as_ptr().addr());
            outbox.sent(9);
            pool.take((inbox, outbox));
            assert!(!inbox.is_wasteful() && !outbox.is_wasteful());
        }
        assert_eq!(places.len(), 1, "one buffer served them all");
    }

    #[test]
    fn what_an_answer_needed_is_not_kept_while_a_file_is_on_its_way() {
        let mut pool = BufferPool::<()>::default();
        let (mut inbox, mut outbox) = (LineBuffer::new(8192), Outbox::new());
        outbox.write(|out| out.resize(70_000, b'.'));
        outbox.sent(70_000);
        outbox.write(|out| out.extend_from_slice(b"START 9"));
        outbox.send_file((), 0, 9);
        outbox.sent(7);
        assert!(outbox.is_wasteful());
        pool.take((&mut inbox, &mut outbox));
        assert!(!outbox.is_wasteful() && outbox.has_file());
    }

    #[test]
    fn whoever_has_something_in_it_keeps_its_memory() {
        let mut pool = BufferPool::<()>::default();
        let (mut inbox, mut outbox) = (LineBuffer::new(8192), Outbox::new());
        inbox.space()[..3].copy_from_slice(b"hal");
        inbox.received(3);
        outbox.write(|out| out.extend_from_slice(b"owed"));
        pool.take((&mut inbox, &mut outbox));
        pool.lend((&mut inbox, &mut outbox));
        inbox.space()[..2].copy_from_slice(b"f\n");
        inbox.received(2);
        let line = crate::engine::line_buffer::Line::Text(b"half");
        assert_eq!(inbox.next_line(), Some(line));
        assert_eq!(outbox.bytes_queued(), 4);
    }
}
