//! One file from the server into the current folder, whole or not at all.
//!
//! Owns the local side of `get`: which name is safe, where the bytes wait until all have come, and
//! when they get their name. Must never touch a file that is there already, and must never give
//! the final name to anything less than SIZE bytes with `END` behind them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use tempfile::NamedTempFile;

use super::progress::Progress;
use super::{Answer, Client, Error};
use crate::wire::Harmless;

/// How many bytes are read at once: a socket rarely holds more, and fewer means more system calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that has come whole and has its name.
#[derive(Debug)]
pub struct Saved {
    name: Vec<u8>,
    size: u64,
}

impl std::fmt::Display for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "saved {}, {} B", Harmless(&self.name), self.size)
    }
}

/// Sends `line`, a `get` for `name`, and saves what comes. A refusal is handed to `show`.
///
/// # Errors
/// What can be known here is said before anything is asked: that the name is no file's, that the
/// file exists, that the folder cannot be written. Then all that [`Client::ask`] says, a
/// connection that ends too early, and a disk that takes no more.
pub fn get(
    client: &mut Client,
    line: &[u8],
    name: &[u8],
    show: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Saved, Error> {
    let mut part = Part::begin(name)?;
    let Answer::File(size) = client.ask(line, show)? else {
        unreachable!("a get is answered by a file or an error");
    };
    receive(client, part.file.as_file_mut(), &part.name, size)?;
    let name = part.keep()?;
    Ok(Saved { name, size })
}

/// Reads the file's bytes and its `END`.
fn receive(client: &mut Client, file: &mut File, name: &[u8], size: u64) -> Result<(), Error> {
    let mut progress = Progress::begin(size);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut got = 0;
    let cut = |got, source| Error::Cut {
        name: name.to_vec(),
        got,
        size,
        source,
    };
    while got < size {
        let left = usize::try_from(size - got).unwrap_or(usize::MAX);
        let bytes = match client.read(&mut buffer[..left.min(BUFFER_BYTES)]) {
            Ok(0) => return Err(cut(got, None)),
            Ok(n) => &buffer[..n],
            Err(err) => return Err(cut(got, Some(err))),
        };
        file.write_all(bytes)
            .map_err(|err| Error::Write(name.to_vec(), err))?;
        got += bytes.len() as u64;
        progress.add(bytes.len() as u64);
    }
    client.end().map_err(|err| match err {
        Error::Closed => cut(got, None),
        Error::Broken(err) => cut(got, Some(err)),
        err => err,
    })
}

/// A file on its way, under a name of its own until it is whole. Dropped, it is gone.
struct Part {
    /// The final name, for messages.
    name: Vec<u8>,
    /// Where it will be.
    target: PathBuf,
    file: NamedTempFile,
}

impl Part {
    fn begin(asked: &[u8]) -> Result<Self, Error> {
        let Some(name) = last_component(asked) else {
            let asked = Harmless(asked);
            return Err(Error::Usage(format!(
                "no file can be saved under the last part of '{asked}'; name a file"
            )));
        };
        let target = Path::new(".").join(name);
        let local = |err| Error::Local(name.as_encoded_bytes().to_vec(), err);
        match target.symlink_metadata() {
            Ok(_) => return Err(Error::Exists(name.as_encoded_bytes().to_vec())),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(local(err)),
        }
        let file = part_file(name).map_err(local)?;
        let name = name.as_encoded_bytes().to_vec();
        Ok(Self { name, target, file })
    }

    /// Gives the file its name, and returns that. The bytes are on the disk before the name is, so
    /// that no crash can leave the name with less.
    fn keep(self) -> Result<Vec<u8>, Error> {
        let Self { name, target, file } = self;
        if let Err(err) = file.as_file().sync_all() {
            return Err(Error::Local(name, err));
        }
        match file.persist_noclobber(target) {
            Ok(_) => Ok(name),
            Err(err) if err.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::Exists(name))
            }
            Err(err) => Err(Error::Local(name, err.error)),
        }
    }
}

/// Makes `.NAME.XXXXXX.part` in the folder where the file will be, so that the rename is only one.
fn part_file(name: &OsStr) -> io::Result<NamedTempFile> {
    // 60 characters are 240 bytes at most, so that the longest name still leaves room for the rest.
    let name: String = name.to_string_lossy().chars().take(60).collect();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    // A download is a file like any other: the user's umask decides who may read it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(".")
}

/// The last component of a name on the server, where it is a file's name here and nothing else.
fn last_component(asked: &[u8]) -> Option<&OsStr> {
    let last = asked.rsplit(|byte| *byte == b'/').next()?;
    let name = os_str(last).filter(|_| !last.contains(&0))?;
    // What separates names differs between systems, so the system's own reading decides.
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Some(name),
        _ => None,
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every name can be")]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    str::from_utf8(bytes).ok().map(OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_names_the_file_and_only_when_it_can() {
        for (asked, name) in [
            (&b"a"[..], "a"),
            (b"a/b/c.txt", "c.txt"),
            (b"/etc/passwd", "passwd"),
            (b"../a b", "a b"),
            (b"...", "..."),
            (b" ", " "),
        ] {
            assert_eq!(last_component(asked), Some(OsStr::new(name)));
        }
        for asked in [&b""[..], b".", b"..", b"/", b"a/", b"a/.", b"a/..", b"a\0b"] {
            assert_eq!(last_component(asked), None, "{}", asked.escape_ascii());
        }
    }
}
