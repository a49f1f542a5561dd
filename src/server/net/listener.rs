//! An address that newcomers arrive at.
//!
//! Owns a listening socket and what is known of its queue. Must never lose the edge that says
//! that somebody waits, and never spin when they cannot be let in.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// How many may wait for the next turn of the loop. More are asked by the kernel to try again,
/// and Linux cuts this to `net.core.somaxconn`, 4096 since 5.4.
const BACKLOG: i32 = 1024;

/// How long to wait when the process or the system has no descriptor or memory left: short enough
/// that a caller hardly notices once there is, long enough to cost nothing until then.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may be quiet before the peer's kernel is asked whether it is there.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// How long to wait for its answer before it is asked again.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long a peer's kernel may leave what was sent, or asked, unanswered. A peer that vanished
/// (its cable, its power, its NAT's memory) sends no FIN; after this its berth is free. A minute
/// and a half outlasts a train's tunnel and is far below the hours that TCP would wait by itself.
const VANISHED_AFTER: Duration = Duration::from_secs(90);

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    latch: AcceptState,
}

/// Whether somebody may be waiting. The kernel says so once, so it is remembered until an accept
/// finds nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptState {
    /// Nobody waits; an event will tell.
    Empty,
    /// An accept is worth trying.
    Waiting,
    /// Somebody may wait, but there was nothing to accept them with. The next accept is due then.
    Short(Instant),
}

impl Listener {
    /// Binds and listens. `[::]` takes IPv4 callers too; where a host has no IPv6, it takes those.
    ///
    /// # Errors
    /// When the address is taken, is not this host's, or may not be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, Socket::new)
    }

    /// The same, with sockets from `open`.
    fn bind_with(
        address: SocketAddr,
        open: impl Fn(Domain, Type, Option<Protocol>) -> io::Result<Socket>,
    ) -> io::Result<Self> {
        let mut address = address;
        let open = |address| {
            open(
                Domain::for_address(address),
                Type::STREAM,
                Some(Protocol::TCP),
            )
        };
        let socket = match open(address) {
            Err(error) if lacks_ipv6(&error) && address.ip().is_unspecified() => {
                log::warn!("this host has no IPv6: listening for IPv4 only");
                address = (Ipv4Addr::UNSPECIFIED, address.port()).into();
                open(address)?
            }
            socket => socket?,
        };
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // A port that connections of a server before still linger on can be bound again.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        set_up_connections(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            socket: TcpListener::from_std(socket.into()),
            latch: AcceptState::Waiting,
        })
    }

    /// The address that was bound, with the port that the system chose if that was left to it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Has events told to `registry`. To be called once.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// An event said that somebody waits.
    pub fn note(&mut self) {
        if self.latch == AcceptState::Empty {
            self.latch = AcceptState::Waiting;
        }
    }

    /// When an accept is worth trying: `None` if an event will tell.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self.latch {
            AcceptState::Empty => None,
            AcceptState::Waiting => Some(now),
            AcceptState::Short(until) => Some(until),
        }
    }

    /// Takes the next caller, if one is there and there is something to take it with.
    pub fn accept(&mut self, now: Instant) -> Option<(TcpStream, SocketAddr)> {
        while self.due(now).is_some_and(|due| due <= now) {
            match self.socket.accept() {
                Ok((stream, peer)) => {
                    self.latch = AcceptState::Waiting;
                    return Some((stream, plain(peer)));
                }
                Err(error) => self.failed(&error, now),
            }
        }
        None
    }

    /// accept(2) hands on the errors of the connection it was about to take, which is gone then.
    /// Whatever else goes wrong is waited out: no error is worth a stop or a spin.
    fn failed(&mut self, error: &io::Error, now: Instant) {
        match error.kind() {
            ErrorKind::WouldBlock => self.latch = AcceptState::Empty,
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
            _ => {
                if !matches!(self.latch, AcceptState::Short(_)) {
                    log::warn!("cannot accept, trying again every {SHORTAGE_PAUSE:?}: {error}");
                }
                self.latch = AcceptState::Short(now + SHORTAGE_PAUSE);
            }
        }
    }
}

/// Sets what every connection is to have. Those accepted on Linux have it from their listener, so
/// it costs no system call for each of them.
fn set_up_connections(socket: &Socket) -> io::Result<()> {
    // An answer is written when it is due; it is not to wait for the ACK of the one before.
    socket.set_tcp_nodelay(true)?;
    let ask = TcpKeepalive::new()
        .with_time(ASK_AFTER)
        .with_interval(ASK_EVERY);
    socket.set_tcp_keepalive(&ask)?;
    socket.set_tcp_user_timeout(Some(VANISHED_AFTER))
}

fn lacks_ipv6(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

/// An IPv4 caller of a dual-stack socket, shown as what it is.
fn plain(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        ip if ip.is_ipv4() => SocketAddr::new(ip, peer.port()),
        _ => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;

    #[test]
    fn a_host_without_ipv6_is_served_over_ipv4() {
        let without_ipv6 = |domain, kind, protocol| match domain {
            Domain::IPV6 => Err(Errno::AFNOSUPPORT.into()),
            domain => Socket::new(domain, kind, protocol),
        };
        let any = "[::]:0".parse().expect("an address");
        let listener = Listener::bind_with(any, without_ipv6).expect("IPv4 is there");
        assert!(listener.local_addr().expect("it is bound").is_ipv4());
        let one = "[::1]:0".parse().expect("an address");
        Listener::bind_with(one, without_ipv6).expect_err("this address is IPv6 and nothing else");
    }

    #[test]
    fn a_peer_that_vanishes_is_noticed() {
        let now = Instant::now();
        let any = "127.0.0.1:0".parse().expect("an address");
        let mut listener = Listener::bind(any).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let _peer = std::net::TcpStream::connect(address).expect("it listens");
        let (stream, _) = listener.accept(now).expect("somebody called");
        let options = SockRef::from(&stream);
        assert!(options.keepalive().expect("it is a socket"));
        assert_eq!(options.tcp_keepalive_time().expect("it is TCP"), ASK_AFTER);
        assert_eq!(
            options.tcp_keepalive_interval().expect("it is TCP"),
            ASK_EVERY
        );
        let vanished = options.tcp_user_timeout().expect("it is TCP");
        assert_eq!(vanished, Some(VANISHED_AFTER));
        assert!(options.tcp_nodelay().expect("it is TCP"));
    }

    #[test]
    fn an_ipv4_caller_of_a_dual_stack_socket_is_shown_as_ipv4() {
        let shown = |text: &str| plain(text.parse().expect("an address")).to_string();
        assert_eq!(shown("[::ffff:127.0.0.1]:80"), "127.0.0.1:80");
        assert_eq!(shown("[::1]:80"), "[::1]:80");
        assert_eq!(shown("10.0.0.1:80"), "10.0.0.1:80");
    }

    #[test]
    fn a_shortage_is_waited_out_and_a_lost_caller_is_not() {
        let now = Instant::now();
        let any = "127.0.0.1:0".parse().expect("an address");
        let mut listener = Listener::bind(any).expect("a port is free");
        listener.failed(&ErrorKind::ConnectionAborted.into(), now);
        assert_eq!(listener.latch, AcceptState::Waiting);
        for errno in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::NOMEM,
            Errno::PERM,
        ] {
            listener.latch = AcceptState::Waiting;
            listener.failed(&errno.into(), now);
            assert_eq!(
                listener.latch,
                AcceptState::Short(now + SHORTAGE_PAUSE),
                "{errno}"
            );
            listener.note();
            assert_eq!(
                listener.latch,
                AcceptState::Short(now + SHORTAGE_PAUSE),
                "an edge is no fd"
            );
        }
        assert!(
            listener.accept(now).is_none(),
            "not before the pause is over"
        );
        assert!(
            listener.accept(now + SHORTAGE_PAUSE).is_none(),
            "nobody called"
        );
        assert_eq!(listener.latch, AcceptState::Empty);
    }
}
