//! Opens a file of the server's own, a journal, a trace or its tokens, at the path of an option.
//!
//! Owns the check that the path is free or a regular file. Must never block on the file, nor change
//! its mode or its content.

use std::fmt;
use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// The mode of a new file. The group may read it, as it is there to be read; others may not, as it
/// says which address fetched which file.
const MODE: u32 = 0o640;

/// How a symbolic link in the place of the file is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is followed: the administrator put it there.
    Followed,
    /// It is refused: the path was resolved before, so the link is newer than that.
    Refused,
}

/// Opens the file at `path` with `options`, or creates it.
///
/// # Errors
/// When something else than a regular file stands there, or the kernel refuses.
pub fn open(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    open_existing(path, options.create(true).mode(MODE), links)
}

/// Opens the file at `path` with `options`, which say whether it is created.
///
/// # Errors
/// When something else than a regular file stands there, or the kernel refuses.
pub fn open_existing(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    let looked_at = match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    };
    // Opening a device can have an effect, such as rewinding a tape drive.
    if let Ok(there) = looked_at {
        check(there.file_type())?;
    }
    // The file may have been replaced since the check: a FIFO does not block the open, and no
    // terminal becomes the server's controlling terminal.
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refused {
        flags |= OFlags::NOFOLLOW;
    }
    options.custom_flags(flags.bits() as i32);
    let file = options.open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Whether a file is regular.
///
/// # Errors
/// When it is something else, which is named.
pub fn check(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    Err(io::Error::other(Foreign(kind).to_string()))
}

/// The name of a file type that is not regular.
struct Foreign(FileType);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind) = self;
        let kind = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_symlink() => "a link",
            () if kind.is_fifo() => "a FIFO",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        write!(f, "it is not a regular file but {kind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use rustix::fs::{CWD, Mode, mkfifoat};

    fn refusal(path: &Path, links: Links) -> String {
        // With reading asked for, the open of a FIFO succeeds.
        let mut options = OpenOptions::new();
        let opened = open(path, options.read(true).append(true), links);
        opened.expect_err("it is no file").to_string()
    }

    #[test]
    fn whatever_is_no_file_is_named_and_left_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let at = |name: &str| folder.path().join(name);
        mkfifoat(CWD, at("fifo"), Mode::from(0o604)).expect("the place is free");
        let _socket = UnixListener::bind(at("socket")).expect("the place is free");
        let table: [(PathBuf, &str); 4] = [
            (at("fifo"), "a FIFO"),
            (at("socket"), "a socket"),
            (folder.path().to_owned(), "a folder"),
            ("/dev/null".into(), "a device"),
        ];
        for (path, kind) in table {
            let mode = || path.metadata().expect("it is there").permissions().mode();
            let before = mode();
            for links in [Links::Followed, Links::Refused] {
                let told = refusal(&path, links);
                assert_eq!(told, format!("it is not a regular file but {kind}"));
            }
            symlink(&path, at("link")).expect("the place is free");
            assert!(refusal(&at("link"), Links::Followed).ends_with(kind));
            assert!(refusal(&at("link"), Links::Refused).ends_with("a link"));
            fs::remove_file(at("link")).expect("it is ours");
            assert_eq!(mode(), before);
        }
    }

    #[test]
    fn a_file_that_is_there_keeps_its_mode_and_a_new_one_is_not_for_everybody() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("file");
        let mode = || path.metadata().expect("it is there").permissions().mode() & 0o777;
        open(&path, OpenOptions::new().append(true), Links::Refused).expect("the place is free");
        assert_eq!(mode() & 0o137, 0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).expect("it is ours");
        open(&path, OpenOptions::new().append(true), Links::Followed).expect("it is a file");
        assert_eq!(mode(), 0o606);
    }
}
