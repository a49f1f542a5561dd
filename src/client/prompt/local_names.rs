//! The names of local files, for Tab behind `put`.
//!
//! Owns how a folder is read for them. Must never open what is in it, nor offer a name that has to
//! be sanitized.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::client::prompt::completion::typed;

/// How many entries of a folder are looked at: a person waits meanwhile.
const ENTRIES_MAX: usize = 100_000;

/// The files and folders whose path begins so; a folder with a `/` behind it. Hidden ones are
/// offered where a dot was typed.
#[must_use]
pub fn beginning_with(start: &str) -> Vec<String> {
    let (folder, begun) = start.split_at(start.rfind('/').map_or(0, |slash| slash + 1));
    let there = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = fs::read_dir(there) else {
        return Vec::new();
    };
    let is_wanted = |name: &String| {
        let hidden = name.starts_with('.') && !begun.starts_with('.');
        name.starts_with(begun) && !hidden
    };
    let mut names: Vec<_> = entries
        .take(ENTRIES_MAX)
        .filter_map(|entry| named(&entry.ok()?, is_wanted))
        .map(|name| [folder, &name].concat())
        .collect();
    names.sort();
    names
}

/// The name of an entry as it is typed, if it is wanted and a file or a folder.
fn named(entry: &DirEntry, is_wanted: impl Fn(&String) -> bool) -> Option<String> {
    let name = typed(entry.file_name().as_encoded_bytes()).filter(is_wanted)?;
    // A link counts as what it leads to, as it does when it is uploaded.
    let there = fs::metadata(Path::new(&entry.path())).ok()?;
    match there.is_dir() {
        true => Some(name + "/"),
        false => there.is_file().then_some(name),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_offered_by_their_path_and_evil_names_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("alpha")).unwrap();
        for name in ["a b", "alpha/one", ".hidden", "a\x1b[2J", "b"] {
            fs::write(at(name), b"").unwrap();
        }
        let _socket = std::os::unix::net::UnixListener::bind(at("asocket")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("alink")).unwrap();
        let base = folder.path().to_str().unwrap();
        for (start, offered) in [
            ("/a", &["/a b", "/alpha/"][..]),
            ("/", &["/a b", "/alpha/", "/b"]),
            ("/.", &["/.hidden"]),
            ("/alpha/", &["/alpha/one"]),
            ("/nope/", &[]),
        ] {
            let offered: Vec<_> = offered.iter().map(|name| format!("{base}{name}")).collect();
            assert_eq!(beginning_with(&format!("{base}{start}")), offered);
        }
    }
}
