//! The small things that every request goes through: parse, line buffer, outbox.
//!
//! Owns their figures, in nanoseconds and without a kernel: `cargo bench --bench small`, which is
//! the second half of `make bench`. None of it says how fast the server is; it says what a change
//! in one of these three does to it.

use berth::engine::line_buffer::LineBuffer;
use berth::engine::outbox::{Chunk, Outbox};
use berth::wire::{Reply, Request};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

const INBOX_BYTES: usize = 16 * 1024;
/// As many requests as a client that pipelines may well have in flight.
const LINES: usize = 64;

fn main() {
    divan::main();
}

#[divan::bench(args = [
    "the tide is coming in",
    "some other words that begin like a command",
    "status",
    "get guide/tides.txt",
    "get@1048576 pictures/three berths.png",
])]
fn parse(line: &str) -> Request<'_> {
    Request::parse(black_box(line.as_bytes()))
}

#[divan::bench(args = [4, 64, 4095])]
fn line_buffer(bencher: Bencher<'_, '_>, line_bytes: usize) {
    let lines = LINES.min(INBOX_BYTES / (line_bytes + 1));
    let input = format!("{}\n", "x".repeat(line_bytes)).repeat(lines);
    let mut buffer = LineBuffer::new(INBOX_BYTES);
    let mut pool = Vec::new();
    bencher
        .counter(ItemsCount::new(lines))
        .counter(BytesCount::new(input.len()))
        .bench_local(move || {
            buffer.borrow(&mut pool);
            buffer.space()[..input.len()].copy_from_slice(input.as_bytes());
            buffer.received(input.len());
            while let Some(line) = buffer.next_line() {
                black_box(&line);
            }
            buffer.release(&mut pool);
        });
}

#[divan::bench(args = [1, LINES])]
fn outbox(bencher: Bencher<'_, '_>, replies: usize) {
    let mut outbox = Outbox::<()>::new();
    bencher
        .counter(ItemsCount::new(replies))
        .bench_local(move || {
            for _ in 0..replies {
                let reply = Reply::Ack(black_box(b"the tide is coming in"));
                outbox.write(|out| reply.write(out));
            }
            let sent = match outbox.front() {
                Some(Chunk::Bytes(bytes)) => bytes.len(),
                _ => 0,
            };
            outbox.sent(sent);
        });
}
