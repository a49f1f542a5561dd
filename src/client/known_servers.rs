//! The servers that are trusted by the pin of their key.
//!
//! Owns the file `known_servers`: a line for each, `HOST:PORT PIN TIME`. Must never trust a file
//! that others can change, nor lose an entry of another server.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::client::config_file::{self, Others};
use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::wire::Timestamp;

/// The length of a pin: 32 bytes in base64url.
const PIN_SIGNS: usize = 43;

/// Whether it is the pin of a key.
#[must_use]
pub fn is_pin(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() == PIN_SIGNS && text.bytes().all(is_sign)
}

/// The pins of this server, as `HOST:PORT`; none if it is not known.
///
/// # Errors
/// When the file cannot be read or trusted, or a line of it is damaged.
pub fn pins(server: &str) -> Result<Vec<String>, Error> {
    let Some(path) = path() else {
        return Ok(Vec::new());
    };
    let text = read(&path)?;
    let entries = parse(&text).map_err(|line| damaged(&path, line))?;
    let own = entries.filter(|(name, _)| name.eq_ignore_ascii_case(server));
    Ok(own.map(|(_, pin)| pin.to_owned()).collect())
}

/// Trusts this server by `pin` from now on, and by no other.
///
/// # Errors
/// When the file cannot be read, trusted or replaced. It is as it was then.
pub fn put(server: &str, pin: &str) -> Result<(), Error> {
    let path = path().ok_or_else(|| {
        let missing = io::Error::other("there is no HOME for it");
        Error::Trust(b"known_servers".to_vec(), missing)
    })?;
    let now = Timestamp(SystemTime::now());
    let changed = config_file::put(&path, Others::Read, server, &format!("{pin} {now}"));
    changed.map_err(|error| Error::Trust(path_bytes(&path), error))
}

/// Where the file is, after the XDG base directory specification.
fn path() -> Option<PathBuf> {
    config_file::path("known_servers")
}

/// The text of the file, which is empty if there is none. Others who could write to it could let us
/// trust their own server.
fn read(path: &Path) -> Result<String, Error> {
    match config_file::read(path, Others::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Error::Trust(path_bytes(path), error)),
    }
}

/// The entries of the file, or the number of the first line that is none.
fn parse(text: &str) -> Result<impl Iterator<Item = (&str, &str)>, usize> {
    let entry = |line: &'_ str| -> Option<()> {
        let mut words = line.split(' ');
        let (server, pin) = (words.next()?, words.next()?);
        (!server.is_empty() && is_pin(pin)).then_some(())
    };
    let lines = || {
        text.lines()
            .zip(1..)
            .filter(|(line, _)| !line.starts_with('#'))
    };
    if let Some((_, number)) = lines().find(|(line, _)| entry(line).is_none()) {
        return Err(number);
    }
    Ok(lines().filter_map(|(line, _)| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?))
    }))
}

fn damaged(path: &Path, line: usize) -> Error {
    let told = format!("line {line} is not HOST:PORT PIN TIME");
    Error::Trust(path_bytes(path), io::Error::other(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: &str = "X6ldmnLtghp8MyCoV9TTZRjIhasxf--6mjtbwwP_zkU";

    #[test]
    fn a_pin_is_a_digest_in_base64url() {
        assert!(is_pin(PIN));
        for bad in ["", &PIN[1..], &format!("{PIN}="), &PIN.replace('_', "/")] {
            assert!(!is_pin(bad), "{bad}");
        }
    }

    #[test]
    fn a_file_is_read_whole_or_its_bad_line_is_named() {
        let text = format!("# mine\na:1 {PIN} 2026-01-01T00:00:00Z\n[::1]:2 {PIN}\n");
        let entries: Vec<_> = parse(&text).expect("it is sound").collect();
        assert_eq!(entries, [("a:1", PIN), ("[::1]:2", PIN)]);
        for bad in ["a:1", "a:1 short", "", " x", &format!("a:1  {PIN}")] {
            let text = format!("a:1 {PIN}\n{bad}\n");
            assert_eq!(parse(&text).err(), Some(2), "{bad:?}");
        }
    }
}
