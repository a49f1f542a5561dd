//! A server of one's own, with a folder of its own.
//!
//! Owns the server's process, its folder and its log.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Peer;

/// A `berthd` on a free port, with a folder of its own. Dropping it kills it.
pub(crate) struct Server {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where it listens with TLS, if it was told to.
    pub(crate) tls: Option<SocketAddr>,
    /// Holds the log and, mostly, the served folder; removed with this.
    _folder: TempDir,
    repo: PathBuf,
    log: PathBuf,
}

/// A folder, and what to start a server with.
pub(crate) struct Setup {
    folder: TempDir,
    repo: PathBuf,
    arguments: Vec<String>,
    /// Run before the server by a shell, in the same process.
    before: String,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let repo = folder.path().join("repo");
        fs::create_dir(&repo).expect("the folder is new");
        Self {
            folder,
            repo,
            arguments: Vec::new(),
            before: String::new(),
        }
    }

    /// Arguments for the server, separated by spaces.
    pub(crate) fn with(mut self, arguments: &str) -> Self {
        self.arguments
            .extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// A shell's command that comes first, such as `ulimit`.
    pub(crate) fn after(mut self, command: &str) -> Self {
        self.before = format!("{command} && ");
        self
    }

    /// Serves this folder instead of one of its own.
    pub(crate) fn serving(mut self, repo: &Path) -> Self {
        self.repo = repo.to_owned();
        self
    }

    /// The folder that will be served.
    pub(crate) fn repo(&self) -> PathBuf {
        self.repo.clone()
    }

    /// Puts a file into the served folder, with the folders above it.
    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.repo().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("folders are made");
        fs::write(path, bytes).expect("the file is written");
        self
    }

    /// Puts a file full of holes into the served folder.
    pub(crate) fn sparse(self, name: &str, size: u64) -> Self {
        let file = File::create(self.repo().join(name)).expect("the file is made");
        file.set_len(size).expect("the file grows");
        self
    }

    /// The command that starts the server, with nothing of what a person set for theirs.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("sh");
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("BERTH_") {
                command.env_remove(name);
            }
        }
        command
            .args(["-c", &format!("{}exec \"$0\" \"$@\"", self.before)])
            .arg(env!("CARGO_BIN_EXE_berthd"))
            .args(["--listen", "127.0.0.1:0", "--repo"])
            .arg(self.repo())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Starts a server that cannot start, and gives back its one line.
    pub(crate) fn refusal(&self) -> String {
        let mut command = self.command();
        let command = command.args(["--log", "off"]).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the server was built");
        let mut out = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        // One that does start would not end by itself, and it says where it listens.
        let line = BufReader::new(stdout).read_line(&mut out);
        line.expect("it is text");
        if !out.is_empty() {
            process.kill().expect("it is our child");
        }
        let output = process.wait_with_output().expect("it is our child");
        let err = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!((output.status.code(), out.as_str()), (Some(2), ""), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert!(err.starts_with("berthd: "), "{err}");
        err
    }

    /// Starts the server and waits until it says where it listens.
    pub(crate) fn start(self) -> Server {
        let log = self.folder.path().join("log");
        let stderr = File::create(&log).expect("the log can be made");
        let mut process = self
            .command()
            .stderr(stderr)
            .spawn()
            .expect("the server was built");
        let stdout = process.stdout.take().expect("it is piped");
        let mut stdout = BufReader::new(stdout);
        let mut listens = |with: &str| {
            let mut line = String::new();
            stdout
                .read_line(&mut line)
                .expect("the server's output is text");
            let address = line.trim_end().strip_prefix("berthd listening on ");
            let address = address.and_then(|address| address.strip_suffix(with)?.parse().ok());
            address.unwrap_or_else(|| {
                panic!(
                    "no address in {line:?}; its log: {}",
                    fs::read_to_string(&log).unwrap()
                )
            })
        };
        let address = listens("");
        let has_tls = self.arguments.iter().any(|each| each == "--tls-listen");
        let tls = has_tls.then(|| listens(" with TLS"));
        Server {
            process,
            address,
            tls,
            _folder: self.folder,
            repo: self.repo,
            log,
        }
    }
}

impl Server {
    /// With no arguments but those that make it a server of one's own.
    pub(crate) fn start() -> Self {
        Setup::new().start()
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.repo.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.repo().join(name)
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }

    /// A peer, which has read nothing yet.
    pub(crate) fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.address).expect("the server listens"))
    }

    /// What a peer finds out that comes for this and leaves.
    pub(crate) fn connect_and<T>(&self, ask: impl FnOnce(&mut Peer) -> T) -> T {
        ask(&mut self.connect())
    }

    /// A peer whom the server has let in under this name.
    pub(crate) fn client(&self, name: &str) -> Peer {
        let mut peer = self.connect();
        peer.expect(format!("Welcome {name}\n"));
        peer
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is our child and was not waited for");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("it is our child")
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok())
            .expect("the kernel tells")
            * 1024
    }

    /// User and system time used so far, in clock ticks of a hundredth of a second.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
        let fields: Vec<&str> = fields.split(' ').collect();
        // utime and stime are fields 14 and 15 of proc_pid_stat(5), whose first two are gone.
        fields[11..13]
            .iter()
            .map(|ticks| ticks.parse::<u64>().expect("a number"))
            .sum()
    }

    /// How often the server has gone to sleep, which it does once in every turn of its loop.
    pub(crate) fn sleeps(&self) -> u64 {
        let status = self.proc("status");
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count
            .and_then(|count| count.trim().parse().ok())
            .expect("the kernel tells")
    }

    /// The files that the server has open.
    pub(crate) fn descriptors(&self) -> BTreeSet<u64> {
        let folder = format!("/proc/{}/fd", self.process.id());
        let entries = fs::read_dir(folder).expect("it is our child").flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }

    fn proc(&self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.process.id());
        fs::read_to_string(path).expect("it is our child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it is gone already, which is what is wanted.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
