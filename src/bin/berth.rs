//! `berth`, the client: reads its command line, runs, and ends with the exit code.

use std::process::ExitCode;

use berth::cli::{self, client::ClientArgs};
use berth::client::commands;

fn main() -> ExitCode {
    let args = match cli::parse::<ClientArgs>("berth") {
        Ok(args) => args,
        Err(code) => return ExitCode::from(code),
    };
    ExitCode::from(match args.into_task() {
        Ok((options, task)) => commands::run(options, &task),
        Err(reason) => cli::complain("berth", &reason),
    })
}
