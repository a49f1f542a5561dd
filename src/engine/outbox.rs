//! The unsent output of a connection, in order: bytes in memory and ranges of files.
//!
//! Owns unsent output and the open files in it. Every byte that is sent passes through here, so
//! there is one place that counts them. Must never copy a file's bytes: the handler queues them as
//! bytes itself, and says so with [`Outbox::carry`].

use std::collections::VecDeque;

use crate::engine::transfer::Carried;
use crate::wire::web::{FrameHeader, Opcode};

pub use crate::engine::transfer::Transfer;

/// A queue of chunks. `F` is whatever a transport sends file bytes from; dropping it closes it.
#[derive(Debug)]
pub struct Outbox<F> {
    /// No chunk in here is empty.
    chunks: VecDeque<Queued<F>>,
    /// Unsent bytes in memory; file bytes cost none.
    bytes_queued: usize,
    /// Files among the chunks.
    files: usize,
    /// Files whose bytes are in the chunks of bytes.
    carried: VecDeque<Carried<F>>,
    /// The number of bytes from memory that were sent so far, which gives each queued byte a
    /// position in the stream.
    bytes_sent: u64,
    /// Transfers that have ended and were not reported yet.
    ended: VecDeque<Transfer<F>>,
    /// The buffer of a chunk that was sent, for the next one.
    recycled: Vec<u8>,
    /// Whether what is queued is sent in frames of a WebSocket.
    is_framed: bool,
}

#[derive(Debug)]
enum Queued<F> {
    Bytes { bytes: Vec<u8>, sent: usize },
    File(Transfer<F>),
}

/// What is to be sent next.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a, F> {
    /// These bytes; never empty.
    Bytes(&'a [u8]),
    /// `left` bytes (never 0) of `file` from `offset` on.
    File {
        /// Where the bytes are.
        file: &'a F,
        /// The first byte that was not sent yet.
        offset: u64,
        /// How many are unsent.
        left: u64,
    },
}

impl<F> Outbox<F> {
    /// An empty outbox.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunks: VecDeque::new(),
            bytes_queued: 0,
            files: 0,
            carried: VecDeque::new(),
            bytes_sent: 0,
            ended: VecDeque::new(),
            recycled: Vec::new(),
            is_framed: false,
        }
    }

    /// From now on all that is queued is sent in frames of a WebSocket.
    pub const fn begin_frames(&mut self) {
        self.is_framed = true;
    }

    /// Queues bytes behind all that is queued: `write` appends them to the vector it is given and
    /// leaves alone what is in it. Where frames are sent, they are one binary frame.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        match self.is_framed {
            false => self.write_bare(write),
            true => self.write_frame(Opcode::Binary, write),
        }
    }

    /// Queues a frame. Its length is known when its payload is written, so that makes room for the
    /// header afterwards: at most a step of an answer is moved by a few bytes.
    pub fn write_frame(&mut self, opcode: Opcode, write: impl FnOnce(&mut Vec<u8>)) {
        self.write_bare(|out| {
            let start = out.len();
            write(out);
            let len = out.len() - start;
            if len > 0 {
                let header = FrameHeader::new(opcode, len as u64);
                out.extend_from_slice(header.as_bytes());
                out[start..].rotate_right(header.as_bytes().len());
            }
        });
    }

    /// Queues bytes that are no payload: whole frames, or the head of an answer.
    ///
    /// A chunk that is partly sent grows no more, because its memory is freed only when all of it
    /// is sent: with a peer that always leaves one byte, one chunk would hold all its output ever.
    pub fn write_bare(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.chunks.back(), Some(Queued::Bytes { sent: 0, .. })) {
            let bytes = std::mem::take(&mut self.recycled);
            self.chunks.push_back(Queued::Bytes { bytes, sent: 0 });
        }
        let Some(Queued::Bytes { bytes, .. }) = self.chunks.back_mut() else {
            unreachable!("the last chunk was just made sure to be bytes");
        };
        let before = bytes.len();
        write(bytes);
        self.bytes_queued += bytes.len() - before;
        if bytes.is_empty() {
            self.recycled = std::mem::take(bytes);
            self.chunks.pop_back();
        }
    }

    /// Queues `len` bytes of `file` from `offset` on. When `len` is 0, nothing is queued and the
    /// file has ended.
    pub fn send_file(&mut self, file: F, offset: u64, len: u64) {
        let transfer = Transfer {
            file,
            offset,
            size: len,
            sent: 0,
        };
        if len > 0 {
            if self.is_framed {
                let header = FrameHeader::new(Opcode::Binary, len);
                self.write_bare(|out| out.extend_from_slice(header.as_bytes()));
            }
            self.chunks.push_back(Queued::File(transfer));
            self.files += 1;
        } else {
            self.ended.push_back(transfer);
        }
    }

    /// The last `len` bytes that were written, which are not 0, are those of `file` from `offset`
    /// on, which was short enough to be read. The transfer ends when they are sent.
    pub fn carry(&mut self, file: F, offset: u64, len: usize) {
        let starts_at = self.bytes_sent + (self.bytes_queued - len) as u64;
        let transfer = Transfer {
            file,
            offset,
            size: len as u64,
            sent: 0,
        };
        self.carried.push_back(Carried {
            transfer,
            starts_at,
        });
    }

    /// What is to be sent next; `None` when the outbox is empty.
    #[must_use]
    pub fn front(&self) -> Option<Chunk<'_, F>> {
        self.chunks.front().map(|chunk| match chunk {
            Queued::Bytes { bytes, sent } => Chunk::Bytes(&bytes[*sent..]),
            Queued::File(transfer) => Chunk::File {
                file: &transfer.file,
                offset: transfer.offset + transfer.sent,
                left: transfer.size - transfer.sent,
            },
        })
    }

    /// The transport took `n` bytes of [`Outbox::front`], and not more than there were.
    pub fn sent(&mut self, n: usize) {
        let front = self
            .chunks
            .front_mut()
            .expect("only what is queued can be sent");
        let done = match front {
            Queued::Bytes { bytes, sent } => {
                *sent += n;
                self.bytes_queued -= n;
                self.bytes_sent += n as u64;
                assert!(*sent <= bytes.len(), "no more was sent than was queued");
                *sent == bytes.len()
            }
            Queued::File(transfer) => {
                transfer.sent += n as u64;
                assert!(
                    transfer.sent <= transfer.size,
                    "no more was sent than was queued"
                );
                transfer.sent == transfer.size
            }
        };
        while let Some(first) = self.carried.front()
            && first.starts_at + first.transfer.size <= self.bytes_sent
            && let Some(carried) = self.carried.pop_front()
        {
            self.ended.push_back(carried.at(self.bytes_sent));
        }
        if !done {
            return;
        }
        match self.chunks.pop_front().expect("it was at the front") {
            Queued::File(transfer) => {
                self.files -= 1;
                self.ended.push_back(transfer);
            }
            Queued::Bytes { mut bytes, .. } => {
                bytes.clear();
                self.recycled = bytes;
            }
        }
    }

    /// Discards all unsent output. The transfers in it have ended.
    pub fn clear(&mut self) {
        for chunk in std::mem::take(&mut self.chunks) {
            if let Queued::File(transfer) = chunk {
                self.ended.push_back(transfer);
            }
        }
        for carried in std::mem::take(&mut self.carried) {
            self.ended.push_back(carried.at(self.bytes_sent));
        }
        self.bytes_queued = 0;
        self.files = 0;
    }

    /// Takes a transfer that has ended, the first to end first. To be called after each step that
    /// may end one: until then the file stays open.
    pub fn next_ended(&mut self) -> Option<Transfer<F>> {
        self.ended.pop_front()
    }

    /// Whether no memory is allocated.
    #[must_use]
    pub fn has_no_buffer(&self) -> bool {
        let queues = self.chunks.capacity() + self.carried.capacity() + self.ended.capacity();
        queues + self.recycled.capacity() == 0
    }

    /// Whether unused memory is allocated, which [`Outbox::release`] would give to the pool.
    #[must_use]
    pub fn is_wasteful(&self) -> bool {
        let holds_nothing = self.chunks.is_empty() && self.ended.is_empty();
        self.recycled.capacity() > 0 || (holds_nothing && !self.has_no_buffer())
    }

    /// Takes memory from `pool`, which is empty, if there is none here.
    pub fn borrow(&mut self, pool: &mut Self) {
        if self.has_no_buffer() {
            self.swap_memory(pool);
        }
    }

    /// Both are empty.
    const fn swap_memory(&mut self, other: &mut Self) {
        std::mem::swap(self, other);
        std::mem::swap(&mut self.is_framed, &mut other.is_framed);
    }

    /// Gives unused memory to `pool`. To be called when the turn is over.
    pub fn release(&mut self, pool: &mut Self) {
        if !self.is_wasteful() {
            return;
        }
        if self.chunks.is_empty() && self.ended.is_empty() {
            *pool = Self::new();
            self.swap_memory(pool);
        } else {
            pool.recycled = std::mem::take(&mut self.recycled);
        }
    }

    /// Whether the outbox is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether a file is on its way.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.files > 0 || !self.carried.is_empty()
    }

    /// How many bytes of the first file were sent, and how many there are of it.
    #[must_use]
    pub fn file_progress(&self) -> Option<(u64, u64)> {
        self.chunks.iter().find_map(|chunk| match chunk {
            Queued::File(transfer) => Some((transfer.sent, transfer.size)),
            Queued::Bytes { .. } => None,
        })
    }

    /// Unsent bytes that take memory: those of files do not.
    #[must_use]
    pub const fn bytes_queued(&self) -> usize {
        self.bytes_queued
    }

    /// Bytes that take memory, with those of a chunk that is partly sent.
    #[must_use]
    pub fn bytes_held(&self) -> usize {
        let held = |chunk: &Queued<F>| match chunk {
            Queued::Bytes { bytes, .. } => bytes.len(),
            Queued::File { .. } => 0,
        };
        self.chunks.iter().map(held).sum()
    }
}

impl<F> Default for Outbox<F> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends everything, `piece` bytes at a time, and shows files as their name and range.
    fn drained(outbox: &mut Outbox<char>, piece: usize) -> String {
        let mut out = String::new();
        while let Some(front) = outbox.front() {
            let n = match front {
                Chunk::Bytes(bytes) => {
                    let n = piece.min(bytes.len());
                    out.push_str(str::from_utf8(&bytes[..n]).expect("the test writes text"));
                    n
                }
                Chunk::File { file, offset, left } => {
                    let n = piece.min(left.try_into().expect("small"));
                    (0..n as u64).for_each(|i| out.push_str(&format!("{file}{}", offset + i)));
                    n
                }
            };
            outbox.sent(n);
        }
        out
    }

    #[test]
    fn bytes_and_files_leave_in_the_order_they_came() {
        for piece in 1..20 {
            let mut outbox = Outbox::new();
            outbox.write(|out| out.extend_from_slice(b"START 3|"));
            outbox.send_file('f', 5, 3);
            outbox.write(|out| out.extend_from_slice(b"|END"));
            outbox.write(|out| out.extend_from_slice(b"|next"));
            assert!(outbox.has_file());
            assert_eq!(outbox.bytes_queued(), 17);
            assert_eq!(drained(&mut outbox, piece), "START 3|f5f6f7|END|next");
            assert!(outbox.is_empty() && !outbox.has_file());
            assert_eq!(outbox.bytes_queued(), 0);
        }
    }

    #[test]
    fn a_carried_file_ends_with_the_last_of_its_own_bytes() {
        for piece in 1..20 {
            let mut outbox = Outbox::new();
            outbox.write(|out| out.extend_from_slice(b"START 3|abc"));
            outbox.carry('f', 5, 3);
            outbox.write(|out| out.extend_from_slice(b"|END"));
            let mut sent = 0;
            while outbox.has_file() {
                let Some(Chunk::Bytes(bytes)) = outbox.front() else {
                    panic!("it is bytes");
                };
                let n = piece.min(bytes.len());
                outbox.sent(n);
                sent += n;
                assert_eq!(sent >= 11, !outbox.has_file());
            }
            let whole = outbox.next_ended().expect("it has ended");
            assert_eq!((whole.file, whole.offset, whole.sent), ('f', 5, 3));
        }
    }

    #[test]
    fn a_carried_file_that_is_given_up_tells_how_far_it_came() {
        for (sent, of_it) in [(1, 0), (8, 0), (9, 1), (10, 2)] {
            let mut outbox = Outbox::new();
            outbox.write(|out| out.extend_from_slice(b"before"));
            outbox.sent(6);
            outbox.write(|out| out.extend_from_slice(b"START 3|abc|END"));
            outbox.sent(0);
            outbox.clear();
            outbox.write(|out| out.extend_from_slice(b"START 3|abc"));
            outbox.carry('f', 0, 3);
            outbox.sent(sent);
            outbox.clear();
            let broken = outbox.next_ended().expect("it has ended");
            assert_eq!((broken.sent, broken.is_whole()), (of_it, false));
            assert!(outbox.is_empty() && !outbox.has_file());
        }
    }

    #[test]
    fn a_peer_that_always_leaves_a_byte_does_not_make_it_grow() {
        let mut outbox = Outbox::<char>::new();
        outbox.write(|out| out.push(b'.'));
        for _ in 0..10_000 {
            outbox.write(|out| out.extend_from_slice(&[b'x'; 100]));
            let mut left = 100;
            while left > 0 {
                let Some(Chunk::Bytes(bytes)) = outbox.front() else {
                    panic!("bytes are owed");
                };
                let n = bytes.len().min(left);
                outbox.sent(n);
                left -= n;
            }
            assert!(outbox.bytes_held() <= 200, "{}", outbox.bytes_held());
        }
    }

    #[test]
    fn nothing_is_never_queued() {
        let mut outbox = Outbox::<char>::new();
        outbox.write(|_| ());
        outbox.send_file('f', 0, 0);
        assert!(outbox.is_empty() && !outbox.has_file());
        assert_eq!(outbox.front(), None);
    }

    #[test]
    fn a_file_is_given_back_when_it_was_sent_and_when_it_is_given_up() {
        let mut outbox = Outbox::new();
        outbox.send_file('a', 7, 0);
        outbox.send_file('b', 0, 2);
        outbox.send_file('c', 9, 3);
        outbox.sent(1);
        assert_eq!(outbox.next_ended().map(|transfer| transfer.file), Some('a'));
        assert_eq!(outbox.next_ended(), None);
        outbox.sent(1);
        outbox.sent(2);
        outbox.clear();
        let transfer = |file, offset, size, sent| Transfer {
            file,
            offset,
            size,
            sent,
        };
        assert_eq!(outbox.next_ended(), Some(transfer('b', 0, 2, 2)));
        assert_eq!(outbox.next_ended(), Some(transfer('c', 9, 3, 2)));
        assert_eq!(outbox.next_ended(), None);
        assert!(outbox.is_empty() && !outbox.has_file());
    }

    #[test]
    #[should_panic(expected = "no more was sent than was queued")]
    fn sending_more_than_was_queued_is_a_bug_and_is_said_so() {
        let mut outbox = Outbox::new();
        outbox.send_file('f', 0, 3);
        outbox.sent(4);
    }
}
