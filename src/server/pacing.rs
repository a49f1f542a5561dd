//! Whether the kernel paces by timers what it sends to a peer, and who is spared that.
//!
//! Owns the judgement of how far away a peer is, and what follows for its socket. Must never touch
//! the pacing of a peer that is far away, nor end a connection: without any of this it works too.

use std::mem::size_of_val;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::libc;
use socket2::SockRef;

/// A peer whose answer comes sooner than this is near: on this machine, or a switch or two away.
/// Wi-Fi, or a hundred kilometres of fibre, take longer.
const NEAR: Duration = Duration::from_micros(250);

/// Paces what it sends, by a timer for every packet or two. That protects the queues of a long
/// line. Where there is none it costs more than the sending (docs/performance.md).
const PACED: &[u8] = b"bbr";

/// What a peer that is near has instead: the oldest algorithm, which is part of every kernel and
/// open to everybody unless an administrator says otherwise. What pacing the kernel keeps is at a
/// rate that nobody near meets.
const UNPACED: &[u8] = b"reno";

/// How a connection is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// As the system has it: the peer is far away, or nobody has asked yet.
    Kept,
    /// By no timer worth the name.
    None,
}

/// Spares the peer of `socket` what it does not need. To be called before a long file is sent, for
/// as long as its pacing is kept: on a busy machine the first answers of a peer that is near may
/// have been late. It takes one system call, and up to three where the system paces.
pub fn spare(socket: BorrowedFd<'_>) -> Pacing {
    let options = SockRef::from(&socket);
    let algorithm = options.tcp_congestion().unwrap_or_default();
    if algorithm.split(|&byte| byte == 0).next() != Some(PACED) {
        return Pacing::None;
    }
    if !is_near(shortest_round_trip(socket)) {
        return Pacing::Kept;
    }
    match options.set_tcp_congestion(UNPACED) {
        Ok(()) => Pacing::None,
        Err(error) => {
            log::debug!("a peer that is near is paced as one that is not: {error}");
            Pacing::Kept
        }
    }
}

fn is_near(round_trip: Option<Duration>) -> bool {
    round_trip.is_some_and(|time| time < NEAR)
}

/// The shortest time from a segment to its acknowledgement that the kernel has measured of late
/// (five minutes, `net.ipv4.tcp_min_rtt_wlen`), the handshake included: tcp(7), `TCP_INFO`. `None`
/// before Linux 4.6, or if there was none yet.
fn shortest_round_trip(socket: BorrowedFd<'_>) -> Option<Duration> {
    /// Where `tcpi_min_rtt` stands in what the kernel fills in (linux/tcp.h), in words of 32 bits.
    /// It is in microseconds.
    const AT: usize = 37;
    /// What is there when nothing was measured.
    const NEVER: u32 = u32::MAX;
    let mut words = [0_u32; AT + 1];
    let mut len = size_of_val(&words) as libc::socklen_t;
    // No library in the tree reads this option without such a block.
    // SAFETY: the descriptor is open while it is borrowed; the kernel writes at most `len` bytes to
    // `words`, which is so long, and how many into `len`; any bits make a `u32`.
    #[allow(unsafe_code)]
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            words.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    let whole = failed == 0 && len as usize == size_of_val(&words);
    let measured = whole.then_some(words[AT])?;
    (measured != NEVER).then(|| Duration::from_micros(measured.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let peer = TcpStream::connect(address).expect("it listens");
        (listener.accept().expect("it called").0, peer)
    }

    #[test]
    fn a_round_trip_tells_who_is_near() {
        let after = |micros| is_near(Some(Duration::from_micros(micros)));
        assert!(after(20), "this machine");
        assert!(after(249) && !after(250));
        assert!(!after(80_000), "across the sea");
        assert!(!is_near(None), "nobody knows");
    }

    #[test]
    fn the_kernel_has_measured_a_round_trip_by_the_time_somebody_is_let_in() {
        let (socket, _peer) = pair();
        let measured = shortest_round_trip(socket.as_fd()).expect("the handshake was measured");
        assert!(measured < Duration::from_secs(60), "{measured:?}");
        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("descriptors are free");
        assert_eq!(shortest_round_trip(one.as_fd()), None, "that is no TCP");
    }

    #[test]
    fn a_peer_that_is_near_is_spared_pacing_and_whoever_has_none_is_left_alone() {
        let (socket, _peer) = pair();
        let options = SockRef::from(&socket);
        options
            .set_tcp_congestion(UNPACED)
            .expect("every kernel has it");
        assert_eq!(spare(socket.as_fd()), Pacing::None);
        // Where nobody may choose it, there is nothing to be spared.
        if options.set_tcp_congestion(PACED).is_err() {
            return;
        }
        let pacing = spare(socket.as_fd());
        let algorithm = options.tcp_congestion().expect("it is TCP");
        // A machine that was busy for a quarter of a millisecond makes the peer a far one.
        let kept = match pacing {
            Pacing::None => UNPACED,
            Pacing::Kept => PACED,
        };
        assert!(algorithm.starts_with(kept), "{pacing:?}: {algorithm:?}");
    }
}
