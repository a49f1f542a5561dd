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
    let folder = folder(set("XDG_STATE_HOME"), set("HOME"))?;
    make(&folder).ok()?;
    Some(folder.join("history"))
}

/// The folder it is in, from what the environment says of the two.
///
/// The specification has names that are not absolute ignored, and a home that is none, or empty,
/// would be the folder that somebody happens to be in.
fn folder(state: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let state = state.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(home?.join(".local").join("state")));
    Some(state?.join("berth"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_place_that_depends_on_where_one_is_is_none() {
        for (state, home, found) in [
            (Some("/s"), Some("/h"), Some("/s/berth")),
            (Some("s"), Some("/h"), Some("/h/.local/state/berth")),
            (Some(""), Some("/h"), Some("/h/.local/state/berth")),
            (None, Some(""), None),
            (None, Some("."), None),
            (Some(""), Some("h"), None),
            (None, None, None),
        ] {
            let folder = folder(state.map(PathBuf::from), home.map(PathBuf::from));
            assert_eq!(folder, found.map(PathBuf::from), "{state:?} {home:?}");
        }
    }
}
