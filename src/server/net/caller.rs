//! Who has connected, as the server knows it.
//!
//! Owns the address and the listener that it came through, and the origin by which berths are
//! counted. Must never be taken for the peer's identity.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::engine::ports::Peer;
use crate::server::net::listener::Door;

/// A peer that has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its address.
    pub address: SocketAddr,
    /// What is spoken on the listener that it came through.
    pub door: Door,
}

/// What counts as one address: an IPv4 address, or an IPv6 network. A host with IPv6 has a network
/// of 2^64 addresses as a rule (RFC 6177).
impl Peer for Caller {
    type Origin = IpAddr;

    fn origin(&self) -> IpAddr {
        match self.address.ip() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_doors_do_not_count_and_an_ipv6_network_is_one_place() {
        let from = |text: &str, door| Caller {
            address: text.parse().expect("it is one"),
            door,
        };
        let origin = |text: &str| from(text, Door::Plain).origin();
        assert_eq!(origin("127.0.0.1:1"), origin("127.0.0.1:2"));
        assert_eq!(
            origin("127.0.0.1:1"),
            from("127.0.0.1:1", Door::Tls).origin()
        );
        assert_ne!(origin("127.0.0.1:1"), origin("127.0.0.2:1"));
        assert_eq!(origin("[2001:db8::1]:1"), origin("[2001:db8::ffff:1]:9"));
        assert_ne!(origin("[2001:db8::1]:1"), origin("[2001:db8:0:1::1]:1"));
    }
}
