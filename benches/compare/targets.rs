//! What the figures are to reach.
//!
//! Owns every target, each a bound on one figure or on the ratio of two of the same run. They are
//! judged in the table and never by a test: a busy machine is not a fault of the program.

use crate::rows::{cold, crowd, download, echo, fairness, listing, refusals, start, tls, upload};
use crate::sheet::{Key, Sheet, Summary};

use Bound::{AtLeast, AtMost};
use Measure::{Metric, Side, Value};

const BERTHD: &str = "berthd";
const NGINX: &str = "nginx";
const REDIS: &str = "Redis";
const BARE_ECHO: &str = "bare echo";
const BARE_HASHED: &str = "bare loop, hashed";

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// What is bounded, always of `berthd`.
#[derive(Clone, Copy)]
enum Measure {
    Value,
    /// Against the same metric of another server.
    Side(&'static str),
    /// Against another metric of its own.
    Metric(&'static str),
}

pub(crate) struct Target {
    pub(crate) row: &'static str,
    pub(crate) metric: &'static str,
    measure: Measure,
    pub(crate) bound: Bound,
}

/// How a target was met.
pub(crate) struct Verdict {
    /// What was bounded, in words.
    pub(crate) what: String,
    pub(crate) seen: Summary,
    pub(crate) bound: Bound,
}

impl Target {
    /// `None` when one of the figures is missing.
    pub(crate) fn judge(&self, sheet: &Sheet) -> Option<Verdict> {
        let key = |metric, side| Key {
            row: self.row,
            metric,
            side,
        };
        let of = key(self.metric, BERTHD);
        let (what, seen) = match self.measure {
            Value => (BERTHD.to_owned(), sheet.summary(of)),
            Side(side) => (
                format!("{BERTHD} / {side}"),
                sheet.ratio(of, key(self.metric, side)),
            ),
            Metric(metric) => (
                format!("{BERTHD} / its {metric}"),
                sheet.ratio(of, key(metric, BERTHD)),
            ),
        };
        Some(Verdict {
            what,
            seen: seen?,
            bound: self.bound,
        })
    }
}

impl Verdict {
    /// By how much the target is missed, as a share of it; `None` if it is met.
    pub(crate) fn missed_by(&self) -> Option<f64> {
        let missed = match self.bound {
            AtLeast(bound) => 1.0 - self.seen.median / bound,
            AtMost(bound) => self.seen.median / bound - 1.0,
        };
        (missed > 0.0).then_some(missed)
    }
}

type Line = (&'static str, &'static str, Measure, Bound);

/// All targets, in the order of the rows.
pub(crate) fn all() -> Vec<Target> {
    let target = |&(row, metric, measure, bound): &Line| Target {
        row,
        metric,
        measure,
        bound,
    };
    RATIOS.iter().chain(VALUES).map(target).collect()
}

/// What is compared with another server.
#[rustfmt::skip]
const RATIOS: &[Line] = &[
    (download::COPY, download::RATE, Side(NGINX), AtLeast(1.25)),
    (download::COPY, download::SERVER_CPU, Side(NGINX), AtMost(0.5)),
    (download::DISCARD, download::RATE, Side(NGINX), AtLeast(3.0)),
    (download::DISCARD, download::SERVER_CPU, Side(NGINX), AtMost(0.5)),
    (echo::SINGLE, echo::RATE, Side(BARE_ECHO), AtLeast(0.95)),
    (echo::SINGLE, echo::RATE, Side(REDIS), AtLeast(1.1)),
    (echo::SINGLE, echo::SERVER_CPU, Side(REDIS), AtMost(0.8)),
    (echo::PIPELINED, echo::RATE, Side(BARE_ECHO), AtLeast(0.8)),
    (echo::PIPELINED, echo::RATE, Side(REDIS), AtLeast(2.0)),
    (refusals::ROW, refusals::RATE, Side(REDIS), AtLeast(1.5)),
    (tls::DOWNLOAD, download::RATE, Side(NGINX), AtLeast(1.0)),
    (tls::DOWNLOAD, download::SERVER_CPU, Side(NGINX), AtMost(0.8)),
    (upload::ROW, download::RATE, Side(NGINX), AtLeast(1.0)),
    (upload::ROW, download::RATE, Side(BARE_HASHED), AtLeast(0.8)),
];

/// What is judged by itself.
#[rustfmt::skip]
const VALUES: &[Line] = &[
    (fairness::ROW, fairness::P99, Value, AtMost(1000.0)),
    (fairness::ROW, fairness::P99, Metric(fairness::IDLE_P99), AtMost(3.0)),
    (cold::ROW, fairness::P99, Value, AtMost(5000.0)),
    (listing::ROW, listing::FIRST_P99, Value, AtMost(5000.0)),
    (listing::ROW, listing::SECOND_P99, Value, AtMost(5000.0)),
    (listing::ROW, listing::SECOND, Value, AtMost(10.0)),
    (crowd::THOUSAND, crowd::SILENT, Value, AtMost(1.0)),
    (crowd::THOUSAND, crowd::SPOKE, Value, AtMost(1.0)),
    (crowd::THOUSAND, crowd::AMONG, Metric(crowd::ALONE), AtLeast(0.9)),
    (crowd::TEN_THOUSAND, crowd::SILENT, Value, AtMost(1.0)),
    (crowd::TEN_THOUSAND, crowd::SPOKE, Value, AtMost(1.0)),
    (crowd::TEN_THOUSAND, crowd::AMONG, Metric(crowd::ALONE), AtLeast(0.9)),
    (refusals::ROW, refusals::WHOLE, Value, AtLeast(100.0)),
    (refusals::ROW, refusals::SPOKEN, Value, AtLeast(100.0)),
    (refusals::ROW, fairness::P99, Value, AtMost(1000.0)),
    (start::ROW, start::START, Value, AtMost(20.0)),
    (start::ROW, start::SIZE, Value, AtMost(3.0)),
    (start::ROW, start::MEMORY, Value, AtMost(4.0)),
    (tls::FLOOD, fairness::P99, Value, AtMost(2000.0)),
    (tls::IDLE, crowd::SILENT, Value, AtMost(16.0)),
    (upload::SLOW, fairness::P99, Value, AtMost(10_000.0)),
    (upload::MEMORY_ROW, upload::GROWTH, Value, AtMost(2.0)),
];
