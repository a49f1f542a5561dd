//! `berth`, the client: reads its command line, runs, and ends with the exit code.

use std::process::ExitCode;

use berth::cli::{self, client::ClientArgs};
use berth::client::prompt;

fn main() -> ExitCode {
    ExitCode::from(match cli::parse::<ClientArgs>("berth") {
        Ok(args) => prompt::run(&args.server),
        Err(code) => code,
    })
}
