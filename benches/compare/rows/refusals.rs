//! Everybody who comes is turned away, one after the other, and one of those inside asks.
//!
//! Owns the row, with the least that a refusal can cost beside it. Every caller reads to the end,
//! and counts as told only if the line came whole and the end behind it was one, and no reset.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::dialect::{Caller, Dialect};
use crate::probe::Probe;
use crate::rows::fairness::{MAX, P50, P99};
use crate::rows::{Bench, Found};
use crate::servers::{Server, Side};

pub(crate) const ROW: &str = "Refusals, one caller after another";
pub(crate) const RATE: &str = "refusals/s";
const SERVER_CPU: &str = "server CPU, us/refusal";
pub(crate) const WHOLE: &str = "whole, %";
pub(crate) const SPOKEN: &str = "whole if the caller spoke first, %";

const CLIENTS: usize = 3;
/// How many callers say something before they listen, which tempts a server to reset them.
const SPEAKERS: usize = 500;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let span = bench.plan.span;
    let sides = [Side::Berthd, Side::Redis, Side::BareRefusal];
    bench.each(ROW, &sides, CLIENTS, |server| {
        let (dialect, place) = (server.dialect, server.place);
        if dialect == Dialect::Refusal {
            return turned_away(server, span);
        }
        let inside = (1..CLIENTS).map(|_| Caller::connect(dialect, place));
        let inside = inside.collect::<io::Result<Vec<_>>>()?;
        let probe = Probe::start(dialect, place)?;
        let mut found = turned_away(server, span)?;
        let waits = probe.stop()?;
        drop(inside);
        found.extend([(P50, waits.p50), (P99, waits.p99), (MAX, waits.max)]);
        Ok(found)
    });
}

fn turned_away(server: &Server, span: Duration) -> io::Result<Found> {
    let before = server.process.cpu()?;
    let began = Instant::now();
    let (mut callers, mut told) = (0_u32, 0_u32);
    while began.elapsed() < span {
        callers += 1;
        told += u32::from(call(server, "")?);
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = server.process.cpu()? - before;
    let mut heard = 0;
    for _ in 0..SPEAKERS {
        heard += u32::from(call(server, "hello\r\n")?);
    }
    Ok(vec![
        (RATE, f64::from(callers) / seconds),
        (SERVER_CPU, cpu.as_secs_f64() * 1e6 / f64::from(callers)),
        (WHOLE, f64::from(told) * 100.0 / f64::from(callers)),
        (SPOKEN, f64::from(heard) * 100.0 / SPEAKERS as f64),
    ])
}

/// Whether a caller who says these words was told the whole line, and nothing but that.
pub(crate) fn call(server: &Server, words: &str) -> io::Result<bool> {
    let expected = server.dialect.refusal().as_bytes();
    let mut caller = TcpStream::connect(server.place.address)?;
    let mut answer = [0; 256];
    let mut came = 0;
    if caller.write_all(words.as_bytes()).is_err() {
        return Ok(false);
    }
    loop {
        match caller.read(&mut answer[came..]) {
            Ok(0) => return Ok(answer[..came] == *expected),
            Ok(n) => came += n,
            Err(_) => return Ok(false),
        }
    }
}
