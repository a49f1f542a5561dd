//! What the client is told to do and how: the choices of whoever started it.
//!
//! Owns the choices and what is chosen where nothing is said. Must never read a command line or the
//! environment; whoever does fills these in.

use std::path::PathBuf;
use std::time::Duration;

use crate::wire::DEFAULT_ADDRESS;

/// How long one address of the server is tried, its greeting included.
///
/// A packet lost is sent again after 1, 3 and 7 seconds, so this survives three lost in a row;
/// the system's own limit is about two minutes, more than a person waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing may come while something is due. A line that is that quiet is dead, whatever
/// the system still hopes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a download is taken up again without a byte gained. The pauses add up to a good
/// minute, in which a router or a server starts again.
const RETRIES: u32 = 8;

/// How the client talks to the server and to the person or program in front of it.
#[derive(Clone, Debug)]
pub struct Options {
    /// A host and a port.
    pub server: String,
    /// How long a connection, and the greeting on it, may take.
    pub connect_timeout: Duration,
    /// How long no byte may move; `None`: for ever.
    pub timeout: Option<Duration>,
    /// How long a berth is waited for; `None`: not at all.
    pub wait: Option<Duration>,
    /// Nothing on standard error but failures.
    pub quiet: bool,
    /// When to colour.
    pub color: Color,
    /// Answers as they are on the wire.
    pub raw: bool,
    /// Answers as JSON.
    pub json: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            server: DEFAULT_ADDRESS.to_owned(),
            connect_timeout: CONNECT_TIMEOUT,
            timeout: Some(TIMEOUT),
            wait: None,
            quiet: false,
            color: Color::Auto,
            raw: false,
            json: false,
        }
    }
}

/// When to colour what a person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also where no terminal is
    Always,
    /// Nowhere
    Never,
}

/// What the client does.
#[derive(Clone, Debug)]
pub enum Task {
    /// What standard input says: a person's prompt or a script.
    Session,
    /// Shows who is connected and who was.
    Status,
    /// Shows what can be had.
    List,
    /// Fetches files.
    Get(Wanted, Fetching),
    /// Sends a message and shows what comes back.
    Send(Vec<u8>),
    /// Shows the digests of files.
    Sha256(Vec<Vec<u8>>),
    /// Shows the lines that a listing has for files.
    Stat(Vec<Vec<u8>>),
}

/// Which files to fetch.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// These.
    Names(Vec<Vec<u8>>),
    /// All that are listed below these folders.
    Folders(Vec<Vec<u8>>),
    /// All that are listed.
    All,
}

/// How to fetch files.
#[derive(Clone, Debug)]
pub struct Fetching {
    /// Where to; nothing said: the current folder.
    pub output: Output,
    /// What to do with a file that is there already; nothing said: ask a person, else an error.
    pub on_exist: Option<OnExist>,
    /// Whether to go on with a part that is there.
    pub resume: bool,
    /// Whether to compare digests; nothing said: of what came in pieces.
    pub verify: Option<bool>,
    /// Whether to look files up in a listing first, so that what comes can be gone on with later.
    pub look_up: bool,
    /// How often to take a download up again without a byte gained.
    pub retries: u32,
}

impl Fetching {
    /// As a script on standard input has it: a file comes at once and whole, or not at all. A part
    /// that somebody else has left is gone on with.
    #[must_use]
    pub const fn in_a_script() -> Self {
        Self {
            output: Output::Here,
            on_exist: Some(OnExist::Error),
            resume: true,
            verify: None,
            look_up: false,
            retries: 0,
        }
    }
}

impl Default for Fetching {
    fn default() -> Self {
        Self {
            output: Output::Here,
            on_exist: None,
            resume: true,
            verify: None,
            look_up: true,
            retries: RETRIES,
        }
    }
}

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The current folder.
    Here,
    /// A file of this name, or this folder.
    Path(PathBuf),
    /// Standard output.
    Stdout,
}

/// What to do with a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnExist {
    /// Leave it and fail
    Error,
    /// Replace it, once all has come
    Overwrite,
    /// Save as NAME.1, NAME.2 and so on
    Rename,
    /// Leave it and go on
    Skip,
}
