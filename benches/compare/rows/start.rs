//! What it takes to be there at all.
//!
//! Owns the row: the time from the start of the process to the line that says where it listens,
//! the size of the program, and its memory with three clients that have each said something.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::dialect::{Caller, Dialect};
use crate::process::{Process, installed};
use crate::rows::{Bench, Found};
use crate::servers::{BERTHD, Side};
use crate::stream::Place;

pub(crate) const ROW: &str = "Start-up and size";
pub(crate) const START: &str = "until it listens, ms";
pub(crate) const SIZE: &str = "stripped program, MiB";
pub(crate) const MEMORY: &str = "memory with three clients, MiB";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    if !bench.plan.wants(ROW) {
        return;
    }
    let side = Side::Berthd.name();
    let found = start(bench);
    bench.note(ROW, side, found);
    let size = stripped(bench);
    bench.note(ROW, side, size);
}

/// Not on a leash, which would be part of the time.
fn start(bench: &Bench<'_>) -> io::Result<Found> {
    let mut command = Command::new(BERTHD);
    command
        .args(["--listen", "127.0.0.1:0", "--log", "warn", "--repo"])
        .arg(&bench.plan.files)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut process = Process::start(&mut command)?;
    let output = process.child().stdout.take().expect("it was piped");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let took = began.elapsed();
    let address = line.trim_end().rsplit(' ').next();
    let address = address.and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| io::Error::other("it did not start"))?;
    let place = Place {
        address,
        tls: false,
    };
    let clients = (0..3).map(|_| Caller::connect(Dialect::Berth, place));
    let clients = clients.collect::<io::Result<Vec<_>>>()?;
    let memory = process.resident_kib()? / 1024.0;
    drop(clients);
    Ok(vec![(START, took.as_secs_f64() * 1e3), (MEMORY, memory)])
}

fn stripped(bench: &Bench<'_>) -> io::Result<Found> {
    let strip = installed("strip")
        .ok_or_else(|| io::Error::other("strip is not installed (the package is binutils)"))?;
    let copy = bench.temp.join("berthd");
    let status = Command::new(strip)
        .arg("-o")
        .arg(&copy)
        .arg(BERTHD)
        .status()?;
    if !status.success() {
        return Err(io::Error::other("strip failed"));
    }
    let bytes = fs::metadata(copy)?.len();
    Ok(vec![(SIZE, bytes as f64 / (1024.0 * 1024.0))])
}
