//! The files of the client's configuration.
//!
//! Owns where they are, who else may get at one that is read, and how a line of one is replaced:
//! each begins with a server. Must never know what follows.

use std::env;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::regular_file::{self, Exposure, Links};
use crate::wire::Sanitized;

/// The longest file that is read: thousands of servers.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What other users may do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nothing: there are secrets in it.
    Nothing,
    /// Read it.
    Read,
}

/// Where a file of the client's configuration is.
#[must_use]
pub fn path(name: &str) -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let folder = match set("XDG_CONFIG_HOME") {
        Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        _ => Path::new(&set("HOME")?).join(".config"),
    };
    Some(folder.join("berth").join(name))
}

/// The text of a file that is the user's, and in which others can do no more than `others` says.
///
/// # Errors
/// When it cannot be read or is not such a file, with what to type against that.
pub fn read(path: &Path, others: Others) -> io::Result<String> {
    let file = regular_file::open(path, OpenOptions::new().read(true), Links::Followed)?;
    check(&file, path, others)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 {
        0..=FILE_BYTES_MAX => Ok(text),
        _ => Err(io::Error::other("it is longer than 1 MiB")),
    }
}

/// Checks the file that was opened, not its name: that may be another file's by now.
fn check(file: &File, path: &Path, others: Others) -> io::Result<()> {
    let Exposure { other_owner, mode } = regular_file::exposure(file)?;
    let path = Sanitized(path.as_os_str().as_encoded_bytes());
    let (too_much, do_what) = match others {
        Others::Nothing => (0o077, "get at it"),
        Others::Read => (0o022, "can change it"),
    };
    let told = match other_owner {
        Some(owner) => format!(
            "it belongs to another user ({owner}); if what is in it is yours: sudo chown \
             \"$(id -un)\" '{path}'"
        ),
        None if mode & too_much != 0 => {
            format!("its mode is {mode:03o}, so that others {do_what}: chmod 600 '{path}'")
        }
        None => return Ok(()),
    };
    Err(io::Error::other(told))
}

/// Writes the line `server rest` into a file, in place of those that begin with the same server.
/// The file is made if there is none. The new text is written beside it, and takes its place when
/// it is whole; its mode is 0600.
///
/// # Errors
/// When the file cannot be read, is not such a file, or cannot be written. It is as it was then.
pub fn put(path: &Path, others: Others, server: &str, rest: &str) -> io::Result<()> {
    // A link stays one, and what it leads to is changed.
    let path = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        resolved => resolved?,
    };
    let folder = path.parent().expect("it is in a folder");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let lock = File::open(folder)?;
    // Against another berth at the same time, where the file system has locks.
    let _ = lock.lock();
    let before = match read(&path, others) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        before => before?,
    };
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(with_line(&before, server, rest).as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

fn with_line(before: &str, server: &str, rest: &str) -> String {
    let is_other = |line: &&str| {
        let name = line.split(' ').next().unwrap_or_default();
        !name.eq_ignore_ascii_case(server)
    };
    let others = before.lines().filter(is_other);
    let mut text: String = others.flat_map(|line| [line, "\n"]).collect();
    text.extend([server, " ", rest, "\n"]);
    text
}
