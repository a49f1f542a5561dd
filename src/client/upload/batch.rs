//! Uploads the files of one command, one after another.
//!
//! Owns which files those are, and the totals. Must never upload what was not asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::client::error::Error;
use crate::client::excerpt::{Excerpt, path_bytes};
use crate::client::net::reconnect::Link;
use crate::client::options::{Given, Sending};
use crate::client::ui::interrupt;
use crate::client::ui::sum::Sum;
use crate::client::upload::names::{of_file, of_folder};
use crate::client::upload::put::{Job, Stored, put};
use crate::client::upload::tree::{Found, walk};

/// From how many bytes on it is asked whether the server takes files at all before one is read: so
/// many take a disk a second.
const LONG_READ_BYTES: u64 = 100 * 1024 * 1024;

/// What became of one file.
#[derive(Debug)]
pub enum Outcome {
    /// The server has it.
    Stored(Stored),
    /// The server has one of that name, and it was left so.
    Skipped {
        /// That name.
        name: Vec<u8>,
        /// Where the file is here.
        path: Option<PathBuf>,
    },
    /// The server has not got it.
    Failed(Vec<u8>, Error),
}

/// A file to upload.
struct Planned {
    path: Option<PathBuf>,
    name: Vec<u8>,
    /// Nothing if it comes on standard input.
    size: Option<u64>,
}

/// Uploads what is given, and hands each file's outcome to `tell`. A file that fails does not keep
/// the others from being tried, unless the server is out of reach.
///
/// # Errors
/// When standard input has no name, the server takes no uploads, and what `tell` fails with.
pub fn run(
    link: &mut Link,
    given: &Given,
    how: &Sending,
    mut tell: impl FnMut(Outcome) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut plan = Plan::default();
    match given {
        Given::Stdin => plan.add_stdin(how)?,
        Given::Paths(paths) => {
            let many = paths.len() > 1;
            paths.iter().for_each(|path| plan.add(path, many, how));
        }
    }
    for note in plan.notes {
        link.stderr().info(note);
    }
    for (path, err) in plan.failed {
        tell(Outcome::Failed(path, err))?;
    }
    let is_long = |file: &Planned| file.size.is_none_or(|size| size >= LONG_READ_BYTES);
    if plan.files.iter().any(is_long) {
        link.client()?.take_uploads()?;
    }
    let mut sum = Sum::of(plan.files.iter().map(|file| file.size.unwrap_or_default()));
    for file in plan.files {
        let (name, path) = (file.name.clone(), file.path.clone());
        let job = Job {
            path: file.path,
            name: file.name,
            total: sum.begin(file.size.unwrap_or_default()),
        };
        let outcome = match put(link, job, how) {
            Ok(Some(stored)) => Outcome::Stored(stored),
            Ok(None) => Outcome::Skipped { name, path },
            Err(err) => Outcome::Failed(name, err),
        };
        match &outcome {
            Outcome::Stored(stored) => sum.add(stored.size),
            Outcome::Skipped { .. } => {}
            Outcome::Failed(..) => sum.fail(),
        }
        let over =
            matches!(&outcome, Outcome::Failed(_, err) if link.is_over(err) || err.is_for_all());
        tell(outcome)?;
        if over {
            break;
        }
    }
    // A prompt that was interrupted wants to pass it on.
    if !interrupt::raised() {
        interrupt::advise(None);
    }
    sum.tell(link.stderr());
    Ok(())
}

/// Uploads the one file that a line of a session asks for, under this name if one is given.
///
/// # Errors
/// Why the server has not got it.
pub fn one(
    link: &mut Link,
    path: PathBuf,
    name: Option<Vec<u8>>,
    how: &Sending,
) -> Result<(), Error> {
    let how = Sending {
        name,
        ..how.clone()
    };
    let mut stored = Ok(());
    run(link, &Given::Paths(vec![path]), &how, |outcome| {
        if let Outcome::Failed(_, err) = outcome {
            stored = Err(err);
        }
        Ok(())
    })?;
    stored
}

/// What is to be done.
#[derive(Default)]
struct Plan {
    files: Vec<Planned>,
    failed: Vec<(Vec<u8>, Error)>,
    notes: Vec<String>,
}

impl Plan {
    fn add_stdin(&mut self, how: &Sending) -> Result<(), Error> {
        let name = how.name.clone().filter(|name| !name.ends_with(b"/"));
        let no_name = || Error::Usage("standard input has no name: --as gives it one".into());
        self.files.push(Planned {
            path: None,
            name: name.ok_or_else(no_name)?,
            size: None,
        });
        Ok(())
    }

    fn add(&mut self, path: &Path, many: bool, how: &Sending) {
        let asked = how.name.as_deref();
        let there = match fs::metadata(path) {
            Ok(there) => there,
            Err(err) => return self.fail(path, err),
        };
        if there.is_dir() && how.recursive {
            return self.add_folder(path, &of_folder(path, asked, many));
        }
        if there.is_dir() {
            return self.fail(path, io::ErrorKind::IsADirectory.into());
        }
        match of_file(path, asked, many) {
            Ok(name) => self.files.push(Planned {
                path: Some(path.to_owned()),
                name,
                size: Some(there.len()),
            }),
            Err(err) => self.failed.push((path_bytes(path), err)),
        }
    }

    fn add_folder(&mut self, path: &Path, name: &[u8]) {
        let (files, notes) = (self.files.len(), self.notes.len());
        let failed = self.failed.len();
        for found in walk(path, name) {
            match found {
                Found::File { path, name, size } => self.files.push(Planned {
                    path: Some(path),
                    name,
                    size: Some(size),
                }),
                Found::Skipped(path, what) => {
                    let path = path_bytes(&path);
                    self.notes
                        .push(format!("left out {}: {what}", Excerpt(&path)));
                }
                Found::Failed(path, err) => self.fail(&path, err),
            }
        }
        if (files, notes, failed) == (self.files.len(), self.notes.len(), self.failed.len()) {
            let path = path_bytes(path);
            self.notes.push(format!("nothing is in {}", Excerpt(&path)));
        }
    }

    fn fail(&mut self, path: &Path, err: io::Error) {
        let name = path_bytes(path);
        self.failed
            .push((name.clone(), Error::Unreadable(name, err)));
    }
}
