//! Fetches the files of one command, one after another.
//!
//! Owns which files those are, and the totals. Must never use a listed name as a path unchecked.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::client::download::fetch::{Fetched, Job, fetch};
use crate::client::download::look_up::NameAndLine;
use crate::client::download::target::{Target, of_a_file, of_asked, of_listed};
use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::net::reconnect::{Link, RetryPolicy};
use crate::client::options::{Fetching, OnExist, Wanted};
use crate::client::ui::interrupt;
use crate::client::ui::progress::Total;
use crate::client::ui::sum::Sum;
use crate::wire::ListedFile;

/// What became of one file.
#[derive(Debug)]
pub enum Outcome {
    /// It has come.
    Fetched(Fetched),
    /// It was here, and was left so.
    Skipped(Vec<u8>, PathBuf),
    /// It has not come.
    Failed(Vec<u8>, Error),
}

/// A file to download.
struct Planned {
    name: Vec<u8>,
    listed: Option<Vec<u8>>,
    size: u64,
}

/// Fetches what is wanted, and hands each file's outcome to `tell`. A file that fails does not keep
/// the others from being tried, unless the server is out of reach.
///
/// # Errors
/// When it cannot be found out which files those are, and what `tell` fails with.
pub fn run(
    link: &mut Link,
    wanted: &Wanted,
    how: &Fetching,
    mut tell: impl FnMut(Outcome) -> Result<(), Error>,
) -> Result<(), Error> {
    let many = !matches!(wanted, Wanted::Names(names) if names.len() == 1);
    let mut missing = Vec::new();
    let wants = look_up(link, wanted, how, &mut missing)?;
    for name in missing {
        tell(Outcome::Failed(name.clone(), Error::NothingBelow(name)))?;
    }
    let mut sum = Sum::of(wants.iter().map(|want| want.size));
    for want in wants {
        let target = match wanted {
            Wanted::Names(_) => of_asked(&want.name, &how.output, many, how.on_exist),
            _ => of_listed(&want.name, &how.output, how.on_exist),
        };
        let total = sum.begin(want.size);
        let outcome = match target.and_then(of_a_file) {
            Ok(Target::Skip(path)) => {
                let name = Excerpt(&want.name);
                link.stderr()
                    .info(format_args!("skipped {name}, it is here"));
                Outcome::Skipped(want.name, path)
            }
            Ok(target) => attempt(link, want, target, total, how),
            Err(err) => Outcome::Failed(want.name, err),
        };
        match &outcome {
            Outcome::Fetched(file) => sum.add(file.size),
            Outcome::Skipped(..) => {}
            Outcome::Failed(..) => sum.fail(),
        }
        let over = matches!(&outcome, Outcome::Failed(_, err) if link.is_over(err));
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

/// Fetches the one file that a line of a session asks for, from `offset` on.
///
/// # Errors
/// Why the file has not come. A part of a file is not asked for.
pub fn one(link: &mut Link, name: &[u8], offset: u64, how: &Fetching) -> Result<(), Error> {
    if offset > 0 {
        let reason = "get@OFFSET would save a part under the name of the whole; use get NAME";
        return Err(Error::Usage(reason.into()));
    }
    let mut fetched = Ok(());
    run(link, &Wanted::Names(vec![name.to_vec()]), how, |outcome| {
        if let Outcome::Failed(_, err) = outcome {
            fetched = Err(err);
        }
        Ok(())
    })?;
    fetched
}

fn attempt(
    link: &mut Link,
    want: Planned,
    target: Target,
    total: Total,
    how: &Fetching,
) -> Outcome {
    let name = want.name.clone();
    let job = Job {
        name: want.name,
        listed: want.listed,
        target,
        total,
    };
    match fetch(link, job, how) {
        Ok(fetched) => Outcome::Fetched(fetched),
        Err(err) => Outcome::Failed(name, err),
    }
}

/// Finds out which files are wanted. Folders in which there is nothing go to
/// `missing`.
fn look_up(
    link: &mut Link,
    wanted: &Wanted,
    how: &Fetching,
    missing: &mut Vec<Vec<u8>>,
) -> Result<Vec<Planned>, Error> {
    // A name that can be no file's here is told before anything is asked.
    if let Wanted::Names(names) = wanted
        && let [name] = names.as_slice()
    {
        of_asked(name, &how.output, false, Some(OnExist::Skip))?;
    }
    if !how.look_up
        && let Wanted::Names(names) = wanted
    {
        return Ok(names.iter().map(|name| Planned::unlisted(name)).collect());
    }
    let mut policy = RetryPolicy::new(how.retries);
    let mut lines = loop {
        match list(link, wanted) {
            Ok(lines) => break lines,
            Err(err) => policy.again(link, err, false)?,
        }
    };
    let Wanted::Names(names) = wanted else {
        if let Wanted::Folders(folders) = wanted {
            let empty = |folder: &&Vec<u8>| !lines.iter().any(|(name, _)| is_below(name, folder));
            missing.extend(folders.iter().filter(empty).cloned());
        }
        return Ok(lines.into_iter().map(Planned::listed).collect());
    };
    let mut lines: HashMap<_, _> = lines.drain(..).collect();
    let wants = names.iter().map(|name| match lines.remove_entry(name) {
        Some(entry) => Planned::listed(entry),
        // It may be there all the same, behind a linked folder; or it is named twice.
        None => Planned::unlisted(name),
    });
    Ok(wants.collect())
}

/// The wanted names and their lines, in the order of the listing.
fn list(link: &mut Link, wanted: &Wanted) -> Result<Vec<NameAndLine>, Error> {
    let client = link.client()?;
    match wanted {
        Wanted::Names(names) => client.look_up(names),
        Wanted::Folders(folders) => {
            client.listed(|file| folders.iter().any(|folder| is_below(file.name, folder)))
        }
        Wanted::All => client.listed(|_| true),
    }
}

/// Whether a file lies in a folder, given with or without the `/` at its end.
fn is_below(name: &[u8], folder: &[u8]) -> bool {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let rest = name.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.starts_with(b"/"))
}

impl Planned {
    fn unlisted(name: &[u8]) -> Self {
        Self {
            name: name.to_vec(),
            listed: None,
            size: 0,
        }
    }

    fn listed((name, line): NameAndLine) -> Self {
        Self {
            name,
            size: ListedFile::parse(&line).map_or(0, |file| file.size),
            listed: Some(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_what_is_below_it_and_no_neighbour() {
        for folder in [&b"a"[..], b"a/"] {
            assert!(is_below(b"a/b", folder) && is_below(b"a/b/c", folder));
            assert!(!is_below(b"ab/c", folder) && !is_below(b"a", folder));
        }
        assert!(is_below(b"x", b"") && is_below(b"x/y", b"/"));
    }
}
