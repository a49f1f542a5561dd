//! Names of local files, as names on the server.
//!
//! Owns the choice of the name. Must never change a byte of it, nor judge what a server allows.

use std::ffi::OsStr;
use std::path::Path;

use crate::client::error::Error;
use crate::client::excerpt::{Excerpt, path_bytes};

/// The name of a file that was given by its path, alone or as one of `many`.
///
/// # Errors
/// When it has none.
pub fn of_file(path: &Path, asked: Option<&[u8]>, many: bool) -> Result<Vec<u8>, Error> {
    let last = || {
        let no_name = || {
            let path = path_bytes(path);
            Error::Usage(format!(
                "'{}' names no file; --as gives it a name on the server",
                Excerpt(&path)
            ))
        };
        path.file_name()
            .map(OsStr::as_encoded_bytes)
            .ok_or_else(no_name)
    };
    match asked {
        None => Ok(last()?.to_vec()),
        Some(folder) if many || folder.ends_with(b"/") => Ok(below(folder, last()?)),
        Some(name) => Ok(name.to_vec()),
    }
}

/// The name of the folder that takes what is in the folder at `path`; empty for the whole of what
/// is served, which takes what is in `.` or `..`.
#[must_use]
pub fn of_folder(path: &Path, asked: Option<&[u8]>, many: bool) -> Vec<u8> {
    let last = path.file_name().map_or(&b""[..], OsStr::as_encoded_bytes);
    match asked {
        None => last.to_vec(),
        Some(folder) if many => below(folder, last),
        Some(folder) => below(folder, b""),
    }
}

/// The name of what lies in a folder, given with or without the `/` at its end.
#[must_use]
pub fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    match (folder, name) {
        (b"", name) => name.to_vec(),
        (folder, b"") => folder.to_vec(),
        (folder, name) => [folder, b"/", name].concat(),
    }
}

/// The `number`th name for a file whose own is taken.
#[must_use]
pub fn numbered(name: &[u8], number: u32) -> Vec<u8> {
    match number {
        0 => name.to_vec(),
        number => [name, format!(".{number}").as_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_last_part_of_its_path_for_a_name_or_the_one_that_it_is_given() {
        let of = |path: &str, asked: Option<&str>, many| {
            let name = of_file(Path::new(path), asked.map(str::as_bytes), many);
            name.map(|name| String::from_utf8(name).unwrap()).ok()
        };
        for (path, asked, many, name) in [
            ("a", None, false, Some("a")),
            ("/x/a b", None, true, Some("a b")),
            ("x/a", Some("b/c"), false, Some("b/c")),
            ("x/a", Some("b/"), false, Some("b/a")),
            ("x/a", Some("b"), true, Some("b/a")),
            ("..", Some("b"), false, Some("b")),
            ("..", Some("b/"), false, None),
            ("/", None, false, None),
        ] {
            assert_eq!(of(path, asked, many).as_deref(), name, "{path} {asked:?}");
        }
    }

    #[test]
    fn a_folder_keeps_its_name_and_the_one_that_one_is_in_has_none() {
        for (path, asked, many, name) in [
            ("x/d/", None, false, "d"),
            (".", None, false, ""),
            ("..", None, true, ""),
            ("x/d", Some("e/"), false, "e"),
            ("x/d", Some("e"), true, "e/d"),
            (".", Some("e"), false, "e"),
        ] {
            let found = of_folder(Path::new(path), asked.map(str::as_bytes), many);
            assert_eq!(found, name.as_bytes(), "{path} {asked:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_behind_it() {
        assert_eq!(numbered(b"a.txt", 0), b"a.txt");
        assert_eq!(numbered(b"a.txt", 12), b"a.txt.12");
    }
}
