//! The head of a request: where it ends, and what stands in it (RFC 9112, 2 to 5).
//!
//! Owns its form: its size, its line ends and how often a field may come. Must never judge what it
//! asks for: that is [`crate::wire::web::ask`].

use httparse::{EMPTY_HEADER, Error, Header, Request, Status as Parsed};
use memchr::memchr_iter;

use crate::wire::web::status::{Fault, Status};

/// The longest head. A target of [`TARGET_BYTES_MAX`] fits, and beside it what browsers say of
/// themselves, which is below 2 KiB: there are no cookies.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The longest target: a path as long as Linux has it (`PATH_MAX`), each byte written as three, and
/// what stands before it.
pub const TARGET_BYTES_MAX: usize = 3 * 4096 + 128;

/// The most fields. Browsers send fewer than twenty.
pub const FIELDS_MAX: usize = 64;

/// The length of the head that these bytes begin with; `None` if its end has not come.
///
/// Bytes that no head begins with are a fault at once, so that no one waits for the rest.
pub fn measure(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
    // RFC 9112, 2.2: one empty line before a request is ignored.
    let start = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    match start.first() {
        Some(b'\r') if bytes.len() == 1 => {}
        Some(0x16) => return Err(Fault::bad("this port does not speak TLS: use http://")),
        Some(&byte) if !byte.is_ascii_alphabetic() => {
            return Err(Fault::bad("a request begins with its method"));
        }
        Some(_) | None => {}
    }
    for end in memchr_iter(b'\n', bytes) {
        let line = &bytes[..end];
        if !line.ends_with(b"\r") {
            return Err(Fault::bad("a line ends with CR LF"));
        }
        if line.ends_with(b"\r\n\r") {
            return Ok(Some(end + 1));
        }
    }
    match bytes.len() {
        HEAD_BYTES_MAX.. if !start.contains(&b'\n') => Err(TARGET_TOO_LONG),
        HEAD_BYTES_MAX.. => Err(Fault::HEAD_TOO_LARGE),
        _ => Ok(None),
    }
}

const TARGET_TOO_LONG: Fault = Fault::new(Status::UriTooLong, "no name is that long");

/// A whole head.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a [u8],
    /// Whether it is HTTP/1.0, which knows neither `Upgrade` nor `Expect`.
    pub(super) is_1_0: bool,
    fields: Vec<Header<'a>>,
}

impl<'a> Head<'a> {
    /// Reads as many bytes as [`measure`] said.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut fields = [EMPTY_HEADER; FIELDS_MAX];
        let mut request = Request::new(&mut fields);
        match request.parse(bytes) {
            Ok(Parsed::Complete(len)) if len == bytes.len() => {}
            // There is an empty line that is no end, or none.
            Ok(_) => return Err(Fault::bad("this is no head of a request")),
            Err(error) => return Err(fault(error, bytes)),
        }
        let (method, target) = (request.method, request.path);
        let (Some(method), Some(target)) = (method, target) else {
            unreachable!("a request is parsed whole");
        };
        if target.len() > TARGET_BYTES_MAX {
            return Err(TARGET_TOO_LONG);
        }
        // RFC 3986, 2: these are never in a target, and nobody but an attacker writes them.
        if target.contains(['"', '<', '>', '#']) {
            return Err(Fault::bad("this sign is to be percent-encoded in a target"));
        }
        Ok(Self {
            method,
            target: target.as_bytes(),
            is_1_0: request.version == Some(0),
            fields: request.headers.to_vec(),
        })
    }

    /// The values of all fields with this name, in order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value)
    }

    /// The value of a field that may come once only.
    pub(super) fn one(&self, name: &str) -> Result<Option<&'a [u8]>, Fault> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Fault::bad("a field came twice that may come once")),
            (first, None) => Ok(first),
        }
    }

    /// Whether a list of words has this one: RFC 9110, 5.6.1.
    pub(super) fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    }
}

fn fault(error: Error, bytes: &[u8]) -> Fault {
    match error {
        Error::TooManyHeaders => Fault::new(
            Status::HeaderFieldsTooLarge,
            "a request has at most 64 fields",
        ),
        Error::Version if names_version(bytes) => Fault::new(
            Status::VersionNotSupported,
            "HTTP/1.1 and HTTP/1.0 are spoken here",
        ),
        Error::HeaderName => Fault::bad("the name of a field is none"),
        Error::HeaderValue => Fault::bad("the value of a field is none"),
        _ => Fault::bad("this is no head of a request"),
    }
}

/// Whether the first line ends with a version of HTTP (RFC 9112, 2.3), and with one that is not
/// spoken here: then the line is at fault.
fn names_version(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let line = start.split(|&byte| byte == b'\r').next();
    let word = line.unwrap_or_default().rsplit(|&byte| byte == b' ').next();
    match word.unwrap_or_default() {
        b"HTTP/1.0" | b"HTTP/1.1" => false,
        word => matches!(
            word,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_first_empty_line_wherever_it_is_cut() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /two HTTP/1.1\r\n\r\n";
        let len = bytes.len() - b"GET /two HTTP/1.1\r\n\r\n".len();
        for cut in 0..=bytes.len() {
            let expected = (cut >= len).then_some(len);
            assert_eq!(measure(&bytes[..cut]), Ok(expected), "cut at {cut}");
        }
        let behind_empty = [&b"\r\n"[..], bytes].concat();
        for cut in 0..=behind_empty.len() {
            let expected = (cut >= len + 2).then_some(len + 2);
            assert_eq!(measure(&behind_empty[..cut]), Ok(expected), "cut at {cut}");
        }
    }

    #[test]
    fn what_begins_no_head_is_a_fault_at_once() {
        for bytes in [
            &b"\x16\x03\x01\x02"[..],
            b"\n",
            b" ",
            b"\r\n\r\n",
            b"\rG",
            b"\r\n\n",
            b"\0",
            b"\xff",
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r\nHost: a\n",
        ] {
            let status = measure(bytes).map_err(|fault| fault.status);
            assert_eq!(status, Err(Status::BadRequest), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_head_is_bounded_and_the_fault_says_what_was_too_long() {
        let line = b"GET / HTTP/1.1\r\n";
        let field = |len: usize| [&b"X: "[..], &vec![b'x'; len - 7], b"\r\n\r\n"].concat();
        let longest = [&line[..], &field(HEAD_BYTES_MAX - line.len())].concat();
        assert_eq!(measure(&longest), Ok(Some(HEAD_BYTES_MAX)));
        assert_eq!(measure(&longest[..HEAD_BYTES_MAX - 1]), Ok(None));
        let longer = [&line[..], &field(HEAD_BYTES_MAX - line.len() + 1)].concat();
        let status = |bytes: &[u8]| measure(bytes).map_err(|fault| fault.status);
        let too_large = Err(Status::HeaderFieldsTooLarge);
        assert_eq!(status(&longer), too_large);
        assert_eq!(status(&longer[..HEAD_BYTES_MAX]), too_large);
        let target = [&b"GET /"[..], &[b'x'; HEAD_BYTES_MAX]].concat();
        assert_eq!(status(&target), Err(Status::UriTooLong));
    }
}
