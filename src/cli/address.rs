//! Parses addresses: a host, by name or IP address, and an optional port.
//!
//! Owns their syntax. Must never look a name up.

use std::net::Ipv6Addr;

#[cfg(feature = "client")]
use crate::wire::DEFAULT_PORT;

/// Stands before a server that speaks TLS.
#[cfg(feature = "client")]
pub(super) const TLS_SCHEME: &str = "berths://";

/// A host without brackets, and its port if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// A name, an IPv4 address, or an IPv6 address that may have its interface behind a `%`.
    pub(super) host: String,
    /// From behind the last colon.
    pub(super) port: Option<u16>,
}

/// Reads `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or a bare IPv6 address.
///
/// Blanks around it are what stands beside a comma in a list.
pub(super) fn parse(text: &str) -> Result<Written, &'static str> {
    let text = text.trim_matches(' ');
    if text.contains("://") {
        return Err("that is a URL; write host and port alone, as in 127.0.0.1:23784");
    }
    let (host, port) = if is_ipv6(text) {
        (text, None)
    } else if let Some((host, rest)) = text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        if !is_ipv6(host) {
            return Err("what stands in brackets is an IPv6 address, as in [::1]:23784");
        }
        match rest.strip_prefix(':') {
            None if !rest.is_empty() => return Err("behind the bracket stands a colon and a port"),
            port => (host, port),
        }
    } else {
        let (host, port) = text
            .rsplit_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port)));
        if host.contains([':', '[', ']']) {
            return Err("an IPv6 address stands in brackets, as in [::1]:23784");
        }
        (host, port)
    };
    if host.is_empty() || host == "*" {
        return Err("the address is missing, as in 127.0.0.1:23784, or [::]:23784 for all");
    }
    if host.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
        return Err("not ADDR:PORT, such as 127.0.0.1:23784 or [::]:23784");
    }
    let number = |port: &str| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let number = port.parse().ok().filter(|_| digits);
        number.ok_or("a port is a number up to 65535")
    };
    // A colon with nothing behind it says as much as none.
    let port = port.filter(|port| !port.is_empty());
    Ok(Written {
        host: host.to_owned(),
        port: port.map(number).transpose()?,
    })
}

/// Takes `HOST` or `HOST:PORT` for a server to call. Returns it with its port, an IPv6 address in
/// brackets.
#[cfg(feature = "client")]
pub(super) fn server(text: &str) -> Result<String, &'static str> {
    // It is left in front, for the one who asks whether TLS is to be spoken.
    if let Some(rest) = text.trim_matches(' ').strip_prefix(TLS_SCHEME) {
        let rest = server(rest.strip_suffix('/').unwrap_or(rest))?;
        return match rest.starts_with(TLS_SCHEME) {
            true => Err("that is a URL in a URL"),
            false => Ok(format!("{TLS_SCHEME}{rest}")),
        };
    }
    let Written { host, port } = parse(text)?;
    match port.unwrap_or(DEFAULT_PORT) {
        0 => Err("a port is a number from 1 to 65535"),
        port if host.contains(':') => Ok(format!("[{host}]:{port}")),
        port => Ok(format!("{host}:{port}")),
    }
}

/// Whether it is an IPv6 address, with the name or number of an interface behind it or without.
fn is_ipv6(text: &str) -> bool {
    let (address, scope) = text.split_once('%').unwrap_or((text, "-"));
    let named = !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    named && !scope.contains(['/', '[', ']']) && address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_a_url_is_told_so() {
        for url in ["http://127.0.0.1:23784", "tcp://host", "http://[::1]:80/x"] {
            assert!(
                parse(url).unwrap_err().starts_with("that is a URL"),
                "{url}"
            );
        }
    }

    #[test]
    fn whatever_people_write_is_read_and_nothing_else() {
        for (text, host, port) in [
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("127.0.0.1", "127.0.0.1", None),
            ("localhost:0", "localhost", Some(0)),
            ("localhost:", "localhost", None),
            ("files.example", "files.example", None),
            ("[::1]:80", "::1", Some(80)),
            ("[::1]", "::1", None),
            ("::1", "::1", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[fe80::1%eth0.7]:65535", "fe80::1%eth0.7", Some(65535)),
            ("[fe80::1%2]", "fe80::1%2", None),
            (" [::1]:80 ", "::1", Some(80)),
        ] {
            let host = host.to_owned();
            assert_eq!(parse(text), Ok(Written { host, port }), "{text}");
        }
        for (bad, told) in [("*:80", "[::]:23784 for all"), ("http://host:80", "a URL")] {
            assert!(parse(bad).expect_err(bad).contains(told), "{bad}");
        }
        for bad in [
            "",
            " ",
            ":80",
            "host:65536",
            "host:+1",
            "host:x",
            "[::1",
            "[::1]80",
            "[host]:80",
            "[fe80::1%]:80",
            "::1:99999",
            "a b:80",
            "http://host:80",
            "[]:80",
            "\u{1b}:80",
        ] {
            parse(bad).expect_err(bad);
        }
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_server_is_a_host_and_a_port() {
        for good in [
            crate::wire::DEFAULT_ADDRESS,
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
            ("berths://myhost", "berths://myhost:23784"),
            ("berths://[::1]:7/", "berths://[::1]:7"),
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
            "berths://",
            "berths://h:0",
            "berths://h/x",
            "berths://berths://h",
            "h:80/",
            "a b",
            "h\n",
            "[::1%a]b]:7",
        ] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
