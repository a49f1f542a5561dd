//! The files in a local folder.
//!
//! Owns the walk through it, and what of it is left out. Must never follow a link: it may lead out,
//! or round in a circle.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use crate::client::upload::names::below;

/// Something in a folder.
#[derive(Debug)]
pub enum Found {
    /// A file to upload.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its name on the server.
        name: Vec<u8>,
        /// In bytes.
        size: u64,
    },
    /// It is left out, being this.
    Skipped(PathBuf, &'static str),
    /// It cannot be read.
    Failed(PathBuf, io::Error),
}

/// All that is in the folder at `path`, in the order of the names, for the folder `name` on the
/// server.
#[must_use]
pub fn walk(path: &Path, name: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut folders = vec![(path.to_owned(), name.to_vec())];
    while let Some((path, name)) = folders.pop() {
        let entries = match entries(&path) {
            Ok(entries) => entries,
            Err(err) => {
                found.push(Found::Failed(path, err));
                continue;
            }
        };
        let mut inner = Vec::new();
        for entry in entries {
            let name = below(&name, entry.file_name().as_encoded_bytes());
            match look(&entry) {
                Ok(Kind::Folder) => inner.push((entry.path(), name)),
                Ok(Kind::File(size)) => found.push(Found::File {
                    path: entry.path(),
                    name,
                    size,
                }),
                Ok(Kind::Other(what)) => found.push(Found::Skipped(entry.path(), what)),
                Err(err) => found.push(Found::Failed(entry.path(), err)),
            }
        }
        folders.extend(inner.into_iter().rev());
    }
    found
}

/// What is in one folder, by name.
fn entries(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries: Vec<_> = fs::read_dir(path)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

enum Kind {
    File(u64),
    Folder,
    Other(&'static str),
}

fn look(entry: &DirEntry) -> io::Result<Kind> {
    if is_hidden(&entry.file_name()) {
        return Ok(Kind::Other("its name begins with a dot"));
    }
    let there = entry.metadata()?;
    Ok(match there.file_type() {
        kind if kind.is_dir() => Kind::Folder,
        kind if kind.is_file() => Kind::File(there.len()),
        kind if kind.is_symlink() => Kind::Other("it is a link"),
        _ => Kind::Other("it is no regular file"),
    })
}

/// Whether no server lists it: such a file would be there and be seen by no one.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_walked_in_order_and_links_and_dot_names_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/c")).unwrap();
        fs::create_dir(at("a")).unwrap();
        fs::create_dir(at(".git")).unwrap();
        for name in ["z", "b/2", "b/c/3", "a/1", ".git/x", ".hidden"] {
            fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink("..", at("b/up")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let (mut files, mut left) = (Vec::new(), Vec::new());
        for found in walk(folder.path(), b"d") {
            match found {
                Found::File { name, size, .. } => {
                    files.push((String::from_utf8(name).unwrap(), size));
                }
                Found::Skipped(path, what) => left.push((path, what)),
                Found::Failed(path, err) => panic!("{}: {err}", path.display()),
            }
        }
        let expected = [("d/z", 1), ("d/a/1", 3), ("d/b/2", 3), ("d/b/c/3", 5)];
        assert_eq!(files, expected.map(|(name, size)| (name.to_owned(), size)));
        let expected = [
            (".git", "its name begins with a dot"),
            (".hidden", "its name begins with a dot"),
            ("socket", "it is no regular file"),
            ("b/up", "it is a link"),
        ];
        assert_eq!(left, expected.map(|(name, what)| (at(name), what)));
        assert!(matches!(&walk(&at("z"), b"")[..], [Found::Failed(..)]));
    }
}
