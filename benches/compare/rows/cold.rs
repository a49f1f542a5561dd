//! One client downloads a file that has to come from the disk, and another asks.
//!
//! Owns the row. The file's pages are dropped before each download, and how much was then really
//! read from the disk is shown: 1 means that nothing was left in the cache.

use crate::load::{Fetcher, Sink};
use crate::probe::Probe;
use crate::rows::Bench;
use crate::rows::download::GIB;
use crate::rows::fairness::{CONTROL, MAX, P50, P99};
use crate::servers::Side;

pub(crate) const ROW: &str = "Cold disk: an echo beside a download of 1 GiB";
const RATE: &str = "download, GiB/s";
const READ: &str = "read from the disk, of 1";

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let plan = bench.plan;
    let Ok(control) = Side::BareEcho.start(&bench.work(3)) else {
        return;
    };
    bench.each(ROW, &[Side::Berthd, Side::Nginx], 3, |server| {
        let mut fetcher = Fetcher::connect(server.dialect, server.place, Sink::Copy)?;
        plan.chill(&plan.cold)?;
        let before = server.process.disk_bytes()?;
        let probe = Probe::start(server.dialect, server.place)?;
        let beside = Probe::start(control.dialect, control.place)?;
        let fetched = fetcher.fetch(&plan.cold);
        let (waits, beside) = (probe.stop()?, beside.stop()?);
        let moved = fetched?;
        let read = server.process.disk_bytes()? - before;
        Ok(vec![
            (P50, waits.p50),
            (P99, waits.p99),
            (MAX, waits.max),
            (CONTROL, beside.p99),
            (RATE, moved.rate() / GIB),
            (READ, read / moved.sum as f64),
        ])
    });
}
