//! The limits: servers that do nothing but the one thing that is measured.
//!
//! Owns a bare echo, a bare sendfile loop and a bare refusal, each run in a process of its own so
//! that its cost can be read like that of the others. They are no servers to be used: they trust
//! their peer.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::sendfile;
use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_cork};
use slab::Slab;

use crate::dialect::Dialect;

/// The arguments that make this program one of them.
pub(crate) const ECHO: &str = "--bare-echo";
pub(crate) const SENDFILE: &str = "--bare-sendfile";
pub(crate) const REFUSAL: &str = "--bare-refusal";

const LISTENER: u64 = u64::MAX;
const READ_BYTES: usize = 16 * 1024;
const EVENTS_MAX: usize = 256;
/// Pieces of 64 to 256 KiB do about equally well; smaller ones cost system calls, and larger ones
/// are not taken by the buffer below.
const PIECE_BYTES: usize = 128 * 1024;
/// Small enough to stay in the processor's cache between the two sides of a loopback connection.
const SEND_BUFFER_BYTES: usize = 256 * 1024;

/// Listens, and says where.
pub(crate) fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

/// Sends back what comes: one wait for all that is ready, one read and one write for each.
pub(crate) fn echo() -> io::Result<()> {
    let listener = listen()?;
    let ready = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(
        &ready,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut peers = Slab::<TcpStream>::new();
    let mut events = Vec::<Event>::with_capacity(EVENTS_MAX);
    let mut bytes = vec![0; READ_BYTES];
    loop {
        events.clear();
        match epoll::wait(&ready, rustix::buffer::spare_capacity(&mut events), None) {
            Err(rustix::io::Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            let key = event.data.u64();
            if key == LISTENER {
                let (peer, _) = listener.accept()?;
                peer.set_nodelay(true)?;
                peer.set_nonblocking(true)?;
                let entry = peers.vacant_entry();
                let key = EventData::new_u64(entry.key() as u64);
                epoll::add(&ready, &peer, key, EventFlags::IN)?;
                entry.insert(peer);
            } else if !turn(&mut peers[key as usize], &mut bytes) {
                peers.remove(key as usize);
            }
        }
    }
}

/// Whether the peer stays.
fn turn(peer: &mut TcpStream, bytes: &mut [u8]) -> bool {
    match peer.read(bytes) {
        Ok(0) => false,
        Ok(n) => peer.write_all(&bytes[..n]).is_ok(),
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// Sends each client the same line and closes at once: the least that a refusal can cost. Whoever
/// said something first is reset, and may never read the line.
pub(crate) fn refuse() -> io::Result<()> {
    let line = Dialect::Refusal.refusal().as_bytes();
    for peer in listen()?.incoming() {
        let mut peer = peer?;
        peer.set_nodelay(true)?;
        // One who has gone already is told nothing.
        let _ = peer.write_all(line);
    }
    Ok(())
}

/// Sends one file, whole, for every line that comes, in the words of `berthd`.
pub(crate) fn send_files(path: &str) -> io::Result<()> {
    let listener = listen()?;
    let file = File::open(path)?;
    for peer in listener.incoming() {
        let peer = peer?;
        set_socket_send_buffer_size(&peer, SEND_BUFFER_BYTES)?;
        peer.set_nonblocking(true)?;
        // The client goes when it has what it wants.
        drop(serve(peer, &file));
    }
    Ok(())
}

fn serve(mut peer: TcpStream, file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let mut request = [0; 1024];
    loop {
        wait(&peer, PollFlags::IN)?;
        if peer.read(&mut request)? == 0 {
            return Ok(());
        }
        set_tcp_cork(&peer, true)?;
        peer.write_all(format!("START {size}\n").as_bytes())?;
        let mut offset = 0;
        while offset < size {
            match sendfile(&peer, file, Some(&mut offset), PIECE_BYTES) {
                Err(rustix::io::Errno::AGAIN) => wait(&peer, PollFlags::OUT)?,
                sent => drop(sent?),
            }
        }
        wait(&peer, PollFlags::OUT)?;
        peer.write_all(b"END\n")?;
        set_tcp_cork(&peer, false)?;
    }
}

fn wait(peer: &TcpStream, flags: PollFlags) -> io::Result<()> {
    poll(&mut [PollFd::new(peer, flags)], None)?;
    Ok(())
}
