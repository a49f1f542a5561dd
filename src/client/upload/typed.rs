//! The line `put FILE [NAME]` of a session.
//!
//! Owns what it means here, where `put` takes a local file. Must never send such a line as it is:
//! on the wire it announces bytes, and the server would wait for them.

use std::ffi::OsStr;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use crate::client::error::Error;
use crate::wire::Request;

/// A file, and its name on the server if that is given.
pub type Typed = (PathBuf, Option<Vec<u8>>);

/// What a line asks to be uploaded; nothing if it is another request.
///
/// A file's name may have blanks in it: the longest beginning that is there is the file, and what
/// stands behind it the name.
///
/// # Errors
/// When there is no such file, and [`Error::RawUpload`] for the requests of the wire.
#[must_use]
pub fn typed(line: &[u8]) -> Option<Result<Typed, Error>> {
    let is_raw = matches!(Request::parse(line), Request::Put(_));
    let raw = || Error::RawUpload(line.to_vec());
    let Some(rest) = behind_put(line) else {
        return is_raw.then(|| Err(raw()));
    };
    if rest.is_empty() {
        return Some(Err(Error::Usage(
            "put takes a file: put FILE [NAME]".into(),
        )));
    }
    let blanks = rest.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    let ends = blanks.map(|(at, _)| at).chain([rest.len()]);
    let found = ends.rev().find_map(|end| {
        let name = rest.get(end + 1..).unwrap_or_default();
        let path = path(&rest[..end]).filter(|path| path.exists())?;
        Some((path.to_owned(), (!name.is_empty()).then(|| name.to_vec())))
    });
    Some(match found {
        Some(found) => Ok(found),
        None if is_raw => Err(raw()),
        None => Err(Error::Unreadable(
            rest.to_vec(),
            IoError::new(
                ErrorKind::NotFound,
                "there is no such file here; a space in front makes a message of the line",
            ),
        )),
    })
}

/// What stands behind `put`, if that is the first word.
fn behind_put(line: &[u8]) -> Option<&[u8]> {
    let (word, rest) = line.split_at_checked(3)?;
    let rest = match rest {
        [] => rest,
        [b' ', rest @ ..] => rest,
        _ => return None,
    };
    word.eq_ignore_ascii_case(b"put").then_some(rest)
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> Option<&Path> {
    let bytes: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    Some(Path::new(bytes)).filter(|path| !path.as_os_str().is_empty())
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> Option<&Path> {
    let text = str::from_utf8(bytes).ok().map(OsStr::new);
    text.map(Path::new)
        .filter(|path| !path.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_longest_beginning_that_is_there_is_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), b"").unwrap();
        fs::write(at("a b"), b"").unwrap();
        let line = |text: &str| format!("{}/{text}", folder.path().display());
        for (text, file, name) in [
            ("a", "a", None),
            ("a b", "a b", None),
            ("a b c d", "a b", Some("c d")),
            ("a x/y", "a", Some("x/y")),
        ] {
            let line = format!("PUT {}", line(text));
            let (path, asked) = typed(line.as_bytes()).unwrap().unwrap();
            assert_eq!(path, at(file));
            assert_eq!(asked.as_deref(), name.map(str::as_bytes));
        }
    }

    #[test]
    fn what_the_wire_knows_as_an_upload_is_never_sent() {
        let hex = "ab".repeat(32);
        for (line, code) in [
            ("put 5 no-such-file".to_owned(), 2),
            ("replace 5 x".to_owned(), 2),
            (format!("put@{hex} 5 - x"), 2),
            (format!("replace@{hex} 5 - x"), 2),
            ("put 5".to_owned(), 2),
            ("put".to_owned(), 2),
            ("put ".to_owned(), 2),
            ("put the kettle on".to_owned(), 26),
        ] {
            let err = typed(line.as_bytes()).unwrap().unwrap_err();
            assert_eq!(err.exit_code(), code, "{line}: {err}");
        }
        for other in [
            "replace x",
            " put 5 x",
            "puts 5 x",
            "put\t5 x",
            "put@5 x",
            "",
        ] {
            assert!(typed(other.as_bytes()).is_none(), "{other:?}");
        }
    }
}
