//! What was said, found the simple way: all of the input at once.

use berth::wire::{LINE_BYTES_MAX, telnet};

/// What stands in an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Line(Vec<u8>),
    /// Its beginning.
    TooLong(Vec<u8>),
    Mark,
}

/// All of an input, in order.
pub(crate) struct Sayings<'a> {
    rest: &'a [u8],
    is_telnet: bool,
}

/// All of it, in order.
pub(crate) fn said(input: &[u8]) -> Sayings<'_> {
    Sayings {
        rest: input,
        is_telnet: false,
    }
}

impl<'a> Sayings<'a> {
    /// Up to `most` bytes as they are.
    pub(crate) fn take_raw(&mut self, most: u64) -> &'a [u8] {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let (raw, rest) = self.rest.split_at(self.rest.len().min(most));
        self.rest = rest;
        raw
    }
}

impl Iterator for Sayings<'_> {
    type Item = Said;

    fn next(&mut self) -> Option<Said> {
        while let Some(command) = telnet::command(self.rest) {
            self.is_telnet = true;
            self.rest = &self.rest[command.len..];
            if command.asks_for_a_mark {
                return Some(Said::Mark);
            }
        }
        let rest = self.rest;
        if rest.is_empty() {
            return None;
        }
        let ends = |at: usize| match rest[at] {
            b'\n' => true,
            0 => self.is_telnet && rest[..at].ends_with(b"\r"),
            _ => false,
        };
        let len = (0..rest.len()).find(|&at| ends(at)).unwrap_or(rest.len());
        let line = &rest[..len];
        self.rest = &rest[rest.len().min(len + 1)..];
        Some(match line.get(..LINE_BYTES_MAX) {
            Some(head) if line.len() > LINE_BYTES_MAX => Said::TooLong(head.to_vec()),
            _ => Said::Line(line.strip_suffix(b"\r").unwrap_or(line).to_vec()),
        })
    }
}
