//! A server whose system calls are watched, fail, or are its last.
//!
//! Owns the strace that is attached to a running server, which tampers with the calls that it is
//! told to. Must never do so to another process. Where strace is missing or not permitted, that is
//! said.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use super::{Server, skip};

/// An attached strace. Dropping it detaches it.
pub(crate) struct Strace {
    process: Child,
    written: NamedTempFile,
    /// It would be killed by what it says if nobody could read that.
    _said: BufReader<ChildStderr>,
}

/// Whether strace may be used here; says so if not.
pub(crate) fn can_trace() -> bool {
    let mut tried = Command::new("strace");
    tried.args(["-qq", "-e", "trace=none", "true"]);
    let works = tried.output().is_ok_and(|output| output.status.success());
    if !works {
        skip(
            "strace cannot be used here",
            "apt-get install strace, and run as root",
        );
    }
    works
}

impl Strace {
    /// Tampers with the calls of this server from now on: `inject` is as in strace(1), and counts
    /// the calls of each thread for itself. `None`: that is not permitted here.
    pub(crate) fn attach(server: &Server, inject: &str) -> Option<Self> {
        let calls = inject.split(':').next().expect("there is a first one");
        let calls = format!("trace={calls},fsync,fdatasync");
        Self::begin(server, &["-e", &calls, "-e", &format!("inject={inject}")])
    }

    /// Only watches these calls, with a comma between two. `None`: that is not permitted here.
    pub(crate) fn watch(server: &Server, calls: &str) -> Option<Self> {
        Self::begin(server, &["-s", "80", "-e", &format!("trace={calls}")])
    }

    fn begin(server: &Server, how: &[&str]) -> Option<Self> {
        let written = NamedTempFile::new().expect("a file can be made");
        let mut strace = Command::new("strace");
        strace.arg("-f").args(how).arg("-o");
        strace.arg(written.path()).arg("-p");
        strace.arg(server.pid().as_raw_nonzero().to_string());
        let mut process = strace.stderr(Stdio::piped()).spawn().expect("it is here");
        let mut said = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it writes text");
        let attached = Self {
            process,
            written,
            _said: said,
        };
        if !line.contains(" attached") {
            println!("{line}");
            skip("strace may not be attached here", "run as root");
            return None;
        }
        Some(attached)
    }

    /// Detaches it, and returns the calls that it has seen, a line each.
    pub(crate) fn detach(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.process), Signal::INT).expect("it is our child");
        self.process.wait().expect("it is our child");
        let written = fs::read_to_string(self.written.path()).expect("it writes text");
        written.lines().map(str::to_owned).collect()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Both fail only if it is gone already. A polite signal would have it wait for a server
        // that has just been killed, whose first thread ends after the others: for ever. The kernel
        // lets go of the server by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
