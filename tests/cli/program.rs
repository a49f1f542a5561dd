//! The program `berth`, run in a folder of its own.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How long a test waits for what must come before it calls it a hang.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// An empty folder to run the program in, and one for what it remembers.
pub(crate) struct Folder(TempDir, TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where the program remembers what was typed.
    pub(crate) fn history(&self) -> PathBuf {
        self.1.path().join("berth/history")
    }

    /// Where the program keeps whom it trusts.
    #[cfg(target_os = "linux")]
    pub(crate) fn known_servers(&self) -> PathBuf {
        self.1.path().join("berth/known_servers")
    }

    /// Where the program keeps the tokens that it shows.
    #[cfg(target_os = "linux")]
    pub(crate) fn tokens(&self) -> PathBuf {
        self.1.path().join("berth/tokens")
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The program with no server named, all its streams piped.
    pub(crate) fn berth(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command
            .current_dir(self.0.path())
            .env_remove("BERTH_SERVER")
            .env("XDG_STATE_HOME", self.1.path())
            .env("XDG_CONFIG_HOME", self.1.path())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The program with this server named.
    pub(crate) fn berth_at(&self, server: SocketAddr) -> Command {
        let mut command = self.berth();
        command.arg("--server").arg(server.to_string());
        command
    }

    /// Runs a script against this server.
    pub(crate) fn script(&self, server: SocketAddr, script: &[u8]) -> Ended {
        finish(self.berth_at(server).spawn().unwrap(), script)
    }
}

/// A run that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// As a shell counts: 128 and the number of the signal that ended it, if one did.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Gives the program the rest of its input and waits for its end.
pub(crate) fn finish(mut child: Child, input: &[u8]) -> Ended {
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early does not read it all.
        let _ = stdin.write_all(input);
    }
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output().unwrap()));
    let output = ended.recv_timeout(DEADLINE).expect("the program ends");
    ended_as(&output)
}

/// Output bytes are shown escaped where they are not ASCII, so that failures can be read.
fn ended_as(output: &Output) -> Ended {
    let text = |bytes: &[u8]| match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    Ended {
        code: {
            let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
            let by_signal = signal.map_or(-1, |signal| 128 + signal);
            output.status.code().unwrap_or(by_signal)
        },
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
