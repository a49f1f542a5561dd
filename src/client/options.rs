//! The client's options and tasks.
//!
//! Owns their types and defaults. Must never read a command line or the environment; `cli` does.

use std::path::PathBuf;
use std::time::Duration;

use crate::wire::DEFAULT_ADDRESS;

/// How long one address of the server is tried, its greeting included.
///
/// A packet lost is sent again after 1, 3 and 7 seconds, so this survives three lost in a row;
/// the system's own limit is about two minutes, more than a person waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The idle timeout: a connection on which nothing comes for so long, while something is due, is
/// taken for dead.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a download or an upload is retried without a byte gained. The backoff adds up to a
/// good minute, in which a router or a server restarts.
const RETRIES: u32 = 8;

/// Options of every command.
#[derive(Clone, Debug)]
pub struct Options {
    /// A host and a port.
    pub server: String,
    /// Whether to speak TLS. A server that is known by its pin is spoken to with TLS in any case.
    pub tls: bool,
    /// The certificates to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// How long a connection, and the greeting on it, may take.
    pub connect_timeout: Duration,
    /// The idle timeout; `None`: none.
    pub timeout: Option<Duration>,
    /// How long to wait for a berth; `None`: not at all.
    pub wait: Option<Duration>,
    /// Only errors on standard error.
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
            tls: false,
            ca: None,
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
    /// A prompt at a terminal, else a script on standard input.
    Session,
    /// Shows who is connected and who was.
    Status,
    /// Shows the served files.
    List,
    /// Fetches files.
    Get(Wanted, Fetching),
    /// Uploads files.
    Put(Given, Sending),
    /// Sends a message and shows what comes back.
    Send(Vec<u8>),
    /// Shows the digests of files.
    Sha256(Vec<Vec<u8>>),
    /// Shows the lines that a listing has for files.
    Stat(Vec<Vec<u8>>),
    /// Takes a token for the server from standard input and keeps it.
    Login,
    /// Trusts the server by this pin, or by the one that it presents, after a question.
    Trust(Option<String>),
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
    /// Where the files go.
    pub output: Output,
    /// What to do with a file that exists; `None`: ask at a terminal, else an error.
    pub on_exist: Option<OnExist>,
    /// Whether to resume a partial file.
    pub resume: bool,
    /// Whether to compare digests; `None`: only of a resumed file.
    pub verify: Option<bool>,
    /// Whether to look a file up first, so that its download can be resumed later.
    pub look_up: bool,
    /// How often to retry without a byte gained.
    pub retries: u32,
}

impl Fetching {
    /// In a script: one try, and a file that exists is an error. A partial file is resumed.
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

/// What to upload.
#[derive(Clone, Debug)]
pub enum Given {
    /// These files, and folders if they are wanted with all that is in them.
    Paths(Vec<PathBuf>),
    /// What comes on standard input.
    Stdin,
}

/// How to upload files.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The name on the server: of the one file or folder, or of the folder that many go into.
    pub name: Option<Vec<u8>>,
    /// Whether folders are uploaded.
    pub recursive: bool,
    /// What to do where the server has a file of that name; `None`: ask at a terminal, else an
    /// error.
    pub on_exist: Option<OnExist>,
    /// Whether the file there gets the time of the one here.
    pub keeps_time: bool,
    /// How often to retry without a byte gained.
    pub retries: u32,
}

impl Sending {
    /// In a script: one try, and a file that exists is an error.
    #[must_use]
    pub fn in_a_script() -> Self {
        Self {
            on_exist: Some(OnExist::Error),
            retries: 0,
            ..Self::default()
        }
    }
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            name: None,
            recursive: false,
            on_exist: None,
            keeps_time: true,
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
