//! `berth`, the client: reads its command line, runs, and ends with the exit code.

use std::env;

use berth::cli::{self, client::ClientArgs};
use berth::client::commands;
use berth::client::error::UNWRITTEN;
use berth::client::ui::interrupt;
use berth::streams;

fn main() {
    streams::survive_limits();
    let task = cli::read::<ClientArgs>().and_then(|args| {
        let task = args.into_task();
        task.map_err(cli::Mistake::Usage)
    });
    interrupt::exit_with(match task {
        Ok((options, task)) => commands::run(options, &task),
        Err(mistake) => {
            if let cli::Mistake::Usage(reason) = &mistake
                && env::args_os().any(|word| word == "--json")
            {
                commands::tell_a_program(reason);
            }
            mistake.tell::<ClientArgs>("berth", UNWRITTEN)
        }
    });
}
