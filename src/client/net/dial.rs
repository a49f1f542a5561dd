//! Connects: looks the server's name up and connects to the first address that answers.
//!
//! Owns the timeouts of these steps, happy eyeballs (RFC 8305), and the TCP keepalive that finds a
//! peer that vanished. Must never send or read a byte.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use crate::client::error::Error;
use crate::client::options::Options;

/// How many addresses of a name are tried. Names have a handful, and a name server must not choose
/// how many connections are made from here.
const ADDRESSES_MAX: usize = 16;

/// How long an address has before the next is tried in parallel (RFC 8305).
const STEP: Duration = Duration::from_millis(250);

/// The longest keepalive time. Systems take no more than nine hours.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// The shortest keepalive time that systems support.
const IDLE_MIN: Duration = Duration::from_secs(1);

/// How many keepalive probes may stay unanswered.
#[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
const PROBES: u32 = 4;

/// Connects to the first address that answers. A host name often has one per IP version, and
/// which of them the server listens on is not known here.
pub(super) fn dial(options: &Options) -> Result<TcpStream, Error> {
    let stream = connect(options, in_turn(&look_up(options)?))?;
    // A request is one small packet, so Nagle's algorithm only adds latency.
    let _ = stream.set_nodelay(true);
    if let Some(timeout) = options.timeout {
        watch(&stream, timeout);
    }
    Ok(stream)
}

/// Lets the kernel find out within about `timeout` that the other end has vanished, while nothing
/// is said because the server is at work. Where it cannot, such a wait ends with a person.
fn watch(stream: &TcpStream, timeout: Duration) {
    let within = |time: Duration| time.clamp(IDLE_MIN, IDLE_MAX);
    let keepalive = TcpKeepalive::new().with_time(within(timeout / 2));
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
    let keepalive = keepalive
        .with_interval(within(timeout / (2 * PROBES)))
        .with_retries(PROBES);
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&keepalive);
    // Otherwise an unacknowledged request is retransmitted for a quarter of an hour.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(within(timeout)));
}

/// The addresses of the server, at most so many.
fn look_up(options: &Options) -> Result<Vec<SocketAddr>, Error> {
    let failed = |source| failed(options, source);
    let found = match options.server.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            let (server, time) = (options.server.clone(), options.connect_timeout);
            let found = in_time(time, move || addresses(&server)).map_err(failed)?;
            found
                .ok_or_else(|| Error::NotFound(options.server.clone(), time))?
                .map_err(failed)?
        }
    };
    match found.is_empty() {
        true => Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ))),
        false => Ok(found),
    }
}

/// The result of `work`, if it is done within `time`. Otherwise its thread is left behind: a
/// resolver cannot be cancelled.
fn in_time<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().spawn(move || drop(tell.send(work())))?;
    Ok(told.recv_timeout(time).ok())
}

/// Resolves `HOST:PORT`. The resolver takes no brackets, and only it knows the interface behind a
/// `%`.
fn addresses(server: &str) -> io::Result<Vec<SocketAddr>> {
    let port_missing = || io::Error::new(io::ErrorKind::InvalidInput, "the port is missing");
    let (host, port) = server.rsplit_once(':').ok_or_else(port_missing)?;
    let port = port.parse().map_err(io::Error::other)?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let found = (bare.unwrap_or(host), port).to_socket_addrs()?;
    Ok(found.take(ADDRESSES_MAX).collect())
}

/// The addresses with IPv6 and IPv4 alternating, the first one's family first: where one of the two
/// is unreachable, the second try is of the other.
fn in_turn(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let of = |family| addresses.iter().filter(move |it| it.is_ipv6() == family);
    let (mut ones, mut others) = (of(first), of(!first));
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(ones.next());
        turns.extend(others.next());
    }
    turns
}

/// Tries each address beside those before it, a step later or as soon as one of them has failed.
fn connect(options: &Options, addresses: Vec<SocketAddr>) -> Result<TcpStream, Error> {
    let time = options.connect_timeout;
    let end = Instant::now() + time;
    // Each gets its turn, however many there are.
    let step = STEP.min(time / (u32::try_from(addresses.len()).unwrap_or(u32::MAX) + 1));
    let (tell, told) = mpsc::channel();
    let mut waiting = addresses.into_iter();
    let mut under_way = 0_usize;
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::NotConnected(options.server.clone(), time));
        }
        if let Some(address) = waiting.next() {
            let tell = tell.clone();
            let attempt = move || drop(tell.send(TcpStream::connect_timeout(&address, left)));
            let begun = thread::Builder::new().spawn(attempt);
            begun.map_err(|source| failed(options, source))?;
            under_way += 1;
        } else if under_way == 0 {
            return Err(failed(options, failure));
        }
        let wait = if waiting.len() > 0 {
            step.min(left)
        } else {
            left
        };
        match told.recv_timeout(wait) {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(err)) => {
                under_way -= 1;
                failure = err;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn failed(options: &Options, source: io::Error) -> Error {
    Error::Connect {
        server: options.server.clone(),
        source,
    }
}

/// Whether a read timed out; which kind that is differs between systems.
pub(super) fn is_timeout(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Whether a wait is over that was given so long, and the line is as it was.
pub(super) fn is_pause(err: &io::Error) -> bool {
    is_timeout(err) && (cfg!(windows) || err.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn parsed(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_nobody_is_left_out() {
        let (a, b, c) = ("[::1]:1", "[::2]:1", "[::3]:1");
        let (x, y) = ("127.0.0.1:1", "127.0.0.2:1");
        for (given, tried) in [
            (&[a, b, x, y, c][..], &[a, x, b, y, c][..]),
            (&[x, y, a], &[x, a, y]),
            (&[a, b], &[a, b]),
            (&[x], &[x]),
            (&[], &[]),
        ] {
            assert_eq!(in_turn(&parsed(given)), parsed(tried));
        }
    }

    #[test]
    fn a_numeric_address_needs_no_resolver_and_a_scope_is_one_of_its_interfaces() {
        assert_eq!(addresses("[::1]:7").unwrap(), parsed(&["[::1]:7"]));
        assert_eq!(addresses("127.0.0.1:7").unwrap(), parsed(&["127.0.0.1:7"]));
        assert!(addresses("[fe80::1%no-such-interface]:7").is_err());
        #[cfg(target_os = "linux")]
        {
            let found = addresses("[fe80::1%lo]:7").unwrap();
            assert_eq!(found, parsed(&["[fe80::1%1]:7"]));
        }
    }

    #[test]
    fn a_resolver_that_does_not_come_back_is_given_up() {
        let (_open, never) = mpsc::channel::<()>();
        let slow = in_time(Duration::from_millis(1), move || never.recv().is_ok());
        assert_eq!(slow.unwrap(), None);
        assert_eq!(in_time(Duration::from_secs(60), || 7).unwrap(), Some(7));
    }

    #[test]
    fn a_line_is_watched_by_the_kernel_unless_it_may_be_silent_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for (timeout, watched) in [
            (Some(Duration::from_millis(1)), true),
            (Some(Duration::from_secs(60)), true),
            (Some(Duration::from_secs(100 * 365 * 24 * 60 * 60)), true),
            (None, false),
        ] {
            let options = Options {
                server: listener.local_addr().unwrap().to_string(),
                timeout,
                ..Options::default()
            };
            let stream = dial(&options).unwrap();
            let socket = SockRef::from(&stream);
            assert_eq!(socket.keepalive().unwrap(), watched, "{timeout:?}");
            #[cfg(target_os = "linux")]
            assert_eq!(socket.tcp_user_timeout().unwrap().is_some(), watched);
        }
    }

    /// A listener whose backlog is full, so that a new connection is not answered.
    #[cfg(target_os = "linux")]
    fn dead(ip: &str) -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        use socket2::{Domain, Socket, Type};
        let any: SocketAddr = format!("{ip}:0").parse().unwrap();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let short = Duration::from_millis(100);
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, short) {
            queued.push(stream);
        }
        (socket, queued, address)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn dead_addresses_leave_time_for_the_good_one_behind_them() {
        let dead: Vec<_> = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(dead).into();
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut addresses: Vec<_> = dead.iter().map(|it| it.2).collect();
        let options = Options {
            connect_timeout: Duration::from_secs(2),
            ..Options::default()
        };
        let nobody = connect(&options, addresses.clone()).unwrap_err();
        assert!(matches!(nobody, Error::NotConnected(..)), "{nobody}");
        assert_eq!(nobody.exit_code(), 28);
        addresses.push(good.local_addr().unwrap());
        let stream = connect(&options, addresses).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
    }

    #[test]
    fn addresses_that_refuse_are_passed_over_at_once() {
        let refusing = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let options = Options {
            connect_timeout: Duration::from_secs(60 * 60),
            ..Options::default()
        };
        let refused = connect(&options, vec![refusing(), refusing()]).unwrap_err();
        assert_eq!(refused.exit_code(), 7);
        let good = TcpListener::bind("127.0.0.1:0").unwrap();
        let good = good.local_addr().map(|at| (good, at)).unwrap();
        assert!(connect(&options, vec![refusing(), good.1]).is_ok());
    }
}
