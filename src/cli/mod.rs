//! The command lines of the two programs.
//!
//! Owns their options and how a usage error is reported. Must never open a socket or a file.

mod address;
#[cfg(feature = "server")]
pub mod cert;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
mod client_help;
#[cfg(feature = "client")]
pub mod client_put;
#[cfg(feature = "server")]
pub mod journal;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod token;
#[cfg(feature = "server")]
pub mod trace;
#[cfg(feature = "server")]
pub mod uploads;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::time::Duration;

use clap::builder::{Resettable, StyledStr};
use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};

use crate::streams;
use crate::wire::Sanitized;

/// The exit code of a program that was started wrongly.
pub const USAGE: u8 = 2;

/// Longer than any time that is meant, and short enough to be added to any moment.
const DURATION_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Why there is nothing to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// None: the help or the version was asked for, and printed.
    Served,
    /// The help or the version was asked for and could not be printed, for this reason.
    Unprinted(String),
    /// The command line is wrong, for this reason, which is one sanitized line.
    Usage(String),
}

impl Mistake {
    /// Says so on standard error, for the program that is called `name`, whose exit code is
    /// `unwritten` where standard output takes no more. Returns its exit code.
    #[must_use]
    pub fn tell<A: CommandFactory>(&self, name: &str, unwritten: u8) -> u8 {
        match self {
            Self::Served => 0,
            Self::Unprinted(reason) => {
                let text = format!("{name}: cannot write to standard output: {reason}\n");
                let _ = streams::stderr().write_all(text.as_bytes());
                unwritten
            }
            Self::Usage(reason) => {
                let asked = asked::<A>(std::env::args_os());
                let asked = asked.map_or_else(String::new, |command| format!(" {command}"));
                let text = format!("{name}: {reason}; try '{name}{asked} --help'\n");
                let _ = streams::stderr().write_all(text.as_bytes());
                USAGE
            }
        }
    }
}

/// Reads the command line of the program that is called `name`.
///
/// # Errors
/// The exit code when there is nothing to run: zero after `--help` and `--version`, which are
/// printed, `unwritten` where they cannot be, and [`USAGE`] after a mistake. Both are reported in
/// one line on standard error.
pub fn parse<A: Parser>(name: &str, unwritten: u8) -> Result<A, u8> {
    read().map_err(|mistake| mistake.tell::<A>(name, unwritten))
}

/// Reads the command line.
///
/// # Errors
/// When there is nothing to run.
pub fn read<A: Parser>() -> Result<A, Mistake> {
    let command = without_empty_variables(command::<A>());
    let matches = command.try_get_matches();
    let err = match matches.and_then(|matches| A::from_arg_matches(&matches)) {
        Ok(args) => return Ok(args),
        Err(err) => err,
    };
    Err(match err.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => printed(print(&err.render())),
        _ => Mistake::Usage(reason(&err.render().to_string())),
    })
}

/// The command as it is where the variables that are empty are not set: a script that writes
/// `BERTH_SERVER=` into a unit or a shell means that nothing is to be chosen so.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(Resettable::Reset),
            false => arg,
        })
        .mut_subcommands(without_empty_variables)
}

/// A program's command line. Options that all its commands have stand under a heading of their own,
/// so that those of one command are not lost among them.
#[must_use]
pub fn command<A: CommandFactory>() -> Command {
    A::command().mut_args(|arg| match arg.is_global_set() {
        true => arg.help_heading("Options of every command"),
        false => arg,
    })
}

/// Prints what clap has made, in colour where that is wanted.
fn print(text: &StyledStr) -> io::Result<()> {
    let mut out = streams::stdout();
    match out.takes_color() {
        true => out.write_all(text.ansi().to_string().as_bytes()),
        false => out.write_all(text.to_string().as_bytes()),
    }
}

/// What came of printing. A reader that closes the output has seen enough.
fn printed(outcome: io::Result<()>) -> Mistake {
    match outcome {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Mistake::Unprinted(err.to_string()),
        _ => Mistake::Served,
    }
}

/// The command, of those that the program has, that these words begin with, whatever is wrong with
/// the rest of them.
fn asked<A: CommandFactory>(words: impl IntoIterator<Item = OsString>) -> Option<String> {
    let lenient = without_empty_variables(A::command()).ignore_errors(true);
    let matches = lenient.try_get_matches_from(words).ok()?;
    matches.subcommand_name().map(str::to_owned)
}

/// The first paragraph of clap's report in one line, and what it takes for meant. What follows,
/// usage and other tips, is in `--help`.
///
/// Clap repeats what was typed, which may have come from anywhere.
fn reason(report: &str) -> String {
    let report = report.strip_prefix("error: ").unwrap_or(report);
    let lines = report.lines().take_while(|line| !line.is_empty());
    let mut line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let tips = report
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "));
    for tip in tips.filter(|tip| tip.contains("similar")) {
        line = format!("{line}; {tip}");
    }
    Sanitized(line.as_bytes()).to_string()
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as 500ms, 30s, 10m or 1h 30m"))?;
    if duration > DURATION_MAX {
        return Err("longer than a hundred years".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_one_harmless_line() {
        let report = "error: these are missing:\n  <A>\n  <B>\n\nUsage: x <A> <B>\n";
        assert_eq!(reason(report), "these are missing: <A> <B>");
        assert_eq!(reason("error: no '\x1b[2J'\n"), "no '\\u{1b}[2J'");
        assert_eq!(reason(""), "");
        let report =
            "error: no 'x'\n\n  tip: a similar one exists: 'y'\n  tip: use '-- x'\n\nUsage: z\n";
        assert_eq!(reason(report), "no 'x'; a similar one exists: 'y'");
    }

    #[cfg(feature = "server")]
    #[test]
    fn the_help_that_is_named_is_that_of_the_command_which_was_meant() {
        for (words, expected) in [
            ("berthd --no-such-flag", None),
            ("berthd --repo journal --no-such-flag", None),
            ("berthd journal", Some("journal")),
            ("berthd journal x --reason none", Some("journal")),
            ("berthd trace --no-such-flag", Some("trace")),
        ] {
            let asked = asked::<server::ServerArgs>(words.split(' ').map(OsString::from));
            assert_eq!(asked.as_deref(), expected, "{words}");
        }
    }
}
