//! What a request is for: the path of its target (RFC 9112, 3.2; RFC 3986, 3.3).
//!
//! Owns the paths of the web door. A path is split at its `/` first, and each part is decoded once,
//! so no encoded byte ever divides a name. Must never judge whether a file is there.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::wire::web::escape::percent_decode;
use crate::wire::web::status::Fault;

/// What a page made up to be known by: 128 bits in 32 small hexadecimal digits. Who knows it shares
/// the berth of that page, so it is not printed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// Reads it. `None`: it is none.
    #[must_use]
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let bytes = HEXLOWER.decode(digits).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What there is at the web door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Page,
    /// `/ws` or `/ws?KEY`
    Socket(Option<Key>),
    /// `/f/NAME`, or `/k/KEY/NAME` on the berth of a page. A folder may be called like a key, so
    /// the two begin differently.
    Named {
        /// Of the page.
        key: Option<Key>,
        /// Of the file, as the line protocol has it.
        name: Vec<u8>,
    },
    /// `/list/FOLDER/`; empty for the served folder itself, and without a `/` at its end.
    Listing(Vec<u8>),
}

impl Route {
    /// Reads a path with its query. A query where none has a meaning is ignored.
    pub fn of(path: &[u8]) -> Result<Self, Fault> {
        let question = path.iter().position(|&byte| byte == b'?');
        let (path, query) = match question {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (path, &b""[..]),
        };
        let Some(path) = path.strip_prefix(b"/") else {
            return Err(Fault::bad("a path begins with /"));
        };
        let parts = path.split(|&byte| byte == b'/').map(read_part);
        let parts = parts.collect::<Result<Vec<_>, Fault>>()?;
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        match &parts[..] {
            [b""] => Ok(Self::Page),
            [b"ws"] => read_socket_key(query).map(Self::Socket),
            [b"f", name @ ..] => Ok(Self::Named {
                key: None,
                name: join(name)?,
            }),
            [b"k", key, name @ ..] => Ok(Self::Named {
                key: Some(Key::parse(key).ok_or(Fault::NOT_FOUND)?),
                name: join(name)?,
            }),
            [b"list"] | [b"list", b""] => Ok(Self::Listing(Vec::new())),
            [b"list", folder @ .., b""] | [b"list", folder @ ..] => join(folder).map(Self::Listing),
            _ => Err(Fault::NOT_FOUND),
        }
    }
}

fn read_part(part: &[u8]) -> Result<Vec<u8>, Fault> {
    let decoded = percent_decode(part);
    let decoded = decoded.ok_or(Fault::bad("a % has two hexadecimal digits behind it"))?;
    if decoded.contains(&b'/') || decoded.contains(&0) {
        return Err(Fault::NOT_FOUND);
    }
    Ok(decoded)
}

/// A name of at least one part. What is empty, here or above names no file that is listed.
fn join(parts: &[&[u8]]) -> Result<Vec<u8>, Fault> {
    let is_no_name = |part: &&[u8]| matches!(*part, b"" | b"." | b"..");
    if parts.is_empty() || parts.iter().any(is_no_name) {
        return Err(Fault::NOT_FOUND);
    }
    Ok(parts.join(&b'/'))
}

fn read_socket_key(query: &[u8]) -> Result<Option<Key>, Fault> {
    match query {
        [] => Ok(None),
        digits => match Key::parse(digits) {
            Some(key) => Ok(Some(key)),
            None => Err(Fault::bad(
                "a key is 32 hexadecimal digits in small letters",
            )),
        },
    }
}

/// Takes a target apart: its authority, if it has one, and its path (RFC 9112, 3.2.1 and 3.2.2).
#[must_use]
pub fn split_target(target: &[u8]) -> (Option<&[u8]>, &[u8]) {
    for scheme in [&b"http://"[..], b"https://"] {
        let Some((start, rest)) = target.split_at_checked(scheme.len()) else {
            continue;
        };
        if start.eq_ignore_ascii_case(scheme) {
            let ends = |byte: &u8| matches!(byte, b'/' | b'?');
            let len = rest.iter().position(ends).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(len);
            // RFC 9110, 4.2.3: no path is the path of the page.
            let path = if path.is_empty() { b"/" } else { path };
            return (Some(authority), path);
        }
    }
    (None, target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::web::escape::LinkPath;
    use crate::wire::web::status::Status;

    const KEY: &str = "000102030405060708090a0b0c0d0eff";

    fn route(path: &str) -> Result<Route, u16> {
        Route::of(path.as_bytes()).map_err(|fault| fault.status as u16)
    }

    fn named(name: &[u8]) -> Result<Route, u16> {
        Ok(Route::Named {
            key: None,
            name: name.to_vec(),
        })
    }

    #[test]
    fn a_path_is_the_page_the_socket_a_file_or_a_folder() {
        let key = Key::parse(KEY.as_bytes());
        assert!(key.is_some());
        let keyed = Route::Named {
            key,
            name: b"a b/c".to_vec(),
        };
        let listing = |folder: &str| Ok(Route::Listing(folder.into()));
        for (path, expected) in [
            ("/", Ok(Route::Page)),
            ("/?x=1", Ok(Route::Page)),
            ("/ws", Ok(Route::Socket(None))),
            (&format!("/ws?{KEY}"), Ok(Route::Socket(key))),
            ("/f/a", named(b"a")),
            ("/%66/a", named(b"a")),
            ("/f/a/b?c", named(b"a/b")),
            (&format!("/k/{KEY}/a%20b/c"), Ok(keyed)),
            (&format!("/f/{KEY}/c"), named(format!("{KEY}/c").as_bytes())),
            ("/list", listing("")),
            ("/list/", listing("")),
            ("/list/a%2", Err(400)),
            ("/list/a", listing("a")),
            ("/list/a/b/", listing("a/b")),
            ("/list//", Err(404)),
            ("/list/a//", Err(404)),
            ("/list/../", Err(404)),
            ("", Err(400)),
            ("*", Err(400)),
            ("?", Err(400)),
            ("f/a", Err(400)),
            ("//", Err(404)),
            ("/f", Err(404)),
            ("/f/", Err(404)),
            ("/k", Err(404)),
            (&format!("/k/{KEY}"), Err(404)),
            (&format!("/k/{KEY}/"), Err(404)),
            ("/k/a/b", Err(404)),
            ("/ws/", Err(404)),
            ("/ws?", Ok(Route::Socket(None))),
            ("/ws?a", Err(400)),
            (&format!("/ws?{}", KEY.to_uppercase()), Err(400)),
            (&format!("/ws?{KEY}0"), Err(400)),
            (&format!("/ws?{KEY}&a"), Err(400)),
            ("/favicon.ico", Err(404)),
            ("/F/a", Err(404)),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn a_name_is_decoded_once_and_leads_nowhere_else() {
        for (path, expected) in [
            ("/f/%252e", named(b"%2e")),
            ("/f/a%5Cb\\c", named(b"a\\b\\c")),
            ("/f/%ff%0a+", named(b"\xff\n+")),
            ("/f/...", named(b"...")),
            ("/f/.hidden", named(b".hidden")),
            ("/f/a%3Fb%23", named(b"a?b#")),
            ("/f/%2Fetc%2Fpasswd", Err(404)),
            ("/f/a%2fb", Err(404)),
            ("/f/..%2fa", Err(404)),
            ("/f/%2e%2e%2fa", Err(404)),
            ("/f/%2e%2e/a", Err(404)),
            ("/f/a/../b", Err(404)),
            ("/f/./a", Err(404)),
            ("/f//a", Err(404)),
            ("/f/a/", Err(404)),
            ("/f/a%00", Err(404)),
            ("/f/%", Err(400)),
            ("/f/100%", Err(400)),
            ("/f/%zz", Err(400)),
            ("/f/%e", Err(400)),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn every_name_comes_back_from_its_link() {
        let every: Vec<u8> = (1..=255).collect();
        let link = format!("/f/{}", LinkPath(&every));
        assert_eq!(route(&link), named(&every));
        for byte in (1..=255).filter(|&byte| byte != b'/') {
            let name = [b'x', byte, byte];
            assert_eq!(route(&format!("/f/{}", LinkPath(&name))), named(&name));
        }
    }

    #[test]
    fn a_target_may_name_its_host() {
        for (target, authority, path) in [
            (&b"/"[..], None, &b"/"[..]),
            (b"http://a", Some(&b"a"[..]), b"/"),
            (b"HTTP://a:1/b?c", Some(&b"a:1"[..]), b"/b?c"),
            (b"https://a/", Some(b"a"), b"/"),
            (b"http://a?b", Some(b"a"), b"?b"),
            (b"http:///b", Some(b""), b"/b"),
            (b"ftp://a/", None, b"ftp://a/"),
            (b"http:/a", None, b"http:/a"),
        ] {
            assert_eq!(split_target(target), (authority, path));
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = Key::parse(KEY.as_bytes()).unwrap();
        assert_eq!(format!("{key:?}"), "Key(..)");
        assert_eq!(Fault::NOT_FOUND.status, Status::NotFound);
    }
}
