//! Clients upload large files.
//!
//! Owns the rows of it, and removes what was stored. berthd digests each byte and answers when the
//! disk has the file; nginx does neither, and the bare loops show what each of the two costs.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use crate::probe::Probe;
use crate::rows::download::{self, GIB};
use crate::rows::fairness::{CONTROL, MAX, P50, P99};
use crate::rows::{Bench, Found};
use crate::sender::Sender;
use crate::servers::{Server, Side, Work};
use crate::sink::Kind;
use crate::slow_disk::SlowDisk;

pub(crate) const ROW: &str = "Upload of 1 GiB";
pub(crate) const SLOW: &str = "A disk of 100 MB/s: an echo beside two uploads";
pub(crate) const MEMORY_ROW: &str = "Memory while three clients upload 256 MiB each";
pub(crate) const GROWTH: &str = "growth at its highest, MiB";
const ALL_RATE: &str = "all uploads, GiB/s";
const BOTH_RATE: &str = "both uploads, MB/s";

pub(crate) const SIDES: [Side; 5] = [
    Side::Berthd,
    Side::Nginx,
    Side::BareSink(Kind::Plain),
    Side::BareSink(Kind::Hashed),
    Side::BareSink(Kind::Synced),
];
const CLIENTS: usize = 3;
pub(super) const NAMES: [&str; CLIENTS] = ["new", "newer", "newest"];

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let (plan, work) = (bench.plan, work(bench));
    bench.each_with(ROW, &SIDES, &work, |server| {
        let mut sender = Sender::connect(server.dialect, server.place)?;
        let found = download::found(server, || sender.put(NAMES[0], plan.put_bytes));
        fs::remove_file(plan.inbox.join(NAMES[0]))?;
        found
    });
    if plan.wants(SLOW)
        && let Err(error) = slow(bench)
    {
        bench.note(SLOW, Side::Berthd.name(), Err(error));
    }
    bench.each_with(MEMORY_ROW, &[Side::Berthd], &work, |server| {
        memory(server, &plan.inbox, plan.each_put_bytes)
    });
}

/// What a server is started for that keeps what comes.
pub(crate) fn work<'a>(bench: &Bench<'a>) -> Work<'a> {
    Work {
        folder: bench.plan.inbox.clone(),
        uploads: true,
        ..bench.work(CLIENTS)
    }
}

/// Two clients upload as fast as the disk can, and a third asks until they are done.
fn slow(bench: &mut Bench<'_>) -> io::Result<()> {
    let control = Side::BareEcho.start(&bench.work(CLIENTS))?;
    let disk = SlowDisk::mount(bench.temp)?;
    let work = Work {
        folder: disk.folder.clone(),
        ..work(bench)
    };
    let size = bench.plan.slow_put_bytes;
    bench.each_with(SLOW, &[Side::Berthd], &work, |server| {
        let senders = [(); 2].map(|()| Sender::connect(server.dialect, server.place));
        let probe = Probe::start(server.dialect, server.place)?;
        let beside = Probe::start(control.dialect, control.place)?;
        let rates = put_all(senders, size);
        let (waits, beside) = (probe.stop()?, beside.stop()?);
        Ok(vec![
            (P50, waits.p50),
            (P99, waits.p99),
            (MAX, waits.max),
            (CONTROL, beside.p99),
            (BOTH_RATE, rates? / 1e6),
        ])
    });
    Ok(())
}

/// All send at the same time. Returns bytes per second, of all together.
fn put_all<const N: usize>(senders: [io::Result<Sender>; N], size: u64) -> io::Result<f64> {
    thread::scope(|scope| {
        let puts = senders.into_iter().zip(NAMES).map(|(sender, name)| {
            let mut sender = sender?;
            Ok(scope.spawn(move || sender.put(name, size)))
        });
        let puts = puts.collect::<io::Result<Vec<_>>>()?;
        let rates = puts.into_iter().map(|put| {
            let moved = put.join().expect("an upload does not panic");
            moved.map(|moved| moved.rate())
        });
        rates.sum()
    })
}

/// How much more memory the server uses than for the same clients before they say anything. The
/// kernel keeps the highest, and is told to begin anew.
fn memory(server: &Server, inbox: &Path, size: u64) -> io::Result<Found> {
    let senders = [(); CLIENTS].map(|()| Sender::connect(server.dialect, server.place));
    server.process.forget_peak()?;
    let before = server.process.peak_kib()?;
    let rates = put_all(senders, size);
    let after = server.process.peak_kib()?;
    for name in NAMES {
        fs::remove_file(inbox.join(name))?;
    }
    Ok(vec![
        (GROWTH, (after - before) / 1024.0),
        (ALL_RATE, rates? / GIB),
    ])
}
