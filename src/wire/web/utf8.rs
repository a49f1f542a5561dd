//! Checks text that comes in pieces.
//!
//! Owns the letter that a piece was cut in. Must never keep more than that.

/// The longest encoding of a letter, in bytes.
const LETTER_BYTES_MAX: usize = 4;

/// Text in UTF-8 (RFC 3629) that comes in pieces, each cut anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// The beginning of a letter, in its first `len` bytes.
    letter: [u8; LETTER_BYTES_MAX],
    len: usize,
}

impl Utf8 {
    /// Before the first piece.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            letter: [0; LETTER_BYTES_MAX],
            len: 0,
        }
    }

    /// Takes the next piece: how many of its bytes text can go on with. Those behind them, and all
    /// that would follow, are no text.
    #[must_use]
    pub fn accept(&mut self, piece: &[u8]) -> usize {
        let mut at = 0;
        while self.len > 0 && at < piece.len() {
            if !self.push(piece[at]) {
                return at;
            }
            at += 1;
        }
        at += match str::from_utf8(&piece[at..]) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        // A letter that is cut, or none: which byte is the wrong one is not in the error.
        while at < piece.len() && self.push(piece[at]) {
            at += 1;
        }
        at
    }

    /// Whether the text may end here.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.len == 0
    }

    /// Whether the letter can go on with this byte.
    fn push(&mut self, byte: u8) -> bool {
        self.letter[self.len] = byte;
        self.len += 1;
        match str::from_utf8(&self.letter[..self.len]) {
            Ok(_) => {
                self.len = 0;
                true
            }
            Err(error) => error.error_len().is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which byte text in pieces of `size` bytes stops being text; its length if it is cut.
    fn stops(bytes: &[u8], size: usize) -> Option<usize> {
        let mut text = Utf8::new();
        let mut at = 0;
        for piece in bytes.chunks(size) {
            let accepted = text.accept(piece);
            at += accepted;
            if accepted < piece.len() {
                return Some(at);
            }
        }
        (!text.is_whole()).then_some(at)
    }

    #[test]
    fn text_may_be_cut_in_any_letter() {
        for text in [
            "",
            "plain",
            "Grüße, 世界 🛥",
            "\u{7ff}\u{800}\u{ffff}\u{10ffff}\0",
        ] {
            for piece in 1..=text.len().max(1) {
                assert_eq!(stops(text.as_bytes(), piece), None, "{text} in {piece}");
            }
        }
    }

    #[test]
    fn what_cannot_become_a_letter_is_seen_at_its_first_wrong_byte() {
        for (bytes, at) in [
            (&b"ab\xff"[..], 2),
            (b"\x80", 0),
            (b"\xc0\xaf", 0),
            (b"\xe0\x80\xaf", 1),
            (b"\xed\xa0\x80", 1),
            (b"\xf0\x80\x80\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
            (b"\xf5\x80", 0),
            (b"\xe2\x82a", 2),
            (b"\xe2\x82", 2),
            (b"a\xf0\x9f\x9b", 4),
        ] {
            for size in 1..=bytes.len() {
                let shown = bytes.escape_ascii();
                assert_eq!(stops(bytes, size), Some(at), "{shown} in {size}");
            }
        }
    }

    #[test]
    fn every_pair_of_bytes_is_judged_as_the_standard_library_judges_it() {
        for first in 0..=255 {
            for second in 0..=255 {
                for bytes in [[first, second, b'a'], [first, second, 0xbf]] {
                    let is_text = stops(&bytes, 1).is_none();
                    assert_eq!(is_text, str::from_utf8(&bytes).is_ok(), "{bytes:?}");
                }
            }
        }
    }
}
