//! `berthd journal FILE`: what people ask a journal.
//!
//! Owns the questions, the tables and the way to the end of a file that grows. Must never write to
//! a journal, nor lock it: the server that writes it must not notice.

pub mod find;
pub mod follow;
pub mod lines;
pub mod records;
pub mod refusals;
pub mod sessions;
pub mod summary;
pub mod table;

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::journal::Record;
use crate::report::find::Find;
use crate::report::lines::{Found, Lines};
use crate::report::records::Records;
use crate::report::refusals::Refusals;
use crate::report::sessions::Sessions;
use crate::report::summary::Summary;
use crate::streams;
use crate::wire::Sanitized;

/// How many rows a table has, unless something else is asked for.
pub const ROWS: usize = 20;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The journal.
    pub file: PathBuf,
    /// Which records count.
    pub find: Find,
    /// What of them is shown.
    pub show: Show,
    /// Whether programs are to read the answer.
    pub json: bool,
}

/// What is shown of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// The latest sessions, so many of them; as records all of them, if nothing is said.
    Sessions(Option<usize>),
    /// The same, and then what happens from now on, for ever.
    Follow(Option<usize>),
    /// What it all comes to.
    Summary,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ReportError {
    /// The journal cannot be read.
    Read(PathBuf, io::Error),
    /// The answer cannot be written.
    Write(io::Error),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(f, "cannot read the journal '{}': {error}", Sanitized(path))
            }
            Self::Write(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

impl std::error::Error for ReportError {}

/// Answers a question.
///
/// # Errors
/// When the journal cannot be read or the answer cannot be written. That nobody reads the answer
/// any more is no error.
pub fn run(question: &Question, out: &mut impl Write) -> Result<(), ReportError> {
    let unreadable = |error| ReportError::Read(question.file.clone(), error);
    let mut file = open(&question.file).map_err(unreadable)?;
    let mut lines = Lines::new(BufReader::new(&mut file));
    let damaged = answer(question, &mut lines, out);
    let end = lines.position();
    let told = match damaged {
        Ok(damaged) => tell_damage(damaged, question, out),
        Err(Failure::Read(error)) => return Err(unreadable(error)),
        Err(Failure::Write(error)) => Err(error),
    };
    let told = told.and_then(|()| match question.show {
        Show::Follow(_) => follow::run(question, file, end, out),
        _ => out.flush(),
    });
    match told {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(ReportError::Write(error)),
        _ => Ok(()),
    }
}

/// A folder can be opened and not be read; that is told at once and by its name.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

/// On which side it went wrong.
enum Failure {
    Read(io::Error),
    Write(io::Error),
}

/// Reads to the end and answers. Returns how many lines were damaged.
fn answer<R: Read>(
    question: &Question,
    lines: &mut Lines<BufReader<R>>,
    out: &mut impl Write,
) -> Result<u64, Failure> {
    let raw = question.json && question.show != Show::Summary;
    let mut records = Records::new(question.latest());
    let mut tables = Tables::new(question.latest().unwrap_or(ROWS), &question.find);
    let mut summary = Summary::new(&question.find);
    let mut damaged = 0;
    while let Some(found) = lines.find_next().map_err(Failure::Read)? {
        let Found::Record(record, line) = found else {
            damaged += 1;
            continue;
        };
        if raw {
            if question.find.takes(&record) {
                records.note(line, out).map_err(Failure::Write)?;
            }
        } else if question.show == Show::Summary {
            summary.note(&record);
        } else {
            tables.note(&record);
        }
    }
    if lines.are_foreign() {
        let reason = "it is no journal, as 'berthd --journal FILE' keeps one";
        return Err(Failure::Read(io::Error::other(reason)));
    }
    let written = match question.show {
        Show::Summary if question.json => summary.write_json(damaged, out),
        Show::Summary => summary.write(out),
        _ if raw => records.write(out),
        _ => tables.write(out),
    };
    written.map_err(Failure::Write)?;
    Ok(damaged)
}

impl Question {
    const fn latest(&self) -> Option<usize> {
        match self.show {
            Show::Sessions(n) | Show::Follow(n) => n,
            Show::Summary => None,
        }
    }
}

/// What people see who ask for no summary.
struct Tables {
    sessions: Sessions,
    refusals: Refusals,
}

impl Tables {
    fn new(latest: usize, find: &Find) -> Self {
        Self {
            sessions: Sessions::new(latest, find),
            refusals: Refusals::new(latest, find),
        }
    }

    fn note(&mut self, record: &Record) {
        self.sessions.note(record);
        self.refusals.note(record);
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (sessions, refusals) = (self.sessions.table(), self.refusals.table());
        if sessions.is_none() && refusals.is_none() {
            return out.write_all(self.refusals.none().as_bytes());
        }
        let mut tables = sessions.into_iter().chain(refusals);
        tables.try_for_each(|table| table.write(out))
    }
}

/// Among what programs read there is no place for a sentence.
fn tell_damage(damaged: u64, question: &Question, out: &mut impl Write) -> io::Result<()> {
    if damaged == 0 {
        return Ok(());
    }
    let told = format!("damaged lines, skipped: {damaged}");
    if question.json {
        // If standard error is gone there is nobody left to tell.
        let _ = streams::stderr().write_all(format!("berthd: {told}\n").as_bytes());
        return Ok(());
    }
    writeln!(out, "{told}")
}

/// Reads any bytes as a journal and answers every question about them. Never panics: this is what
/// is fuzzed.
///
/// # Errors
/// Never: memory can be read and written.
pub fn read_all(bytes: &[u8], out: &mut Vec<u8>) -> io::Result<u64> {
    let find = Find::default();
    let mut lines = Lines::new(bytes);
    let mut tables = Tables::new(ROWS, &find);
    let mut summary = Summary::new(&find);
    let mut damaged = 0;
    while let Some(found) = lines.find_next()? {
        let Found::Record(record, _) = found else {
            damaged += 1;
            continue;
        };
        tables.note(&record);
        summary.note(&record);
        table::write_event(&record, out)?;
    }
    tables.write(out)?;
    summary.write(out)?;
    summary.write_json(damaged, out)?;
    Ok(damaged)
}
