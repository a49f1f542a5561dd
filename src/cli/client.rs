//! The command line of `berth`.
//!
//! Owns its options, its commands and its help. Must never look a name up: whether the server
//! exists is found out by connecting.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cli::client_help::{AFTER_HELP, GET_AFTER_HELP, LONG_ABOUT, PUT_AFTER_HELP};
use crate::cli::client_put::PutArgs;
use crate::cli::{address, parse_duration};
use crate::client::known_servers;
use crate::client::options::{Color, Fetching, OnExist, Options, Output, Task, Wanted};
use crate::wire::{DEFAULT_ADDRESS, Sanitized};

/// What `berth` is told when it is started.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "berth",
    version,
    max_term_width = 80,
    about = "Talk to a berthd server: list its files, download them, see who is connected",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_HELP
)]
pub struct ClientArgs {
    /// The server, by address or host name
    #[arg(
        long,
        global = true,
        long_help = "The server, by address or host name\n\n\
            The default port is 23784. An IPv6 address with a port is written in brackets: \
            [::1]:23784. A link-local address names its interface: fe80::1%eth0.",
        value_name = "ADDR[:PORT]",
        env = "BERTH_SERVER",
        hide_env_values = true,
        default_value = DEFAULT_ADDRESS,
        value_parser = address::server
    )]
    pub server: String,

    /// Connect with TLS, as berths:// in front of the server does
    ///
    /// The server has to be known by its pin (see 'berth trust'), or present a
    /// certificate that this system trusts. TLS is also used without this option if
    /// the server is known by its pin.
    #[arg(long, global = true)]
    pub tls: bool,

    /// Trust the certificates in this PEM file instead of the system's; implies --tls
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Timeout of each step of connecting
    ///
    /// The steps are the name lookup, the connection (all addresses of the name are
    /// tried within this time) and the greeting.
    #[arg(long, global = true, value_name = "DUR", default_value = "10s",
        value_parser = parse_positive_duration)]
    pub connect_timeout: Duration,

    /// Timeout of a silent connection; 0s: none
    ///
    /// A connection is silent when no byte of a file or of an answer arrives. A
    /// listing or a checksum takes the server time to compute: for these berth waits
    /// as long as the server's machine responds to TCP keepalive within this time.
    #[arg(long, global = true, value_name = "DUR", default_value = "1m",
        value_parser = parse_duration)]
    pub timeout: Duration,

    /// Wait up to this long for a free berth when the server is full
    ///
    /// A download also waits this long for a berth each time it reconnects, then
    /// fails with 75, whatever --retries is.
    #[arg(long, global = true, value_name = "DUR", value_parser = parse_duration)]
    pub wait: Option<Duration>,

    /// Print each answer as one JSON object per line, errors too
    #[arg(long, global = true, conflicts_with = "raw")]
    pub json: bool,

    /// Print answers as they are on the wire, without tables
    #[arg(long, global = true)]
    pub raw: bool,

    /// Print nothing but errors on standard error
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// The command; without one, a prompt or a script
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do, in one session.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the connected clients and the latest that left
    Status,
    /// List the files on the server
    List,
    /// Download files, resuming partial downloads
    #[command(after_long_help = GET_AFTER_HELP)]
    Get(GetArgs),
    /// Upload files, resuming partial uploads
    #[command(after_long_help = PUT_AFTER_HELP)]
    Put(PutArgs),
    /// Send a message and show the reply
    ///
    /// The words are joined with spaces. Text that would be a command gets a space in
    /// front, so that the server takes it as a message.
    Send {
        /// The message
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<OsString>,
    },
    /// Show the size and time of files, as the listing does
    Stat {
        /// Names on the server
        #[arg(value_name = "NAME", required = true)]
        names: Vec<OsString>,
    },
    /// Keep a token for a server, which is read from the terminal or from standard input
    ///
    /// It goes into ~/.config/berth/tokens. BERTH_TOKEN holds one without a file, and
    /// BERTH_TOKEN_FILE names another file. There is no option for it, as everybody can
    /// see the options of a program.
    Login {
        /// The server; the one of --server unless given
        #[arg(value_name = "ADDR[:PORT]", value_parser = address::server)]
        server: Option<String>,
    },
    /// Trust a server by the pin of its key from now on
    ///
    /// Without PIN, the pin that the server presents is shown beside the known one,
    /// and trusted if you say so. Ask the one who runs the server for it:
    /// 'berthd cert new' has printed it.
    Trust {
        /// The server; the one of --server unless given
        #[arg(value_name = "ADDR[:PORT]", value_parser = address::server)]
        server: Option<String>,
        /// The pin, if it is known already: no question is asked then
        #[arg(value_name = "PIN", value_parser = parse_pin, allow_hyphen_values = true)]
        pin: Option<String>,
    },
    /// Show SHA-256 checksums of files, in the format of sha256sum
    Sha256 {
        /// Names on the server
        #[arg(value_name = "NAME", required = true)]
        names: Vec<OsString>,
    },
}

/// What `berth get` is told.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    /// Names on the server; with -r, folders
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<OsString>,

    /// Destination: a file, a folder, or - for standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Download all files below the named folders, and create their folders
    #[arg(short, long)]
    pub recursive: bool,

    /// Download every file of the listing, and create their folders
    #[arg(long, conflicts_with_all = ["names", "recursive"])]
    pub all: bool,

    /// What to do if the file already exists
    ///
    /// By default berth asks at a terminal, and fails otherwise.
    #[arg(long, value_name = "WHAT")]
    pub on_exist: Option<OnExist>,

    /// Start over instead of resuming a partial download
    #[arg(long)]
    pub no_resume: bool,

    /// Verify every file against the server's SHA-256 (default: resumed ones)
    #[arg(long, overrides_with = "no_verify")]
    pub verify: bool,

    /// Verify no file, not even a resumed one
    #[arg(long)]
    pub no_verify: bool,

    /// Give up after this many consecutive retries without progress
    #[arg(long, value_name = "N", default_value_t = Fetching::default().retries)]
    pub retries: u32,
}

impl ClientArgs {
    /// What was asked for, and how.
    ///
    /// # Errors
    /// When options do not fit each other, or a name cannot be sent; the reason is sanitized.
    pub fn into_task(self) -> Result<(Options, Task), String> {
        let (server, is_url) = match self.server.strip_prefix(address::TLS_SCHEME) {
            Some(server) => (server.to_owned(), true),
            None => (self.server, false),
        };
        let mut options = Options {
            server,
            tls: self.tls || is_url || self.ca.is_some(),
            ca: self.ca,
            connect_timeout: self.connect_timeout,
            timeout: Some(self.timeout).filter(|timeout| !timeout.is_zero()),
            wait: self.wait.filter(|wait| !wait.is_zero()),
            quiet: self.quiet,
            color: self.color,
            raw: self.raw,
            json: self.json,
        };
        let task = match self.command {
            None if options.json => return Err("--json is for a command, such as list".into()),
            None => Task::Session,
            Some(Command::Status) => Task::Status,
            Some(Command::List) => Task::List,
            Some(Command::Send { text }) => Task::Send(line_of(&text.join(" ".as_ref()))?),
            Some(Command::Stat { names }) => Task::Stat(all_sendable(&names)?),
            Some(Command::Sha256 { names }) => Task::Sha256(all_sendable(&names)?),
            Some(Command::Login { server }) => {
                if let Some(server) = server {
                    let bare = server.strip_prefix(address::TLS_SCHEME);
                    options.server = bare.unwrap_or(&server).to_owned();
                }
                Task::Login
            }
            Some(Command::Trust { server, pin }) => {
                if let Some(server) = server {
                    let bare = server.strip_prefix(address::TLS_SCHEME);
                    options.server = bare.unwrap_or(&server).to_owned();
                }
                Task::Trust(pin)
            }
            Some(Command::Get(args)) => {
                let (wanted, how) = args.into_parts()?;
                if options.json && how.output == Output::Stdout {
                    return Err("--json and -o - both want standard output".into());
                }
                Task::Get(wanted, how)
            }
            Some(Command::Put(args)) => {
                let (given, how) = args.into_parts()?;
                Task::Put(given, how)
            }
        };
        Ok((options, task))
    }
}

impl GetArgs {
    fn into_parts(self) -> Result<(Wanted, Fetching), String> {
        let names = all_sendable(&self.names)?;
        let wanted = match (self.all, self.recursive) {
            (true, _) => Wanted::All,
            (false, true) => Wanted::Folders(names),
            (false, false) => Wanted::Names(names),
        };
        let output = match self.output {
            None => Output::Here,
            Some(path) if path.as_os_str() == "-" => Output::Stdout,
            Some(path) if path.as_os_str().is_empty() => return Err("-o has no path".into()),
            Some(path) => Output::Path(path),
        };
        let how = Fetching {
            output,
            on_exist: self.on_exist,
            resume: !self.no_resume,
            verify: match (self.verify, self.no_verify) {
                (true, _) => Some(true),
                (false, true) => Some(false),
                (false, false) => None,
            },
            look_up: true,
            retries: self.retries,
        };
        Ok((wanted, how))
    }
}

fn all_sendable(words: &[OsString]) -> Result<Vec<Vec<u8>>, String> {
    words.iter().map(sendable).collect()
}

/// The bytes of a name, which cannot be empty.
pub(super) fn sendable(name: &OsString) -> Result<Vec<u8>, String> {
    match line_of(name)? {
        name if name.is_empty() => Err("a name cannot be empty".into()),
        name => Ok(name),
    }
}

/// The bytes of some text, if they can stand in a line.
fn line_of(text: &OsString) -> Result<Vec<u8>, String> {
    let bytes = bytes_of(text).ok_or("what is not Unicode cannot be sent from here")?;
    // A CR at the end would be taken for a part of the line's end, and the rest for a command.
    match bytes.contains(&b'\n') || bytes.ends_with(b"\r") {
        true => Err(format!("'{}' cannot stand in a line", Sanitized(&bytes))),
        false => Ok(bytes),
    }
}

#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere not every word has bytes"
)]
fn bytes_of(word: &OsString) -> Option<Vec<u8>> {
    Some(std::os::unix::ffi::OsStrExt::as_bytes(word.as_os_str()).to_vec())
}

#[cfg(not(unix))]
fn bytes_of(word: &OsString) -> Option<Vec<u8>> {
    word.to_str().map(|word| word.as_bytes().to_vec())
}

fn parse_pin(text: &str) -> Result<String, &'static str> {
    match known_servers::is_pin(text) {
        true => Ok(text.to_owned()),
        false => Err("a pin is 43 letters, digits, '-' and '_'"),
    }
}

/// Reads a duration that has to be one.
fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("nothing can be done in no time".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::options::{Given, Sending};
    use clap::CommandFactory;

    fn task(arguments: &[&str]) -> Result<(Options, Task), String> {
        let arguments = [&["berth"], arguments].concat();
        ClientArgs::try_parse_from(arguments)
            .map_err(|err| err.to_string())?
            .into_task()
    }

    #[test]
    fn the_command_line_is_sound() {
        ClientArgs::command().debug_assert();
    }

    #[test]
    fn the_help_fits_a_terminal_and_names_every_exit_code() {
        let help = ClientArgs::command().render_long_help().to_string();
        for code in [
            0, 1, 2, 7, 9, 18, 19, 22, 23, 25, 26, 28, 33, 35, 60, 65, 67, 70, 73, 75, 77, 78, 130,
        ] {
            assert!(help.contains(&format!("\n {code:>3}  ")), "{code}");
        }
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
        assert!(help.contains("BERTH_SERVER") && help.contains(DEFAULT_ADDRESS));
    }

    #[test]
    fn a_command_is_what_was_typed() {
        let (options, nothing) = task(&["--timeout", "0s", "-q"]).unwrap();
        assert!(options.timeout.is_none() && options.quiet);
        assert!(matches!(nothing, Task::Session));
        let (_, send) = task(&["send", "hello", "there"]).unwrap();
        assert!(matches!(send, Task::Send(text) if text == b"hello there"));
        let (_, get) = task(&["get", "a b", "-o", "-", "--no-resume", "--verify"]).unwrap();
        let Task::Get(Wanted::Names(names), how) = get else {
            panic!("{get:?}");
        };
        assert_eq!((names, how.output), (vec![b"a b".to_vec()], Output::Stdout));
        assert_eq!((how.resume, how.verify), (false, Some(true)));
        let (options, all) = task(&["get", "--all", "--server", "h:1"]).unwrap();
        assert!(matches!(all, Task::Get(Wanted::All, _)));
        assert_eq!(options.server, "h:1");
    }

    #[test]
    fn what_is_not_said_is_as_the_options_have_it() {
        let (options, task) = task(&["get", "a"]).unwrap();
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()));
        let Task::Get(_, how) = task else {
            panic!("{task:?}");
        };
        assert_eq!(format!("{how:?}"), format!("{:?}", Fetching::default()));
        let (_, put) = self::task(&["put", "a"]).unwrap();
        let Task::Put(Given::Paths(_), how) = put else {
            panic!("{put:?}");
        };
        assert_eq!(format!("{how:?}"), format!("{:?}", Sending::default()));
    }

    #[test]
    fn a_pin_may_begin_like_an_option() {
        for sign in ["-", "--", "-q", "_", "A"] {
            let pin = format!("{sign}{}", "A".repeat(43 - sign.len()));
            let (options, trust) = task(&["trust", "berths://h", &pin]).unwrap();
            assert!(
                matches!(trust, Task::Trust(Some(given)) if given == pin),
                "{pin}"
            );
            assert_eq!(options.server, "h:23784");
        }
        let (options, trust) = task(&["trust", "h", "--quiet"]).unwrap();
        assert!(matches!(trust, Task::Trust(None)) && options.quiet);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for bad in [
            &["--json"][..],
            &["get"],
            &["get", "--all", "a"],
            &["get", "a\nb"],
            &["get", ""],
            &["get", "a", "-o", "-", "--json"],
            &["list", "--raw", "--json"],
            &["put"],
            &["put", "a", "--as", ""],
            &["put", "a", "--as", "b\nc"],
            &["put", ""],
            &["put", "-"],
            &["put", "-", "--as", "d/"],
            &["put", "a", "-", "--as", "d/"],
            &["put", "-r", "-", "--as", "d"],
            &["send"],
            &["--connect-timeout", "0s"],
            &["--wait", "soon"],
        ] {
            assert!(task(bad).is_err(), "{bad:?}");
        }
    }
}
