//! Any input, cut anywhere, is the lines that a simpler reader finds, and each is a request.

use berth::engine::line_buffer::{Line, LineBuffer};
use berth::wire::{LINE_BYTES_MAX, Request};

use crate::input::{Said, said};

/// The first bytes say how the rest is cut; the rest is the input.
pub(crate) fn run(data: &[u8]) {
    let (cuts, input) = data.split_at(data.len().min(8));
    let capacity = LINE_BYTES_MAX + 1 + cuts.len() * 7;
    let mut buffer = LineBuffer::new(capacity);
    // What another session may have left.
    let mut pool = vec![b'\n'; capacity];
    let mut found = Vec::new();
    let mut rest = input;
    let mut pieces = cuts.iter().map(|&cut| usize::from(cut) + 1).cycle();
    while !rest.is_empty() {
        // Eight cuts of up to 256 bytes; a large input is not cut all that small.
        let piece = pieces.next().unwrap_or(1) * (1 + input.len() / 4096);
        buffer.borrow(&mut pool);
        let space = buffer.space();
        let n = piece.min(space.len()).min(rest.len());
        assert!(n > 0, "a buffer that was read has room");
        space[..n].copy_from_slice(&rest[..n]);
        buffer.received(n);
        rest = &rest[n..];
        take(&mut buffer, &mut found);
        buffer.release(&mut pool);
        pool.fill(b'\n');
    }
    buffer.end();
    take(&mut buffer, &mut found);
    assert!(buffer.is_empty(), "after the end nothing is left");
    assert_eq!(found, said(input).collect::<Vec<_>>());
}

fn take(buffer: &mut LineBuffer, found: &mut Vec<Said>) {
    while let Some(line) = buffer.next_line() {
        found.push(match line {
            Line::TooLong(head) => Said::TooLong(head.to_vec()),
            Line::Mark => Said::Mark,
            Line::Unframed(_) => unreachable!("only LF ends a line here"),
            Line::Text(text) => {
                check(text);
                Said::Line(text.to_vec())
            }
        });
    }
}

/// What a request says of a line is in the line.
fn check(text: &[u8]) {
    match Request::parse(text) {
        Request::Message(message) => assert_eq!(message, text),
        Request::Get { name, offset } => {
            assert!(!name.is_empty() && text.ends_with(name));
            assert!(text[..3].eq_ignore_ascii_case(b"get"));
            assert!(offset == 0 || text[3] == b'@');
        }
        _ => assert!(text[0].is_ascii_alphabetic(), "a command is a word"),
    }
}
