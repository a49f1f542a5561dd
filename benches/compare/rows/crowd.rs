//! Many clients that say nothing, and a few that are busy.
//!
//! Owns the rows of it: what an idle client costs in memory, before and after it said something,
//! and whether the busy ones notice the others.

use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use crate::dialect::Dialect;
use crate::load::{Generator, Moved};
use crate::rows::{Bench, Found, echo};
use crate::servers::{Server, Side};
use crate::stream::{Place, Stream};

pub(crate) const THOUSAND: &str = "1000 idle clients";
pub(crate) const TEN_THOUSAND: &str = "10 000 idle clients";
const COUNT: &str = "idle clients (as many as open files allow)";
pub(crate) const SILENT: &str = "memory of a silent client, KiB";
pub(crate) const SPOKE: &str = "memory of a client that spoke, KiB";
pub(crate) const ALONE: &str = "3 busy ones alone, requests/s";
pub(crate) const AMONG: &str = "3 busy ones among them, requests/s";
pub(crate) const ALONE_CPU: &str = "server CPU alone, us/request";
pub(crate) const AMONG_CPU: &str = "server CPU among them, us/request";

const SIDES: [Side; 3] = [Side::Berthd, Side::Redis, Side::Nginx];
const FILES_PER_CLIENT: usize = 2;
const OWN_FILES: usize = 400;
const BUSY: usize = 3;
/// Fewer than fit in the queue of those who wait to be accepted.
const BATCH: usize = 256;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let span = bench.plan.span;
    for (row, count) in [THOUSAND, TEN_THOUSAND].into_iter().zip(bench.plan.crowds) {
        let count = count.min(room());
        bench.each(row, &SIDES, count + 16, |server| {
            if server.dialect == Dialect::Http {
                return memory(server, server.place, count).map(|(_, found)| found);
            }
            let (dialect, place) = (server.dialect, server.place);
            let mut busy = Generator::connect(dialect, place, BUSY, 1)?;
            let (alone, alone_cpu) = timed(server, &mut busy, span)?;
            let (crowd, mut found) = memory(server, place, count)?;
            let (among, among_cpu) = timed(server, &mut busy, span)?;
            drop(crowd);
            found.extend([
                (ALONE, alone.rate()),
                (AMONG, among.rate()),
                (ALONE_CPU, alone_cpu),
                (AMONG_CPU, among_cpu),
            ]);
            Ok(found)
        });
    }
}

/// How many there can be. berthd sets two open files aside for each client (its socket, and the
/// file that it may ask for) and some for itself, and does not start without them.
pub(crate) fn room() -> usize {
    let open_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(open_files)
        .unwrap_or(usize::MAX)
        .saturating_sub(OWN_FILES)
        / FILES_PER_CLIENT
}

fn timed(server: &Server, busy: &mut Generator, span: Duration) -> io::Result<(Moved, f64)> {
    busy.run(echo::WARM_UP)?;
    let before = server.process.cpu()?;
    let moved = busy.run(span)?;
    let cpu = server.process.cpu()? - before;
    Ok((moved, cpu.as_secs_f64() * 1e6 / moved.sum as f64))
}

/// Connects all clients, and reads the memory before and after each sent a message.
pub(crate) fn memory(
    server: &Server,
    place: Place,
    count: usize,
) -> io::Result<(Vec<Stream>, Found)> {
    let before = server.process.resident_kib()?;
    let mut crowd = gather(server, place, count)?;
    let silent = server.process.resident_kib()?;
    for client in &mut crowd {
        client.write_all(server.dialect.question().as_bytes())?;
        let mut answer = [0; 1024];
        if client.read(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let spoke = server.process.resident_kib()?;
    let each = |kib: f64| (kib - before) / count as f64;
    Ok((
        crowd,
        vec![
            (COUNT, count as f64),
            (SILENT, each(silent)),
            (SPOKE, each(spoke)),
        ],
    ))
}

/// Connects so many clients, and waits until the server has taken all of them in.
fn gather(server: &Server, place: Place, count: usize) -> io::Result<Vec<Stream>> {
    let before = server.process.open_files()?;
    let mut crowd = Vec::with_capacity(count);
    while crowd.len() < count {
        for _ in 0..BATCH.min(count - crowd.len()) {
            crowd.push(server.dialect.connect(place)?);
        }
        let began = Instant::now();
        // One may have been counted before that was about to go: see `Side::start`.
        while server.process.open_files()? + 1 < before + crowd.len() {
            if began.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "it took no more than {}",
                    crowd.len()
                )));
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(crowd)
}
