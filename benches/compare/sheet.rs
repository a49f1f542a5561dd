//! The figures: what was measured, of whom, in which run.
//!
//! Owns every value and the only arithmetic that is done with several of them. Must never round:
//! what is shown shorter is shortened where it is shown.

/// What was measured, of whom: `("Echo, 3 x 1", "requests/s", "berthd")`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) row: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) side: &'static str,
}

/// The values of one key, each with the number of its run.
pub(crate) struct Series {
    pub(crate) key: Key,
    pub(crate) values: Vec<(usize, f64)>,
}

/// What a row of the table shows.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Everything that was measured, in the order in which it came first.
#[derive(Default)]
pub(crate) struct Sheet {
    /// The run that is under way.
    pub(crate) run: usize,
    pub(crate) series: Vec<Series>,
    /// What could not be measured, and why: row, side, reason.
    pub(crate) missing: Vec<(&'static str, &'static str, String)>,
}

impl Sheet {
    /// Notes a value of the run that is under way.
    pub(crate) fn note(
        &mut self,
        row: &'static str,
        side: &'static str,
        metric: &'static str,
        value: f64,
    ) {
        let key = Key { row, metric, side };
        let value = (self.run, value);
        match self.series.iter_mut().find(|series| series.key == key) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series {
                key,
                values: vec![value],
            }),
        }
    }

    /// Notes that something could not be measured; the same reason is kept once.
    pub(crate) fn lack(&mut self, row: &'static str, side: &'static str, reason: String) {
        let missing = (row, side, reason);
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// The rows, in order.
    pub(crate) fn rows(&self) -> Vec<&'static str> {
        let missing = self.missing.iter().map(|missing| missing.0);
        unique(
            self.series
                .iter()
                .map(|series| series.key.row)
                .chain(missing),
        )
    }

    /// The metrics of a row, in order.
    pub(crate) fn metrics(&self, row: &str) -> Vec<&'static str> {
        let of_row = self.series.iter().filter(|series| series.key.row == row);
        unique(of_row.map(|series| series.key.metric))
    }

    /// The sides that were measured in a row, in order.
    pub(crate) fn sides(&self, row: &str, metric: &str) -> Vec<&'static str> {
        let fits = |key: &Key| key.row == row && key.metric == metric;
        let of_row = self.series.iter().filter(|series| fits(&series.key));
        unique(of_row.map(|series| series.key.side))
    }

    pub(crate) fn summary(&self, key: Key) -> Option<Summary> {
        summary(self.find(key)?.values.iter().map(|value| value.1))
    }

    /// How the two keys' values relate, run by run: what drifts from run to run drifts in both.
    pub(crate) fn ratio(&self, of: Key, to: Key) -> Option<Summary> {
        let (of, to) = (self.find(of)?, self.find(to)?);
        let pairs = of.values.iter().filter_map(|(run, value)| {
            let other = to.values.iter().find(|other| other.0 == *run)?.1;
            (other != 0.0).then_some(value / other)
        });
        summary(pairs)
    }

    fn find(&self, key: Key) -> Option<&Series> {
        self.series.iter().find(|series| series.key == key)
    }
}

fn unique(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

fn summary(values: impl Iterator<Item = f64>) -> Option<Summary> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let half = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[half]
    } else {
        f64::midpoint(values[half - 1], values[half])
    };
    Some(Summary { median, min, max })
}
