//! The command line of `berthd trace`.
//!
//! Owns its flags and their help. Must never read a trace.

use std::path::PathBuf;

use clap::Args;

/// What `berthd trace` is told.
#[derive(Args, Clone, Debug)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub struct TraceArgs {
    /// The trace, as 'berthd --trace FILE' wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where to write the page; it replaces a regular file; default, and '-': standard output
    #[arg(short, long, value_name = "PAGE")]
    pub output: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Exit status: 0 made; 1 the trace cannot be read or the page not written; 2 usage error.";
