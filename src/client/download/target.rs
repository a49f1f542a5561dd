//! The path of a downloaded file, and what happens to a file that exists there.
//!
//! Owns that choice. Must never change anything on the disk but make the folders of the target.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::client::download::names::{last_component, path_below};
use crate::client::error::Error;
use crate::client::excerpt::Excerpt;
use crate::client::excerpt::path_bytes;
use crate::client::options::{OnExist, Output};
use crate::client::ui::confirm::ask;

/// Where a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To standard output.
    Stdout,
    /// To this path.
    File {
        /// Where it will be.
        target: PathBuf,
        /// Whether it may take the place of another.
        overwrite: bool,
    },
    /// Nowhere: it is there already, and that is well.
    Skip(PathBuf),
}

/// How many names are tried for one that is taken.
const RENAMES_MAX: u32 = 10_000;

/// Where the file `name` goes that was asked for by it, alone or as one of `many`.
///
/// # Errors
/// When it cannot have a name here, or what is there is in the way.
pub fn of_asked(
    name: &[u8],
    output: &Output,
    many: bool,
    on_exist: Option<OnExist>,
) -> Result<Target, Error> {
    let last = || {
        last_component(name).ok_or_else(|| {
            let name = Excerpt(name);
            Error::Usage(format!(
                "no file can be saved under the last part of '{name}'; name a file"
            ))
        })
    };
    match output {
        Output::Stdout => Ok(Target::Stdout),
        Output::Here => settle(PathBuf::from(last()?), on_exist),
        Output::Path(path) if many || is_folder(path) => settle(path.join(last()?), on_exist),
        Output::Path(path) => settle(path.clone(), on_exist),
    }
}

/// Where a listed file goes, in the folders that its name tells.
///
/// # Errors
/// As [`of_asked`], and when the name would lead out of the target folder.
pub fn of_listed(name: &[u8], output: &Output, on_exist: Option<OnExist>) -> Result<Target, Error> {
    let below = path_below(name).ok_or_else(|| Error::LeadsOut(name.to_vec()))?;
    let base = match output {
        Output::Stdout => return Ok(Target::Stdout),
        Output::Here => Path::new(""),
        Output::Path(path) => path,
    };
    make_folders(base, &below)?;
    settle(base.join(below), on_exist)
}

/// The same place, unless something else than a file is there: that is not what was wanted. A file
/// that takes the place of a folder, a device or a FIFO would take it away from all programs.
///
/// # Errors
/// When such a thing is there.
pub fn of_a_file(target: Target) -> Result<Target, Error> {
    let refused = |target: &Path, why| Err(Error::Local(path_bytes(target), why));
    match &target {
        Target::Skip(target)
        | Target::File {
            target,
            overwrite: true,
        } if target.is_dir() => refused(target, io::ErrorKind::IsADirectory.into()),
        Target::File {
            target,
            overwrite: true,
        } if is_special(target) => Err(special(target)),
        _ => Ok(target),
    }
}

fn special(path: &Path) -> Error {
    let why = "a device, a FIFO or a socket is there, and stays; '-o -' writes to standard output";
    Error::Local(path_bytes(path), io::Error::other(why))
}

/// Whether it is neither a file nor a link, whose place a file may take.
fn is_special(path: &Path) -> bool {
    let there = path.symlink_metadata();
    there.is_ok_and(|there| !there.is_file() && !there.is_symlink())
}

/// Makes the folders between `base` and a file below it. A link is no such folder: it may lead out,
/// and the server chose the name.
fn make_folders(base: &Path, below: &Path) -> Result<(), Error> {
    let failed = |path: &Path, err| Error::Local(path_bytes(path), err);
    if base != Path::new("") {
        fs::create_dir_all(base).map_err(|err| failed(base, err))?;
    }
    let mut folder = base.to_owned();
    for part in below.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(there) if there.is_dir() => {}
            Ok(_) => {
                let err = io::Error::other("it is in the way of a folder");
                return Err(failed(&folder, err));
            }
            Err(_) => fs::create_dir(&folder).map_err(|err| failed(&folder, err))?,
        }
    }
    Ok(())
}

/// Whether files go into it rather than under its name.
fn is_folder(path: &Path) -> bool {
    let ends_so = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    ends_so || path.is_dir()
}

/// What becomes of a file that is to be `target`.
fn settle(target: PathBuf, on_exist: Option<OnExist>) -> Result<Target, Error> {
    if !exists(&target)? {
        return Ok(Target::File {
            target,
            overwrite: false,
        });
    }
    if on_exist.is_none() && is_special(&target) && !target.is_dir() {
        return Err(special(&target));
    }
    let on_exist = on_exist.map_or_else(|| ask(&path_bytes(&target)), Ok);
    match on_exist? {
        OnExist::Error => Err(Error::Exists(path_bytes(&target))),
        OnExist::Skip => Ok(Target::Skip(target)),
        OnExist::Overwrite => Ok(Target::File {
            target,
            overwrite: true,
        }),
        OnExist::Rename => Ok(Target::File {
            target: free_name(&target)?,
            overwrite: false,
        }),
    }
}

fn exists(path: &Path) -> Result<bool, Error> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(Error::Local(path_bytes(path), err)),
    }
}

/// The first of NAME.1, NAME.2 and so on that is free.
fn free_name(taken: &Path) -> Result<PathBuf, Error> {
    for number in 1..=RENAMES_MAX {
        let mut name = taken.as_os_str().to_owned();
        name.push(format!(".{number}"));
        let path = PathBuf::from(name);
        if !exists(&path)? {
            return Ok(path);
        }
    }
    Err(Error::Exists(path_bytes(taken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(target: PathBuf, overwrite: bool) -> Target {
        Target::File { target, overwrite }
    }

    #[test]
    fn what_is_there_decides_with_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("f"), b"mine").unwrap();
        fs::write(at("f.1"), b"mine").unwrap();
        let to = |on_exist| of_asked(b"x/f", &Output::Path(at("")), false, Some(on_exist));
        assert_eq!(to(OnExist::Error).unwrap_err().exit_code(), 73);
        assert_eq!(to(OnExist::Skip).unwrap(), Target::Skip(at("f")));
        assert_eq!(to(OnExist::Overwrite).unwrap(), file(at("f"), true));
        assert_eq!(to(OnExist::Rename).unwrap(), file(at("f.2"), false));
        let named = of_asked(b"x/f", &Output::Path(at("g")), false, None);
        assert_eq!(named.unwrap(), file(at("g"), false));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_takes_the_place_of_a_file_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), b"old").unwrap();
        fs::create_dir(at("folder")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink("socket", at("link")).unwrap();
        for (name, taken) in [
            ("file", true),
            ("link", true),
            ("folder", false),
            ("socket", false),
        ] {
            assert_eq!(of_a_file(file(at(name), true)).is_ok(), taken, "{name}");
        }
        let device = of_a_file(file("/dev/null".into(), true)).unwrap_err();
        assert_eq!(device.exit_code(), 23);
        // Nobody is asked whether to overwrite it, nor told to move it away.
        let device = of_asked(b"f", &Output::Path("/dev/null".into()), false, None).unwrap_err();
        assert!(device.to_string().contains("'-o -' writes to"), "{device}");
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_made_and_links_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let output = Output::Path(at("here"));
        let target = of_listed(b"a/b/c", &output, None).unwrap();
        assert_eq!(target, file(at("here/a/b/c"), false));
        assert!(at("here/a/b").is_dir());
        std::os::unix::fs::symlink(folder.path(), at("here/out")).unwrap();
        assert_eq!(
            of_listed(b"out/c", &output, None).unwrap_err().exit_code(),
            23
        );
        for evil in [&b"../c"[..], b"/c", b"a/../../c", b".c"] {
            assert_eq!(of_listed(evil, &output, None).unwrap_err().exit_code(), 65);
        }
    }
}
