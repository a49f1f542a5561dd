//! Writes the man pages and the shells' completions, from the definition of the command lines:
//! `cargo run --example manuals -- FOLDER`. `make install` calls it.
//!
//! Owns where in FOLDER each file lies, which is where it lies below a PREFIX, and what a man
//! page has beside the help text.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use berth::cli::{self, client::ClientArgs, server::ServerArgs};
use clap::Command;
use clap_complete::{Generator, Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// Where the shells look for completions, below a PREFIX.
const SHELLS: &[(Shell, &str)] = &[
    (Shell::Bash, "share/bash-completion/completions"),
    (Shell::Zsh, "share/zsh/site-functions"),
    (Shell::Fish, "share/fish/vendor_completions.d"),
];

/// What stands at the end of a program's page, and in which section of the manual it is.
struct Program {
    command: Command,
    section: &'static str,
    manual: &'static str,
    files: &'static str,
    signals: &'static str,
    see_also: &'static str,
}

const SERVER_FILES: &str = "\
repo
The folder that is served, unless --repo names another.

--journal FILE
The journal, one JSON object per line. At the start it is read from its end, for the clients before.

--trace FILE
A trace in the Trace Event Format. It replaces an older trace.";

const SERVER_SIGNALS: &str = "\
SIGTERM, SIGINT
The server admits no new clients and finishes running transfers. A second signal stops it at once.

SIGHUP
The journal is reopened (log rotation). Without a sandbox (--sandbox), so is the served folder. A
server that was started at a terminal, without a journal, ends.

SIGUSR1
Logs statistics of the loop: turns, their times, the slowest and what they did.";

const CLIENT_FILES: &str = "\
$XDG_STATE_HOME/berth/history
The history of the prompt, readable by its owner only. XDG_STATE_HOME is ~/.local/state by default.

.NAME.part, .NAME.part.meta
A partial download, beside its destination, and its metadata: the file's line of the listing.";

const CLIENT_SIGNALS: &str = "\
SIGINT
The request is aborted. A partial download is kept, and a partial upload on the server, to be
resumed.";

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
    let client = Program {
        command: cli::command::<ClientArgs>(),
        section: "1",
        manual: "User Commands",
        files: CLIENT_FILES,
        signals: CLIENT_SIGNALS,
        see_also: "berthd(8), nc(1), sha256sum(1)",
    };
    let server = Program {
        command: cli::command::<ServerArgs>(),
        section: "8",
        manual: "System Manager's Manual",
        files: SERVER_FILES,
        signals: SERVER_SIGNALS,
        see_also: "berth(1), nc(1), logrotate(8), landlock(7), sendfile(2)",
    };
    for program in [client, server] {
        for (shell, place) in SHELLS {
            let place = folder.join(place);
            fs::create_dir_all(&place)?;
            complete(*shell, program.command.clone(), &place)?;
        }
        let pages = folder.join(format!("share/man/man{}", program.section));
        fs::create_dir_all(&pages)?;
        program.write(&pages)?;
    }
    Ok(())
}

impl Program {
    /// Writes its page and one for each of its commands.
    fn write(&self, pages: &Path) -> io::Result<()> {
        let mut command = self.command.clone().disable_help_subcommand(true);
        command.build();
        for of in command.get_subcommands().filter(|of| !of.is_hide_set()) {
            let see_also = format!("{}({})", command.get_name(), self.section);
            let ends = [("SEE ALSO", see_also.as_str())];
            self.page(of, &ends, pages)?;
        }
        let ends = [
            ("FILES", self.files),
            ("SIGNALS", self.signals),
            ("SEE ALSO", self.see_also),
        ];
        self.page(&command, &ends, pages)
    }

    /// As clap_mangen renders one, but for what stands behind the options.
    fn page(&self, of: &Command, ends: &[(&str, &str)], pages: &Path) -> io::Result<()> {
        let name = of.get_display_name().unwrap_or_else(|| of.get_name());
        let man = Man::new(of.clone())
            .title(name.to_uppercase())
            .section(self.section)
            // An empty one would be left out, and what stands behind it taken for a date.
            .date(" ")
            .source(concat!("berth ", env!("CARGO_PKG_VERSION")))
            .manual(self.manual);
        let mut out = File::create(pages.join(format!("{name}.{}", self.section)))?;
        man.render_title(&mut out)?;
        man.render_name_section(&mut out)?;
        man.render_synopsis_section(&mut out)?;
        man.render_description_section(&mut out)?;
        man.render_options_section(&mut out)?;
        if of.has_subcommands() {
            man.render_subcommands_section(&mut out)?;
        }
        let help = of.get_after_long_help().or_else(|| of.get_after_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let (notes, status) = split(&help);
        let mut roff = Roff::default();
        let told = [("NOTES", notes.as_str()), ("EXIT STATUS", status.as_str())];
        for &(head, text) in told.iter().chain(ends).filter(|(_, text)| !text.is_empty()) {
            section(&mut roff, head, text);
        }
        roff.to_writer(&mut out)
    }
}

/// Parts a help's end into what it says of the exit status, of which the heading says the first
/// two words, and all else.
fn split(help: &str) -> (String, String) {
    let of_status = |text: &&str| text.starts_with("Exit ") || text.starts_with("If several");
    let (status, notes): (Vec<&str>, Vec<&str>) = help.split("\n\n").partition(of_status);
    let status = status.join("\n\n");
    let status = match status.strip_prefix("Exit status: ") {
        Some(codes) => codes.replace("; ", "\n\n"),
        None => status,
    };
    (notes.join("\n\n"), status)
}

/// A section of paragraphs. In some of them the first line is what the others are about.
fn section(roff: &mut Roff, head: &str, text: &str) {
    roff.control("SH", [head]);
    let paragraph_of = match head {
        "FILES" | "SIGNALS" => "TP",
        _ => "PP",
    };
    for paragraph in text.split("\n\n") {
        roff.control(paragraph_of, []);
        for line in paragraph.lines() {
            roff.text([roman(line)]);
        }
    }
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
        let server = read("share/man/man8/berthd.8");
        assert!(server.contains("max\\-clients") && server.contains("BERTH_MAX_CLIENTS"));
        let client = read("share/man/man1/berth.1");
        assert!(client.contains("BERTH_SERVER"));
        for (page, see_also) in [(&server, "berth(1)"), (&client, "berthd(8)")] {
            let heads = page.lines().filter_map(|line| line.strip_prefix(".SH "));
            let heads: Vec<&str> = heads.collect();
            let ends = ["\"EXIT STATUS\"", "FILES", "SIGNALS", "\"SEE ALSO\""];
            assert!(heads.ends_with(&ends), "{heads:?}");
            assert!(!heads.contains(&"EXTRA"));
            assert!(page.contains(see_also));
            // Name, section, date, program and version, manual.
            let version = concat!(" \" \" \"berth ", env!("CARGO_PKG_VERSION"), "\" \"");
            let title = page.lines().find(|line| line.starts_with(".TH "));
            assert!(
                title.expect("a page has a title").contains(version),
                "{title:?}"
            );
            assert!(!page.contains("\nExit status: "), "the heading says it");
        }
        assert!(server.contains(".TH BERTHD 8 "), "{server}");
        // A line that begins without a blank is filled, here behind the last of a list.
        assert!(client.contains("Ctrl\\-C\n.PP\nIf several"), "{client}");
        assert!(read("share/man/man8/berthd-journal.8").contains("every filter that is given"));
        // Its own options come before those of every command.
        let get = read("share/man/man1/berth-get.1");
        let own = get.find("on\\-exist").expect("it has this option");
        let global = get.find("OPTIONS OF EVERY COMMAND").expect("it has those");
        let shared = get.find("BERTH_SERVER").expect("it has this one");
        assert!(own < global && global < shared, "{get}");
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
