//! Fills a server's berths, sends many more clients at it, and says what became of each of them.
//!
//! Owns the crowd outside and the echoes inside. It knows nothing of the server but its address
//! and the protocol, and believes nothing: every byte that comes is compared.
//!
//!     cargo run --release --example flood -- ADDR:PORT CLIENTS [CAP]
//!
//! Exits with 0 only if as many were let in as there are berths (CAP, where it is given) and every
//! other client read the whole line that turns it away, and then the end, without a reset.

mod report;

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

const FULL: &[u8] = b"Server full, try later\n";
/// An answer that takes longer counts as missing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So many of the crowd are at the door at one time. It is more than a server may care to see off
/// at once, and bounds the sockets and threads that the generator needs, whatever the crowd.
const AT_ONCE: usize = 500;
/// The threads only read lines, and there are many.
const STACK: usize = 128 * 1024;
/// What the loudest of the crowd sends before it reads.
const LOUD: usize = 1 << 20;

type Line = BufReader<TcpStream>;

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("flood: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Result<bool, String> {
    let number = |text: &String| {
        let number = text.parse::<usize>();
        number.map_err(|_| format!("not a number: {text}"))
    };
    let (address, clients, cap) = match args {
        [address, clients] => (address, number(clients)?, None),
        [address, clients, cap] => (address, number(clients)?, Some(number(cap)?)),
        _ => return Err("usage: flood ADDR:PORT CLIENTS [CAP]".to_owned()),
    };
    let resolved = address.to_socket_addrs().map(|mut all| all.next());
    let resolved = resolved.map_err(|error| format!("{address}: {error}"))?;
    let address = resolved.ok_or_else(|| format!("{address}: no such address"))?;

    let (inside, mut crowd) = fill(address, clients)?;
    let names: Vec<String> = inside.iter().map(|one| one.name.clone()).collect();
    let flooding = AtomicBool::new(true);
    let watched = thread::scope(|scope| {
        let watch = |one| spawn(scope, || watch(one, &flooding));
        let watchers: Vec<_> = inside.into_iter().map(watch).collect();
        let rest = clients.saturating_sub(names.len() + crowd.told.len());
        crowd.storm(address, rest);
        flooding.store(false, Ordering::Relaxed);
        watchers.into_iter().map(join).collect::<Vec<Watch>>()
    });
    println!("{clients} clients at {address}\n");
    report::crowd(&crowd, names.len());
    report::inside(&names, &watched);
    Ok(report::verdict(&crowd, &names, &watched, cap))
}

/// What became of one of the crowd.
enum Told {
    /// It read the whole line and then the end, so long after it began to connect.
    Full(Duration),
    /// It got a berth, which another client left meanwhile.
    LetIn,
    /// Anything else, in words.
    Odd(String),
}

/// Those who are not inside.
#[derive(Default)]
struct Crowd {
    told: Vec<Told>,
    /// How long the storm took, and how many it held.
    took: Duration,
    stormed: usize,
}

/// One who holds a berth.
struct Inside {
    name: String,
    stream: Line,
}

/// Connects until a client is refused or all clients are admitted.
fn fill(address: SocketAddr, clients: usize) -> Result<(Vec<Inside>, Crowd), String> {
    let mut inside = Vec::new();
    let mut crowd = Crowd::default();
    while inside.len() < clients {
        let began = Instant::now();
        let refused = |error: io::Error| format!("{address}: {error}");
        let mut stream = connect(address).map_err(refused)?;
        let line = line(&mut stream).map_err(refused)?;
        match line
            .strip_prefix(b"Welcome ")
            .and_then(|name| name.strip_suffix(b"\n"))
        {
            Some(name) => inside.push(Inside {
                name: name.escape_ascii().to_string(),
                stream,
            }),
            None => {
                crowd.told.push(judge(&line, &mut stream, began));
                break;
            }
        }
    }
    Ok((inside, crowd))
}

impl Crowd {
    /// Sends so many clients at the server, as many at once as the generator bears.
    fn storm(&mut self, address: SocketAddr, clients: usize) {
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        let told = thread::scope(|scope| {
            let worker = || {
                let mut told = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= clients {
                        return told;
                    }
                    told.push(knock(address, number));
                }
            };
            let workers = (0..clients.min(AT_ONCE)).map(|_| spawn(scope, worker));
            let workers: Vec<_> = workers.collect();
            workers.into_iter().flat_map(join).collect::<Vec<_>>()
        });
        self.took = began.elapsed();
        self.stormed = told.len();
        self.told.extend(told);
    }

    fn count(&self, kind: fn(&Told) -> bool) -> usize {
        self.told.iter().filter(|told| kind(told)).count()
    }
}

/// One client comes, speaks first if its number is odd, and listens to what it is told.
fn knock(address: SocketAddr, number: usize) -> Told {
    let began = Instant::now();
    let attempt = || -> io::Result<Told> {
        let mut stream = connect(address)?;
        let said: &[u8] = match number {
            1 => &vec![b'x'; LOUD],
            odd if odd % 2 == 1 => b"hello\nstatus\n",
            _ => b"",
        };
        stream.get_ref().write_all(said)?;
        let line = line(&mut stream)?;
        Ok(judge(&line, &mut stream, began))
    };
    attempt().unwrap_or_else(|error| Told::Odd(error.to_string()))
}

fn judge(line: &[u8], stream: &mut Line, began: Instant) -> Told {
    if line.starts_with(b"Welcome ") {
        // It disconnects at once, so that it holds no berth for long. What it is told then does
        // not matter any more.
        drop(stream.get_ref().write_all(b"\nexit\n"));
        drop(stream.read_to_end(&mut Vec::new()));
        return Told::LetIn;
    }
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    let whole = line == FULL && rest.is_empty();
    match end {
        Ok(_) if whole => Told::Full(began.elapsed()),
        Ok(_) if line.is_empty() => Told::Odd("closed without a word".to_owned()),
        Ok(_) => Told::Odd(format!(
            "told \"{}{}\"",
            line.escape_ascii(),
            rest.escape_ascii()
        )),
        Err(error) if whole => Told::Odd(format!("the whole line, but then: {error}")),
        Err(error) => Told::Odd(format!("told \"{}\", then: {error}", line.escape_ascii())),
    }
}

/// What one inside on_event of the flood.
struct Watch {
    echoes: usize,
    slowest: Duration,
    /// Why it stopped, if it was not asked to.
    fault: Option<String>,
}

/// Sends lines and compares what comes back for as long as the flood lasts, then leaves.
fn watch(one: Inside, flooding: &AtomicBool) -> Watch {
    let Inside { name, mut stream } = one;
    let mut seen = Watch {
        echoes: 0,
        slowest: Duration::ZERO,
        fault: None,
    };
    let mut attempt = || -> io::Result<()> {
        // At least once, for a flood may be over before this thread has begun.
        while seen.echoes == 0 || flooding.load(Ordering::Relaxed) {
            let said = format!("{name} says {}", seen.echoes);
            let began = Instant::now();
            ask(&mut stream, &said, &format!("{said} ACK\n"))?;
            seen.slowest = seen.slowest.max(began.elapsed());
            seen.echoes += 1;
            // It is there to be disturbed, not to be a flood of its own.
            thread::sleep(Duration::from_millis(1));
        }
        ask(&mut stream, "exit", &format!("Goodbye {name}\n"))?;
        stream.get_ref().shutdown(Shutdown::Write)
    };
    seen.fault = attempt().err().map(|error| error.to_string());
    seen
}

fn ask(stream: &mut Line, said: &str, expected: &str) -> io::Result<()> {
    stream.get_ref().write_all(format!("{said}\n").as_bytes())?;
    let answer = line(stream)?;
    if answer == expected.as_bytes() {
        return Ok(());
    }
    let answer = answer.escape_ascii();
    Err(io::Error::other(format!(
        "\"{said}\" was answered with \"{answer}\""
    )))
}

fn connect(address: SocketAddr) -> io::Result<Line> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    // The answers are short, and there are many connections.
    Ok(BufReader::with_capacity(512, stream))
}

fn line(stream: &mut Line) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    match stream.read_until(b'\n', &mut line) {
        Ok(_) => Ok(line),
        // The system's own words for a timeout would puzzle the reader of the table.
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(io::Error::other(format!("no line within {TIMEOUT:?}")))
        }
        Err(error) => Err(error),
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let thread = thread::Builder::new().stack_size(STACK);
    thread
        .spawn_scoped(scope, work)
        .expect("the system has a thread left")
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().expect("the thread does not panic")
}
