//! Follows a journal that grows (`--follow`).
//!
//! Owns the position in it. Must never lose a record on log rotation: the old file is read to its
//! end before the new one is opened.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::journal::Line;
use crate::report::records::write_line;
use crate::report::{Question, table};
use crate::streams;

/// How often it is looked whether there is more. A person does not notice, nor does a processor.
const PAUSE: Duration = Duration::from_millis(200);

/// Shows what is added to a journal behind `position`, until standard output is closed.
///
/// # Errors
/// When it cannot be written.
pub fn run(question: &Question, file: File, position: u64, out: &mut impl Write) -> io::Result<()> {
    let mut tail = Tail::new(file, position);
    let mut lines = Vec::new();
    out.flush()?;
    loop {
        tail.read(&question.file, &mut lines);
        for line in lines.drain(..) {
            show(&line, question, out)?;
        }
        out.flush()?;
        if streams::stdout().has_lost_its_reader() {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
}

fn show(line: &[u8], question: &Question, out: &mut impl Write) -> io::Result<()> {
    match Line::parse(line) {
        Line::Record(record) if question.find.takes(&record) => {
            if question.json {
                write_line(line, out)
            } else {
                table::write_event(&record, out)
            }
        }
        Line::Damaged if !question.json => writeln!(out, "a damaged line, skipped"),
        _ => Ok(()),
    }
}

/// The end of a journal that may be moved away.
#[derive(Debug)]
pub struct Tail {
    file: File,
    position: u64,
    /// The beginning of a line that is not whole yet.
    rest: Vec<u8>,
}

impl Tail {
    /// Reads `file` from `position` on.
    #[must_use]
    pub const fn new(file: File, position: u64) -> Self {
        Self {
            file,
            position,
            rest: Vec::new(),
        }
    }

    /// Appends the whole lines that are new, of this file and of the one that came into its place.
    ///
    /// What cannot be read now may be readable next time; this is for a person who watches.
    pub fn read(&mut self, path: &Path, lines: &mut Vec<Vec<u8>>) {
        // This has to be known before the last look into the old file: a server that has begun the
        // new one writes no more to the old, and before that it may.
        let next = File::open(path).ok().filter(|next| self.is_other(next));
        let _ = self.read_here(lines);
        if let Some(next) = next {
            if !self.rest.is_empty() {
                lines.push(std::mem::take(&mut self.rest));
            }
            *self = Self::new(next, 0);
            let _ = self.read_here(lines);
        }
    }

    fn is_other(&self, next: &File) -> bool {
        let (Ok(next), Ok(here)) = (next.metadata(), self.file.metadata()) else {
            return false;
        };
        next.len() > 0 && (next.dev(), next.ino()) != (here.dev(), here.ino())
    }

    fn read_here(&mut self, lines: &mut Vec<Vec<u8>>) -> io::Result<()> {
        if self.file.metadata()?.len() < self.position {
            // It was cut: what is in it now is new.
            self.position = 0;
            self.rest.clear();
        }
        self.file.seek(SeekFrom::Start(self.position))?;
        let n = self.file.read_to_end(&mut self.rest)?;
        self.position += n as u64;
        let Some(last) = memchr::memrchr(b'\n', &self.rest) else {
            return Ok(());
        };
        let rest = self.rest.split_off(last + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        lines.extend(
            whole
                .split_inclusive(|&byte| byte == b'\n')
                .map(<[u8]>::to_vec),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, OpenOptions};

    #[test]
    fn nothing_is_missed_or_shown_twice_when_the_journal_is_moved_away() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (path, old) = (folder.path().join("j"), folder.path().join("j.1"));
        let append = |path: &Path, text: &str| {
            let file = OpenOptions::new().append(true).create(true).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .expect("it can be written");
        };
        append(&path, "before\n1\n");
        let mut tail = Tail::new(File::open(&path).expect("it is there"), 7);
        let mut lines = Vec::new();
        tail.read(&path, &mut lines);
        append(&path, "2\nhal");
        tail.read(&path, &mut lines);
        fs::rename(&path, &old).expect("it can be moved");
        append(&old, "f\n3\n");
        tail.read(&path, &mut lines);
        append(&old, "4\n");
        append(&path, "5\n6");
        tail.read(&path, &mut lines);
        append(&path, "6\n");
        tail.read(&path, &mut lines);
        fs::write(&path, "7\n").expect("it can be cut");
        tail.read(&path, &mut lines);
        let lines: Vec<&str> = lines
            .iter()
            .map(|line| str::from_utf8(line).unwrap())
            .collect();
        assert_eq!(lines.concat(), "1\n2\nhalf\n3\n4\n5\n66\n7\n");
    }
}
