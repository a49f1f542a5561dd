//! The command line of `berthd`.
//!
//! Owns its flags, their defaults and their help. Must never act on them.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{ArgPredicate, BoolishValueParser};
use clap::{Parser, Subcommand};
use log::LevelFilter;

use crate::cli::cert::CertArgs;
use crate::cli::journal::JournalArgs;
use crate::cli::token::TokenArgs;
use crate::cli::trace::TraceArgs;
use crate::cli::uploads::{UploadArgs, parse_size};
use crate::cli::{address, parse_duration};
use crate::engine::limits::{Limits, Pauses};
use crate::server::config::{Address, Config, Tls};
use crate::server::net::certificate::Paths;
use crate::server::process::sandbox::Sandbox;
use crate::wire::{DEFAULT_ADDRESS, DEFAULT_PORT};

/// More clients than this would need more open files than Linux allows a process without being
/// told so (fs.nr_open is 1 048 576).
const CLIENTS_MAX: u64 = 500_000;

/// A trace shorter than this has room for little more than its first lines.
const TRACE_LIMIT_MIN: u64 = 64 << 10;

/// Serve a folder to a fixed number of clients.
///
/// Each client holds a berth (a connection slot) and has a name: Client01, Client02 and so on.
/// 'status' shows the connected clients, 'list' the files, 'get NAME' sends a file, 'put' takes one
/// where --uploads allows it, 'exit' ends the session; any other line is echoed with ' ACK'
/// appended. A client that connects when every berth is taken is told 'Server full, try later'.
///
/// berth is the client; nc and telnet also work.
#[derive(Clone, Debug, Parser)]
#[command(name = "berthd", version, max_term_width = 100, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct ServerArgs {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub instead: Option<Instead>,

    /// The folder to serve: every regular file in it whose name does not begin with a dot
    #[arg(long, value_name = "DIR", env = "BERTH_REPO", default_value = "repo")]
    pub repo: PathBuf,

    /// Address to listen on; may be repeated, or a list with commas
    ///
    /// With port 0 the system chooses a free port; the default port is 23784. `[::]` accepts IPv4
    /// and IPv6, `0.0.0.0` IPv4 only; both are open to every host that can reach this machine. A
    /// host name stands for all its addresses. A link-local address names its interface:
    /// `[fe80::1%eth0]:23784`.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "BERTH_LISTEN",
        default_value = DEFAULT_ADDRESS,
        default_value_if("tls_listen", ArgPredicate::IsPresent, None),
        value_delimiter = ',',
        value_parser = parse_address
    )]
    pub listen: Vec<Address>,

    /// The addresses to listen on with TLS; may be repeated, or separated by commas
    ///
    /// Needs --tls-cert and --tls-key. Without --listen the server listens with TLS only.
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "BERTH_TLS_LISTEN",
        value_delimiter = ',',
        value_parser = parse_address,
        requires = "tls_cert",
        requires = "tls_key"
    )]
    pub tls_listen: Vec<Address>,

    /// The certificate for TLS in PEM, followed by its intermediate certificates
    ///
    /// 'berthd cert new DIR' makes one that clients trust by its pin.
    #[arg(long, value_name = "FILE", env = "BERTH_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate in PEM; others may not have access to it
    #[arg(long, value_name = "FILE", env = "BERTH_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Number of berths: how many clients may be connected at once
    #[arg(
        long,
        value_name = "N",
        env = "BERTH_MAX_CLIENTS",
        default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX)
    )]
    pub max_clients: u64,

    /// Number of berths that one client address may hold; default: all
    ///
    /// For IPv6 the limit applies to the network, the first 64 bits of the address.
    #[arg(
        long,
        value_name = "N",
        env = "BERTH_MAX_PER_IP",
        value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX)
    )]
    pub max_per_ip: Option<u64>,

    /// Where to write the journal of sessions, transfers and refused clients; default: none
    ///
    /// After a restart, client numbers continue from the last one in the journal, and 'status' also
    /// shows earlier clients. 'berthd journal FILE' shows it. SIGHUP reopens it (log rotation).
    #[arg(long, value_name = "FILE", env = "BERTH_JOURNAL")]
    pub journal: Option<PathBuf>,

    /// The tokens file: only clients that show one of its tokens are admitted
    ///
    /// 'berthd token add NAME --tokens FILE' makes it. SIGHUP reads it again; the sessions of
    /// tokens that are gone or expired then end.
    #[arg(long, value_name = "FILE", env = "BERTH_TOKENS")]
    pub tokens: Option<PathBuf>,

    /// Accept tokens from other hosts on connections without TLS as well
    ///
    /// Whoever is on the way can read them, and use them.
    #[arg(long, requires = "tokens")]
    pub tokens_in_clear: bool,

    /// Which uploads are accepted.
    #[command(flatten)]
    pub uploads: UploadArgs,

    /// Close a client after this long without a byte in either direction; 0s: never
    ///
    /// A slow download is not idle.
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_IDLE_TIMEOUT",
        default_value = "10m",
        value_parser = parse_duration
    )]
    pub idle_timeout: Duration,

    /// Close a client that takes nothing of its answer, or sends nothing of its upload, for so long
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_STALL_TIMEOUT",
        default_value = "30s",
        value_parser = parse_positive_duration
    )]
    pub stall_timeout: Duration,

    /// Time to finish running transfers when the server stops
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
    /// byte end a line, and the bare name of a file is 'get NAME'. A connection that has sent an LF
    /// is never treated so.
    #[arg(long, env = "BERTH_UNFRAMED", value_parser = BoolishValueParser::new())]
    pub unframed: bool,

    /// Where to write a trace of the loop; it replaces an older trace; default: none
    ///
    /// Perfetto and chrome://tracing open it, and 'berthd trace FILE' makes a page of it.
    #[arg(long, value_name = "FILE", env = "BERTH_TRACE")]
    pub trace: Option<PathBuf>,

    /// Maximum size of the trace, in bytes or as 64MiB; the server continues without it
    #[arg(
        long,
        value_name = "SIZE",
        env = "BERTH_TRACE_LIMIT",
        default_value = "64MiB",
        value_parser = parse_trace_limit
    )]
    pub trace_limit: u64,

    /// Log each turn of a client that takes at least this long, and what it did
    ///
    /// All other clients wait until a turn ends. SIGUSR1 logs the sixteen
    /// slowest turns so far, with other statistics.
    #[arg(
        long,
        value_name = "DUR",
        env = "BERTH_SLOW_TURN",
        default_value = "50ms",
        value_parser = parse_duration
    )]
    pub slow_turn: Duration,

    /// User to switch to after binding, if started as root (drop privileges)
    #[arg(long, value_name = "NAME", env = "BERTH_USER")]
    pub user: Option<String>,

    /// Landlock sandbox: auto (if the kernel has it), require or off
    ///
    /// In the sandbox the process can read only the served folder, write only in the journal's
    /// folder, with --uploads add files to that folder, and open no TCP connection, even if an
    /// attacker controls it.
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

/// The commands other than serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Instead {
    /// Show a journal: the latest sessions, or a summary
    ///
    /// A record is shown if it matches every filter that is given.
    Journal(JournalArgs),
    /// Make a certificate and its key for --tls-listen, and print the pin of the key
    Cert(CertArgs),
    /// Make a page of a trace, for any browser, offline
    ///
    /// A trace that was cut off, by its size limit or a crash, is shown as far as it goes.
    Trace(TraceArgs),
    /// Make, show and revoke the tokens that clients show to be let in
    Token(TokenArgs),
}

const AFTER_HELP: &str = "\
Durations are written as 500ms, 30s, 10m, 1h 30m. A flag overrides its environment variable.

When it is ready, the server prints one line per address on standard output, 'berthd listening on
127.0.0.1:23784', and nothing else there; an address with TLS is followed by ' with TLS'. The log
goes to standard error.

SIGTERM or SIGINT (Ctrl-C) stops the server: it admits no new clients and finishes running transfers
within the drain timeout. A second signal stops it at once.

Exit status: 0 stopped by a signal; 1 stopped by a second signal, or the loop failed; 2 could not
start.";

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
            tls: tls(args.tls_listen, args.tls_cert, args.tls_key),
            limits,
            user: args.user,
            sandbox: args.sandbox,
            per_address_max: args.max_per_ip.map_or(usize::MAX, count),
            drain: args.drain_timeout,
            slow_turn: args.slow_turn,
            trace: args.trace,
            trace_limit: args.trace_limit,
            journal: args.journal,
            tokens: args.tokens,
            tokens_in_clear: args.tokens_in_clear,
            uploads: args.uploads.into(),
        }
    }
}

/// Listening with TLS, if that is asked for; the command line has seen to it that both files are
/// named then.
fn tls(listen: Vec<Address>, cert: Option<PathBuf>, key: Option<PathBuf>) -> Option<Tls> {
    let (certificate, key) = (cert?, key?);
    let paths = Paths { certificate, key };
    let tls = Tls { listen, paths };
    Some(tls).filter(|tls| !tls.listen.is_empty())
}

fn parse_address(text: &str) -> Result<Address, &'static str> {
    let address::Written { host, port } = address::parse(text)?;
    let port = port.unwrap_or(DEFAULT_PORT);
    Ok(Address { host, port })
}

fn parse_trace_limit(text: &str) -> Result<u64, &'static str> {
    let size = parse_size(text)
        .ok()
        .filter(|&size| size >= TRACE_LIMIT_MIN);
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
