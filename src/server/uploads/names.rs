//! Which names a file may get by an upload.
//!
//! Owns that rule. Must never look into the folder: whether a name is free is another question.

use crate::server::files::listing::has_control;
use crate::server::uploads::Failure;
use crate::wire::LINE_BYTES_MAX;

/// What stands before the name in the longest request for it, `get@OFFSET NAME`: a file that could
/// not be asked for in full would be of no use.
const BEFORE_NAME: usize = "get@18446744073709551615 ".len();

/// The longest name of a file or folder, on every file system that Linux knows.
const COMPONENT_BYTES_MAX: usize = 255;

/// Whether a file may have this name, and whether that is below the folder `dir`, whose name is
/// empty if it is the served one.
///
/// # Errors
/// [`Failure::Outside`], [`Failure::NotAName`] or [`Failure::Denied`].
pub(super) fn check(name: &[u8], dir: &[u8]) -> Result<(), Failure> {
    if name.starts_with(b"/") || components(name).any(|component| component == b"..") {
        return Err(Failure::Outside);
    }
    // What begins with a dot is not served, so nobody could get it.
    let is_served = |component: &[u8]| {
        !component.is_empty()
            && !component.starts_with(b".")
            && component.len() <= COMPONENT_BYTES_MAX
    };
    if name.len() > LINE_BYTES_MAX - BEFORE_NAME
        || has_control(name)
        || !components(name).all(is_served)
    {
        return Err(Failure::NotAName);
    }
    match name.strip_prefix(dir) {
        Some(_) if dir.is_empty() => Ok(()),
        Some([b'/', ..]) => Ok(()),
        _ => Err(Failure::Denied),
    }
}

fn components(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|&byte| byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_not_be_asked_for_is_none() {
        let longest = |n: usize| [&b"d/".repeat(n / 2)[..], &vec![b'x'; n % 2]].concat();
        for (name, expected) in [
            (&b"a"[..], Ok(())),
            (b"a/b c/d", Ok(())),
            (b"\xff\xfe", Ok(())),
            (&[b'n'; 255], Ok(())),
            (&longest(4071), Ok(())),
            (&longest(4073), Err(Failure::NotAName)),
            (&[b'n'; 256], Err(Failure::NotAName)),
            (b"", Err(Failure::NotAName)),
            (b"a/", Err(Failure::NotAName)),
            (b"a//b", Err(Failure::NotAName)),
            (b".", Err(Failure::NotAName)),
            (b"./a", Err(Failure::NotAName)),
            (b".a", Err(Failure::NotAName)),
            (b"a/.berth/b", Err(Failure::NotAName)),
            (b"a\tb", Err(Failure::NotAName)),
            (b"a\0b", Err(Failure::NotAName)),
            (b"a\x7f", Err(Failure::NotAName)),
            (b"a\xc2\x85", Err(Failure::NotAName)),
            (b"a\rb", Err(Failure::NotAName)),
            (b"/a", Err(Failure::Outside)),
            (b"..", Err(Failure::Outside)),
            (b"a/../b", Err(Failure::Outside)),
            (b"a/..", Err(Failure::Outside)),
        ] {
            assert_eq!(check(name, b""), expected, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn a_name_outside_the_folder_of_uploads_is_denied() {
        for (name, expected) in [
            (&b"in/a"[..], Ok(())),
            (b"in/a/b", Ok(())),
            (b"in", Err(Failure::Denied)),
            (b"in/", Err(Failure::NotAName)),
            (b"inner/a", Err(Failure::Denied)),
            (b"a", Err(Failure::Denied)),
            (b"in/../a", Err(Failure::Outside)),
        ] {
            assert_eq!(check(name, b"in"), expected, "{}", name.escape_ascii());
        }
    }
}
