//! What a connection to a peer close by is given, so that the kernel sends a file to it cheaply.
//!
//! Owns the judgement of how far away a peer is, and what follows for its socket. Must never slow
//! down a peer that is far away, nor end a connection: without any of this it works too.

use std::mem::size_of_val;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::libc;
use socket2::SockRef;

/// A peer whose answer comes sooner than this is near: on this machine, or a switch or two away.
/// Wi-Fi, or a hundred kilometres of fibre, take longer.
const NEAR: Duration = Duration::from_micros(250);

/// What the kernel is to hold for a peer that is near. Linux doubles it, for its own records, and
/// first cuts it to `net.core.wmem_max` (208 KiB for many years, 4 MiB since 6.18).
///
/// By itself the buffer grows to 4 MiB. What is in it was found in the page cache and not copied
/// by the peer yet; the less of that, the more is still in the processor's caches when it is.
///
/// It has to hold what is under way for a round trip, and what is sent while the loop is with
/// somebody else. In a quarter of a millisecond 1 MiB is 33 Gbit/s. A peer that is behind a
/// faster line, or shares the loop with turns of a millisecond, waits now and then; and the
/// kernel does not change a size that was chosen, for as long as the connection lasts.
const SEND_BUFFER_BYTES: usize = 512 * 1024;

/// Paces what it sends, by a timer for every packet or two. That protects the queues of a long
/// line. Where there is none it costs more than the sending (docs/performance.md), so a peer that
/// is near has the oldest algorithm instead, which is part of every kernel and open to everybody
/// unless an administrator says otherwise. Some pacing stays, at a rate that nobody near meets.
const PACED: &[u8] = b"bbr";
const UNPACED: &[u8] = b"reno";

/// How far away a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// Its answers come within a quarter of a millisecond.
    Near,
    /// They take longer, or nobody can say how long, or nobody has asked yet.
    Far,
}

impl Distance {
    /// What a shortest round trip of this length means.
    fn of(round_trip: Option<Duration>) -> Self {
        match round_trip {
            Some(time) if time < NEAR => Self::Near,
            _ => Self::Far,
        }
    }
}

/// Finds out how far away the peer of `socket` is and sets the socket up for it. To be called
/// before a long file is sent, until a peer is near: on a busy machine its first answers may have
/// been late. It takes one system call, and for a peer that is near up to three more, once.
pub fn suit(socket: BorrowedFd<'_>) -> Distance {
    let distance = Distance::of(shortest_round_trip(socket));
    if distance == Distance::Near {
        let socket = SockRef::from(&socket);
        let sized = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
        let name = socket.tcp_congestion();
        let is_paced = name.is_ok_and(|name| name.split(|&byte| byte == 0).next() == Some(PACED));
        let chosen = if is_paced {
            socket.set_tcp_congestion(UNPACED)
        } else {
            Ok(())
        };
        // It is sent as it is then: slower, but all of it.
        if let Err(error) = sized.and(chosen) {
            log::debug!("a peer that is near is served as one that is not: {error}");
        }
    }
    distance
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
    use std::io::Read;
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
        let of = |micros| Distance::of(Some(Duration::from_micros(micros)));
        assert_eq!(of(20), Distance::Near, "this machine");
        assert_eq!(of(249), Distance::Near);
        assert_eq!(of(250), Distance::Far);
        assert_eq!(of(80_000), Distance::Far, "across the sea");
        assert_eq!(Distance::of(None), Distance::Far, "nobody knows");
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
    fn a_socket_is_set_up_for_a_peer_that_is_near_and_left_alone_for_others() {
        let (socket, mut peer) = pair();
        let options = SockRef::from(&socket);
        let before = options.send_buffer_size().expect("it is a socket");
        let largest = std::fs::read_to_string("/proc/sys/net/core/wmem_max");
        let largest = largest.map(|text| text.trim().parse().expect("it is a number"));
        let largest = largest.unwrap_or(usize::MAX);
        // Where nobody may choose it, there is nothing to take back.
        let paced = options.set_tcp_congestion(PACED).is_ok();
        let distance = suit(socket.as_fd());
        let after = options.send_buffer_size().expect("it is a socket");
        let algorithm = options.tcp_congestion().expect("it is TCP");
        match distance {
            Distance::Near => {
                assert_eq!(after, 2 * SEND_BUFFER_BYTES.min(largest));
                assert!(!paced || algorithm.starts_with(UNPACED), "{algorithm:?}");
            }
            // A machine that was busy for a quarter of a millisecond.
            distance => {
                assert_eq!((distance, after), (Distance::Far, before));
                assert!(!paced || algorithm.starts_with(PACED), "{algorithm:?}");
            }
        }
        drop(socket);
        assert_eq!(peer.read(&mut [0]).expect("it ends well"), 0);
    }
}
