//! One client fetches a large file from the page cache.
//!
//! Owns the two rows of it: a client that copies what comes, and one that has the kernel discard
//! it. On loopback the receiver's work is in part done in the sender's name, so both are shown,
//! and their sum.

use std::io;

use crate::load::{Fetcher, Moved, Sink};
use crate::rows::{Bench, Found};
use crate::servers::{Server, Side};

pub(crate) const COPY: &str = "Download of 1 GiB, client copies";
pub(crate) const DISCARD: &str = "Download of 1 GiB, client discards";
pub(crate) const RATE: &str = "GiB/s";
pub(crate) const SERVER_CPU: &str = "server CPU, s/GiB";
pub(crate) const CLIENT_CPU: &str = "client CPU, s/GiB";
pub(crate) const BOTH_CPU: &str = "both, s/GiB";
pub(crate) const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

const SIDES: [Side; 3] = [Side::Berthd, Side::Nginx, Side::BareSendfile];

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let plan = bench.plan;
    let name = plan.big.clone();
    for (row, sink) in [(COPY, Sink::Copy), (DISCARD, Sink::Discard)] {
        bench.each(row, &SIDES, 3, |server| {
            plan.warm(&name)?;
            let mut fetcher = Fetcher::connect(server.dialect, server.place, sink)?;
            found(server, || fetcher.fetch(&name))
        });
    }
}

/// What a download or an upload comes to.
pub(crate) fn found(
    server: &Server,
    transfer: impl FnOnce() -> io::Result<Moved>,
) -> io::Result<Found> {
    let before = server.process.cpu()?;
    let moved = transfer()?;
    let gib = moved.sum as f64 / GIB;
    let cpu = (server.process.cpu()? - before).as_secs_f64() / gib;
    let own = moved.cpu.as_secs_f64() / gib;
    Ok(vec![
        (RATE, moved.rate() / GIB),
        (SERVER_CPU, cpu),
        (CLIENT_CPU, own),
        (BOTH_CPU, cpu + own),
    ])
}
