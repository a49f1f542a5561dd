//! One client lists a folder of 100 000 files in 1000 folders, and another asks.
//!
//! Owns the row. The server is a new one each time, so that its first listing is its first.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::probe::{Probe, Waits};
use crate::rows::Bench;
use crate::servers::{Server, Side, Work};
use crate::stream::Stream;

pub(crate) const ROW: &str = "List of 100 000 files: an echo beside it";
pub(crate) const FIRST_P99: &str = "p99 beside the first, us";
const FIRST_MAX: &str = "max beside the first, us";
pub(crate) const SECOND_P99: &str = "p99 beside the second, us";
const FIRST: &str = "first list, ms";
pub(crate) const SECOND: &str = "second list, ms";

const READ_BYTES: usize = 256 * 1024;

pub(crate) fn measure(bench: &mut Bench<'_>) {
    if !bench.plan.wants(ROW) {
        return;
    }
    let work = Work {
        folder: bench.plan.tree.clone(),
        ..bench.work(3)
    };
    let found = Side::Berthd.start(&work).and_then(|server| {
        let mut client = server.dialect.connect(server.place)?;
        let (first, beside_first) = list(&server, &mut client)?;
        let (second, beside_second) = list(&server, &mut client)?;
        Ok(vec![
            (FIRST_P99, beside_first.p99),
            (FIRST_MAX, beside_first.max),
            (FIRST, first.as_secs_f64() * 1e3),
            (SECOND_P99, beside_second.p99),
            (SECOND, second.as_secs_f64() * 1e3),
        ])
    });
    bench.note(ROW, Side::Berthd.name(), found);
}

/// Lists the folder, and returns how long that took and how long the other client waited.
fn list(server: &Server, client: &mut Stream) -> io::Result<(Duration, Waits)> {
    let probe = Probe::start(server.dialect, server.place)?;
    let began = Instant::now();
    let whole = read_list(client);
    let took = began.elapsed();
    let waits = probe.stop()?;
    whole.map(|()| (took, waits))
}

/// Reads an answer to `list` and throws it away. No entry of it can be taken for its end.
fn read_list(client: &mut Stream) -> io::Result<()> {
    const END: &[u8] = b"\nEND\n";
    client.write_all(b"list\n")?;
    let mut space = vec![0; READ_BYTES];
    let mut last = Vec::new();
    while last != END {
        let n = client.read(&mut space)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        last.extend_from_slice(&space[n.saturating_sub(END.len())..n]);
        last.drain(..last.len().saturating_sub(END.len()));
    }
    Ok(())
}
