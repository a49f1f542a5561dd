//! Recognizes the first line of an HTTP request.
//!
//! Owns what a server that does not speak HTTP has to know of it. A web page can make a browser
//! send a request with any body to any port of its machine, and a body may hold lines of this
//! protocol. Must never be asked about a line that is not the first of its connection: there these
//! words are a message like any other.

/// Whether a line, given without its line end, is a request line of HTTP: a token, a space,
/// anything, and the name of a version of HTTP behind a space.
#[must_use]
pub fn is_request_line(line: &[u8]) -> bool {
    let Some(rest) = behind_token(line, is_token) else {
        return false;
    };
    let blanks = rest.iter().rev().take_while(|b| b" \t\r".contains(b));
    let rest = &rest[..rest.len() - blanks.count()];
    let Some(space) = rest.iter().rposition(|&byte| byte == b' ') else {
        return false;
    };
    is_version(&rest[space + 1..])
}

/// Whether a line that is too long to be kept whole begins as a browser begins a request line: its
/// version, which would tell for certain, has not come yet.
#[must_use]
pub fn may_begin_request_line(head: &[u8]) -> bool {
    behind_token(head, |byte| byte.is_ascii_uppercase())
        .is_some_and(|target| target.starts_with(b"/") || target.starts_with(b"http"))
}

/// What stands behind a word and the one space that ends it.
fn behind_token(line: &[u8], is_of_it: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let len = line.iter().take_while(|&&byte| is_of_it(byte)).count();
    line[len..].strip_prefix(b" ").filter(|_| len > 0)
}

/// RFC 9110, 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.')
        || matches!(byte, b'^' | b'_' | b'`' | b'|' | b'~')
}

/// `HTTP/1.1`, and whatever other number an older or newer one has: `HTTP/2`, `HTTP/0.9`.
fn is_version(word: &[u8]) -> bool {
    let Some(number) = word.strip_prefix(b"HTTP/") else {
        return false;
    };
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut parts = number.split(|&byte| byte == b'.');
    parts.clone().count() <= 2 && parts.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_a_token_anything_and_a_version() {
        for line in [
            &b"GET / HTTP/1.1"[..],
            b"GET / HTTP/1.0",
            b"POST /x HTTP/1.1\r",
            b"POST /x HTTP/1.1 \t\r\r",
            b"get /a file HTTP/1.1",
            b"GET  HTTP/1.1",
            b"PRI * HTTP/2.0",
            b"GET / HTTP/3",
            b"GET / HTTP/0.9",
            b"M-SEARCH * HTTP/1.1",
            b"CONNECT 127.0.0.1:23784 HTTP/1.1",
            b"x \0\xff HTTP/1.12",
        ] {
            assert!(is_request_line(line), "{}", line.escape_ascii());
        }
        for line in [
            &b""[..],
            b"HTTP/1.1",
            b"GET HTTP/1.1",
            b" GET / HTTP/1.1",
            b"GET\t/\tHTTP/1.1",
            b"GET / http/1.1",
            b"GET / HTTP/",
            b"GET / HTTP/1.",
            b"GET / HTTP/.1",
            b"GET / HTTP/1.1.1",
            b"GET / HTTP/x",
            b"GET / HTTP/1.1 or so",
            b"GET /HTTP/1.1",
            b"(GET) / HTTP/1.1",
            b"HTTP/1.1 200 OK",
        ] {
            assert!(!is_request_line(line), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_head_of_a_long_one_is_known_by_its_method_and_its_path() {
        for head in [&b"GET /xxxx"[..], b"POST http://127.0.0.1:23784/xxxx"] {
            assert!(may_begin_request_line(head), "{}", head.escape_ascii());
        }
        for head in [
            &b"get /xxxx"[..],
            b"GET xxxx",
            b"xxxx",
            b" /",
            b"GET",
            b"GET  /",
        ] {
            assert!(!may_begin_request_line(head), "{}", head.escape_ascii());
        }
    }
}
