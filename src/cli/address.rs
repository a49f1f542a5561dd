//! Addresses as people write them.
//!
//! Owns what may be left out of one. Must never look a name up.

use std::net::Ipv6Addr;

use crate::wire::DEFAULT_PORT;

/// Takes `HOST` or `HOST:PORT`, where HOST may be an IPv6 address, in brackets where a port
/// follows. Returns it with its port.
pub(super) fn server(text: &str) -> Result<String, &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        _ if is_ipv6(text) => (format!("[{text}]"), ""),
        // The colons are those of an address in brackets.
        Some((_, port)) if port.ends_with(']') => (text.to_owned(), ""),
        Some((host, port)) => (host.to_owned(), port),
        None => (text.to_owned(), ""),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(address) if !is_ipv6(address) => {
            return Err("what stands in brackets is an IPv6 address, as in [::1]:23784");
        }
        None if host.contains([':', '[', ']']) => {
            return Err("an IPv6 address stands in brackets, as in [::1]:23784");
        }
        None if host.is_empty() => {
            return Err("the address is missing, as in 127.0.0.1:23784");
        }
        None if host.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) => {
            return Err("it is a host and a port, as in files.example:23784");
        }
        _ => {}
    }
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        _ if port.is_empty() => Ok(format!("{host}:{DEFAULT_PORT}")),
        Ok(1..) if digits => Ok(format!("{host}:{port}")),
        _ => Err("a port is a number from 1 to 65535"),
    }
}

/// Whether it is an IPv6 address, with the name or number of an interface behind it or without.
fn is_ipv6(text: &str) -> bool {
    let (address, scope) = text.split_once('%').unwrap_or((text, "-"));
    let named = !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    named && !scope.contains(['/', ']']) && address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DEFAULT_ADDRESS;

    #[test]
    fn a_server_is_a_host_and_a_port() {
        for good in [
            DEFAULT_ADDRESS,
            "[::1]:1",
            "localhost:65535",
            "a-b.c:80",
            "[fe80::1%eth0]:7",
            "[fe80::1%eth0.100]:7",
        ] {
            assert_eq!(server(good).as_deref(), Ok(good));
        }
        for (short, whole) in [
            ("myhost", "myhost:23784"),
            ("localhost:", "localhost:23784"),
            ("10.0.0.1", "10.0.0.1:23784"),
            ("::1", "[::1]:23784"),
            ("::", "[::]:23784"),
            ("[::1]", "[::1]:23784"),
            ("[::1]:", "[::1]:23784"),
            ("fe80::1%eth0", "[fe80::1%eth0]:23784"),
            ("[fe80::1%2]", "[fe80::1%2]:23784"),
            ("::ffff:10.0.0.1", "[::ffff:10.0.0.1]:23784"),
        ] {
            assert_eq!(server(short).as_deref(), Ok(whole));
        }
        for bad in [
            "",
            ":80",
            ":",
            "h:0",
            "h:65536",
            "h:http",
            "h:+",
            "h:+80",
            "a:b:80",
            "::1%",
            "[::1",
            "::1]",
            "[]",
            "[]:80",
            "[h]:80",
            "[::1%]:80",
            "[::1]x:80",
            "tcp://h:80",
            "h:80/",
            "a b",
            "h\n",
            "[::1%a]b]:7",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
