//! A relay between client and server that cuts the line.
//!
//! Owns how much it lets through each time before it cuts, and how it does: with a reset, so that
//! what is on its way is lost, or in good order.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// A relay on a port of its own, which lives as long as the test.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl Relay {
    /// In front of `server`. Each connection is cut when it has brought as many bytes as the next
    /// of `lengths` says; those after the last are not.
    pub(crate) fn new(server: SocketAddr, lengths: Vec<u64>) -> Self {
        Self::with(server, lengths, true)
    }

    /// In front of `server`, bringing so many bytes and then nothing more, for ever.
    pub(crate) fn stuck(server: SocketAddr, length: u64) -> Self {
        Self::with(server, vec![length], false)
    }

    /// In front of `server`. Each connection is cut when it has taken as many bytes to the server
    /// as
    /// the next of `lengths` says; those after the last are not.
    pub(crate) fn upstream(server: SocketAddr, lengths: Vec<u64>) -> Self {
        Self::counting(server, lengths, true, Count::Up)
    }

    /// In front of `server`, taking so many bytes to it and then nothing more, for ever.
    pub(crate) fn stuck_upstream(server: SocketAddr, length: u64) -> Self {
        Self::counting(server, vec![length], false, Count::Up)
    }

    fn with(server: SocketAddr, lengths: Vec<u64>, cuts_the_line: bool) -> Self {
        Self::counting(server, lengths, cuts_the_line, Count::Down)
    }

    fn counting(server: SocketAddr, lengths: Vec<u64>, cuts_the_line: bool, count: Count) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            let mut lengths = lengths.into_iter();
            while let Ok((client, _)) = listener.accept() {
                let server = TcpStream::connect(server).unwrap();
                let near = client.try_clone().unwrap();
                let (from, to) = match count {
                    Count::Down => (server, client),
                    Count::Up => (client, server),
                };
                let (back, back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
                thread::spawn(move || pass(back, &back_to, u64::MAX));
                let cuts = Arc::clone(&counted);
                let length = lengths.next().unwrap_or(u64::MAX);
                thread::spawn(move || {
                    let all = pass(from.try_clone().unwrap(), &to, length);
                    if all && !cuts_the_line {
                        wait_for_end(&near);
                        cut(&from, false);
                        cut(&to, false);
                    } else if all {
                        let reset = cuts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
                        cut(&to, reset);
                        cut(&from, true);
                    }
                });
            }
        });
        Self { address, cuts }
    }

    /// How often the line was cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Which bytes are counted.
#[derive(Clone, Copy)]
enum Count {
    /// Those to the client.
    Down,
    /// Those to the server.
    Up,
}

/// Waits until the other end is gone, and reads nothing of what it has sent.
fn wait_for_end(stream: &TcpStream) {
    let mut asked = [PollFd::new(stream, PollFlags::RDHUP)];
    let _ = poll(&mut asked, None);
}

fn cut(stream: &TcpStream, reset: bool) {
    if reset {
        let socket = socket2::SockRef::from(stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Passes on at most so many bytes. Whether it was that which ended it.
fn pass(mut from: TcpStream, mut to: &TcpStream, mut left: u64) -> bool {
    let mut buffer = [0; 64 * 1024];
    while left > 0 {
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match from.read(&mut buffer[..most]) {
            Ok(n @ 1..) if to.write_all(&buffer[..n]).is_ok() => left -= n as u64,
            _ => {
                let _ = to.shutdown(Shutdown::Write);
                return false;
            }
        }
    }
    true
}
