//! The three experiments of docs/loop.md, one after the other, on a server with three berths.
//!
//! Owns the peers and what they find out. It knows nothing of the server but its address and the
//! protocol; what the server does meanwhile is for strace, perf or a trace to show.
//!
//!     cargo run --release --example lesson -- ADDR:PORT NAME
//!
//! NAME is a served file of some tens of MiB. It prints a line for each experiment.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MIB: usize = 1024 * 1024;
const FULL: &str = "Server full, try later\n";
/// How many come while all berths are taken.
const FLOOD: usize = 150;

type Peer = BufReader<TcpStream>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, name] = &args[..] else {
        eprintln!("usage: lesson ADDR:PORT NAME");
        return ExitCode::from(2);
    };
    let played = slow_reader(address, name)
        .and_then(|()| three_downloads(address, name))
        .and_then(|()| flood(address));
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lesson: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One reads a MiB now and then; another asks all the while.
fn slow_reader(address: &str, name: &str) -> io::Result<()> {
    let mut slow = board(address)?;
    let mut quick = board(address)?;
    let size = start(&mut slow, name)?;
    let done = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let asking = scope.spawn(|| ask_until(&mut quick, &done, Duration::from_millis(40)));
        let mut piece = vec![0; MIB];
        let read = (0..12).try_for_each(|_| {
            thread::sleep(Duration::from_millis(100));
            slow.read_exact(&mut piece)
        });
        done.store(true, Ordering::Relaxed);
        let slowest = asking.join().expect("it does not panic");
        read.and(slowest)
    })?;
    leave(&mut quick)?;
    println!(
        "a slow reader took 12 of {} MiB; another client waited {slowest:.0?} at most",
        size / MIB
    );
    Ok(())
}

/// Three fetch the same file at once.
fn three_downloads(address: &str, name: &str) -> io::Result<()> {
    let began = Instant::now();
    let mut peers = [board(address)?, board(address)?, board(address)?];
    let times = thread::scope(|scope| {
        let fetch = |peer| scope.spawn(|| fetch(peer, name));
        let running: Vec<_> = peers.iter_mut().map(fetch).collect();
        let join = |one: thread::ScopedJoinHandle<'_, _>| one.join().expect("it does not panic");
        running
            .into_iter()
            .map(join)
            .collect::<io::Result<Vec<_>>>()
    })?;
    let ends: Vec<String> = times
        .iter()
        .map(|end| format!("{:.0?}", *end - began))
        .collect();
    println!("three downloads ended after {}", ends.join(", "));
    Ok(())
}

fn fetch(peer: &mut Peer, name: &str) -> io::Result<Instant> {
    let mut left = start(peer, name)?;
    let mut piece = vec![0; MIB];
    while left > 0 {
        let most = left.min(MIB);
        peer.read_exact(&mut piece[..most])?;
        left -= most;
        // As a network would, it takes a moment for the next.
        thread::sleep(Duration::from_millis(10));
    }
    expect(peer, "END\n")?;
    let end = Instant::now();
    leave(peer)?;
    Ok(end)
}

/// Three are inside and ask; many come and are turned away.
fn flood(address: &str) -> io::Result<()> {
    let mut inside = [board(address)?, board(address)?, board(address)?];
    let done = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let ask = |peer| scope.spawn(|| ask_until(peer, &done, Duration::from_millis(5)));
        let asking: Vec<_> = inside.iter_mut().map(ask).collect();
        let refused = (0..FLOOD).try_for_each(|_| {
            let mut peer = connect(address)?;
            peer.get_ref().write_all(b"hello\n")?;
            expect(&mut peer, FULL)?;
            peer.get_ref().shutdown(Shutdown::Write)?;
            thread::sleep(Duration::from_millis(3));
            expect(&mut peer, "")
        });
        done.store(true, Ordering::Relaxed);
        let slowest = asking
            .into_iter()
            .map(|one| one.join().expect("it does not panic"));
        let slowest = slowest.collect::<io::Result<Vec<_>>>();
        refused.and(slowest)
    })?;
    inside.iter_mut().try_for_each(leave)?;
    let slowest = slowest.into_iter().max().unwrap_or_default();
    println!("{FLOOD} were refused with a line; the admitted clients waited {slowest:.0?} at most");
    Ok(())
}

/// Says something and waits for it, over and over. Returns the longest wait.
fn ask_until(peer: &mut Peer, done: &AtomicBool, pause: Duration) -> io::Result<Duration> {
    let mut slowest = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        peer.get_ref().write_all(b"are you there\n")?;
        expect(peer, "are you there ACK\n")?;
        slowest = slowest.max(began.elapsed());
        thread::sleep(pause);
    }
    Ok(slowest)
}

fn connect(address: &str) -> io::Result<Peer> {
    Ok(BufReader::with_capacity(512, TcpStream::connect(address)?))
}

/// Takes a berth, which the client that left just now may still hold for a moment.
fn board(address: &str) -> io::Result<Peer> {
    loop {
        let mut peer = connect(address)?;
        let line = line(&mut peer)?;
        if line.starts_with("Welcome ") {
            return Ok(peer);
        }
        if line != FULL {
            return Err(io::Error::other(format!("not let in: {line:?}")));
        }
    }
}

fn start(peer: &mut Peer, name: &str) -> io::Result<usize> {
    writeln!(peer.get_ref(), "get {name}")?;
    let line = line(peer)?;
    let size = line.strip_prefix("START ").map(str::trim_end);
    let size = size.and_then(|size| size.parse().ok());
    size.ok_or_else(|| io::Error::other(format!("no file comes but {line:?}")))
}

fn leave(peer: &mut Peer) -> io::Result<()> {
    peer.get_ref().write_all(b"exit\n")?;
    line(peer)?;
    peer.get_ref().shutdown(Shutdown::Write)
}

fn expect(peer: &mut Peer, expected: &str) -> io::Result<()> {
    let line = line(peer)?;
    if line == expected {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{line:?} instead of {expected:?}"
    )))
}

fn line(peer: &mut Peer) -> io::Result<String> {
    let mut line = String::new();
    peer.read_line(&mut line)?;
    Ok(line)
}
