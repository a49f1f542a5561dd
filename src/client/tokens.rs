//! The tokens that this client shows to servers that demand one.
//!
//! Owns where they come from: `BERTH_TOKEN`, the file of `BERTH_TOKEN_FILE`, or
//! `~/.config/berth/tokens`, with `HOST:PORT TOKEN` in each line. Must never take one from an
//! argument, which `ps` shows to everybody, nor print one.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::client::config_file::{self, Others};
use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::wire::token::Token;

/// The file below the user's configuration.
const FILE: &str = "tokens";

/// A token, which is never shown.
pub struct OwnToken(String);

impl fmt::Debug for OwnToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnToken(..)")
    }
}

impl OwnToken {
    /// Takes it from a text with blanks around it. `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Token::parse(text.as_bytes())?;
        Some(Self(text.to_owned()))
    }

    fn parts(&self) -> Token<'_> {
        Token::parse(self.0.as_bytes()).expect("it was one when it was taken")
    }

    /// The line that shows it, without the pin.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        [b"auth ", self.parts().sent].concat()
    }

    /// The pin of the server that it is for, if it names one.
    #[must_use]
    pub fn pin(&self) -> Option<&str> {
        let pin = self.parts().pin?;
        Some(std::str::from_utf8(pin).expect("base64url is text"))
    }
}

/// The token for this server, as `HOST:PORT`.
///
/// # Errors
/// When what should hold one cannot be read or trusted, or holds none.
pub fn find(server: &str) -> Result<Option<OwnToken>, Error> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(text) = set("BERTH_TOKEN") {
        let token = text.to_str().and_then(OwnToken::parse);
        let token = token.ok_or_else(|| unusable(b"BERTH_TOKEN".to_vec(), "it is no token"));
        return token.map(Some);
    }
    let (path, must_exist) = match set("BERTH_TOKEN_FILE") {
        Some(path) => (PathBuf::from(path), true),
        None => match config_file::path(FILE) {
            Some(path) => (path, false),
            None => return Ok(None),
        },
    };
    let Some(text) = read(&path, must_exist)? else {
        return Ok(None);
    };
    search(&text, server).map_err(|number| {
        let told = format!("line {number} is not HOST:PORT TOKEN");
        unusable(path_bytes(&path), &told)
    })
}

/// Keeps a token for this server, in place of the one before.
///
/// # Errors
/// When the file cannot be read, trusted or replaced. It is as it was then.
pub fn put(server: &str, token: &OwnToken) -> Result<(), Error> {
    let path = config_file::path(FILE);
    let path = path.ok_or_else(|| unusable(FILE.into(), "there is no HOME for it"))?;
    let changed = config_file::put(&path, Others::Nothing, server, &token.0);
    changed.map_err(|error| Error::Token(path_bytes(&path), error))
}

/// The token for this server in a file; a line that has no name is for every server. An error is
/// the number of a line that is none.
fn search(text: &str, server: &str) -> Result<Option<OwnToken>, usize> {
    let mut found = None;
    for (number, line) in (1_usize..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, token) = line.split_once(' ').unwrap_or((server, line));
        let token = OwnToken::parse(token).ok_or(number)?;
        if name.eq_ignore_ascii_case(server) {
            found.get_or_insert(token);
        }
    }
    Ok(found)
}

/// The text of the file, which is the user's and nobody else's; `None` if there is none.
fn read(path: &Path, must_exist: bool) -> Result<Option<String>, Error> {
    match config_file::read(path, Others::Nothing) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Ok(None),
        read => read
            .map(Some)
            .map_err(|error| Error::Token(path_bytes(path), error)),
    }
}

fn unusable(from: Vec<u8>, why: &str) -> Error {
    Error::Token(from, io::Error::other(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(letter: &str) -> String {
        format!("berth1-Zk3vQ1xA-{}", letter.repeat(43))
    }

    #[test]
    fn a_token_is_sent_without_its_pin_and_shown_to_nobody() {
        let text = format!(" {}-{}\n", token("s"), "p".repeat(43));
        let own = OwnToken::parse(&text).expect("it is one");
        assert_eq!(own.line(), [b"auth ", token("s").as_bytes()].concat());
        assert_eq!(own.pin(), Some(&*"p".repeat(43)));
        assert!(!format!("{own:?}").contains("sss"));
        assert!(OwnToken::parse("auth x").is_none());
    }

    #[test]
    fn each_server_has_its_token_and_a_bad_line_is_named() {
        let text = format!("# mine\n\na:1 {}\nb:2 {}\n", token("a"), token("b"));
        let found = |server| search(&text, server).expect("it is sound").map(|own| own.0);
        assert_eq!(found("a:1"), Some(token("a")));
        assert_eq!(found("B:2"), Some(token("b")));
        assert_eq!(found("c:3"), None);
        let bare = search(&token("x"), "any:1").expect("it is sound");
        assert!(
            bare.is_some(),
            "a file of one token is for the server that is named"
        );
        for bad in ["a:1", "a:1  x", "x y z"] {
            let text = format!("a:1 {}\n{bad}\n", token("a"));
            assert_eq!(search(&text, "a:1").err(), Some(2), "{bad}");
        }
    }
}
