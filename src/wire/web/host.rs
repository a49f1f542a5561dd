//! By which names the web door may be reached, and which pages may use it.
//!
//! Owns the check of `Host` and of `Origin`. A page of any site can point a name of its own at this
//! machine (DNS rebinding), and then its `Origin` is its `Host`; so only a list of names tells it
//! apart. Must never look a name up.

use std::str::FromStr;

use crate::wire::request::parse_u64;

/// How the door is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Through TLS.
    Https,
}

impl Scheme {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Http => b"http://",
            Self::Https => b"https://",
        }
    }
}

/// A name that the door may be reached by, as it is configured: `berth.example`, or
/// `https://berth.example` where a proxy in front of it speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebName {
    /// In small letters.
    name: String,
    is_behind_tls: bool,
}

impl FromStr for WebName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, is_behind_tls) = match text.strip_prefix("https://") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let host = Host::parse(name.as_bytes()).filter(|host| host.name.len() == name.len());
        host.ok_or("a host name without a port, with https:// before it or nothing")?;
        Ok(Self {
            name: name.to_ascii_lowercase(),
            is_behind_tls,
        })
    }
}

/// What the door is called.
#[derive(Clone, Debug)]
pub struct WebDoor {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its names beside `localhost` and every address.
    pub names: Vec<WebName>,
}

impl WebDoor {
    /// Whether a request for this host is meant for this door. An address is: who makes a browser
    /// go astray has to do it with a name.
    #[must_use]
    pub fn is_called(&self, host: &Host<'_>) -> bool {
        host.is_address()
            || host.name.eq_ignore_ascii_case(b"localhost")
            || self.names.iter().any(|name| host.is(name))
    }

    /// Whether a page of this origin is one of ours: RFC 6454, 7. All of it is compared, byte by
    /// byte, and `null` is nobody's.
    #[must_use]
    pub fn is_ours(&self, origin: &[u8], host: &Host<'_>) -> bool {
        let is_at = |scheme: Scheme| origin.strip_prefix(scheme.prefix()) == Some(host.field);
        let is_proxied = |name: &WebName| name.is_behind_tls && host.is(name);
        is_at(self.scheme) || self.names.iter().any(is_proxied) && is_at(Scheme::Https)
    }
}

/// The value of a `Host` field: RFC 9110, 7.2, and RFC 3986, 3.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// All of it, as it came.
    pub field: &'a [u8],
    /// Without the port.
    name: &'a [u8],
}

impl<'a> Host<'a> {
    /// Reads it. `None`: it is none, or it names nothing.
    #[must_use]
    pub fn parse(field: &'a [u8]) -> Option<Self> {
        let end = match field.strip_prefix(b"[") {
            Some(_) => field.iter().position(|&byte| byte == b']')? + 1,
            None => field.iter().take_while(|&&byte| byte != b':').count(),
        };
        let (name, port) = field.split_at(end);
        let is_port = match port.strip_prefix(b":") {
            Some(digits) => digits.is_empty() || parse_u64(digits).is_some_and(|n| n <= 65_535),
            None => port.is_empty(),
        };
        let is_name = match name {
            [b'[', address @ .., b']'] => is_ipv6(address),
            name => !name.is_empty() && name.iter().all(is_of_a_name),
        };
        (is_port && is_name).then_some(Self { field, name })
    }

    fn is(&self, name: &WebName) -> bool {
        self.name.eq_ignore_ascii_case(name.name.as_bytes())
    }

    /// Four numbers or an IPv6 address in brackets. No name ends with a number, so none is taken
    /// for one.
    fn is_address(&self) -> bool {
        let is_number = |part: &[u8]| parse_u64(part).is_some_and(|n| n <= 255);
        let mut parts = self.name.split(|&byte| byte == b'.');
        self.name.starts_with(b"[") || parts.clone().count() == 4 && parts.all(is_number)
    }
}

const fn is_of_a_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Nothing else has brackets, so that its bytes can be those of an address is enough.
fn is_ipv6(address: &[u8]) -> bool {
    let is_of_it = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    address.contains(&b':') && address.iter().all(is_of_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(scheme: Scheme) -> WebDoor {
        let names = ["Berth.example", "https://proxied.example"];
        WebDoor {
            scheme,
            names: names.map(|name| name.parse().unwrap()).to_vec(),
        }
    }

    #[test]
    fn a_door_is_called_by_an_address_or_a_name_of_its_own() {
        let door = door(Scheme::Http);
        for (field, expected) in [
            (&b"127.0.0.1"[..], Some(true)),
            (b"127.0.0.1:23785", Some(true)),
            (b"192.168.255.0:1", Some(true)),
            (b"[::1]:23785", Some(true)),
            (b"[fe80::1]", Some(true)),
            (b"[::ffff:1.2.3.4]", Some(true)),
            (b"localhost", Some(true)),
            (b"LocalHost:80", Some(true)),
            (b"localhost:", Some(true)),
            (b"berth.EXAMPLE:65535", Some(true)),
            (b"proxied.example", Some(true)),
            (b"evil.test", Some(false)),
            (b"localhost.", Some(false)),
            (b"localhost.evil.test", Some(false)),
            (b"evil.localhost", Some(false)),
            (b"127.0.0.1.evil.test", Some(false)),
            (b"127.0.0.256", Some(false)),
            (b"127.1", Some(false)),
            (b"127.0.0.1.", Some(false)),
            (b"127.0.0.1.1", Some(false)),
            (b"0x7f.0.0.1", Some(false)),
            (b"berth.example.", Some(false)),
            (b"xberth.example", Some(false)),
            (b"", None),
            (b":80", None),
            (b"localhost:x", None),
            (b"localhost:65536", None),
            (b"localhost:+80", None),
            (b"localhost:80:80", None),
            (b"localhost, evil.test", None),
            (b"me@localhost", None),
            (b"localhost/", None),
            (b"local\0host", None),
            (b"[::1", None),
            (b"::1", None),
            (b"[]", None),
            (b"[1]", None),
            (b"[localhost]", None),
            (b"[::1]x", None),
            (b"[fe80::1%25eth0]", None),
            (b"b\xc3\xbccher.example", None),
        ] {
            let called = Host::parse(field).map(|host| door.is_called(&host));
            assert_eq!(called, expected, "{}", field.escape_ascii());
        }
    }

    #[test]
    fn only_a_page_of_the_very_same_origin_is_ours() {
        let ours = |scheme, host: &str, origin: &str| {
            let host = Host::parse(host.as_bytes()).expect("it is one");
            door(scheme).is_ours(origin.as_bytes(), &host)
        };
        let (http, https) = (Scheme::Http, Scheme::Https);
        let host = "127.0.0.1:23785";
        assert!(ours(http, host, "http://127.0.0.1:23785"));
        assert!(ours(https, host, "https://127.0.0.1:23785"));
        assert!(ours(http, "[::1]:1", "http://[::1]:1"));
        assert!(ours(http, "proxied.example", "https://proxied.example"));
        assert!(ours(
            http,
            "proxied.example:8443",
            "https://proxied.example:8443"
        ));
        assert!(!ours(http, "berth.example", "https://berth.example"));
        for origin in [
            "",
            "null",
            "http://127.0.0.1:23785.evil",
            "http://127.0.0.1:237850",
            "http://127.0.0.1:2378",
            "http://127.0.0.1",
            "http://localhost:23785",
            "HTTP://127.0.0.1:23785",
            "https://127.0.0.1:23785",
            "http://127.0.0.1:23785/",
            "http://evil@127.0.0.1:23785",
            "http://127.0.0.1:23785 http://127.0.0.1:23785",
            "127.0.0.1:23785",
            "file://",
        ] {
            assert!(!ours(http, host, origin), "{origin}");
        }
    }

    #[test]
    fn a_configured_name_has_no_port_and_no_path() {
        for bad in [
            "",
            "a:80",
            "https://",
            "https://a:80",
            "http://a",
            "a/",
            "[::1",
            "a b",
        ] {
            assert!(bad.parse::<WebName>().is_err(), "{bad}");
        }
        for good in ["a", "https://a.b-c.d_e", "[::1]", "127.0.0.1"] {
            assert!(good.parse::<WebName>().is_ok(), "{good}");
        }
    }
}
