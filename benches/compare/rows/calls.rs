//! How many system calls the work takes.
//!
//! Owns the rows of it, which are measured once and after all others: strace counts every call, but
//! it slows the server down so much that no time can be read beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::dialect::Caller;
use crate::load::{Fetcher, Generator, Sink};
use crate::process::{Process, installed, leashed};
use crate::rows::{Bench, Found, refusals, upload};
use crate::sender::Sender;
use crate::servers::{Server, Side};
use crate::sink::Kind;

const SINGLE: &str = "System calls per request, 1 client, 1 in flight";
const PIPELINED: &str = "System calls per 64 requests, 3 clients, 64 in flight";
const REFUSAL: &str = "System calls per refusal";
const DOWNLOAD: &str = "System calls per MiB of a download";
const UPLOAD: &str = "System calls per MiB of an upload";

/// How many requests of one client are counted, and how long it waits between them: without a
/// pause a server slowed down finds the next one there already, and never shows that it waits.
const REQUESTS: usize = 1000;
const PAUSE: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(10);
const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    bench.sheet.run = 0;
    let plan = bench.plan;
    let (temp, span, name) = (bench.temp, plan.span, plan.big.clone());
    let echoes = [Side::Berthd, Side::Redis, Side::BareEcho];
    bench.visit(SINGLE, &echoes, 3, |server| {
        let mut caller = Caller::connect(server.dialect, server.place)?;
        count(server, temp, || {
            for _ in 0..REQUESTS {
                caller.ask()?;
                thread::sleep(PAUSE);
            }
            Ok(REQUESTS as f64)
        })
    });
    bench.visit(PIPELINED, &echoes, 3, |server| {
        let mut generator = Generator::connect(server.dialect, server.place, 3, 64)?;
        count(server, temp, || Ok(generator.run(span)?.sum as f64 / 64.0))
    });
    bench.visit(REFUSAL, &[Side::Berthd, Side::Redis], 1, |server| {
        let inside = Caller::connect(server.dialect, server.place)?;
        let found = count(server, temp, || {
            for _ in 0..REQUESTS {
                refusals::call(server, "")?;
            }
            Ok(REQUESTS as f64)
        });
        drop(inside);
        found
    });
    let senders = [Side::Berthd, Side::Nginx, Side::BareSendfile];
    bench.visit(DOWNLOAD, &senders, 3, |server| {
        plan.warm(&name)?;
        let mut fetcher = Fetcher::connect(server.dialect, server.place, Sink::Copy)?;
        count(server, temp, || Ok(fetcher.fetch(&name)?.sum as f64 / MIB))
    });
    let keepers = [Side::Berthd, Side::Nginx, Side::BareSink(Kind::Plain)];
    bench.visit_with(UPLOAD, &keepers, &upload::work(bench), |server| {
        let mut sender = Sender::connect(server.dialect, server.place)?;
        let found = count(server, temp, || {
            Ok(sender.put(upload::NAMES[0], plan.put_bytes)?.sum as f64 / MIB)
        });
        fs::remove_file(plan.inbox.join(upload::NAMES[0]))?;
        found
    });
}

/// Counts the server's calls during `work`, which says how many times it did what is counted.
fn count(
    server: &Server,
    temp: &Path,
    work: impl FnOnce() -> io::Result<f64>,
) -> io::Result<Found> {
    let strace = installed("strace")
        .ok_or_else(|| io::Error::other("strace is not installed (the package is strace)"))?;
    let table = temp.join("calls");
    let pid = server.process.pid().as_raw_nonzero().to_string();
    let mut command: Command = leashed(&strace)?;
    command.args(["-c", "-f", "-p", &pid, "-o"]).arg(&table);
    let mut tracer = Process::start(command.stderr(Stdio::null()))?;
    let began = Instant::now();
    while server.process.number("status", "TracerPid:")? == 0.0 {
        if tracer.child().try_wait()?.is_some() || began.elapsed() > PATIENCE {
            return Err(io::Error::other("strace may not watch here"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    let times = work()?;
    tracer.interrupt()?;
    Ok(read(&fs::read_to_string(table)?, times))
}

/// A row of the table is: % time, seconds, usecs/call, calls, errors (may be missing), name.
fn read(table: &str, times: f64) -> Found {
    let mut sums = BTreeMap::<_, f64>::new();
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let calls = words.get(3).and_then(|word| word.parse::<f64>().ok());
        let (Some(calls), Some(name)) = (calls, words.last()) else {
            continue;
        };
        if *name != "total" {
            *sums.entry(kind(name)).or_default() += calls;
            *sums.entry("5 all").or_default() += calls;
        }
    }
    // The number only holds the order.
    sums.into_iter()
        .map(|(kind, calls)| (&kind[2..], calls / times))
        .collect()
}

fn kind(name: &str) -> &'static str {
    match name {
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "poll" | "ppoll" => "1 waits",
        "read" | "readv" | "recvfrom" | "recvmsg" => "2 reads",
        "write" | "writev" | "pwrite64" | "sendto" | "sendmsg" | "sendfile" => "3 writes",
        _ => "4 others",
    }
}
