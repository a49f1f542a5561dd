//! The rows of the table: what is measured, one file for each kind of work.
//!
//! Owns the order of things: in each run every row, and in each row every side, one after the
//! other and the other way round in the next run, so that a drift of the machine favours no server.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::plan::Plan;
use crate::servers::{Server, Side, Work};
use crate::sheet::Sheet;

pub(crate) mod calls;
pub(crate) mod cold;
pub(crate) mod crowd;
pub(crate) mod download;
pub(crate) mod echo;
pub(crate) mod fairness;
pub(crate) mod listing;
pub(crate) mod refusals;
pub(crate) mod start;
pub(crate) mod tls;
pub(crate) mod upload;

/// What one measurement of one side found: metrics and values.
pub(crate) type Found = Vec<(&'static str, f64)>;

/// How busy the machine was with others: a server that waits for a processor answers no client.
const KEPT: &str = "ready, but kept waiting for a processor, % of the time";

/// What the rows work with.
pub(crate) struct Bench<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) temp: &'a Path,
    pub(crate) sheet: Sheet,
}

impl<'a> Bench<'a> {
    /// All rows, once.
    pub(crate) fn run(&mut self, run: usize) {
        self.sheet.run = run;
        download::measure(self);
        echo::measure(self);
        fairness::measure(self);
        cold::measure(self);
        listing::measure(self);
        crowd::measure(self);
        refusals::measure(self);
        start::measure(self);
        tls::measure(self);
        upload::measure(self);
    }

    /// What a server is started for, with room for so many clients.
    pub(crate) fn work(&self, clients: usize) -> Work<'a> {
        Work {
            temp: self.temp,
            folder: self.plan.files.clone(),
            file: &self.plan.big,
            clients,
            keys: None,
            uploads: false,
        }
    }

    /// Starts each side in turn and measures it, and how much of the machine it got.
    pub(crate) fn each(
        &mut self,
        row: &'static str,
        sides: &[Side],
        clients: usize,
        measure: impl Fn(&mut Server) -> io::Result<Found>,
    ) {
        self.each_with(row, sides, &self.work(clients), measure);
    }

    /// The same, for servers that are started for this.
    pub(crate) fn each_with(
        &mut self,
        row: &'static str,
        sides: &[Side],
        work: &Work<'_>,
        measure: impl Fn(&mut Server) -> io::Result<Found>,
    ) {
        self.visit_with(row, sides, work, |server| {
            let before = server.process.schedule()?;
            let mut found = measure(server)?;
            found.push((KEPT, kept(before, server.process.schedule()?)));
            Ok(found)
        });
    }

    /// Starts each side in turn. A side that fails is noted with its reason.
    pub(crate) fn visit(
        &mut self,
        row: &'static str,
        sides: &[Side],
        clients: usize,
        measure: impl Fn(&mut Server) -> io::Result<Found>,
    ) {
        self.visit_with(row, sides, &self.work(clients), measure);
    }

    fn visit_with(
        &mut self,
        row: &'static str,
        sides: &[Side],
        work: &Work<'_>,
        measure: impl Fn(&mut Server) -> io::Result<Found>,
    ) {
        if !self.plan.wants(row) {
            return;
        }
        let mut sides = sides.to_vec();
        if self.sheet.run % 2 == 1 {
            sides.reverse();
        }
        for side in sides {
            let server = side.start(work);
            let found = server.and_then(|mut server| measure(&mut server));
            self.note(row, side.name(), found);
        }
    }

    pub(crate) fn note(&mut self, row: &'static str, side: &'static str, found: io::Result<Found>) {
        match found {
            Ok(found) => {
                for (metric, value) in found {
                    self.sheet.note(row, side, metric, value);
                }
            }
            Err(error) => self.sheet.lack(row, side, error.to_string()),
        }
    }
}

/// Times in which the server ran and in which it could have, at the beginning and at the end.
fn kept(before: (Duration, Duration), after: (Duration, Duration)) -> f64 {
    let (ran, waited) = (after.0 - before.0, after.1 - before.1);
    waited.as_secs_f64() * 100.0 / (ran + waited).as_secs_f64().max(f64::MIN_POSITIVE)
}
