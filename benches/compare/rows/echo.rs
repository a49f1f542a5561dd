//! Short requests and their answers.
//!
//! Owns the rows that differ in how many connections there are and how many requests are in flight
//! on each. One thread plays all the clients, so that the server has a processor for itself.

use std::io;
use std::time::Duration;

use crate::load::Generator;
use crate::rows::{Bench, Found};
use crate::servers::{Server, Side};

pub(crate) const SINGLE: &str = "Echo, 3 connections, 1 in flight";
pub(crate) const PIPELINED: &str = "Echo, 3 connections, 64 in flight";
pub(crate) const MANY: &str = "Echo, 50 connections, 1 in flight";
pub(crate) const RATE: &str = "requests/s";
pub(crate) const SERVER_CPU: &str = "server CPU, us/request";
const CLIENT_CPU: &str = "client CPU, us/request";

const SIDES: [Side; 3] = [Side::Berthd, Side::Redis, Side::BareEcho];
/// Long enough for both sides to be on a processor of their own.
pub(crate) const WARM_UP: Duration = Duration::from_millis(100);

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let span = bench.plan.span;
    for (row, peers, in_flight) in [(SINGLE, 3, 1), (PIPELINED, 3, 64), (MANY, 50, 1)] {
        bench.each(row, &SIDES, peers, |server| {
            let place = server.place;
            let mut generator = Generator::connect(server.dialect, place, peers, in_flight)?;
            found(server, &mut generator, span)
        });
    }
}

/// What requests that go on for so long come to.
pub(crate) fn found(
    server: &Server,
    generator: &mut Generator,
    span: Duration,
) -> io::Result<Found> {
    generator.run(WARM_UP)?;
    let before = server.process.cpu()?;
    let moved = generator.run(span)?;
    let cpu = server.process.cpu()? - before;
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / moved.sum as f64;
    Ok(vec![
        (RATE, moved.rate()),
        (SERVER_CPU, each(cpu)),
        (CLIENT_CPU, each(moved.cpu)),
    ])
}
