//! The served folder: resolves names to files in it.
//!
//! Owns the folder, held open from the start, and the only way to open what is in it. Must never
//! check a path by its text alone, nor open a path twice: the file that is checked is the one that
//! was opened.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self as sys, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::server::files::location::{Place, Whereabouts};

use crate::wire::ListedFile;

/// The served folder.
#[derive(Debug)]
pub struct ServedDir {
    root: OwnedFd,
    whereabouts: Whereabouts,
    resolver: Resolver,
    /// Whether it was logged that some names cannot be listed.
    has_warned_unlisted: bool,
}

/// How a name is resolved from the folder to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// By openat2(2) with `RESOLVE_BENEATH`, which refuses every path that leads out.
    Kernel,
    /// Component by component, refusing links: for kernels before 5.6 and seccomp filters that
    /// forbid openat2.
    Walk,
}

/// Why a file cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such file.
    NoSuchFile,
    /// It is a folder, a FIFO, a socket, a device, or a link where links are refused.
    NotAFile,
    /// It leads out of the folder.
    Outside,
    /// The server may not read it.
    Denied,
    /// The process, or the system, has no file descriptor left.
    Busy,
    /// The folder itself was removed.
    Gone,
    /// Something else went wrong.
    Failed(Errno),
}

/// What a listing says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details {
    /// In bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: SystemTime,
    /// Whether this name is its only hard link, so that inotify reports every change of it.
    pub has_one_name: bool,
}

impl Details {
    /// The line of a file called `name`.
    #[must_use]
    pub const fn of(self, name: &[u8]) -> ListedFile<'_> {
        ListedFile {
            size: self.size,
            modified: self.modified,
            name,
        }
    }
}

/// How often a lookup that raced with a rename is retried: openat2(2) returns EAGAIN then, and a
/// folder that is renamed without end is not worth a longer turn.
const RACES_MAX: usize = 8;

impl ServedDir {
    /// Opens the folder and finds out how names are resolved below it.
    ///
    /// # Errors
    /// When the folder is missing, is none, or may not be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = sys::openat(CWD, folder, flags, Mode::empty())?;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolver = match sys::openat2(&root, ".", flags, Mode::empty(), beneath()) {
            Ok(_) => Resolver::Kernel,
            Err(_) => Resolver::Walk,
        };
        Ok(Self {
            root,
            whereabouts: Whereabouts::new(folder)?,
            resolver,
            has_warned_unlisted: false,
        })
    }

    /// How names are resolved.
    #[must_use]
    pub const fn resolver(&self) -> Resolver {
        self.resolver
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Whether the folder was removed. If it was moved, its new path is logged.
    pub fn is_gone(&self) -> bool {
        self.whereabouts.look(&self.root) == Place::Nowhere
    }

    /// Whether its path leads elsewhere by now.
    pub fn is_moved(&self) -> bool {
        self.whereabouts.look(&self.root) != Place::Here
    }

    /// The process is confined to the folder by the sandbox from now on.
    pub const fn sandboxed(&mut self) {
        self.whereabouts.sandboxed();
    }

    /// What the administrator can do to have another folder served.
    pub const fn advice(&self) -> &'static str {
        self.whereabouts.advice()
    }

    /// Serves what is at the folder's path now. `false`: that is what was served before.
    ///
    /// # Errors
    /// When it cannot be read, as in the sandbox; the old folder is still served.
    pub fn reopen(&mut self) -> io::Result<bool> {
        let path = self.whereabouts.path();
        let anew = Self::open(path)?;
        anew.check()?;
        let (new, old) = (sys::fstat(&anew.root)?, sys::fstat(&self.root)?);
        let is_new = (new.st_dev, new.st_ino) != (old.st_dev, old.st_ino);
        if is_new {
            *self = anew;
        }
        Ok(is_new)
    }

    /// Checks that the folder can still be read by the user that the process runs as now.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        sys::openat(&self.root, ".", flags, Mode::empty())?;
        Ok(())
    }

    /// Opens the regular file `name` for reading, and says how many bytes it has now.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn file(&self, name: &[u8]) -> Result<(File, u64), Refusal> {
        check_name(name)?;
        // Without NONBLOCK the open of a FIFO would block the loop until there is a writer; without
        // NOCTTY a terminal in the folder could become the server's controlling terminal.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.resolve(name, flags, beneath())?;
        let stat = sys::fstat(&file)?;
        let details = details_of_file(&stat).ok_or(Refusal::NotAFile)?;
        Ok((file.into(), details.size))
    }

    /// What a listing says of the file `name`, which need not be readable: a listing does not open
    /// what it lists either.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn stat(&self, name: &[u8]) -> Result<Details, Refusal> {
        check_name(name)?;
        let file = self.resolve(name, OFlags::PATH, beneath())?;
        details_of_file(&sys::fstat(file)?).ok_or(Refusal::NotAFile)
    }

    /// Opens the folder `name` (the served one itself if empty) to be listed. Links are refused,
    /// so a listing never goes round in circles.
    pub(in crate::server) fn folder(&self, name: &[u8]) -> Result<OwnedFd, Refusal> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let name = if name.is_empty() { b"." } else { name };
        self.resolve(name, flags, beneath() | ResolveFlags::NO_SYMLINKS)
    }

    /// What a listing says of `entry`, whose full name is `name`, in `folder`. `None` if it is
    /// not a file that can be had.
    pub(super) fn details(&self, folder: impl AsFd, entry: &[u8], name: &[u8]) -> Option<Details> {
        let stat = sys::statat(folder, entry, sys::AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return details_of_file(&stat);
        }
        // A link counts as what it leads to, if that is below the folder.
        let target = self.resolve(name, OFlags::PATH, beneath()).ok()?;
        let details = details_of_file(&sys::fstat(target).ok()?)?;
        Some(Details {
            has_one_name: false,
            ..details
        })
    }

    /// Logs once that some names cannot be listed, whatever their number.
    pub(super) fn warn_unlisted(&mut self, name: &[u8]) {
        if !self.has_warned_unlisted {
            self.has_warned_unlisted = true;
            log::warn!(
                "not listed, as its name does not fit a line: {} (said once)",
                crate::wire::Sanitized(name)
            );
        }
    }

    fn resolve(&self, name: &[u8], flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Refusal> {
        let flags = flags | OFlags::CLOEXEC;
        match self.resolver {
            Resolver::Kernel => self.resolve_by_kernel(name, flags, how),
            Resolver::Walk => self.resolve_by_walk(name, flags),
        }
        .map_err(|errno| match errno {
            Errno::NOENT | Errno::STALE if self.is_gone() => Refusal::Gone,
            errno => Refusal::from(errno),
        })
    }

    fn resolve_by_kernel(
        &self,
        name: &[u8],
        flags: OFlags,
        how: ResolveFlags,
    ) -> Result<OwnedFd, Errno> {
        let mut tries = 0..RACES_MAX;
        loop {
            match sys::openat2(&self.root, name, flags, Mode::empty(), how) {
                Err(Errno::AGAIN | Errno::INTR) if tries.next().is_some() => {}
                opened => return opened,
            }
        }
    }

    fn resolve_by_walk(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = None;
        let mut components = name.split(|&byte| byte == b'/').peekable();
        while let Some(component) = components.next() {
            let parent = folder.as_ref().unwrap_or(&self.root);
            if component.is_empty() || component == b".." {
                return Err(Errno::NOENT);
            }
            if components.peek().is_none() {
                let flags = flags | OFlags::NOFOLLOW;
                return sys::openat(parent, component, flags, Mode::empty());
            }
            folder = Some(sys::openat(parent, component, step, Mode::empty())?);
        }
        Err(Errno::NOENT)
    }
}

/// Whether a name never leads to a file, whatever the folder holds. The kernel checks all others.
fn check_name(name: &[u8]) -> Result<(), Refusal> {
    if name.starts_with(b"/") {
        return Err(Refusal::Outside);
    }
    // The kernel checks a slash at the end: the name is a folder's then, or does not exist.
    let components = name.strip_suffix(b"/").unwrap_or(name);
    for component in components.split(|&byte| byte == b'/') {
        match component {
            b".." => return Err(Refusal::Outside),
            // Names are not normalized: a file has one name, except for links.
            [] | [b'.', ..] => return Err(Refusal::NoSuchFile),
            _ => {}
        }
    }
    Ok(())
}

/// Below the folder and not through the links of /proc, which lead anywhere.
fn beneath() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS
}

fn details_of_file(stat: &Stat) -> Option<Details> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let since_1970 = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    Some(Details {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: UNIX_EPOCH.checked_add(since_1970).unwrap_or(UNIX_EPOCH),
        has_one_name: stat.st_nlink == 1,
    })
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL => Self::NoSuchFile,
            Errno::XDEV => Self::Outside,
            Errno::LOOP | Errno::NXIO | Errno::NODEV => Self::NotAFile,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::MFILE | Errno::NFILE => Self::Busy,
            errno => Self::Failed(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    const BOTH: [Resolver; 2] = [Resolver::Kernel, Resolver::Walk];

    /// A folder `served` with a file in a sub-folder, beside a file that is not in it.
    fn folder() -> TempDir {
        let folder = tempfile::tempdir().expect("a folder can be made");
        create_dir_all(folder.path().join("served/sub/.hidden")).expect("it is new");
        write(folder.path().join("secret"), "secret").expect("it is new");
        write(folder.path().join("served/sub/file"), "inside").expect("it is new");
        write(folder.path().join("served/sub/.hidden/file"), "hidden").expect("it is new");
        symlink("../secret", folder.path().join("served/out")).expect("it is new");
        symlink("/etc", folder.path().join("served/etc")).expect("it is new");
        symlink("sub", folder.path().join("served/link")).expect("it is new");
        folder
    }

    fn served_dir(folder: &TempDir, resolver: Resolver) -> ServedDir {
        let served_dir = ServedDir::open(&folder.path().join("served")).expect("it is there");
        ServedDir {
            resolver,
            ..served_dir
        }
    }

    #[test]
    fn a_file_below_the_folder_is_opened_either_way() {
        let folder = folder();
        for resolver in BOTH {
            let (mut file, size) = served_dir(&folder, resolver)
                .file(b"sub/file")
                .expect("a file");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("it is text");
            assert_eq!((text.as_str(), size), ("inside", 6), "{resolver:?}");
        }
    }

    #[test]
    fn nothing_else_is_opened_either_way() {
        let folder = folder();
        for resolver in BOTH {
            let served_dir = served_dir(&folder, resolver);
            for name in [
                &b"out"[..],
                b"etc/passwd",
                b"../secret",
                b"/etc/passwd",
                b"sub/../../secret",
                b"sub",
                b"sub/",
                b"sub/file/",
                b"",
                b".",
                b"sub/.hidden/file",
                b"a\0b",
                b"missing",
                &[b'n'; 5000],
            ] {
                let refused = served_dir.file(name).is_err();
                assert!(refused, "{resolver:?}: {}", name.escape_ascii());
            }
        }
    }

    #[test]
    fn links_inside_are_followed_by_the_kernel_and_refused_by_the_walk() {
        let folder = folder();
        assert!(
            served_dir(&folder, Resolver::Kernel)
                .file(b"link/file")
                .is_ok()
        );
        assert!(
            served_dir(&folder, Resolver::Walk)
                .file(b"link/file")
                .is_err()
        );
        for resolver in BOTH {
            assert!(
                served_dir(&folder, resolver).folder(b"link").is_err(),
                "{resolver:?}"
            );
            assert!(
                served_dir(&folder, resolver).folder(b"sub").is_ok(),
                "{resolver:?}"
            );
            assert!(
                served_dir(&folder, resolver).folder(b"").is_ok(),
                "{resolver:?}"
            );
        }
    }
}
