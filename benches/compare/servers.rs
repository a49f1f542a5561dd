//! The servers that are compared, each started as it is meant to be run for the work at hand.
//!
//! Owns their configurations, which stand in a folder of their own that goes with the benchmark.
//! Must never touch a service that runs on this machine already, nor any of its files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare;
use crate::dialect::Dialect;
use crate::process::{Process, installed, leashed};

/// The server that all this is about, as cargo built it for this benchmark.
pub(crate) const BERTHD: &str = env!("CARGO_BIN_EXE_berthd");

/// The longest that a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);
/// Another process may take a free port before the server binds it.
const TRIES: usize = 3;

/// Until a server that was asked whether it listens has noticed that the one who asked is gone:
/// that one may have had the last place.
const SETTLE: Duration = Duration::from_millis(50);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Berthd,
    /// The limits; see [`bare`].
    BareSendfile,
    BareEcho,
    BareRefusal,
    Nginx,
    Redis,
}

/// What a server is needed for.
pub(crate) struct Work<'a> {
    /// Where configurations and logs go.
    pub(crate) temp: &'a Path,
    /// What is served.
    pub(crate) folder: PathBuf,
    /// What the bare sendfile loop sends, in that folder.
    pub(crate) file: &'a str,
    /// How many clients there is room for.
    pub(crate) clients: usize,
}

/// A server that listens.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) dialect: Dialect,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Berthd => "berthd",
            Self::BareSendfile => "bare sendfile",
            Self::BareEcho => "bare echo",
            Self::BareRefusal => "bare refusal",
            Self::Nginx => "nginx",
            Self::Redis => "Redis",
        }
    }

    const fn dialect(self) -> Dialect {
        match self {
            Self::Berthd => Dialect::Berth,
            Self::BareSendfile => Dialect::Bare,
            Self::BareEcho => Dialect::Echo,
            Self::BareRefusal => Dialect::Refusal,
            Self::Nginx => Dialect::Http,
            Self::Redis => Dialect::Redis,
        }
    }

    /// Starts the server on a free port of the loopback address.
    pub(crate) fn start(self, work: &Work<'_>) -> io::Result<Server> {
        let (process, address) = match self {
            Self::Berthd => announced(&mut berthd(work)?, work)?,
            Self::BareEcho => announced(leashed(&myself()?)?.arg(bare::ECHO), work)?,
            Self::BareRefusal => announced(leashed(&myself()?)?.arg(bare::REFUSAL), work)?,
            Self::BareSendfile => {
                let mut command = leashed(&myself()?)?;
                let file = work.folder.join(work.file);
                announced(command.arg(bare::SENDFILE).arg(file), work)?
            }
            Self::Nginx => on_free_port(work, nginx)?,
            Self::Redis => on_free_port(work, redis)?,
        };
        Ok(Server {
            process,
            address,
            dialect: self.dialect(),
        })
    }
}

fn myself() -> io::Result<PathBuf> {
    std::env::current_exe()
}

fn berthd(work: &Work<'_>) -> io::Result<Command> {
    let mut command = leashed(Path::new(BERTHD))?;
    command
        .args(["--listen", "127.0.0.1:0", "--log", "warn"])
        .args(["--idle-timeout", "0s", "--drain-timeout", "1s"])
        .args(["--max-clients", &work.clients.to_string()])
        .arg("--repo")
        .arg(&work.folder);
    Ok(command)
}

fn nginx(work: &Work<'_>, port: u16) -> io::Result<Command> {
    let program = installed("nginx").ok_or_else(|| {
        lacking(
            "nginx",
            "the package is nginx with apt, dnf, apk and pacman",
        )
    })?;
    let (temp, folder) = (work.temp.display(), work.folder.display());
    // One process that is master and worker in one, so that it can be watched and stopped as one.
    let text = format!(
        "daemon off; master_process off; worker_processes 1; pid \"{temp}/nginx.pid\";
        error_log \"{temp}/nginx.log\" error;
        events {{ worker_connections {connections}; }}
        http {{
            access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
            keepalive_timeout 1h; keepalive_requests 1000000000; client_header_timeout 1h;
            client_body_temp_path \"{temp}/n1\"; proxy_temp_path \"{temp}/n2\";
            fastcgi_temp_path \"{temp}/n3\"; uwsgi_temp_path \"{temp}/n4\";
            scgi_temp_path \"{temp}/n5\";
            server {{ listen 127.0.0.1:{port} backlog=4096; root \"{folder}\"; }}
        }}\n",
        // With fewer than a sixteenth of them free, nginx closes those that are idle.
        connections = work.clients * 5 / 4 + 64,
    );
    let file = work.temp.join("nginx.conf");
    fs::write(&file, text)?;
    let mut command = leashed(&program)?;
    command.arg("-c").arg(file).arg("-p").arg(work.temp);
    command.arg("-e").arg(work.temp.join("nginx.log"));
    Ok(command)
}

fn redis(work: &Work<'_>, port: u16) -> io::Result<Command> {
    let program = installed("redis-server").ok_or_else(|| {
        lacking(
            "redis-server",
            "the package is redis-server with apt, redis with dnf, apk and pacman",
        )
    })?;
    let text = format!(
        "bind 127.0.0.1\nport {port}\ndaemonize no\nsave \"\"\nappendonly no\ntimeout 0\n\
         tcp-backlog 4096\nmaxclients {clients}\ndir \"{temp}\"\nlogfile \"\"\n",
        clients = work.clients,
        temp = work.temp.display(),
    );
    let file = work.temp.join("redis.conf");
    fs::write(&file, text)?;
    let mut command = leashed(&program)?;
    command.arg(file);
    Ok(command)
}

fn lacking(program: &str, packages: &str) -> io::Error {
    let reason = format!("{program} is not installed ({packages})");
    io::Error::new(io::ErrorKind::NotFound, reason)
}

fn log(work: &Work<'_>) -> io::Result<(PathBuf, File)> {
    let path = work.temp.join("server.log");
    let file = File::create(&path)?;
    Ok((path, file))
}

/// Starts a server that says on its first line where it listens.
fn announced(command: &mut Command, work: &Work<'_>) -> io::Result<(Process, SocketAddr)> {
    let (path, log) = log(work)?;
    let mut process = Process::start(command.stdout(Stdio::piped()).stderr(log))?;
    let output = process.child().stdout.take().expect("it was piped");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let address = line.trim_end().rsplit(' ').next();
    match address.and_then(|address| address.parse().ok()) {
        Some(address) => Ok((process, address)),
        None => Err(io::Error::other(format!(
            "it did not start: {}",
            tail(&path)
        ))),
    }
}

/// Starts a server that has to be told its port.
fn on_free_port(
    work: &Work<'_>,
    command: impl Fn(&Work<'_>, u16) -> io::Result<Command>,
) -> io::Result<(Process, SocketAddr)> {
    let mut failure = None;
    for _ in 0..TRIES {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = command(work, address.port())?;
        let (path, log) = log(work)?;
        let process = Process::start(command.stdout(log.try_clone()?).stderr(log))?;
        match reachable(process, address, &path) {
            Ok(process) => return Ok((process, address)),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::other("it was never tried")))
}

fn reachable(mut process: Process, address: SocketAddr, log: &Path) -> io::Result<Process> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE && process.child().try_wait()?.is_none() {
        if TcpStream::connect(address).is_ok() {
            thread::sleep(SETTLE);
            return Ok(process);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(io::Error::other(format!("it did not start: {}", tail(log))))
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
}
