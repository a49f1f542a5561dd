//! Where a peer is, as far as shares go.
//!
//! Owns the one rule. Must never be asked who the peer is: an origin is not an identity.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::engine::ports::Peer;

/// What counts as one address. A host with IPv6 has a network of them, 2^64 as a rule (RFC 6177),
/// so there it is the network that has a share.
impl Peer for SocketAddr {
    type Origin = IpAddr;

    fn origin(&self) -> IpAddr {
        match self.ip() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_do_not_count_and_an_ipv6_network_is_one_place() {
        let origin = |text: &str| text.parse::<SocketAddr>().expect("it is one").origin();
        assert_eq!(origin("127.0.0.1:1"), origin("127.0.0.1:2"));
        assert_ne!(origin("127.0.0.1:1"), origin("127.0.0.2:1"));
        assert_eq!(origin("[2001:db8::1]:1"), origin("[2001:db8::ffff:1]:9"));
        assert_ne!(origin("[2001:db8::1]:1"), origin("[2001:db8:0:1::1]:1"));
    }
}
