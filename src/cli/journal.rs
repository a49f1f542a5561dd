//! The command line of `berthd journal`.
//!
//! Owns its flags and their help. Must never read a journal.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::cli::{address, parse_duration};
use crate::journal::text::{Client, Reason};
use crate::report::find::Find;
use crate::report::{Question, Show};

/// What `berthd journal` is told.
#[derive(Args, Clone, Debug)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub struct JournalArgs {
    /// The journal
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// What to show: the latest sessions, or a summary
    #[arg(value_enum, default_value_t = View::Sessions)]
    pub view: View,

    /// Only this client
    #[arg(long, value_name = "NAME", value_parser = parse_client)]
    pub client: Option<Client>,

    /// Only clients from this address
    ///
    /// A port or an interface behind it, as status shows them, is ignored.
    #[arg(long, value_name = "IP", value_parser = parse_ip)]
    pub address: Option<IpAddr>,

    /// Only clients that left or were refused for this reason: a word of status, or one of full,
    /// crowded, auth, tls, late, busy and penalty
    #[arg(long, value_name = "WORD", value_parser = reasons())]
    pub reason: Option<Reason>,

    /// Only records of the last 90s, 2h or 7d, for example
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub since: Option<Duration>,

    /// Number of sessions to show, the latest; default: 20, with --json all records
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,

    /// Continue with new records as they are written, until Ctrl-C
    #[arg(long)]
    pub follow: bool,

    /// Print the matching records as they are in the journal, or the summary as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// A line for each client
    Sessions,
    /// Totals, the busiest files, the reasons
    Summary,
}

const AFTER_HELP: &str = "\
Times are UTC. Bytes sent are those handed to the kernel; they may not have arrived. Damaged lines
are skipped, and their number is shown at the end.

Exit status: 0 shown; 1 cannot be read; 2 usage error.";

impl TryFrom<JournalArgs> for Question {
    type Error = &'static str;

    fn try_from(args: JournalArgs) -> Result<Self, &'static str> {
        let show = match (args.view, args.follow) {
            (View::Summary, true) => {
                return Err("a summary has an end: it does not go with --follow");
            }
            (View::Summary, false) if args.last.is_some() => {
                return Err("a summary is of all that was asked for: it does not go with --last");
            }
            (View::Summary, false) => Show::Summary,
            (View::Sessions, true) => Show::Follow(args.last),
            (View::Sessions, false) => Show::Sessions(args.last),
        };
        let since = |age| SystemTime::now().checked_sub(age);
        Ok(Self {
            file: args.file,
            find: Find {
                client: args.client,
                address: args.address,
                reason: args.reason,
                since: args.since.and_then(since),
            },
            show,
            json: args.json,
        })
    }
}

fn parse_ip(text: &str) -> Result<IpAddr, &'static str> {
    let written = address::parse(text)?;
    let host = written.host.split('%').next().unwrap_or_default();
    let ip = host.parse::<IpAddr>().map_err(|_| "not an IP address")?;
    Ok(ip.to_canonical())
}

fn parse_client(text: &str) -> Result<Client, &'static str> {
    Client::parse(text).ok_or("not a name such as Client07")
}

/// Every word that a record of this version may have.
const REASONS: [&str; 18] = [
    "exit", "eof", "idle", "stalled", "reset", "shutdown", "error", "web", "token", "upload",
    "crash", "full", "crowded", "auth", "tls", "late", "busy", "penalty",
];

fn reasons() -> impl TypedValueParser<Value = Reason> {
    let words = PossibleValuesParser::new(REASONS);
    words.map(|word| Reason::parse(&word).expect("it is a word"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::CloseReason;

    #[test]
    fn an_address_is_found_as_status_shows_it() {
        for (text, ip) in [
            ("10.0.0.7", "10.0.0.7"),
            ("10.0.0.7:5000", "10.0.0.7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("fe80::1", "fe80::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%2]:5000", "fe80::1"),
        ] {
            assert_eq!(
                parse_ip(text),
                Ok(ip.parse().expect("an address")),
                "{text}"
            );
        }
        for bad in ["", "localhost", "10.0.0", "[10.0.0.7]:5"] {
            parse_ip(bad).expect_err(bad);
        }
    }

    #[test]
    fn every_farewell_can_be_asked_for_and_no_other_word_but_eight() {
        let close_reasons = CloseReason::ALL.map(|reason| reason.to_string());
        for word in &close_reasons {
            assert!(REASONS.contains(&word.as_str()), "{word}");
        }
        assert_eq!(REASONS.len(), close_reasons.len() + 8);
    }
}
