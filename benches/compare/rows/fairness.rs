//! Two clients download as fast as they can, and a third asks.
//!
//! Owns the row, with a control: the same question at the same time to a server that has nothing
//! else to do. What that one's caller waits is the machine's doing and not the loop's.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::load::{Fetcher, Sink};
use crate::probe::{self, Probe, Waits};
use crate::rows::download::GIB;
use crate::rows::{Bench, Found};
use crate::servers::{Server, Side};

pub(crate) const ROW: &str = "Fairness: an echo beside two downloads without end";
pub(crate) const IDLE_P99: &str = "p99 on an idle server, us";
pub(crate) const P50: &str = "p50, us";
pub(crate) const P99: &str = "p99, us";
pub(crate) const MAX: &str = "max, us";
pub(crate) const CONTROL: &str = "p99 of an idle server meanwhile, us";
const RATE: &str = "both downloads, GiB/s";

const DOWNLOADS: usize = 2;
/// Until the downloads are at their full speed.
const RAMP: Duration = Duration::from_millis(200);

pub(crate) fn measure(bench: &mut Bench<'_>) {
    let (span, name) = (bench.plan.span, bench.plan.big.clone());
    let plan = bench.plan;
    let control = Side::BareEcho.start(&bench.work(3));
    let Ok(control) = control else { return };
    bench.each(ROW, &[Side::Berthd, Side::Nginx], 3, |server| {
        let idle = probe::alone(server.dialect, server.place, span)?;
        plan.warm(&name)?;
        let stop = AtomicBool::new(false);
        let (waits, other, bytes) = thread::scope(|scope| {
            let download = || scope.spawn(|| fetch_again(server, &name, &stop));
            let downloads = [(); DOWNLOADS].map(|()| download());
            thread::sleep(RAMP);
            let asked = ask_both(server, &control, span * 2);
            stop.store(true, Ordering::Relaxed);
            let mut rate = 0.0;
            for download in downloads {
                rate += download.join().expect("a download does not panic")?;
            }
            asked.map(|(waits, other)| (waits, other, rate))
        })?;
        Ok(found(idle, waits, other, bytes))
    });
}

pub(crate) fn ask_both(
    server: &Server,
    control: &Server,
    span: Duration,
) -> io::Result<(Waits, Waits)> {
    let probe = Probe::start(server.dialect, server.place)?;
    let beside = Probe::start(control.dialect, control.place)?;
    thread::sleep(span);
    Ok((probe.stop()?, beside.stop()?))
}

/// Fetches the file again and again until it is told to stop. Returns bytes per second.
fn fetch_again(server: &Server, name: &str, stop: &AtomicBool) -> io::Result<f64> {
    let mut fetcher = Fetcher::connect(server.dialect, server.place, Sink::Discard)?;
    let (mut sum, mut seconds) = (0.0, 0.0);
    while !stop.load(Ordering::Relaxed) {
        let moved = fetcher.fetch_until(name, stop)?;
        sum += moved.sum as f64;
        seconds += moved.seconds;
    }
    Ok(sum / seconds)
}

fn found(idle: Waits, waits: Waits, control: Waits, bytes: f64) -> Found {
    vec![
        (IDLE_P99, idle.p99),
        (P50, waits.p50),
        (P99, waits.p99),
        (MAX, waits.max),
        (CONTROL, control.p99),
        (RATE, bytes / GIB),
    ]
}
