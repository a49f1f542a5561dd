//! Clients that die, freeze or vanish, and a server that is stopped at any moment.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Peer, Server, Setup, meanwhile, noise};

/// More than the buffers of two sockets hold.
const BIG: u64 = 1 << 30;

/// A `berth` that is in the middle of a download.
struct Downloader {
    process: Child,
    folder: tempfile::TempDir,
}

impl Downloader {
    fn start(server: &Server, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut process = Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(["--server", &server.address.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the client was built");
        let script = format!("get {name}\n");
        let mut input = process.stdin.take().expect("it is piped");
        input
            .write_all(script.as_bytes())
            .expect("it reads its script");
        process.stdin = Some(input);
        let downloader = Self { process, folder };
        while downloader.size() == 0 {
            thread::yield_now();
        }
        downloader
    }

    /// How much has come.
    fn size(&self) -> u64 {
        let entries = std::fs::read_dir(self.folder.path())
            .expect("it is ours")
            .flatten();
        entries
            .filter_map(|entry| entry.metadata().ok())
            .map(|file| file.len())
            .sum()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it is our child");
    }
}

impl Drop for Downloader {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn reason(other: &mut Peer, server: &Server) -> String {
    meanwhile(other, |_| server.log().contains("Client02 gone"));
    let status = other.lines("status");
    status[2]
        .rsplit(' ')
        .next()
        .expect("it has words")
        .to_owned()
}

#[test]
fn a_client_killed_in_the_middle_of_a_download_frees_its_berth() {
    let server = Setup::new()
        .sparse("big", BIG)
        .with("--max-clients 2")
        .start();
    let mut other = server.client("Client01");
    let before = server.descriptors();
    let downloader = Downloader::start(&server, "big");
    downloader.signal(Signal::KILL);
    assert_eq!(reason(&mut other, &server), "reset");
    assert_eq!(
        server.descriptors(),
        before,
        "its socket and its file are closed"
    );
    server.client("Client03").echo();
}

#[test]
fn a_client_frozen_in_the_middle_of_a_download_frees_its_berth() {
    let server = Setup::new()
        .sparse("big", BIG)
        .with("--max-clients 2 --stall-timeout 400ms")
        .start();
    let mut other = server.client("Client01");
    let before = server.descriptors();
    let downloader = Downloader::start(&server, "big");
    downloader.signal(Signal::STOP);
    assert_eq!(reason(&mut other, &server), "stalled");
    assert_eq!(
        server.descriptors(),
        before,
        "its socket and its file are closed"
    );
    server.client("Client03").echo();
}

/// What one client was announced and what of it came, until the server closed.
struct Taken {
    announced: u64,
    whole: u64,
    tail: String,
}

/// Fetches the same file over and over until the server closes.
fn fetch_until_closed(stream: TcpStream, bytes: &[u8]) -> Taken {
    let mut peer = Peer::new(stream);
    let mut taken = Taken {
        announced: 0,
        whole: 0,
        tail: String::new(),
    };
    let welcome = peer.line();
    assert!(
        welcome.starts_with(b"Welcome "),
        "{}",
        welcome.escape_ascii()
    );
    // Enough requests for the server never to wait for one.
    peer.send(b"get file\n".repeat(200));
    loop {
        let line = String::from_utf8(peer.line()).expect("a line of text comes");
        if !line.starts_with("START ") {
            taken.tail = line;
            let nothing = peer.rest();
            assert!(nothing.is_empty(), "behind the last word");
            return taken;
        }
        taken.announced += 1;
        assert!(
            peer.read(bytes.len()) == bytes,
            "the bytes are those of the file"
        );
        peer.expect("END\n");
        taken.whole += 1;
    }
}

#[test]
fn a_hundred_stops_at_random_moments_cut_no_announced_transfer() {
    let bytes = noise(400_000);
    let mut whole = 0;
    for round in 0..100_u32 {
        let mut server = Setup::new().file("file", &bytes).start();
        let streams: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(server.address).expect("it listens"))
            .collect();
        thread::scope(|scope| {
            let clients: Vec<_> = streams
                .into_iter()
                .map(|stream| scope.spawn(|| fetch_until_closed(stream, &bytes)))
                .collect();
            wait_for_all_inside(&server);
            // A moment that differs from round to round.
            (0..(round * 37) % 100).for_each(|_| thread::yield_now());
            server.signal(Signal::TERM);
            for client in clients {
                let taken = client
                    .join()
                    .expect("every announced byte came, and its END");
                assert_eq!(taken.announced, taken.whole);
                assert_eq!(taken.tail, "ERR server shutting down\n");
                whole += taken.whole;
            }
        });
        assert_eq!(server.wait().code(), Some(0));
    }
    assert!(whole > 100, "the server was busy: {whole} transfers");
}

/// Waits until all three are inside, as a stop lets in nobody.
fn wait_for_all_inside(server: &Server) {
    while !server.log().contains("Client03 connected") {
        thread::yield_now();
    }
}

#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let setup = Setup::new().with("--log debug");
    let mut process = setup
        .command()
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server was built");
    let mut line = String::new();
    let stdout = process.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it is text");
    let address = line
        .trim_end()
        .rsplit(' ')
        .next()
        .expect("it ends in the address")
        .to_owned();
    // Three lines each, which is far more than a pipe holds.
    for number in 1..=1000 {
        let mut client = Peer::new(TcpStream::connect(&address).expect("it listens"));
        client.expect(format!("Welcome Client{number:02}\n"));
        client.send("exit\n");
        client.expect(format!("Goodbye Client{number:02}\n"));
    }
    kill_process(Pid::from_child(&process), Signal::TERM).expect("it is our child");
    let output = process.wait_with_output().expect("it is our child");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.len() > 10_000,
        "what there was room for was logged"
    );
}
