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
use crate::sink::{self, Kind};
use crate::stream::Place;

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
    /// See [`sink`].
    BareSink(Kind),
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
    /// With these, the server listens with TLS as well.
    pub(crate) keys: Option<Keys>,
    /// Whether files may be put into the folder.
    pub(crate) uploads: bool,
}

/// A certificate and its key.
pub(crate) struct Keys {
    certificate: PathBuf,
    key: PathBuf,
}

impl Keys {
    /// Made by berthd, for every server.
    pub(crate) fn new(temp: &Path) -> io::Result<Self> {
        let folder = temp.join("keys");
        let keys = Self {
            certificate: folder.join("berth.crt"),
            key: folder.join("berth.key"),
        };
        if keys.key.exists() {
            return Ok(keys);
        }
        let mut command = Command::new(BERTHD);
        let made = command.args(["cert", "new"]).arg(&folder).output()?;
        if !made.status.success() {
            let reason = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(io::Error::other(reason));
        }
        Ok(keys)
    }
}

/// A server that listens.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) place: Place,
    /// Where it speaks TLS, if it was started with keys.
    pub(crate) tls: Option<Place>,
    pub(crate) dialect: Dialect,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Berthd => "berthd",
            Self::BareSendfile => "bare sendfile",
            Self::BareEcho => "bare echo",
            Self::BareRefusal => "bare refusal",
            Self::BareSink(Kind::Plain) => "bare loop",
            Self::BareSink(Kind::Hashed) => "bare loop, hashed",
            Self::BareSink(Kind::Synced) => "bare loop, hashed and synced",
            Self::Nginx => "nginx",
            Self::Redis => "Redis",
        }
    }

    const fn dialect(self) -> Dialect {
        match self {
            Self::Berthd => Dialect::Berth,
            Self::BareSendfile | Self::BareSink(_) => Dialect::Bare,
            Self::BareEcho => Dialect::Echo,
            Self::BareRefusal => Dialect::Refusal,
            Self::Nginx => Dialect::Http,
            Self::Redis => Dialect::Redis,
        }
    }

    /// Starts the server on a free port of the loopback address.
    pub(crate) fn start(self, work: &Work<'_>) -> io::Result<Server> {
        let (process, addresses) = match self {
            Self::Berthd => announced(&mut berthd(work)?, work)?,
            Self::BareEcho => announced(leashed(&myself()?)?.arg(bare::ECHO), work)?,
            Self::BareRefusal => announced(leashed(&myself()?)?.arg(bare::REFUSAL), work)?,
            Self::BareSendfile => {
                let mut command = leashed(&myself()?)?;
                let file = work.folder.join(work.file);
                announced(command.arg(bare::SENDFILE).arg(file), work)?
            }
            Self::BareSink(kind) => {
                let mut command = leashed(&myself()?)?;
                let command = command.args([sink::SINK, kind.word()]).arg(&work.folder);
                announced(command, work)?
            }
            Self::Nginx => on_free_port(work, nginx)?,
            Self::Redis => on_free_port(work, redis)?,
        };
        let place = |address, tls| Place { address, tls };
        let [plain, tls] = addresses;
        Ok(Server {
            process,
            place: place(
                plain.ok_or_else(|| io::Error::other("it listens nowhere"))?,
                false,
            ),
            tls: tls.map(|address| place(address, true)),
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
    if work.uploads {
        command.args(["--uploads", ".", "--keep-free", "16MiB"]);
    }
    if let Some(keys) = &work.keys {
        command
            .args(["--tls-listen", "127.0.0.1:0", "--tls-cert"])
            .arg(&keys.certificate)
            .arg("--tls-key")
            .arg(&keys.key);
    }
    Ok(command)
}

/// Files are put with WebDAV, and read in pieces as large as berthd's.
const UPLOADS: &str = "dav_methods PUT; client_max_body_size 0; client_body_buffer_size 256k;";

fn nginx(work: &Work<'_>, [port, tls_port]: [u16; 2]) -> io::Result<Command> {
    let program = installed("nginx").ok_or_else(|| {
        lacking(
            "nginx",
            "the package is nginx with apt, dnf, apk and pacman",
        )
    })?;
    let (temp, folder) = (work.temp.display(), work.folder.display());
    let tls = work.keys.as_ref().map(|keys| {
        format!(
            "listen 127.0.0.1:{tls_port} ssl backlog=4096; ssl_protocols TLSv1.3;
             ssl_certificate \"{}\"; ssl_certificate_key \"{}\";
             ssl_session_cache off; ssl_session_tickets off;",
            keys.certificate.display(),
            keys.key.display()
        )
    });
    let tls = tls.unwrap_or_default();
    let (bodies, uploads) = match work.uploads {
        false => (work.temp.join("n1"), ""),
        // On the same file system, so that a file that has come is renamed and not copied.
        true => (work.folder.join(".nginx"), UPLOADS),
    };
    let bodies = bodies.display();
    // One process that is master and worker in one, so that it can be watched and stopped as one.
    let text = format!(
        "daemon off; master_process off; worker_processes 1; pid \"{temp}/nginx.pid\";
        error_log \"{temp}/nginx.log\" error;
        events {{ worker_connections {connections}; }}
        http {{
            access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
            keepalive_timeout 1h; keepalive_requests 1000000000; client_header_timeout 1h;
            {uploads} client_body_temp_path \"{bodies}\"; proxy_temp_path \"{temp}/n2\";
            fastcgi_temp_path \"{temp}/n3\"; uwsgi_temp_path \"{temp}/n4\";
            scgi_temp_path \"{temp}/n5\";
            server {{ listen 127.0.0.1:{port} backlog=4096; {tls} root \"{folder}\"; }}
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

fn redis(work: &Work<'_>, [port, tls_port]: [u16; 2]) -> io::Result<Command> {
    let program = installed("redis-server").ok_or_else(|| {
        lacking(
            "redis-server",
            "the package is redis-server with apt, redis with dnf, apk and pacman",
        )
    })?;
    let tls = work.keys.as_ref().map(|keys| {
        let (certificate, key) = (keys.certificate.display(), keys.key.display());
        format!(
            "tls-port {tls_port}\ntls-protocols \"TLSv1.3\"\ntls-auth-clients no\n\
             tls-session-caching no\ntls-cert-file \"{certificate}\"\n\
             tls-key-file \"{key}\"\ntls-ca-cert-file \"{certificate}\"\n"
        )
    });
    let tls = tls.unwrap_or_default();
    let text = format!(
        "bind 127.0.0.1\nport {port}\ndaemonize no\nsave \"\"\nappendonly no\ntimeout 0\n\
         tcp-backlog 4096\nmaxclients {clients}\ndir \"{temp}\"\nlogfile \"\"\n{tls}",
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

/// Where a server listens: without TLS, and with it.
type Addresses = [Option<SocketAddr>; 2];

/// Starts a server that says on its first lines where it listens.
fn announced(command: &mut Command, work: &Work<'_>) -> io::Result<(Process, Addresses)> {
    let (path, log) = log(work)?;
    let mut process = Process::start(command.stdout(Stdio::piped()).stderr(log))?;
    let output = process.child().stdout.take().expect("it was piped");
    let mut output = BufReader::new(output);
    let mut next = || {
        let mut line = String::new();
        output.read_line(&mut line)?;
        let words = line.trim_end().trim_end_matches(" with TLS");
        let address = words.rsplit(' ').next();
        let address = address.and_then(|address| address.parse().ok());
        let lacking = || io::Error::other(format!("it did not start: {}", tail(&path)));
        address.ok_or_else(lacking)
    };
    let plain = Some(next()?);
    let tls = work.keys.as_ref().map(|_| next()).transpose()?;
    Ok((process, [plain, tls]))
}

/// Starts a server that has to be told its port.
fn on_free_port(
    work: &Work<'_>,
    command: impl Fn(&Work<'_>, [u16; 2]) -> io::Result<Command>,
) -> io::Result<(Process, Addresses)> {
    let mut failure = None;
    for _ in 0..TRIES {
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0"));
        let [plain, tls] = free.map(|socket| socket.and_then(|socket| socket.local_addr()));
        let (plain, tls) = (plain?, tls?);
        let mut command = command(work, [plain.port(), tls.port()])?;
        let (path, log) = log(work)?;
        let process = Process::start(command.stdout(log.try_clone()?).stderr(log))?;
        match reachable(process, plain, &path) {
            Ok(process) => {
                let tls = work.keys.as_ref().map(|_| tls);
                return Ok((process, [Some(plain), tls]));
            }
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
