//! Permissions of a file that replaces another.
//!
//! Owns what is copied: the mode, and the owner where that is permitted. Must never make the new
//! bytes readable for a user who could not read the old ones.

use std::fs::File;
#[cfg(unix)]
use std::io;
use std::path::Path;

/// The rights of a file that is to be replaced, where the system has such.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    mode: u32,
    owner: u32,
    group: u32,
}

#[cfg(unix)]
impl Permissions {
    /// Those of the file at `path`; none of what is no regular file, which is not taken over.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let there = path
            .symlink_metadata()
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        Some(Self {
            mode: there.mode() & 0o777,
            owner: there.uid(),
            group: there.gid(),
        })
    }

    /// Makes `file` private unless what it replaces was readable for all.
    pub fn guard(self, file: &File) {
        if self.mode & 0o044 != 0o044 {
            // A file system without modes protects no file.
            let _ = set_mode(file, 0o600);
        }
    }

    /// Gives `file` these rights. A file system without owners and modes keeps its own.
    pub fn give(self, file: &File) {
        use std::os::unix::fs::{MetadataExt, fchown};
        let is_ours =
            |there: std::fs::Metadata| (there.uid(), there.gid()) == (self.owner, self.group);
        let same = file.metadata().is_ok_and(is_ours)
            || fchown(file, Some(self.owner), Some(self.group)).is_ok()
            || fchown(file, None, Some(self.group)).is_ok();
        // Another group gets no more than all users do.
        let mode = match same {
            true => self.mode,
            false => self.mode & (0o707 | ((self.mode & 0o007) << 3)),
        };
        let _ = set_mode(file, mode);
    }
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// The rights of a file that is to be replaced, where the system has such.
#[cfg(not(unix))]
#[derive(Clone, Copy, Debug)]
pub struct Permissions;

#[cfg(not(unix))]
impl Permissions {
    /// None.
    #[must_use]
    pub fn of(_path: &Path) -> Option<Self> {
        None
    }

    /// Nothing to do.
    pub fn guard(self, _file: &File) {}

    /// Nothing to do.
    pub fn give(self, _file: &File) {}
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn rights_are_those_of_a_file_and_private_ones_are_kept_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        fs::write(at("old"), b"").unwrap();
        for (had, on_the_way, given) in [
            (0o600, 0o600, 0o600),
            (0o400, 0o600, 0o400),
            (0o750, 0o600, 0o750),
            (0o755, 0o644, 0o755),
            (0o4755, 0o644, 0o755),
        ] {
            fs::set_permissions(at("old"), fs::Permissions::from_mode(had)).unwrap();
            let new = File::create(at("new")).unwrap();
            set_mode(&new, 0o644).unwrap();
            let permissions = Permissions::of(&at("old")).unwrap();
            permissions.guard(&new);
            assert_eq!(mode(&at("new")), on_the_way, "{had:o}");
            permissions.give(&new);
            assert_eq!(mode(&at("new")), given, "{had:o}");
            fs::remove_file(at("new")).unwrap();
        }
        std::os::unix::fs::symlink("old", at("link")).unwrap();
        assert!(Permissions::of(&at("link")).is_none());
        assert!(Permissions::of(folder.path()).is_none());
    }
}
