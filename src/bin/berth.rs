//! `berth`, the client: reads its command line, runs, and ends with the exit code.

use std::process::ExitCode;

use berth::{cli, client::prompt};

fn main() -> ExitCode {
    ExitCode::from(match cli::parse("berth") {
        Ok(args) => prompt::run(&args),
        Err(code) => code,
    })
}
