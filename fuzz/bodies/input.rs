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

/// All of it, in order.
pub(crate) fn said(input: &[u8]) -> Vec<Said> {
    let mut all = Vec::new();
    let mut is_telnet = false;
    let mut rest = input;
    while !rest.is_empty() {
        if let Some(command) = telnet::command(rest) {
            is_telnet = true;
            all.extend(command.asks_for_a_mark.then_some(Said::Mark));
            rest = &rest[command.len..];
            continue;
        }
        let ends = |at: usize| match rest[at] {
            b'\n' => true,
            0 => is_telnet && rest[..at].ends_with(b"\r"),
            _ => false,
        };
        let len = (0..rest.len()).find(|&at| ends(at)).unwrap_or(rest.len());
        let line = &rest[..len];
        rest = &rest[rest.len().min(len + 1)..];
        all.push(match line.get(..LINE_BYTES_MAX) {
            Some(head) if line.len() > LINE_BYTES_MAX => Said::TooLong(head.to_vec()),
            _ => Said::Line(line.strip_suffix(b"\r").unwrap_or(line).to_vec()),
        });
    }
    all
}
