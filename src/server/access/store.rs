//! The tokens file: read, and changed.
//!
//! Owns the checks on the file itself, and that a change is whole or none. Must never keep what it
//! has read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::engine::rights::Rights;
use crate::regular_file::{self, Links};
use crate::server::access::digest::SecretDigest;
use crate::server::access::tokens::{BadLine, HEADER, Token, TokenId, Tokens};
use crate::wire::Sanitized;
use crate::wire::token::{TOKEN_PREFIX, is_id};

/// The longest file: more than all tokens that one may have, with room for comments.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How long a change waits for another one. Each takes milliseconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Why a tokens file could not be read or changed.
#[derive(Debug)]
pub enum Fault {
    /// The kernel refused, or it is no file.
    File(io::Error),
    /// Others may read it, or more than its owner may write it; its mode.
    Open(u32),
    /// It belongs to another user.
    Foreign,
    /// It is longer than any tokens file.
    TooLong,
    /// A line is not as it has to be.
    Line(BadLine),
    /// There is a token of this name already.
    Exists(String),
    /// There is no token of this name.
    Unknown(String),
    /// Another change goes on all the time.
    Locked,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::File(errno.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Open(mode) => write!(
                f,
                "its mode is {mode:03o}, so that others get at it: chmod 600 it first"
            ),
            Self::Foreign => f.write_str("it belongs to another user"),
            Self::TooLong => write!(f, "it is longer than {FILE_BYTES_MAX} bytes"),
            Self::Line(bad) => bad.fmt(f),
            Self::Exists(name) => {
                write!(
                    f,
                    "there is a token '{}' already",
                    Sanitized(name.as_bytes())
                )
            }
            Self::Unknown(name) => {
                write!(f, "there is no token '{}'", Sanitized(name.as_bytes()))
            }
            Self::Locked => f.write_str("another change of it goes on all the time"),
        }
    }
}

/// Reads the tokens of the file at `path`.
///
/// # Errors
/// When it cannot be trusted or read, or a line of it is not as it has to be.
pub fn read(path: &Path) -> Result<Tokens, Fault> {
    Tokens::parse(&open(path)?.0).map_err(Fault::Line)
}

/// The content of the file, once it is known that nobody else can have changed or read it.
fn open(path: &Path) -> Result<(Vec<u8>, fs::Metadata), Fault> {
    let file = regular_file::open(path, OpenOptions::new().read(true), Links::Followed)?;
    let about = file.metadata()?;
    let mode = about.permissions().mode() & 0o777;
    // The group may read it: that is how a server that gave root up does.
    if mode & 0o027 != 0 {
        return Err(Fault::Open(mode));
    }
    let me = rustix::process::geteuid().as_raw();
    if ![0, me].contains(&about.uid()) {
        return Err(Fault::Foreign);
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    match text.len() as u64 {
        0..=FILE_BYTES_MAX => Ok((text, about)),
        _ => Err(Fault::TooLong),
    }
}

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose it is.
    pub name: String,
    /// What its owner may ask for.
    pub rights: Rights,
    /// From when on it is not valid.
    pub expires: Option<SystemTime>,
    /// How many sessions there may be with it at once.
    pub sessions: Option<u32>,
}

/// Adds a token to the file at `path`, which is made if there is none. Returns the token itself,
/// which is kept nowhere.
///
/// # Errors
/// When the file cannot be read or changed. It is as it was then.
pub fn add(path: &Path, wanted: &Wanted) -> Result<String, Fault> {
    let mut made = String::new();
    change(path, |text, tokens| {
        if tokens.iter().any(|token| *token.name == *wanted.name) {
            return Err(Fault::Exists(wanted.name.clone()));
        }
        let id = new_id(tokens)?;
        let secret = BASE64URL_NOPAD.encode(&random::<32>()?);
        let token = Token {
            id,
            name: wanted.name.as_str().into(),
            digest: SecretDigest::of(secret.as_bytes()),
            rights: wanted.rights,
            expires: wanted.expires,
            sessions: wanted.sessions,
        };
        if text.is_empty() {
            writeln!(text, "{HEADER}")?;
        }
        writeln!(text, "{token}")?;
        made = format!("{TOKEN_PREFIX}{}-{secret}", token.id_text());
        Ok(())
    })?;
    Ok(made)
}

/// Removes the token of this name from the file at `path`.
///
/// # Errors
/// When there is none, or the file cannot be read or changed. It is as it was then.
pub fn revoke(path: &Path, name: &str) -> Result<(), Fault> {
    change(path, |text, tokens| {
        let token = tokens.iter().find(|token| *token.name == *name);
        let token = token.ok_or_else(|| Fault::Unknown(name.to_owned()))?;
        let start = format!("id={} ", token.id_text());
        let others = text
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| !line.starts_with(start.as_bytes()));
        *text = others.flatten().copied().collect();
        Ok(())
    })
}

/// Changes the file: under a lock, in a file beside it that takes its place once it is on the disk.
fn change(
    path: &Path,
    edit: impl FnOnce(&mut Vec<u8>, &Tokens) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // A link stays one, and what it leads to is changed.
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        resolved => resolved?,
    };
    let folder = File::open(folder_of(&path))?;
    lock(&folder)?;
    let (mut text, about) = match open(&path) {
        Err(Fault::File(error)) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
        opened => opened.map(|(text, about)| (text, Some(about)))?,
    };
    let tokens = Tokens::parse(&text).map_err(Fault::Line)?;
    edit(&mut text, &tokens)?;
    // What was made of it has to be readable by the server.
    Tokens::parse(&text).map_err(Fault::Line)?;
    // It is made with mode 0600.
    let mut beside = tempfile::NamedTempFile::new_in(folder_of(&path))?;
    if let Some(about) = about {
        let ours = beside.as_file().metadata()?;
        if (ours.uid(), ours.gid()) != (about.uid(), about.gid()) {
            fchown(beside.as_file(), Some(about.uid()), Some(about.gid()))?;
        }
        beside.as_file().set_permissions(about.permissions())?;
    }
    beside.write_all(&text)?;
    beside.as_file().sync_all()?;
    beside.persist(&path).map_err(|error| error.error)?;
    folder.sync_all()?;
    Ok(())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The folder is locked and not the file, in whose place another one comes.
fn lock(folder: &File) -> Result<(), Fault> {
    for _ in 0..LOCK_TRIES {
        match flock(folder, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => thread::sleep(LOCK_PAUSE),
            locked => return Ok(locked?),
        }
    }
    Err(Fault::Locked)
}

/// An id that no token has.
fn new_id(tokens: &Tokens) -> Result<TokenId, Fault> {
    loop {
        let id = BASE64URL_NOPAD.encode(&random::<6>()?);
        let id = TokenId::try_from(id.as_bytes()).expect("6 bytes are 8 signs");
        if is_id(&id) && tokens.get(&id).is_none() {
            return Ok(id);
        }
    }
}

/// Bytes from the kernel's generator.
fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    // So few are never given in part.
    let n = getrandom(&mut bytes, GetRandomFlags::empty())?;
    assert_eq!(n, N, "the kernel gives up to 256 bytes at once");
    Ok(bytes)
}
