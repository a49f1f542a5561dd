//! The latency of a request while the server is busy with other clients.
//!
//! Owns the clients that ask one thing at a time and note how long each answer took. Every time is
//! kept, so a percentile is one that was seen.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::dialect::{Caller, Dialect};
use crate::stream::Place;

/// What a person, or a program that looks now and then, waits between two requests. It also leaves
/// the processor to those who are measured.
const PAUSE: Duration = Duration::from_micros(500);

/// One client that asks until it is stopped.
pub(crate) struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Duration>>>,
}

/// How long answers took, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Probe {
    pub(crate) fn start(dialect: Dialect, place: Place) -> io::Result<Self> {
        let mut caller = Caller::connect(dialect, place)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut waits = Vec::new();
            while !told.load(Ordering::Relaxed) || waits.is_empty() {
                let began = Instant::now();
                caller.ask()?;
                waits.push(began.elapsed());
                thread::sleep(PAUSE);
            }
            Ok(waits)
        });
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(self) -> io::Result<Waits> {
        self.stop.store(true, Ordering::Relaxed);
        let mut waits = self.thread.join().expect("a probe does not panic")?;
        waits.sort();
        let at = |share: f64| {
            let index = (waits.len() as f64 * share) as usize;
            waits[index.min(waits.len() - 1)].as_secs_f64() * 1e6
        };
        Ok(Waits {
            p50: at(0.50),
            p99: at(0.99),
            max: at(1.0),
        })
    }
}

/// Asks for so long, with nobody else there.
pub(crate) fn alone(dialect: Dialect, place: Place, span: Duration) -> io::Result<Waits> {
    let probe = Probe::start(dialect, place)?;
    thread::sleep(span);
    probe.stop()
}
