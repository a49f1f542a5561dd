//! The summary of a journal.
//!
//! Owns the totals. Must never keep whole sessions: only the length of each, for the median, and
//! the name of each file.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::journal::record::Transfer;
use crate::journal::text::FileName;
use crate::journal::{Event, Record};
use crate::report::find::Find;
use crate::report::sessions::{Inside, Session, takes};
use crate::report::table::{self, Table};
use crate::wire::SanitizedJson;

/// How many of the busiest files are shown.
const FILES_SHOWN: usize = 10;

/// The sums of all records that were asked for.
#[derive(Debug)]
pub struct Summary {
    find: Find,
    inside: Inside,
    lengths_ms: Vec<u64>,
    figures: Figures,
    files: HashMap<String, Busy>,
}

/// What programs are told.
#[derive(Clone, Debug, Default, Serialize)]
struct Figures {
    sessions: u64,
    refusals: u64,
    transfers: u64,
    transfers_whole: u64,
    bytes_in: u64,
    bytes_out: u64,
    bytes_sent: u64,
    uploads: u64,
    uploads_stored: u64,
    bytes_received: u64,
    longest_ms: Option<u64>,
    median_ms: Option<u64>,
    peak_clients: u64,
    records_lost: u64,
    damaged: u64,
    reasons: BTreeMap<String, u64>,
    files: Vec<Busy>,
}

/// A file and how much it was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Busy {
    #[serde(flatten)]
    name: FileName,
    transfers: u64,
    bytes_sent: u64,
}

impl Summary {
    /// Counts what is asked for.
    #[must_use]
    pub fn new(find: &Find) -> Self {
        Self {
            find: find.clone(),
            inside: Inside::default(),
            lengths_ms: Vec::new(),
            figures: Figures::default(),
            files: HashMap::new(),
        }
    }

    /// Notes a record, whatever it is about: who is inside depends on all of them.
    pub fn note(&mut self, record: &Record) {
        for session in self.inside.note(record) {
            if takes(&self.find, &session) {
                self.end(&session);
            }
        }
        let inside = self.inside.count() as u64;
        let figures = &mut self.figures;
        if self.find.is_recent(record.time) {
            figures.peak_clients = figures.peak_clients.max(inside);
            figures.records_lost = figures.records_lost.saturating_add(record.lost);
        }
        if !self.find.takes(record) {
            return;
        }
        match &record.event {
            Event::Refused(refused) => add(&mut figures.refusals, refused.count),
            Event::Transfer(transfer) => self.fetch(transfer),
            Event::Upload(upload) => {
                figures.uploads += 1;
                figures.uploads_stored += u64::from(upload.stored);
                add(&mut figures.bytes_received, upload.bytes_received);
            }
            _ => {}
        }
    }

    fn end(&mut self, session: &Session) {
        let figures = &mut self.figures;
        figures.sessions += 1;
        if let Some(stay) = session.stay {
            add(&mut figures.bytes_in, stay.bytes_in);
            add(&mut figures.bytes_out, stay.bytes_out);
        }
        if let Some((_, reason)) = &session.gone {
            *figures.reasons.entry(reason.to_string()).or_default() += 1;
        }
        let lasted = session.lasted().unwrap_or_default().as_millis();
        self.lengths_ms
            .push(u64::try_from(lasted).unwrap_or(u64::MAX));
    }

    fn fetch(&mut self, transfer: &Transfer) {
        let figures = &mut self.figures;
        figures.transfers += 1;
        figures.transfers_whole += u64::from(transfer.whole);
        add(&mut figures.bytes_sent, transfer.bytes_sent);
        // Names that look the same and are not are told apart by their bytes.
        let name = &transfer.name;
        let key = name.file_hex.as_ref().unwrap_or(&name.file);
        let file = self.files.entry(key.clone()).or_insert_with(|| Busy {
            name: name.clone(),
            transfers: 0,
            bytes_sent: 0,
        });
        file.transfers += 1;
        add(&mut file.bytes_sent, transfer.bytes_sent);
    }

    fn figures(&self, damaged: u64) -> Figures {
        let mut lengths = self.lengths_ms.clone();
        lengths.sort_unstable();
        let mut files: Vec<Busy> = self.files.values().cloned().collect();
        files.sort_by(|a, b| {
            let by_bytes = b.bytes_sent.cmp(&a.bytes_sent);
            by_bytes.then_with(|| a.name.file.cmp(&b.name.file))
        });
        files.truncate(FILES_SHOWN);
        Figures {
            longest_ms: lengths.last().copied(),
            // Of an even number, the lower of the two in the middle: a length that there was.
            median_ms: lengths.get(lengths.len().saturating_sub(1) / 2).copied(),
            damaged,
            files,
            ..self.figures.clone()
        }
    }

    /// Writes the sums as one object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json(&self, damaged: u64, out: &mut impl Write) -> io::Result<()> {
        let line = serde_json::to_string(&self.figures(damaged))?;
        writeln!(out, "{}", SanitizedJson(&line))
    }

    /// Writes the sums for people.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let figures = self.figures(0);
        let length = |ms: Option<u64>| {
            ms.map_or_else(
                || "-".to_owned(),
                |ms| table::duration(Duration::from_millis(ms)),
            )
        };
        let reasons = figures
            .reasons
            .iter()
            .map(|(reason, n)| format!("{reason} {n}"));
        let reasons: Vec<String> = reasons.collect();
        writeln!(out, "sessions         {}", figures.sessions)?;
        writeln!(out, "  ended by       {}", dash(reasons.join(", ")))?;
        writeln!(out, "  longest        {}", length(figures.longest_ms))?;
        writeln!(out, "  median         {}", length(figures.median_ms))?;
        writeln!(out, "  at once        {} at most", figures.peak_clients)?;
        writeln!(out, "  inside         {} at the end", self.inside.count())?;
        writeln!(out, "turned away      {}", figures.refusals)?;
        let (transfers, whole) = (figures.transfers, figures.transfers_whole);
        writeln!(out, "downloads        {transfers}, {whole} of them whole")?;
        writeln!(out, "bytes of files   {}", table::size(figures.bytes_sent))?;
        if figures.uploads > 0 {
            let (uploads, stored) = (figures.uploads, figures.uploads_stored);
            let received = table::size(figures.bytes_received);
            writeln!(out, "uploads          {uploads}, {stored} of them stored")?;
            writeln!(out, "bytes of those   {received}")?;
        }
        writeln!(out, "bytes in         {}", table::size(figures.bytes_in))?;
        writeln!(out, "bytes out        {}", table::size(figures.bytes_out))?;
        if figures.records_lost > 0 {
            writeln!(out, "records missing  {}", figures.records_lost)?;
        }
        if figures.files.is_empty() {
            return Ok(());
        }
        let mut files = Table::new(&["SENT", "TIMES", "FILE"]);
        for file in &figures.files {
            let (sent, times) = (table::size(file.bytes_sent), file.transfers.to_string());
            files.push(&[sent, times, table::file(&file.name)]);
        }
        files.write(out)
    }
}

fn dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

/// A journal may say anything; a sum that is too large is the largest.
fn add(sum: &mut u64, n: u64) {
    *sum = sum.saturating_add(n);
}
