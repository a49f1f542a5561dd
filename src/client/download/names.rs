//! Names from the server, as names of files here.
//!
//! Owns which of them are valid, and the names of partial files. Must never let a name lead out of
//! the target folder (path traversal).

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The longest name that the usual file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The suffix of the metadata of a part.
const METADATA: &str = ".meta";

/// How much is kept of a name too long to have something put around it, in characters, of which
/// each has four bytes at most.
const CHARS_KEPT: usize = 48;

/// The last component of a name on the server, where it is a file's name here and nothing else.
#[must_use]
pub fn last_component(asked: &[u8]) -> Option<&OsStr> {
    component(asked.rsplit(|byte| *byte == b'/').next()?)
}

/// A name from a listing as a path that leads down and nowhere else. The protocol lists no name
/// that begins with a dot, so such a name is hostile.
#[must_use]
pub fn path_below(listed: &[u8]) -> Option<PathBuf> {
    let visible = |part: &&[u8]| !part.starts_with(b".");
    let parts = listed.split(|byte| *byte == b'/');
    parts
        .map(|part| component(part).filter(|_| visible(&part)))
        .collect()
}

/// One component, if it is one here.
fn component(bytes: &[u8]) -> Option<&OsStr> {
    let name = os_str(bytes).filter(|_| !bytes.contains(&0))?;
    // What separates names differs between systems, so the system's own reading decides.
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Some(name),
        _ => None,
    }
}

/// The bytes of a name, for a message or for the server.
#[must_use]
pub fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

/// What is kept beside `target` while it comes: its part, and the metadata of that.
#[must_use]
pub fn beside(target: &Path) -> Option<(PathBuf, PathBuf)> {
    let name = target.file_name()?;
    let most = NAME_BYTES_MAX - "..part".len() - METADATA.len();
    let mut partial = OsString::from(".");
    if name.len() <= most {
        partial.push(name);
    } else {
        // Two long names may begin alike, so the whole of it goes into what is put in its place.
        let start: String = name.to_string_lossy().chars().take(CHARS_KEPT).collect();
        let digest = Sha256::digest(bytes(name));
        let digest = u64::from_be_bytes(*digest.first_chunk().expect("it has 32 bytes"));
        partial.push(format!("{start}~{digest:016x}"));
    }
    partial.push(".part");
    let mut metadata = partial.clone();
    metadata.push(METADATA);
    Some((
        target.with_file_name(partial),
        target.with_file_name(metadata),
    ))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every name can be")]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes))
}

#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> Option<&OsStr> {
    str::from_utf8(bytes).ok().map(OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_component_names_the_file_and_only_when_it_can() {
        for (asked, name) in [
            (&b"a"[..], "a"),
            (b"a/b/c.txt", "c.txt"),
            (b"/etc/passwd", "passwd"),
            (b"../a b", "a b"),
            (b"...", "..."),
            (b" ", " "),
        ] {
            assert_eq!(last_component(asked), Some(OsStr::new(name)));
        }
        for asked in [&b""[..], b".", b"..", b"/", b"a/", b"a/.", b"a/..", b"a\0b"] {
            assert_eq!(last_component(asked), None, "{}", asked.escape_ascii());
        }
    }

    #[test]
    fn a_listed_name_leads_down_or_nowhere() {
        assert_eq!(path_below(b"a b/c"), Some(PathBuf::from("a b/c")));
        for evil in [
            &b"../x"[..],
            b"a/../x",
            b"/etc/passwd",
            b"",
            b"a//b",
            b"a/",
            b".bashrc",
            b"a/.x/b",
            b"./a",
            b"a\0b",
            b"..",
        ] {
            assert_eq!(path_below(evil), None, "{}", evil.escape_ascii());
        }
    }

    #[test]
    fn a_part_lies_beside_its_file_whatever_the_length_of_the_name() {
        let (partial, metadata) = beside(Path::new("d/c.txt")).unwrap();
        assert_eq!(partial, Path::new("d/.c.txt.part"));
        assert_eq!(metadata, Path::new("d/.c.txt.part.meta"));
        let names = ["n".repeat(255), "n".repeat(254), "\u{1f6a5}".repeat(63)];
        let parts = names.map(|name| beside(Path::new(&name)).unwrap());
        for (partial, metadata) in &parts {
            assert!(metadata.as_os_str().len() <= NAME_BYTES_MAX, "{metadata:?}");
            assert!(partial.to_str().unwrap().ends_with(".part"));
        }
        assert_ne!(parts[0], parts[1]);
        assert_eq!(beside(Path::new("/")), None);
    }
}
