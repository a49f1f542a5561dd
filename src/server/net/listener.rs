//! A listening socket.
//!
//! Owns the socket and the state of its backlog. Must never lose the edge-triggered event that
//! reports a connection, and never spin when accept(2) fails.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// The backlog: how many connections may wait for accept(2). The SYN of one more is dropped, and
/// the peer's kernel retries. Linux cuts this to `net.core.somaxconn`, 4096 since 5.4.
const BACKLOG: i32 = 1024;

/// How long to wait when the process or the system has no descriptor or memory left: short enough
/// to add little latency once there is, long enough to cost nothing until then.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// How long a connection is idle before the first keepalive probe.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// The time between two keepalive probes.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long data or keepalive probes may stay unacknowledged (`TCP_USER_TIMEOUT`). A peer that
/// vanished (its cable, its power, its NAT entry) sends no FIN; after this its berth is free. A
/// minute and a half outlasts a train's tunnel and is far below TCP's own timeout of hours.
const VANISHED_AFTER: Duration = Duration::from_secs(90);

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    latch: AcceptState,
    door: Door,
}

/// What is spoken on the connections of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Lines, in the clear.
    Plain,
    /// TLS.
    Tls,
}

/// Whether the backlog may hold a connection. The event comes once, so it is remembered until
/// accept(2) returns `WouldBlock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptState {
    /// The backlog is empty; an event will report the next connection.
    Empty,
    /// An accept is worth trying.
    Waiting,
    /// The backlog may hold a connection, but a descriptor or memory was missing. The next accept
    /// is due at this time.
    Short(Instant),
}

impl Listener {
    /// Binds and listens. `[::]` accepts IPv4 too; on a host without IPv6 it accepts only that.
    ///
    /// # Errors
    /// When the address is taken, is not this host's, or may not be bound.
    pub fn bind(address: SocketAddr, door: Door) -> io::Result<Self> {
        let socket = Self::bind_with(address, Socket::new)?;
        Ok(Self {
            socket,
            latch: AcceptState::Waiting,
            door,
        })
    }

    /// The same, with sockets from `open`.
    fn bind_with(
        address: SocketAddr,
        open: impl Fn(Domain, Type, Option<Protocol>) -> io::Result<Socket>,
    ) -> io::Result<TcpListener> {
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
        // A port with connections of an earlier server in TIME_WAIT can be bound again.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        set_up_connections(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from_std(socket.into()))
    }

    /// What is spoken on its connections.
    #[must_use]
    pub const fn door(&self) -> Door {
        self.door
    }

    /// The address that was bound, with the port that the system chose if that was left to it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Registers the socket for events. To be called once.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// An event reported a connection in the backlog.
    pub fn note(&mut self) {
        if self.latch == AcceptState::Empty {
            self.latch = AcceptState::Waiting;
        }
    }

    /// When an accept is worth trying: `None` before the next event.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        match self.latch {
            AcceptState::Empty => None,
            AcceptState::Waiting => Some(now),
            AcceptState::Short(until) => Some(until),
        }
    }

    /// Accepts the next connection, if there is one and a descriptor for it.
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

    /// accept(2) also returns the errors of the connection that it was about to accept, which is
    /// gone then. After any other error the next accept is delayed: no error stops the server or
    /// makes it spin.
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

/// Sets the socket options of every connection. On Linux an accepted socket inherits them from the
/// listener, so they cost no system call per connection.
fn set_up_connections(socket: &Socket) -> io::Result<()> {
    // No Nagle: an answer does not wait for the ACK of the one before.
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

/// The address of an IPv4 peer of a dual-stack socket, as an IPv4 address.
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
        let mut listener = Listener::bind(any, Door::Plain).expect("a port is free");
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
        let mut listener = Listener::bind(any, Door::Plain).expect("a port is free");
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
