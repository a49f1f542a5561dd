//! Where the prompt remembers what was typed.
//!
//! Owns the file's place and who may read it: what was typed may be private. Must never be missed:
//! a prompt without a history works.

use std::env;
use std::fs::{self, DirBuilder};
use std::path::{Path, PathBuf};

/// The file, in a folder that is there; nothing where there can be none.
///
/// Its place is the one for state in the XDG base directory specification, which a system without
/// that can be told too.
#[must_use]
pub fn file() -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from);
    // The specification has names that are not absolute ignored.
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let home = || Some(set("HOME")?.join(".local").join("state"));
    let folder = state.or_else(home)?.join("berth");
    make(&folder).ok()?;
    Some(folder.join("history"))
}

fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Lets nobody else read the file, whoever made it.
pub fn protect(file: &Path) {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        // It is not there before the first line.
        let _ = fs::set_permissions(file, mode);
    }
    #[cfg(not(unix))]
    let _ = fs::metadata(file);
}
