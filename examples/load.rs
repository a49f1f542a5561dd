//! A load for a server: requests in flight on some connections, or a file fetched again and again.
//!
//! Owns the load and its figures. The script that counts system calls and the one that looks for
//! hot functions start it; every answer is compared, since a fast wrong answer is no figure.
//!
//!     cargo run --release --example load -- ADDR:PORT lines CLIENTS IN_FLIGHT REQUESTS [PAUSE]
//!     cargo run --release --example load -- ADDR:PORT file CLIENTS NAME TIMES
//!
//! REQUESTS and TIMES are per client. PAUSE is in microseconds: a client waits so long after each
//! answer, so that a server which is slowed down by being watched still finds nothing to read, as
//! it would unwatched. It prints one line: how many requests or MiB, in how many
//! seconds, and how many of them per second.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// What every request says: about as long as what a person types.
const MESSAGE: &str = "the tide is coming in";
/// A download is read in pieces of this size, so that the client costs little beside the server.
const READ_BYTES: usize = 256 * 1024;
const MIB: f64 = 1024.0 * 1024.0;

const USAGE: &str = "usage: load ADDR:PORT lines CLIENTS IN_FLIGHT REQUESTS [PAUSE]
       load ADDR:PORT file CLIENTS NAME TIMES";

/// Requests in rounds: so many sent in one piece, their answers read, a pause.
struct Lines {
    in_flight: usize,
    requests: usize,
    pause: Duration,
}

/// What each client does.
enum Load {
    Lines(Lines),
    File { name: String, times: usize },
}

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("load: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let (pause, args) = match args {
        [args @ .., pause] if args.len() == 5 => (pause.as_str(), args),
        args => ("0", args),
    };
    let [address, kind, clients, what, times] = args else {
        return Err(USAGE.to_owned());
    };
    let pause = pause.parse().map(Duration::from_micros);
    let pause = pause.map_err(|_| USAGE.to_owned())?;
    let number = |text: &String| match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("not a number above 0: {text}")),
    };
    let (clients, times) = (number(clients)?, number(times)?);
    let load = match kind.as_str() {
        "lines" => Load::Lines(Lines {
            in_flight: number(what)?,
            requests: times,
            pause,
        }),
        "file" => Load::File {
            name: what.clone(),
            times,
        },
        _ => return Err(USAGE.to_owned()),
    };
    let streams = (0..clients).map(|_| board(address));
    let streams = streams.collect::<io::Result<Vec<_>>>();
    let streams = streams.map_err(|error| format!("{address}: {error}"))?;
    let (sum, seconds) = all(&load, streams).map_err(|error| format!("{address}: {error}"))?;
    match load {
        Load::Lines(_) => {
            let rate = sum as f64 / seconds;
            println!("{sum} requests in {seconds:.3} s, {rate:.0} requests/s");
        }
        Load::File { .. } => {
            let mib = sum as f64 / MIB;
            let rate = mib / seconds;
            println!("{mib:.0} MiB in {seconds:.3} s, {rate:.0} MiB/s");
        }
    }
    Ok(())
}

/// Takes a berth.
fn board(address: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(READ_BYTES, stream);
    let line = line(&mut input)?;
    if line.starts_with("Welcome ") {
        return Ok(input);
    }
    Err(io::Error::other(format!("not let in: {line}")))
}

/// Runs every client in a thread of its own, from one moment on. Returns the sum of what they
/// moved (requests, or bytes) and how many seconds the slowest needed.
fn all(load: &Load, streams: Vec<BufReader<TcpStream>>) -> io::Result<(u64, f64)> {
    let start = Barrier::new(streams.len() + 1);
    thread::scope(|scope| {
        let start = &start;
        let client = |mut input| {
            scope.spawn(move || {
                start.wait();
                match load {
                    Load::Lines(load) => lines(&mut input, load),
                    Load::File { name, times } => fetch(&mut input, name, *times),
                }
            })
        };
        let clients: Vec<_> = streams.into_iter().map(client).collect();
        start.wait();
        let began = Instant::now();
        let mut sum = 0;
        for client in clients {
            sum += client.join().expect("a client does not panic")?;
        }
        Ok((sum, began.elapsed().as_secs_f64()))
    })
}

/// Sends the requests, so many at a time in one piece, and compares the answers.
fn lines(input: &mut BufReader<TcpStream>, load: &Lines) -> io::Result<u64> {
    let said = format!("{MESSAGE}\n").repeat(load.in_flight);
    let expected = format!("{MESSAGE} ACK\n").repeat(load.in_flight);
    let mut answer = vec![0; expected.len()];
    let rounds = load.requests.div_ceil(load.in_flight);
    for _ in 0..rounds {
        input.get_ref().write_all(said.as_bytes())?;
        input.read_exact(&mut answer)?;
        if answer != expected.as_bytes() {
            return Err(io::Error::other("a message came back wrong"));
        }
        if !load.pause.is_zero() {
            thread::sleep(load.pause);
        }
    }
    Ok((rounds * load.in_flight) as u64)
}

/// Fetches the file so many times and throws it away.
fn fetch(input: &mut BufReader<TcpStream>, name: &str, times: usize) -> io::Result<u64> {
    let mut bytes = 0;
    for _ in 0..times {
        input
            .get_ref()
            .write_all(format!("get {name}\n").as_bytes())?;
        let header = line(input)?;
        let size = header
            .strip_prefix("START ")
            .and_then(|size| size.parse().ok());
        let size: u64 = size.ok_or_else(|| io::Error::other(header))?;
        let mut left = size;
        while left > 0 {
            // Looked at where it lies and never copied, so that the client costs little.
            let at_hand = input.fill_buf()?.len() as u64;
            if at_hand == 0 {
                return Err(io::Error::other(format!("closed {left} bytes too early")));
            }
            let taken = at_hand.min(left);
            input.consume(taken as usize);
            left -= taken;
        }
        let end = line(input)?;
        if end != "END" {
            return Err(io::Error::other(format!("\"{end}\" where END should be")));
        }
        bytes += size;
    }
    Ok(bytes)
}

fn line(input: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}
