//! The command line of `berth`.
//!
//! Owns its options, its commands and its help. Must never look a name up: whether the server
//! exists is found out by connecting.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cli::{address, parse_duration};
use crate::client::options::{Color, Fetching, OnExist, Options, Output, Task, Wanted};
use crate::wire::{DEFAULT_ADDRESS, Sanitized};

/// What `berth` is told when it is started.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "berth",
    version,
    max_term_width = 80,
    about = "Talk to a berthd server: see who is there, list its files and get them",
    long_about = LONG_ABOUT,
    after_long_help = AFTER_HELP
)]
pub struct ClientArgs {
    /// The server, by address or host name
    #[arg(
        long,
        global = true,
        long_help = "The server, by address or host name\n\n\
            Without a port it is 23784. An IPv6 address with a port stands in brackets, as in \
            [::1]:23784; one of a link names its interface, as in fe80::1%eth0.",
        value_name = "ADDR[:PORT]",
        env = "BERTH_SERVER",
        hide_env_values = true,
        default_value = DEFAULT_ADDRESS,
        value_parser = address::server
    )]
    pub server: String,

    /// How long each step of connecting may take
    ///
    /// The steps are: to look the name up; to connect, for which all addresses of
    /// the name have this time together and each its turn; and the greeting.
    #[arg(long, global = true, value_name = "DUR", default_value = "10s",
        value_parser = parse_positive_duration)]
    pub connect_timeout: Duration,

    /// How long the line may be silent; 0s: for ever
    ///
    /// The line is silent when no byte of a file or of an answer comes. What a server
    /// has to work for, a list or a digest, is waited for as long as its machine is
    /// there, which is found out within this time (TCP keepalive).
    #[arg(long, global = true, value_name = "DUR", default_value = "1m",
        value_parser = parse_duration)]
    pub timeout: Duration,

    /// Wait so long for a berth when all are taken
    ///
    /// A download whose line has dropped waits as long for a berth to go on in;
    /// when that is over it gives up with 75, whatever --retries allows.
    #[arg(long, global = true, value_name = "DUR", value_parser = parse_duration)]
    pub wait: Option<Duration>,

    /// One JSON object per answer, failures too
    #[arg(long, global = true, conflicts_with = "raw")]
    pub json: bool,

    /// Answers as they are on the wire, no tables
    #[arg(long, global = true)]
    pub raw: bool,

    /// Nothing on standard error but failures
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// What to do; nothing: a prompt, or a script
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do, in one session.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show who is connected, and who was
    Status,
    /// Show the files that can be had
    List,
    /// Fetch files, going on where a fetch before broke off
    #[command(after_long_help = GET_AFTER_HELP)]
    Get(GetArgs),
    /// Send a message and show what comes back
    ///
    /// The words are sent with a space between them. Text that is a command's word gets a space in
    /// front, which makes a message of it.
    Send {
        /// The message
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<OsString>,
    },
    /// Show the size and the time of files, as the list has them
    Stat {
        /// Names on the server
        #[arg(value_name = "NAME", required = true)]
        names: Vec<OsString>,
    },
    /// Show SHA-256 digests of files, as sha256sum does
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

    /// Where to: a file, a folder, or - for standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Fetch all files below the named folders, with their folders
    #[arg(short, long)]
    pub recursive: bool,

    /// Fetch every file that is listed, with its folders
    #[arg(long, conflicts_with_all = ["names", "recursive"])]
    pub all: bool,

    /// What to do with a file that is there already
    ///
    /// Unless it is given, a person at a terminal is asked, and otherwise it is an error.
    #[arg(long, value_name = "WHAT")]
    pub on_exist: Option<OnExist>,

    /// Begin again, whatever is here of it
    #[arg(long)]
    pub no_resume: bool,

    /// Compare SHA-256 digests (always after a resume)
    #[arg(long, overrides_with = "no_verify")]
    pub verify: bool,

    /// Do not compare digests, not even after a resume
    #[arg(long)]
    pub no_verify: bool,

    /// Give up after so many tries in a row that bring nothing
    #[arg(long, value_name = "N", default_value_t = Fetching::default().retries)]
    pub retries: u32,
}

const LONG_ABOUT: &str = "\
Talk to a berthd server: see who is there, list its files and get them.

Without a command, berth is a prompt at a terminal. Otherwise standard input is
a script of one request per line; answers go to standard output byte for byte,
everything else to standard error:

  printf 'list\\nget notes.txt\\n' | berth --server files.example:23784";

const GET_AFTER_HELP: &str = "\
A file comes into .NAME.part beside the place where it will be, with a note of
what it is the beginning of in .NAME.part.meta, and gets its name when all of it
has come. The same command goes on with such a part, if the file on the server
still has the size and the time that it had. A line that drops is taken up again.

With -o - the bytes go to standard output as they come.";

const AFTER_HELP: &str = "\
Without a command:
  status       who is connected, and who was
  list         the files that can be had
  get NAME     saves the file in the current folder, under the last part of its
               name; a file that is there already is left as it is
  stat NAME    the file's line of the list: its size and when it was changed
  sha256 NAME  the file's SHA-256 and size
  exit         leaves, as the end of the input does
  any other line comes back with ' ACK' behind it

Durations are written as 500ms, 30s, 10m, 1h 30m. NO_COLOR turns colours off.

Exit codes, which never change:
   0  all done, and verified where that was asked for
   1  something not in this list
   2  wrong usage, also of a request that berth does not send
   7  cannot connect
  18  fewer bytes than announced, or no END: the connection ended too early
  19  what came does not have the server's SHA-256
  22  the server refused a request
  23  cannot write the file or standard output
  28  timed out
  33  cannot go on with the part that is here
  65  the server does not follow the protocol
  73  a file of that name exists here
  75  the server is full: try later, or --wait
  78  the server has no such file
 130  interrupted by Ctrl-C

Where several things fail, the code is that of the first. A script goes on after
2, 19, 22, 33, 73 and 78, and after a 23 that comes before the first byte. At a
prompt only what ends the session counts.";

impl ClientArgs {
    /// What was asked for, and how.
    ///
    /// # Errors
    /// When options do not fit each other, or a name cannot be sent; the reason is harmless.
    pub fn into_task(self) -> Result<(Options, Task), String> {
        let options = Options {
            server: self.server,
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
            Some(Command::Get(args)) => {
                let (wanted, how) = args.into_parts()?;
                if options.json && how.output == Output::Stdout {
                    return Err("--json and -o - both want standard output".into());
                }
                Task::Get(wanted, how)
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
fn sendable(name: &OsString) -> Result<Vec<u8>, String> {
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
        for code in [0, 1, 2, 7, 18, 19, 22, 23, 28, 33, 65, 73, 75, 78, 130] {
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
            &["send"],
            &["--connect-timeout", "0s"],
            &["--wait", "soon"],
        ] {
            assert!(task(bad).is_err(), "{bad:?}");
        }
    }
}
