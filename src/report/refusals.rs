//! The latest refused clients (`--reason full`).
//!
//! Owns the last rows of their table. Must never keep more than those, nor any without `--reason`:
//! a flood must not push the sessions off the screen.

use std::collections::VecDeque;

use crate::journal::record::Refused;
use crate::journal::text::Moment;
use crate::journal::{Event, Record};
use crate::report::find::Find;
use crate::report::table::{self, Table};

/// The table of refused clients.
#[derive(Debug)]
pub struct Refusals {
    kept: VecDeque<(Moment, Refused)>,
    latest: usize,
    find: Find,
}

impl Refusals {
    /// Shows so many of those that are asked for.
    #[must_use]
    pub fn new(latest: usize, find: &Find) -> Self {
        Self {
            kept: VecDeque::new(),
            latest,
            find: find.clone(),
        }
    }

    /// What is said where there is nothing to show.
    #[must_use]
    pub const fn none(&self) -> &'static str {
        match self.find.reason {
            Some(_) => "no sessions, and nobody turned away\n",
            None => "no sessions\n",
        }
    }

    /// Notes a record, whatever it is about.
    pub fn note(&mut self, record: &Record) {
        let Event::Refused(refused) = &record.event else {
            return;
        };
        if self.find.reason.is_some() && self.find.takes(record) {
            self.kept.push_back((record.time, refused.clone()));
        }
        while self.kept.len() > self.latest {
            self.kept.pop_front();
        }
    }

    /// The table, in order of time; `None` if there is nothing in it.
    #[must_use]
    pub fn table(&self) -> Option<Table> {
        let mut table = Table::new(&["TURNED AWAY", "ADDRESS", "REASON", "COUNT"]);
        for (time, refused) in &self.kept {
            table.push(&[
                table::second(*time),
                table::source(refused.address),
                refused.reason.to_string(),
                refused.count.to_string(),
            ]);
        }
        (!self.kept.is_empty()).then_some(table)
    }
}
