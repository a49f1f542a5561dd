//! The output file of a page.
//!
//! Owns its atomic replacement: the page is written to a temporary file beside the target and
//! renamed when it is on the disk. Must never write into the target itself, unless that is standard
//! output by another name.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::fstat;
use tempfile::{Builder, NamedTempFile};

use crate::regular_file;
use crate::streams;

/// What a new file has before the umask takes its part.
const MODE: u32 = 0o666;

/// A place for a page.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output, under whatever name.
    Stdout,
    /// A file that gets its name when it is whole.
    File { beside: NamedTempFile, at: PathBuf },
}

impl Target {
    /// The place that is called `page`; `-` or none at all is standard output.
    ///
    /// # Errors
    /// When something else than a regular file stands there, or nothing can be written beside it.
    pub(super) fn new(page: Option<&Path>) -> io::Result<Self> {
        let Some(page) = page.filter(|page| *page != Path::new("-")) else {
            return Ok(Self::Stdout);
        };
        let there = match fs::metadata(page) {
            Ok(there) if is_stdout(&there) => return Ok(Self::Stdout),
            Ok(there) => Some(there),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(there) = &there {
            regular_file::check(there.file_type())?;
        }
        // A link stays one, and what it leads to is replaced.
        let at = match fs::symlink_metadata(page) {
            Ok(link) if link.is_symlink() => page.canonicalize()?,
            _ => page.to_owned(),
        };
        let folder = at.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".berthd-trace-").suffix(".html");
        let beside = builder.permissions(Permissions::from_mode(MODE));
        let beside = beside.tempfile_in(folder).map_err(|error| error.kind())?;
        if let Some(there) = there {
            // To give it to another is root's right, and who is not has it as their own.
            let _ = fchown(beside.as_file(), Some(there.uid()), Some(there.gid()));
            beside.as_file().set_permissions(there.permissions())?;
        }
        Ok(Self::File { beside, at })
    }

    /// Takes the place. To be called when the page has been written.
    ///
    /// # Errors
    /// When the disk did not take it, or the place is no place for a file; nothing is left then.
    pub(super) fn take(self) -> io::Result<()> {
        match self {
            Self::Stdout => Ok(()),
            Self::File { beside, at } => {
                beside.as_file().sync_all().or_else(is_not_to_be_had)?;
                beside.persist(at).map_err(|error| error.error)?;
                Ok(())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => streams::stdout().write(bytes),
            Self::File { beside, .. } => beside.as_file_mut().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `/dev/stdout` and its like are not to be replaced, and are written as they stand: what a shell
/// has put there may be appended to.
fn is_stdout(there: &Metadata) -> bool {
    let stdout = fstat(streams::stdout());
    stdout.is_ok_and(|stdout| (stdout.st_dev, stdout.st_ino) == (there.dev(), there.ino()))
}

/// Some file systems have no fsync.
fn is_not_to_be_had(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::Unsupported => Ok(()),
        _ => Err(error),
    }
}
