//! The command line of `berthd token`.
//!
//! Owns its flags and their help. Must never open the file, and has no flag that takes a token:
//! `ps` shows what a program was started with to everybody.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use crate::cli::parse_duration;
use crate::engine::rights::{Right, Rights};
use crate::server::access::command::Command;
use crate::server::access::store::Wanted;
use crate::server::access::tokens;
use crate::server::net::certificate;
use crate::wire::Timestamp;

/// What `berthd token` is told.
#[derive(Args, Clone, Debug)]
#[command(max_term_width = 100, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, after_help = AFTER_HELP)]
pub struct TokenArgs {
    /// What to do with the file.
    #[command(subcommand)]
    pub what: What,
}

/// What can be done with a tokens file.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// Make a token and print it, once: the file keeps only its digest
    #[command(max_term_width = 100)]
    Add {
        /// Whose it is: letters, digits and '._@-', 32 at most
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,

        /// The tokens file.
        #[command(flatten)]
        file: FileArg,

        /// What its owner may ask for, divided by commas: get, list, status, echo, put and
        /// replace
        ///
        /// 'get' is for files and their digests, 'list' for what there is, 'status' for who is and
        /// was connected, with their addresses, 'echo' for messages, 'put' for uploads under new
        /// names, 'replace' for uploads in place of what is there.
        #[arg(
            long,
            value_name = "RIGHTS",
            default_value = "get,list",
            value_parser = parse_rights
        )]
        rights: Rights,

        /// For how long it is valid; for ever unless said otherwise
        #[arg(long, value_name = "DUR", value_parser = parse_expiry)]
        expires: Option<SystemTime>,

        /// How many sessions there may be with it at once; any number unless said otherwise
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        sessions: Option<u32>,

        /// The server's certificate: its pin goes with the token
        ///
        /// berth then shows the token to the server with that key and to no other, through TLS, and
        /// its owner has to trust no pin by hand.
        #[arg(long, value_name = "FILE")]
        pin_from: Option<PathBuf>,
    },
    /// Show the tokens: name, id, rights, end and sessions
    #[command(max_term_width = 100)]
    List {
        /// The tokens file.
        #[command(flatten)]
        file: FileArg,
    },
    /// Remove a token
    #[command(max_term_width = 100)]
    Revoke {
        /// Whose it is
        #[arg(value_name = "NAME")]
        name: String,

        /// The tokens file.
        #[command(flatten)]
        file: FileArg,
    },
    /// Say whether a server would take the file, and if not, which line is wrong
    #[command(max_term_width = 100)]
    Check {
        /// The tokens file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// The file.
#[derive(Args, Clone, Debug)]
pub struct FileArg {
    /// The tokens file
    #[arg(long = "tokens", value_name = "FILE", env = "BERTH_TOKENS")]
    pub path: PathBuf,
}

const AFTER_HELP: &str = "\
A running server takes the file's changes when it is sent SIGHUP.

Exit status: 0 done; 1 the file cannot be read or changed; 2 wrong usage.";

impl TryFrom<TokenArgs> for Command {
    type Error = certificate::Fault;

    fn try_from(args: TokenArgs) -> Result<Self, certificate::Fault> {
        Ok(match args.what {
            What::Add {
                name,
                file,
                rights,
                expires,
                sessions,
                pin_from,
            } => {
                let pin = pin_from
                    .map(|path| certificate::pin_of(&path))
                    .transpose()?;
                let wanted = Wanted {
                    name,
                    rights,
                    expires,
                    sessions,
                };
                Self::Add(file.path, wanted, pin)
            }
            What::List { file } => Self::List(file.path),
            What::Revoke { name, file } => Self::Revoke(file.path, name),
            What::Check { file } => Self::Check(file),
        })
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    match tokens::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(tokens::NAME_ADVICE.to_owned()),
    }
}

fn parse_rights(text: &str) -> Result<Rights, String> {
    let words = Right::ALL.map(Right::word).join(", ");
    tokens::read_rights(text)
        .ok_or_else(|| format!("some of {words}, divided by commas, each once"))
}

fn parse_expiry(text: &str) -> Result<SystemTime, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("a token that is valid for no time lets nobody in".to_owned()),
        // The file has whole seconds, and a token is not valid longer than was said.
        duration => Ok(Timestamp(SystemTime::now() + duration).written()),
    }
}
