//! Opens files at predictable paths.
//!
//! Owns the one safe way to do so: another user who can write the folder may have put a link, a
//! FIFO, a folder or a device there. Must never follow a link, block on a FIFO, or return anything
//! but a regular file.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::client::excerpt::path_bytes;
use crate::wire::Sanitized;

/// Opens the file at `path`.
///
/// # Errors
/// When anything but a regular file is there, and those of the system.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Opening a device can have an effect (a tape rewinds), so the type is checked before, too.
    check(path)?;
    let file = unhurt(options).open(path)?;
    let there = file.metadata()?;
    match there.is_file() {
        true => Ok(file),
        false => Err(in_the_way(path, &there)),
    }
}

/// Makes a new file at `path`; one that is there, a link too, is taken away first.
///
/// # Errors
/// When anything but a regular file was there, and those of the system.
pub fn replace(path: &Path) -> io::Result<File> {
    check(path)?;
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    // `create_new` fails on anything that was put there in between.
    unhurt(File::options().write(true).create_new(true)).open(path)
}

/// Whether there is a regular file at `path`, or nothing.
///
/// # Errors
/// When anything else is there.
pub fn check(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(there) if !there.is_file() => Err(in_the_way(path, &there)),
        _ => Ok(()),
    }
}

/// Whether the file has another hard link, through which others would see what is written.
#[cfg(unix)]
#[must_use]
pub fn has_another_name(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|file| file.nlink() > 1)
}

#[cfg(not(unix))]
#[must_use]
pub fn has_another_name(_file: &File) -> bool {
    false
}

/// Adds the flags that follow no link, block on no FIFO and take no controlling terminal.
#[cfg(unix)]
fn unhurt(options: &mut OpenOptions) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed())
}

#[cfg(not(unix))]
fn unhurt(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn in_the_way(path: &Path, there: &Metadata) -> io::Error {
    let what = kind(there.file_type());
    let path = path_bytes(path);
    let path = Sanitized(&path);
    io::Error::other(format!("{path} is in the way: it is {what}, and stays"))
}

#[cfg(unix)]
fn kind(there: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match there {
        there if there.is_symlink() => "a link",
        there if there.is_dir() => "a folder",
        there if there.is_fifo() => "a FIFO",
        there if there.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(there: FileType) -> &'static str {
    match there {
        there if there.is_symlink() => "a link",
        there if there.is_dir() => "a folder",
        _ => "no file",
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType as Kind, Mode, mknodat};
    use std::fs;

    /// What somebody may have put at a path, and what it is called.
    fn obstacles(at: &Path, other: &Path) -> Vec<(&'static str, std::path::PathBuf)> {
        let made = |name: &'static str| (name, at.join(name.replace(' ', "_")));
        let all = ["a link", "a folder", "a FIFO", "a socket"].map(made);
        std::os::unix::fs::symlink(other, &all[0].1).unwrap();
        fs::create_dir(&all[1].1).unwrap();
        mknodat(CWD, &all[2].1, Kind::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&all[3].1).unwrap());
        all.into_iter()
            .chain([("a device", "/dev/zero".into())])
            .collect()
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, b"mine").unwrap();
        for (what, path) in obstacles(folder.path(), &other) {
            let read = open(&path, File::options().read(true));
            let write = open(
                &path,
                File::options().write(true).create(true).truncate(true),
            );
            for outcome in [read, write, replace(&path)] {
                let err = outcome.unwrap_err().to_string();
                assert!(err.ends_with(&format!("it is {what}, and stays")), "{err}");
            }
            assert!(path.symlink_metadata().is_ok(), "{what} is gone");
        }
        assert_eq!(fs::read(&other).unwrap(), b"mine");
    }

    #[test]
    fn a_link_or_a_fifo_that_comes_in_between_is_not_opened_either() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, b"mine").unwrap();
        let obstacles = obstacles(folder.path(), &other);
        assert!(
            unhurt(File::options().write(true))
                .open(&obstacles[0].1)
                .is_err()
        );
        // Nobody writes into it, and still this returns.
        let fifo = unhurt(File::options().read(true)).open(&obstacles[2].1);
        assert!(fifo.is_ok());
    }

    #[test]
    fn a_file_is_opened_and_replaced_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let other = folder.path().join("other");
        fs::write(&path, b"old").unwrap();
        fs::hard_link(&path, &other).unwrap();
        assert!(open(&path, File::options().read(true)).is_ok());
        drop(replace(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(fs::read(&other).unwrap(), b"old");
    }
}
