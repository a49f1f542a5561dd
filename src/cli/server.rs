//! The command line of `berthd`.
//!
//! Owns its flags, their defaults and their help. Must never do what they ask for.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Parser, Subcommand};
use log::LevelFilter;

use crate::cli::journal::JournalArgs;
use crate::cli::token::TokenArgs;
use crate::cli::trace::TraceArgs;
use crate::cli::{address, parse_duration};
use crate::engine::limits::{Limits, Pauses};
use crate::server::config::{Address, Config};
use crate::server::process::sandbox::Sandbox;
use crate::wire::{DEFAULT_ADDRESS, DEFAULT_PORT};

/// More clients than this would need more open files than Linux allows a process without being
/// told so (fs.nr_open is 1 048 576).
const CLIENTS_MAX: u64 = 500_000;

/// A trace shorter than this has room for little more than its first lines.
const TRACE_LIMIT_MIN: u64 = 64 << 10;

/// Hand out a folder on a network to a fixed number of clients.
///
/// Clients are named Client01, Client02 and so on. What one writes comes back with ' ACK'; 'status'
/// tells who is and was connected, 'list' what can be had, 'get NAME' streams a file, 'exit'
/// leaves. Whoever comes when all berths are taken reads 'Server full, try later'.
///
/// Talk to it with berth, or with nc or telnet.
#[derive(Clone, Debug, Parser)]
#[command(name = "berthd", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct ServerArgs {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub instead: Option<Instead>,

    /// The folder to hand out: every regular file in it whose name does not begin with a dot
    #[arg(long, value_name = "DIR", env = "BERTH_REPO", default_value = "repo")]
    pub repo: PathBuf,

    /// Where to listen; may be given more than once, or several separated by commas
    ///
    /// Port 0 lets the system choose a free one, and no port is 23784. `[::]` takes IPv4 and IPv6,
    /// `0.0.0.0` IPv4 only; both let in whoever can reach this machine. A name stands for all its
    /// addresses, and behind a link-local one stands its interface: `[fe80::1%eth0]:23784`.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "BERTH_LISTEN",
        default_value = DEFAULT_ADDRESS,
        value_delimiter = ',',
        value_parser = parse_address
    )]
    pub listen: Vec<Address>,

    /// How many clients are inside at most
    #[arg(
        long,
        value_name = "N",
        env = "BERTH_MAX_CLIENTS",
        default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX)
    )]
    pub max_clients: u64,

    /// How many berths one address may hold; all of them unless said otherwise
    ///
    /// For IPv6 it is the network, the first 64 bits, that has this share.
    #[arg(
        long,
        value_name = "N",
        env = "BERTH_MAX_PER_IP",
        value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX)
    )]
    pub max_per_ip: Option<u64>,

    /// Where to keep a journal of who came, who went and why; none is kept otherwise
    ///
    /// Names go on behind the last in it, and 'status' knows who was there before. Show it with
    /// 'berthd journal FILE'. SIGHUP opens it again, for those who move it away now and then.
    #[arg(long, value_name = "FILE", env = "BERTH_JOURNAL")]
    pub journal: Option<PathBuf>,

    /// How long a client may be quiet; 0s: for ever
    ///
    /// Quiet means that no byte moves in either direction, so a slow download is not.
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_IDLE_TIMEOUT",
        default_value = "10m",
        value_parser = parse_duration
    )]
    pub idle_timeout: Duration,

    /// How long a client may take nothing of what is owed to it
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_STALL_TIMEOUT",
        default_value = "30s",
        value_parser = parse_positive_duration
    )]
    pub stall_timeout: Duration,

    /// How long the clients inside have to finish when the server is told to stop
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_DRAIN_TIMEOUT",
        default_value = "10s",
        value_parser = parse_duration
    )]
    pub drain_timeout: Duration,

    /// Let a pause end a line too, for clients that send no LF
    ///
    /// For a classroom: programs that send 'status' without a line end are answered. A first line
    /// that stays without LF for 300 ms makes its connection unframed: from then on 15 ms without a
    /// byte end a line, and the bare name of a file is 'get NAME'. A connection that has sent a LF
    /// is never treated so.
    #[arg(long, env = "BERTH_UNFRAMED", value_parser = BoolishValueParser::new())]
    pub unframed: bool,

    /// Write a trace of what the loop does, in place of a trace that is there; none otherwise
    ///
    /// Perfetto and chrome://tracing show it, and 'berthd trace FILE' makes a page of it.
    #[arg(long, value_name = "FILE", env = "BERTH_TRACE")]
    pub trace: Option<PathBuf>,

    /// How long the trace may become, in bytes or as 64MiB; it ends there
    #[arg(
        long,
        value_name = "SIZE",
        env = "BERTH_TRACE_LIMIT",
        default_value = "64MiB",
        value_parser = parse_size
    )]
    pub trace_limit: u64,

    /// Log each turn of the loop for one client that takes as long as this, with what it did
    ///
    /// Meanwhile all others wait. SIGUSR1 logs the sixteen slowest so far, with other figures.
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_SLOW_TURN",
        default_value = "50ms",
        value_parser = parse_duration
    )]
    pub slow_turn: Duration,

    /// The user to become once the addresses are bound, if started as root
    #[arg(long, value_name = "NAME", env = "BERTH_USER")]
    pub user: Option<String>,

    /// Whether a fence around the folder (Landlock) is used where there is one, required, or off
    ///
    /// Inside it nothing but the folder can be read, no file written outside of the journal's
    /// folder, no TCP address called, even by a server that somebody has taken over.
    #[arg(
        long,
        value_name = "MODE",
        env = "BERTH_SANDBOX",
        default_value = "auto",
        value_parser = parse_sandbox
    )]
    pub sandbox: Sandbox,

    /// How much to log: off, error, warn, info, debug or trace
    #[arg(
        long,
        value_name = "LEVEL",
        env = "BERTH_LOG",
        default_value = "info",
        value_parser = parse_level
    )]
    pub log: LevelFilter,
}

/// What the program can do instead of serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Instead {
    /// Show what a journal tells: the latest sessions, or what it all comes to
    ///
    /// Of the conditions, all that are given have to hold.
    Journal(JournalArgs),
    /// Make a page of a trace, which a browser shows without any tool or network
    ///
    /// A trace that was cut off, by its limit or a crash, is shown up to there.
    Trace(TraceArgs),
    /// Make, show and revoke the tokens that clients show to be let in
    #[command(hide = true)]
    Token(TokenArgs),
}

const AFTER_HELP: &str = "\
Durations are written as 500ms, 30s, 10m, 1h 30m. A flag goes before its environment variable.

When it is ready, it prints a line for each address, 'berthd listening on 127.0.0.1:23784', on
standard output and nothing else there; the log goes to standard error.

SIGTERM and SIGINT (Ctrl-C) stop it: nobody new is let in, what is under way is finished within the
drain timeout. A second one stops it at once.

Exit status: 0 stopped when told to; 1 told twice, or the event loop failed; 2 could not start.";

impl From<ServerArgs> for Config {
    fn from(args: ServerArgs) -> Self {
        let count = |n| usize::try_from(n).unwrap_or(usize::MAX);
        let limits = Limits {
            clients_max: count(args.max_clients),
            idle: Some(args.idle_timeout).filter(|idle| !idle.is_zero()),
            stall: args.stall_timeout,
            unframed: args.unframed.then(Pauses::default),
            ..Limits::default()
        };
        Self {
            repo: args.repo,
            listen: args.listen,
            limits,
            user: args.user,
            sandbox: args.sandbox,
            per_address_max: args.max_per_ip.map_or(usize::MAX, count),
            drain: args.drain_timeout,
            slow_turn: args.slow_turn,
            trace: args.trace,
            trace_limit: args.trace_limit,
            journal: args.journal,
        }
    }
}

fn parse_address(text: &str) -> Result<Address, &'static str> {
    let address::Written { host, port } = address::parse(text)?;
    let port = port.unwrap_or(DEFAULT_PORT);
    Ok(Address { host, port })
}

fn parse_size(text: &str) -> Result<u64, &'static str> {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    let found = units.iter().find(|(unit, _)| text.ends_with(unit));
    let (unit, bits) = found.expect("every text ends with nothing");
    let number = text[..text.len() - unit.len()].trim_end().parse::<u64>();
    let size = number.ok().and_then(|number| number.checked_mul(1 << bits));
    let size = size.filter(|&size| size >= TRACE_LIMIT_MIN);
    size.ok_or("a number of bytes from 64KiB on, written as 65536, 64KiB, 64MiB or 1GiB")
}

fn parse_level(text: &str) -> Result<LevelFilter, &'static str> {
    let level = text.parse();
    level.map_err(|_| "one of off, error, warn, info, debug, trace")
}

fn parse_sandbox(text: &str) -> Result<Sandbox, &'static str> {
    match text {
        "auto" => Ok(Sandbox::Auto),
        "require" => Ok(Sandbox::Require),
        "off" => Ok(Sandbox::Off),
        _ => Err("one of auto, require, off"),
    }
}

fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a client that takes nothing would keep its berth".to_owned()),
        duration => Ok(duration),
    }
}
