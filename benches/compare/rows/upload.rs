//! Clients upload large files.
//!
//! Owns the rows of it, and removes what was stored. berthd digests each byte and answers when the
//! disk has the file; nginx does neither, and the bare loops show what each of the two costs.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use crate::rows::download::{BOTH_CPU, CLIENT_CPU, GIB, RATE, SERVER_CPU};
use crate::rows::{Bench, Found};
use crate::sender::Sender;
use crate::servers::{Server, Side, Work};
use crate::sink::Kind;

pub(crate) const ROW: &str = "Upload of 1 GiB";
pub(crate) const MEMORY_ROW: &str = "Memory while three clients upload 256 MiB each";
pub(crate) const GROWTH: &str = "growth at its highest, MiB";
const ALL_RATE: &str = "all uploads, GiB/s";

pub(crate) const SIDES: [Side; 5] = [
    Side::Berthd,
    Side::Nginx,
    Side::BareSink(Kind::Plain),
    Side::BareSink(Kind::Hashed),
    Side::BareSink(Kind::Synced),
];
const CLIENTS: usize = 3;
const NAME: &str = "new";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let (plan, work) = (bench.plan, work(bench));
    bench.each_with(ROW, &SIDES, &work, |server| {
        let put = put(server, plan.put_bytes);
        fs::remove_file(plan.inbox.join(NAME))?;
        put
    });
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

fn put(server: &Server, size: u64) -> io::Result<Found> {
    let mut sender = Sender::connect(server.dialect, server.place)?;
    let before = server.process.cpu()?;
    let moved = sender.put(NAME, size)?;
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

/// How much more memory the server uses than for the same clients before they say anything. The
/// kernel keeps the highest, and is told to begin anew.
fn memory(server: &Server, inbox: &Path, size: u64) -> io::Result<Found> {
    let senders = [(); CLIENTS].map(|()| Sender::connect(server.dialect, server.place));
    server.process.forget_peak()?;
    let before = server.process.peak_kib()?;
    let names = [0, 1, 2].map(|i| format!("{NAME}{i}"));
    let rates = thread::scope(|scope| {
        let puts = senders.into_iter().zip(&names).map(|(sender, name)| {
            let mut sender = sender?;
            Ok(scope.spawn(move || sender.put(name, size)))
        });
        let puts = puts.collect::<io::Result<Vec<_>>>()?;
        let moved = puts.into_iter().map(|put| {
            let moved = put.join().expect("an upload does not panic");
            moved.map(|moved| moved.rate() / GIB)
        });
        moved.collect::<io::Result<Vec<_>>>()
    });
    let after = server.process.peak_kib()?;
    for name in &names {
        fs::remove_file(inbox.join(name))?;
    }
    Ok(vec![
        (GROWTH, (after - before) / 1024.0),
        (ALL_RATE, rates?.iter().sum()),
    ])
}
