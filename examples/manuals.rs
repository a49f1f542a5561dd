//! Writes the man pages and the shells' completions, from the definition of the command lines:
//! `cargo run --example manuals -- FOLDER`. `make install` calls it.
//!
//! Owns where in FOLDER each file lies, which is where it lies below a PREFIX.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use berth::cli::{client::ClientArgs, server::ServerArgs};
use clap::{Command, CommandFactory};
use clap_complete::{Generator, Shell, generate};

/// Where the shells look for completions, below a PREFIX.
const SHELLS: &[(Shell, &str)] = &[
    (Shell::Bash, "share/bash-completion/completions"),
    (Shell::Zsh, "share/zsh/site-functions"),
    (Shell::Fish, "share/fish/vendor_completions.d"),
];

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1) else {
        eprintln!("usage: manuals FOLDER");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manuals: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let pages = folder.join("share/man/man1");
    fs::create_dir_all(&pages)?;
    for command in [ClientArgs::command(), ServerArgs::command()] {
        for (shell, place) in SHELLS {
            let place = folder.join(place);
            fs::create_dir_all(&place)?;
            complete(*shell, command.clone(), &place)?;
        }
        clap_mangen::generate_to(command.disable_help_subcommand(true), &pages)?;
    }
    Ok(())
}

fn complete(shell: Shell, mut command: Command, place: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let file = match shell {
        // The name under which bash-completion looks a command up.
        Shell::Bash => name.clone(),
        _ => shell.file_name(&name),
    };
    generate(
        shell,
        &mut command,
        name,
        &mut File::create(place.join(file))?,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_programs_have_pages_and_completions() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let server = read("share/man/man1/berthd.1");
        assert!(server.contains("max\\-clients") && server.contains("BERTH_MAX_CLIENTS"));
        let client = read("share/man/man1/berth.1");
        assert!(client.contains("Exit codes") && client.contains("BERTH_SERVER"));
        // A line that begins without a blank is filled, here behind the last of a list.
        assert!(client.contains("Ctrl\\-C\n\nWhere several"), "{client}");
        assert!(
            read("share/man/man1/berthd-journal.1").contains("all that are given have to hold")
        );
        assert!(read("share/man/man1/berth-get.1").contains("on\\-exist"));
        for file in [
            "share/bash-completion/completions/berth",
            "share/zsh/site-functions/_berth",
            "share/fish/vendor_completions.d/berth.fish",
        ] {
            assert!(read(file).contains("sha256"), "{file}");
        }
    }
}
