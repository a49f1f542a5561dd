//! What `berthd token` does.
//!
//! Owns what it prints. Must never print anything of a token but a new one, once, on standard
//! output and alone, so that it can be handed on by a pipe.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::server::access::store::{self, Fault, Wanted};
use crate::server::access::tokens::{Token, Tokens, rights_text};
use crate::wire::{Sanitized, Timestamp};

/// What is asked for, each with its file.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make a token, and print it with this pin behind it if there is one.
    Add(PathBuf, Wanted, Option<String>),
    /// Show all tokens.
    List(PathBuf),
    /// Remove the token of this name.
    Revoke(PathBuf, String),
    /// Say whether a server would take the file.
    Check(PathBuf),
}

/// Why it was not done.
#[derive(Debug)]
pub enum Failure {
    /// The file could not be read or changed.
    File(PathBuf, Fault),
    /// Standard output takes no more.
    Output(io::Error),
    /// The same, and the token of this name is nowhere now.
    Lost(String, io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, fault) => {
                let path = path.as_os_str().as_encoded_bytes();
                write!(f, "the tokens file '{}': {fault}", Sanitized(path))
            }
            Self::Output(error) => write!(f, "cannot write to standard output: {error}"),
            Self::Lost(name, error) => write!(
                f,
                "cannot write the token to standard output: {error}; it is lost: revoke '{name}' \
                 and add it again"
            ),
        }
    }
}

/// Does it. Returns what is to be said on standard error, if anything is.
///
/// # Errors
/// When the file cannot be read or changed, or the output takes no more.
pub fn run(command: &Command, out: &mut impl Write) -> Result<Option<&'static str>, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |fault| Failure::File(path, fault)
    };
    match command {
        Command::Add(path, wanted, pin) => {
            let mut token = store::add(path, wanted).map_err(failed(path))?;
            if let Some(pin) = pin {
                token = format!("{token}-{pin}");
            }
            let told = writeln!(out, "{token}").and_then(|()| out.flush());
            told.map_err(|error| Failure::Lost(wanted.name.clone(), error))?;
            Ok(Some(
                "it is shown this once and kept nowhere; a running server takes it after kill -HUP",
            ))
        }
        Command::Revoke(path, name) => {
            store::revoke(path, name).map_err(failed(path))?;
            Ok(Some("a running server forgets it after kill -HUP"))
        }
        Command::List(path) => {
            let tokens = store::read(path).map_err(failed(path))?;
            list(&tokens, SystemTime::now(), out).map_err(Failure::Output)?;
            Ok(None)
        }
        Command::Check(path) => {
            let tokens = store::read(path).map_err(failed(path))?;
            let now = SystemTime::now();
            let expired = tokens.iter().filter(|token| token.has_expired(now)).count();
            let told = writeln!(out, "tokens: {}, expired: {expired}", tokens.len());
            told.and_then(|()| out.flush()).map_err(Failure::Output)?;
            Ok(None)
        }
    }
}

/// A table, in the order of the names.
fn list(tokens: &Tokens, now: SystemTime, out: &mut impl Write) -> io::Result<()> {
    let mut tokens: Vec<&Token> = tokens.iter().collect();
    tokens.sort_by(|a, b| a.name.cmp(&b.name));
    let width = tokens.iter().map(|token| token.name.len()).max();
    let width = width.unwrap_or(0).max(4);
    let row = |out: &mut dyn Write, name: &str, id: &str, end: &str, most: &str, rights: &str| {
        writeln!(out, "{name:width$}  {id:8}  {end:20}  {most:8}  {rights}")
    };
    row(out, "NAME", "ID", "EXPIRES", "SESSIONS", "RIGHTS")?;
    for token in tokens {
        let end = match token.expires {
            None => "never".to_owned(),
            Some(_) if token.has_expired(now) => "expired".to_owned(),
            Some(at) => Timestamp(at).to_string(),
        };
        let most = token
            .sessions
            .map_or_else(|| "any".to_owned(), |most| most.to_string());
        let rights = rights_text(token.rights);
        row(out, &token.name, token.id_text(), &end, &most, &rights)?;
    }
    out.flush()
}
