//! The same work with TLS, and what handshakes cost.
//!
//! Owns the rows of it. Every server has the same certificate and key, speaks TLS 1.3 only and
//! resumes no session, and the clients offer one cipher suite. So what differs is the server.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::{Fetcher, Generator, Sink};
use crate::rows::fairness::{self, CONTROL, MAX, P50, P99};
use crate::rows::{Bench, Found, crowd, download, echo};
use crate::servers::{Keys, Server, Side, Work};
use crate::stream::{self, Place};

pub(crate) const DOWNLOAD: &str = "TLS: download of 1 GiB";
pub(crate) const SINGLE: &str = "TLS: echo, 3 connections, 1 in flight";
const PIPELINED: &str = "TLS: echo, 3 connections, 64 in flight";
const HANDSHAKES: &str = "TLS: handshakes, one after another";
pub(crate) const FLOOD: &str = "TLS: an echo without TLS beside a flood of handshakes";
pub(crate) const IDLE: &str = "TLS: idle clients";
const RATE: &str = "handshakes/s";
const SERVER_CPU: &str = "server CPU, us/handshake";

const ALL: [Side; 3] = [Side::Berthd, Side::Nginx, Side::Redis];
const ROWS: [&str; 6] = [DOWNLOAD, SINGLE, PIPELINED, HANDSHAKES, FLOOD, IDLE];
/// A caller may have gone before the server has noticed that the one before it has.
const SPARE: usize = 64;
/// As many as berthd lets one address keep in a handshake, and enough to keep a server busy.
const CALLERS: usize = 8;
/// Until the flood has its full strength.
const RAMP: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn measure(bench: &mut Bench<'_>) {
    if !ROWS.iter().any(|row| bench.plan.wants(row)) {
        return;
    }
    if let Err(error) = rows(bench) {
        bench.note(DOWNLOAD, Side::Berthd.name(), Err(error));
    }
}

fn rows(bench: &mut Bench<'_>) -> io::Result<()> {
    let (plan, span) = (bench.plan, bench.plan.span);
    let name = &plan.big;
    let work = sealed(bench, 3)?;
    let pair = [Side::Berthd, Side::Nginx];
    bench.each_with(DOWNLOAD, &pair, &work, |server| {
        plan.warm(name)?;
        let mut fetcher = Fetcher::connect(server.dialect, place(server)?, Sink::Copy)?;
        download::found(server, || fetcher.fetch(name))
    });
    let echoes = [Side::Berthd, Side::Redis];
    for (row, in_flight) in [(SINGLE, 1), (PIPELINED, 64)] {
        bench.each_with(row, &echoes, &work, |server| {
            let place = place(server)?;
            let mut generator = Generator::connect(server.dialect, place, 3, in_flight)?;
            echo::found(server, &mut generator, span)
        });
    }
    let work = sealed(bench, SPARE)?;
    bench.each_with(HANDSHAKES, &ALL, &work, |server| handshakes(server, span));
    let control = Side::BareEcho.start(&bench.work(3))?;
    bench.each_with(FLOOD, &pair, &work, |server| flood(server, &control, span));
    let count = plan.crowds[0].min(crowd::room());
    let work = sealed(bench, count + 16)?;
    bench.each_with(IDLE, &ALL, &work, |server| {
        crowd::memory(server, place(server)?, count).map(|(_, found)| found)
    });
    Ok(())
}

fn sealed<'a>(bench: &Bench<'a>, clients: usize) -> io::Result<Work<'a>> {
    let keys = Some(Keys::new(bench.temp)?);
    let work = bench.work(clients);
    Ok(Work { keys, ..work })
}

fn place(server: &Server) -> io::Result<Place> {
    let lacking = || io::Error::other("it speaks no TLS");
    server.tls.ok_or_else(lacking)
}

/// One client after another connects, completes its handshake, hears the greeting, and goes.
fn handshakes(server: &Server, span: Duration) -> io::Result<Found> {
    let place = place(server)?;
    let before = server.process.cpu()?;
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < span {
        server.dialect.connect(place)?;
        count += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    let cpu = server.process.cpu()? - before;
    Ok(vec![
        (RATE, f64::from(count) / seconds),
        (SERVER_CPU, cpu.as_secs_f64() * 1e6 / f64::from(count)),
    ])
}

/// Clients that begin handshakes and never complete one, as the least work for them and all of it
/// for the server. Another client asks without TLS.
fn flood(server: &Server, control: &Server, span: Duration) -> io::Result<Found> {
    let place = place(server)?;
    let hello = stream::hello()?;
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let (waits, beside, rate) = thread::scope(|scope| {
        let call = || call_again(place, &hello, &stop, &answered);
        let callers = [(); CALLERS].map(|()| scope.spawn(call));
        thread::sleep(RAMP);
        let before = answered.load(Ordering::Relaxed);
        let began = Instant::now();
        let asked = fairness::ask_both(server, control, span * 2);
        let count = answered.load(Ordering::Relaxed) - before;
        let rate = count as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.join().expect("a caller does not panic")?;
        }
        asked.map(|(waits, beside)| (waits, beside, rate))
    })?;
    Ok(vec![
        (P50, waits.p50),
        (P99, waits.p99),
        (MAX, waits.max),
        (CONTROL, beside.p99),
        (RATE, rate),
    ])
}

fn call_again(
    place: Place,
    hello: &[u8],
    stop: &AtomicBool,
    answered: &AtomicU64,
) -> io::Result<()> {
    let mut answer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let mut caller = TcpStream::connect(place.address)?;
        caller.set_read_timeout(Some(PATIENCE))?;
        // One that has to make room for another is answered with less.
        if caller.write_all(hello).is_ok() && caller.read(&mut answer).is_ok_and(|n| n > 100) {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
