//! The input buffer of a session, which is taken out line by line.
//!
//! Owns unread input, how far it was searched, and whether the end of input was received. Must
//! never grow: input that does not fit stays in the kernel, whose flow control slows the peer down.

use std::ops::Range;
use std::time::Duration;

use memchr::{memchr, memmem};

use crate::engine::line::{LineEnd, State};
use crate::wire::{LINE_BYTES_MAX, telnet};

pub use crate::engine::line::Line;

/// An input buffer of fixed size.
///
/// It is allocated only while it holds input, and during a turn: [`LineBuffer::release`] gives it
/// to the pool, so an idle client costs no buffer.
#[derive(Debug)]
pub struct LineBuffer {
    /// Either empty or `capacity` long; `start..end` of it is input.
    buffer: Vec<u8>,
    capacity: usize,
    start: usize,
    end: usize,
    /// `start..searched` is known to hold no LF, so input that comes a byte at a time is searched
    /// once and not over and over.
    searched: usize,
    state: State,
    ends: LineEnd,
    /// The peer has shut down its sending side: what is here is all there will ever be.
    ended: bool,
}

impl LineBuffer {
    /// An empty buffer that never holds more than `capacity` bytes, which is more than a line.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity > LINE_BYTES_MAX,
            "a longest line and its LF fit the buffer"
        );
        let state = State::Line;
        Self {
            buffer: Vec::new(),
            capacity,
            start: 0,
            end: 0,
            searched: 0,
            state,
            ends: LineEnd::Lf,
            ended: false,
        }
    }

    /// A pause ends a line from now on, until there is another line end.
    pub const fn accept_pauses(&mut self) {
        self.ends = LineEnd::Undecided;
    }

    /// The pause that ends the line begun here, if one does: `first` on a connection that has not
    /// ended any line yet, or `later`. It never ends one that may be half a Telnet command: no text
    /// in UTF-8 begins with that byte.
    #[must_use]
    pub fn pause(&self, first: Duration, later: Duration) -> Option<Duration> {
        let pause = match self.ends {
            LineEnd::Undecided => first,
            LineEnd::Pause => later,
            LineEnd::Lf | LineEnd::Telnet => return None,
        };
        let line = &self.buffer[self.start..self.end];
        let has_begun = match self.state {
            State::Line => line.first().is_some_and(|&byte| byte != telnet::IAC),
            State::Excess => true,
            State::Ended => false,
        };
        has_begun.then_some(pause)
    }

    /// A pause has ended the line that has begun. It is to be taken now.
    pub fn end_line(&mut self) {
        self.ends = LineEnd::Pause;
        self.state = match self.state {
            State::Line | State::Ended => State::Ended,
            State::Excess => State::Line,
        };
    }

    /// Where the next read goes. Empty only if the buffer is full, which [`LineBuffer::has_room`]
    /// tells without allocating the buffer.
    pub fn space(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; self.capacity];
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.searched -= self.start;
            self.start = 0;
        }
        &mut self.buffer[self.end..]
    }

    /// Whether there is room for a read.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.len() < self.capacity
    }

    /// The first `n` bytes of [`LineBuffer::space`], which a read put there.
    pub fn fresh(&mut self, n: usize) -> &mut [u8] {
        &mut self.buffer[self.end..self.end + n]
    }

    /// Forgets the last unread bytes but `n`: what was behind them is the next read's.
    pub fn keep(&mut self, n: usize) {
        self.end = self.start + n;
    }

    /// A read put `n` bytes into [`LineBuffer::space`].
    pub fn received(&mut self, n: usize) {
        self.end += n;
        assert!(
            self.end <= self.buffer.len(),
            "a read stays within the space it was given"
        );
    }

    /// The end of input was received: the rest of the input is a line even without LF.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the peer will send no more.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next line, or learns that there is none yet.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        loop {
            // A client that is not a Telnet client costs one comparison.
            if self.buffer.get(self.start) == Some(&telnet::IAC)
                && let Some(command) = self.take_command()
            {
                match command.asks_for_a_mark {
                    true => return Some(Line::Mark),
                    false => continue,
                }
            }
            let Some(end) = self.line_end() else {
                return self.without_line_end();
            };
            let line = self.start..end;
            self.start = end + 1;
            self.searched = self.start;
            match std::mem::replace(&mut self.state, State::Line) {
                State::Excess => {}
                _ if line.len() > LINE_BYTES_MAX => return Some(self.too_long(line)),
                _ => return Some(Line::Text(without_cr(&self.buffer[line]))),
            }
        }
    }

    /// All unread bytes, to be changed before any of them is searched.
    pub fn unread_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..self.end]
    }

    /// All unread bytes, which stay.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes up to `most` bytes as they are, which are no lines. To be called between two lines.
    pub fn take_raw(&mut self, most: usize) -> &[u8] {
        debug_assert_eq!(self.state, State::Line, "a body begins behind a line");
        let from = self.start;
        self.start += most.min(self.len());
        self.searched = self.searched.max(self.start);
        &self.buffer[from..self.start]
    }

    /// Takes a Telnet command where a line begins. Elsewhere, and where it is not whole, it is
    /// bytes like any others.
    fn take_command(&mut self) -> Option<telnet::Command> {
        if self.state != State::Line {
            return None;
        }
        let command = telnet::command(&self.buffer[self.start..self.end])?;
        self.start += command.len;
        self.searched = self.searched.max(self.start);
        self.ends = LineEnd::Telnet;
        Some(command)
    }

    /// Where the byte stands that ends the next line. What was searched is not searched again.
    fn line_end(&mut self) -> Option<usize> {
        let lf = memchr(b'\n', &self.buffer[self.searched..self.end]);
        let end = if self.ends == LineEnd::Lf {
            lf
        } else {
            self.rarer_line_end(lf)
        };
        match end {
            Some(at) => Some(self.searched + at),
            None => {
                self.searched = self.end - self.half_an_end();
                None
            }
        }
    }

    /// The end of a line of a client that has sent no LF before, or that speaks Telnet, in the
    /// bytes that were not searched yet. `lf`: where the first LF stands in them.
    #[cold]
    fn rarer_line_end(&mut self, lf: Option<usize>) -> Option<usize> {
        if self.ends == LineEnd::Telnet {
            let before = &self.buffer[self.searched..lf.map_or(self.end, |at| self.searched + at)];
            let cr_nul = memmem::find(before, b"\r\0");
            return cr_nul.map(|cr| cr + 1).or(lf);
        }
        if lf.is_some() {
            self.ends = LineEnd::Lf;
        }
        lf
    }

    /// How many of the last bytes may be the first half of a line end.
    fn half_an_end(&self) -> usize {
        let unread = &self.buffer[self.start..self.end];
        usize::from(self.ends == LineEnd::Telnet && unread.ends_with(b"\r"))
    }

    /// Forgets what is left of a line that was too long, but for what may be half of its end.
    fn forget_excess(&mut self) {
        self.start = self.end - self.half_an_end();
        self.searched = self.start;
        if self.ended || self.start == self.end {
            self.clear();
        }
    }

    fn too_long(&self, line: Range<usize>) -> Line<'_> {
        Line::TooLong(&self.buffer[line.start..line.start + LINE_BYTES_MAX])
    }

    /// Forgets all input, read or not.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
        self.searched = 0;
    }

    /// Takes the buffer from `pool`, if it has none and that is of the right size. The old bytes in
    /// it are overwritten before they are read.
    pub fn borrow(&mut self, pool: &mut Vec<u8>) {
        if self.buffer.is_empty() && pool.len() == self.capacity {
            self.buffer = std::mem::take(pool);
        }
    }

    /// Gives the buffer to `pool` if it is empty. To be called when the turn is over.
    pub fn release(&mut self, pool: &mut Vec<u8>) {
        if self.is_wasteful() {
            self.clear();
            // Code that read these old bytes by mistake would find lines that no peer sent.
            #[cfg(debug_assertions)]
            self.buffer.fill(b'\n');
            *pool = std::mem::take(&mut self.buffer);
        }
    }

    /// Whether a buffer is allocated that holds no input.
    #[must_use]
    pub const fn is_wasteful(&self) -> bool {
        self.start == self.end && !self.buffer.is_empty()
    }

    /// The number of unread bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is no unread byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No LF is in the buffer: a line that is already too long is answered now and not when its
    /// end comes, excess makes room for more, and the last line needs no LF.
    fn without_line_end(&mut self) -> Option<Line<'_>> {
        let line = self.start..self.end;
        if self.state == State::Excess {
            self.forget_excess();
            return None;
        }
        if line.len() > LINE_BYTES_MAX {
            self.forget_excess();
            self.state = State::Excess;
            return Some(self.too_long(line));
        }
        if line.is_empty() || !(self.ended || self.state == State::Ended) {
            return None;
        }
        self.state = State::Line;
        self.clear();
        let text = without_cr(&self.buffer[line]);
        Some(match self.ends {
            LineEnd::Pause => Line::Unframed(text),
            LineEnd::Lf | LineEnd::Undecided | LineEnd::Telnet => Line::Text(text),
        })
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `input` when it is read in pieces of at most `piece` bytes.
    fn lines(input: &[u8], piece: usize, capacity: usize) -> Vec<Option<Vec<u8>>> {
        let mut buffer = LineBuffer::new(capacity);
        let mut out = Vec::new();
        let mut rest = input;
        while !rest.is_empty() {
            let space = buffer.space();
            let n = piece.min(space.len()).min(rest.len());
            space[..n].copy_from_slice(&rest[..n]);
            buffer.received(n);
            rest = &rest[n..];
            while let Some(line) = buffer.next_line() {
                out.push(owned(line));
            }
            buffer.release(&mut Vec::new());
        }
        buffer.end();
        while let Some(line) = buffer.next_line() {
            out.push(owned(line));
        }
        out
    }

    fn owned(line: Line<'_>) -> Option<Vec<u8>> {
        match line {
            Line::Text(text) => Some(text.to_vec()),
            Line::Unframed(text) => panic!("only LF ends a line here, not {text:?}"),
            Line::TooLong(_) => None,
            Line::Mark => Some(b"DO TM".to_vec()),
        }
    }

    fn text(line: &[u8]) -> Option<Vec<u8>> {
        Some(line.to_vec())
    }

    #[test]
    fn lines_do_not_depend_on_how_the_input_is_cut() {
        let longest = vec![b'x'; LINE_BYTES_MAX];
        let too_long = vec![b'y'; LINE_BYTES_MAX + 1];
        let far_too_long = vec![b'z'; 3 * LINE_BYTES_MAX];
        let input = [
            &b"one\ntwo\r\n\n\r\n\r\r\n\0\xff\n"[..],
            &longest,
            b"\n",
            &too_long,
            b"\nafter\n",
            &far_too_long,
            b"\n\nlast\r",
        ]
        .concat();
        let expected = vec![
            text(b"one"),
            text(b"two"),
            text(b""),
            text(b""),
            text(b"\r"),
            text(b"\0\xff"),
            text(&longest),
            None,
            text(b"after"),
            None,
            text(b""),
            text(b"last"),
        ];
        for piece in [1, 2, 3, 7, 1000, 4096, 4097, 100_000] {
            for capacity in [LINE_BYTES_MAX + 1, 2 * LINE_BYTES_MAX, 1 << 17] {
                assert_eq!(
                    lines(&input, piece, capacity),
                    expected,
                    "{piece} {capacity}"
                );
            }
        }
    }

    #[test]
    fn the_limit_counts_the_bytes_before_the_line_end() {
        let with_cr = |len: usize| [&vec![b'a'; len][..], b"\r\n"].concat();
        let fits = lines(&with_cr(LINE_BYTES_MAX - 1), 512, 8192);
        assert_eq!(fits, vec![text(&vec![b'a'; LINE_BYTES_MAX - 1])]);
        assert_eq!(lines(&with_cr(LINE_BYTES_MAX), 512, 8192), vec![None]);
    }

    const FIRST: Duration = Duration::from_millis(3);
    const LATER: Duration = Duration::from_millis(2);

    /// A buffer of a peer that may be unframed, into which all of this was read.
    fn unframed(input: &[u8]) -> LineBuffer {
        let mut buffer = LineBuffer::new(8192);
        buffer.accept_pauses();
        receive(&mut buffer, input);
        buffer
    }

    fn receive(buffer: &mut LineBuffer, input: &[u8]) {
        buffer.space()[..input.len()].copy_from_slice(input);
        buffer.received(input.len());
    }

    #[test]
    fn a_pause_ends_a_line_where_there_was_no_lf() {
        let mut buffer = unframed(b"sta");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), Some(FIRST));
        buffer.end_line();
        assert_eq!(buffer.next_line(), Some(Line::Unframed(b"sta")));
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), None, "nothing has begun");
        receive(&mut buffer, b"tus\r");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), Some(LATER));
        buffer.end_line();
        assert_eq!(buffer.next_line(), Some(Line::Unframed(b"tus")));
        receive(&mut buffer, b"last");
        buffer.end();
        assert_eq!(buffer.next_line(), Some(Line::Unframed(b"last")));
    }

    #[test]
    fn a_lf_makes_the_connection_framed_for_good_whenever_it_comes() {
        let mut first = unframed(b"one\ntw");
        assert_eq!(first.next_line(), Some(Line::Text(b"one")));
        let mut later = unframed(b"zero");
        later.end_line();
        assert_eq!(later.next_line(), Some(Line::Unframed(b"zero")));
        receive(&mut later, b"one\ntw");
        assert_eq!(later.next_line(), Some(Line::Text(b"one")));
        for mut buffer in [first, later] {
            assert_eq!(buffer.next_line(), None);
            assert_eq!(buffer.pause(FIRST, LATER), None);
            receive(&mut buffer, b"o\n");
            assert_eq!(buffer.next_line(), Some(Line::Text(b"two")));
        }
    }

    #[test]
    fn telnet_ends_its_lines_itself_and_half_a_command_is_no_line() {
        let mut buffer = unframed(b"\xff\xfb");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), None);
        receive(&mut buffer, b"\x1fsta");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), None);
        receive(&mut buffer, b"tus\r\0");
        assert_eq!(buffer.next_line(), Some(Line::Text(b"status")));
    }

    #[test]
    fn a_pause_ends_what_is_left_of_a_line_that_was_too_long() {
        let mut buffer = unframed(&[b'x'; LINE_BYTES_MAX + 1]);
        assert!(matches!(buffer.next_line(), Some(Line::TooLong(_))));
        receive(&mut buffer, b"more of it");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), Some(FIRST));
        buffer.end_line();
        assert_eq!(buffer.next_line(), None);
        receive(&mut buffer, b"status");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), Some(LATER));
        buffer.end_line();
        assert_eq!(buffer.next_line(), Some(Line::Unframed(b"status")));
    }

    #[test]
    fn where_pauses_are_not_asked_for_none_ends_a_line() {
        let mut buffer = LineBuffer::new(8192);
        receive(&mut buffer, b"status");
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.pause(FIRST, LATER), None);
    }

    #[test]
    fn a_too_long_line_that_never_ends_is_answered_once() {
        assert_eq!(lines(&vec![b'a'; 100_000], 4096, 8192), vec![None]);
    }

    #[test]
    fn a_quiet_peer_costs_no_memory() {
        let mut buffer = LineBuffer::new(8192);
        buffer.space()[0] = b'\n';
        buffer.received(1);
        assert_eq!(buffer.next_line(), Some(Line::Text(b"")));
        let mut pool = Vec::new();
        buffer.release(&mut pool);
        assert_eq!(buffer.buffer.capacity(), 0);
        assert_eq!(pool.len(), 8192);
    }
}
