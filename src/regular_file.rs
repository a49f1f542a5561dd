//! Opens files at predictable paths: a journal, a trace, a history, a partial download.
//!
//! Owns the one safe way to do so: another user who can write the folder may have put a link, a
//! FIFO, a folder or a device there. Must never block on a FIFO, change what is no regular file, or
//! return one.

use std::error;
use std::fmt;
use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::path::Path;

/// How a symbolic link in the place of the file is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is followed: the user of this program put it there.
    Followed,
    /// It is refused: it may be another user's.
    Refused,
}

/// The type of a file that is not regular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRegular(FileType);

impl error::Error for NotRegular {}

impl fmt::Display for NotRegular {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not a regular file but {}", self.kind())
    }
}

impl From<NotRegular> for io::Error {
    fn from(there: NotRegular) -> Self {
        Self::other(there)
    }
}

impl NotRegular {
    /// Why an error of this module came, if it was the type of the file.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// The name of the type, with its article.
    #[cfg(unix)]
    #[must_use]
    pub fn kind(self) -> &'static str {
        use std::os::unix::fs::FileTypeExt;
        match self.0 {
            there if there.is_symlink() => "a link",
            there if there.is_dir() => "a folder",
            there if there.is_fifo() => "a FIFO",
            there if there.is_socket() => "a socket",
            _ => "a device",
        }
    }

    /// The name of the type, with its article.
    #[cfg(not(unix))]
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self.0 {
            there if there.is_symlink() => "a link",
            there if there.is_dir() => "a folder",
            _ => "no file",
        }
    }
}

/// Opens the file at `path`.
///
/// # Errors
/// When anything but a regular file is there ([`NotRegular`]), and those of the system.
pub fn open(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    // Opening a device can have an effect, such as rewinding a tape, so this comes first.
    check_at(path, links)?;
    let file = with_safe_flags(options, links).open(path)?;
    // The file may have been replaced since the check.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Creates a new file at `path`, in place of a regular file that is there.
///
/// # Errors
/// When anything but a regular file is there ([`NotRegular`]), and those of the system.
pub fn replace(path: &Path) -> io::Result<File> {
    check_at(path, Links::Refused)?;
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    // `create_new` fails on anything that was put there in between.
    let options = &mut OpenOptions::new();
    with_safe_flags(options.write(true).create_new(true), Links::Refused).open(path)
}

/// Whether there is a regular file at `path`, or nothing.
///
/// # Errors
/// When anything else is there.
pub fn check_at(path: &Path, links: Links) -> Result<(), NotRegular> {
    let there = match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    };
    there.map_or(Ok(()), |there| check(there.file_type()))
}

/// Whether a file is regular.
///
/// # Errors
/// When it is something else.
pub fn check(there: FileType) -> Result<(), NotRegular> {
    match there.is_file() {
        true => Ok(()),
        false => Err(NotRegular(there)),
    }
}

/// Who else may get at a file, by its own attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Its owner, if that is neither this user nor root, who may do anything anyway.
    pub other_owner: Option<u32>,
    /// Its permission bits.
    pub mode: u32,
}

/// Who else may get at this file, which is looked at through its descriptor.
///
/// # Errors
/// Those of the system.
#[cfg(unix)]
pub fn exposure(file: &File) -> io::Result<Exposure> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let about = file.metadata()?;
    let own = rustix::process::geteuid().as_raw();
    Ok(Exposure {
        other_owner: Some(about.uid()).filter(|&uid| uid != own && uid != 0),
        mode: about.permissions().mode() & 0o777,
    })
}

/// Who else may get at this file: this system does not say.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn exposure(_: &File) -> io::Result<Exposure> {
    let (other_owner, mode) = (None, 0o600);
    Ok(Exposure { other_owner, mode })
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

/// Adds the flags that block on no FIFO, take no controlling terminal and, where links are refused,
/// follow none.
#[cfg(unix)]
fn with_safe_flags(options: &mut OpenOptions, links: Links) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let links = match links {
        Links::Followed => OFlags::empty(),
        Links::Refused => OFlags::NOFOLLOW,
    };
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | links;
    options.custom_flags(flags.bits().cast_signed())
}

#[cfg(not(unix))]
fn with_safe_flags(options: &mut OpenOptions, _links: Links) -> &mut OpenOptions {
    options
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use rustix::fs::{CWD, Mode, mkfifoat};
    use tempfile::TempDir;

    /// Files that are not regular, each with its name.
    struct Obstacles {
        folder: TempDir,
        _socket: UnixListener,
        all: [(PathBuf, &'static str); 4],
    }

    impl Obstacles {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let at = |name: &str| folder.path().join(name);
            mkfifoat(CWD, at("fifo"), Mode::from(0o604)).expect("the place is free");
            fs::create_dir(at("folder")).expect("the place is free");
            Self {
                _socket: UnixListener::bind(at("socket")).expect("the place is free"),
                all: [
                    (at("fifo"), "a FIFO"),
                    (at("socket"), "a socket"),
                    (at("folder"), "a folder"),
                    ("/dev/zero".into(), "a device"),
                ],
                folder,
            }
        }

        fn at(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }
    }

    /// The ways to open a file that these programs use.
    fn ways() -> [OpenOptions; 3] {
        // With reading asked for, the open of a FIFO succeeds.
        let append = File::options().read(true).append(true).create(true).clone();
        let truncate = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .clone();
        [File::options().read(true).clone(), append, truncate]
    }

    fn kind(outcome: io::Result<File>) -> &'static str {
        let err = outcome.expect_err("it is no regular file");
        NotRegular::of(&err).expect("that is the reason").kind()
    }

    #[test]
    fn whatever_is_no_regular_file_is_named_and_left_as_it_was() {
        let obstacles = Obstacles::new();
        for (path, what) in &obstacles.all {
            let mode = || path.metadata().expect("it is there").permissions().mode();
            let before = mode();
            for mut way in ways() {
                assert_eq!(kind(open(path, &mut way, Links::Followed)), *what);
                assert_eq!(kind(open(path, &mut way, Links::Refused)), *what);
            }
            assert_eq!(kind(replace(path)), *what);
            assert_eq!(mode(), before);
        }
    }

    #[test]
    fn a_link_is_followed_or_refused_as_the_caller_says() {
        let obstacles = Obstacles::new();
        let (file, link) = (obstacles.at("file"), obstacles.at("link"));
        fs::write(&file, b"mine").expect("the place is free");
        symlink(&file, &link).expect("the place is free");
        for mut way in ways() {
            assert_eq!(kind(open(&link, &mut way, Links::Refused)), "a link");
        }
        assert_eq!(kind(replace(&link)), "a link");
        assert!(open(&link, File::options().read(true), Links::Followed).is_ok());
        assert_eq!(fs::read(&file).expect("it is there"), b"mine");
        for (path, what) in &obstacles.all {
            fs::remove_file(&link).expect("it is ours");
            symlink(path, &link).expect("the place is free");
            for mut way in ways() {
                assert_eq!(kind(open(&link, &mut way, Links::Followed)), *what);
            }
        }
    }

    #[test]
    fn a_link_or_a_fifo_that_comes_in_between_is_not_opened_either() {
        let obstacles = Obstacles::new();
        let (file, link) = (obstacles.at("file"), obstacles.at("link"));
        fs::write(&file, b"mine").expect("the place is free");
        symlink(&file, &link).expect("the place is free");
        let open = |path: &Path, options: &mut OpenOptions, links| {
            with_safe_flags(options, links).open(path)
        };
        assert!(open(&link, File::options().write(true), Links::Refused).is_err());
        // Nothing writes into it, and still this returns.
        for links in [Links::Followed, Links::Refused] {
            let fifo = open(&obstacles.at("fifo"), File::options().read(true), links);
            assert!(fifo.is_ok());
        }
    }

    #[test]
    fn a_file_is_opened_and_replaced_by_another() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("f");
        let other = folder.path().join("other");
        fs::write(&path, b"old").expect("the place is free");
        fs::hard_link(&path, &other).expect("the place is free");
        let opened = open(&path, File::options().read(true), Links::Refused);
        assert!(has_another_name(&opened.expect("it is a file")));
        assert!(!has_another_name(&replace(&path).expect("it is a file")));
        assert_eq!(fs::read(&path).expect("it is there"), b"");
        assert_eq!(fs::read(&other).expect("it is there"), b"old");
    }
}
