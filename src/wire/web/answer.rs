//! The head of an answer: RFC 9112, 4 and 5.
//!
//! Owns what every answer says, so that none forgets it, and that no value ends its line. Must
//! never write a body, but for that of a fault.
//!
//! Every answer is the last of its connection: `Connection: close` is in each, so that nothing
//! behind a request is ever read as another one.

use std::fmt::Display;
use std::time::SystemTime;

use httpdate::HttpDate;

use crate::wire::reply::push;
use crate::wire::timestamp::Timestamp;
use crate::wire::web::status::{Fault, Status};
use crate::wire::web::websocket::AcceptKey;

/// What a client waits for that asked whether to send its body: RFC 9110, 15.2.1.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a page made of a file or of an error may do: nothing, and not in the name of the server.
pub const CONTENT_POLICY: &str = "default-src 'none'; sandbox";

/// A moment as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). One that cannot
/// be written is the nearest that can.
#[must_use]
pub fn http_date(moment: SystemTime) -> impl Display {
    HttpDate::from(Timestamp(moment).written())
}

/// The head of an answer, which is written as it is said.
#[derive(Debug)]
pub struct AnswerHead<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> AnswerHead<'a> {
    /// The status line and what every answer says.
    pub fn begin(out: &'a mut Vec<u8>, status: Status, now: SystemTime) -> Self {
        push(out, format_args!("HTTP/1.1 {status}\r\n"));
        let head = Self { out }.field("Date", http_date(now));
        match status {
            Status::SwitchingProtocols => head.field("Connection", "Upgrade"),
            _ => head.field("Connection", "close"),
        }
    }

    /// One field. What would end its line is a `?` in it.
    #[must_use = "a head has an end"]
    pub fn field(self, name: &str, value: impl Display) -> Self {
        push(self.out, format_args!("{name}: "));
        let start = self.out.len();
        push(self.out, format_args!("{value}"));
        let value = &mut self.out[start..];
        value
            .iter_mut()
            .filter(|byte| byte.is_ascii_control())
            .for_each(|byte| *byte = b'?');
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// What follows the head: its type and its length. A browser is not to guess another type.
    #[must_use = "a head has an end"]
    pub fn content(self, kind: &str, len: u64) -> Self {
        self.field("Content-Type", kind)
            .field("Content-Length", len)
            .field("X-Content-Type-Options", "nosniff")
    }

    /// What holds for all that is not the page itself: it does nothing, no other site embeds it,
    /// and a browser asks again before it shows it again.
    #[must_use = "a head has an end"]
    pub fn sandboxed(self) -> Self {
        self.field("Content-Security-Policy", CONTENT_POLICY)
            .field("Cross-Origin-Resource-Policy", "same-origin")
            .field("Cache-Control", "no-cache")
    }

    /// The empty line.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Appends the whole answer to a request that is not carried out; to HEAD, its head only.
pub fn write_fault(out: &mut Vec<u8>, fault: &Fault, is_head: bool, now: SystemTime) {
    let len = fault.reason.len() as u64 + 1;
    let mut head = AnswerHead::begin(out, fault.status, now)
        .content("text/plain; charset=utf-8", len)
        .sandboxed();
    match fault.status {
        Status::MethodNotAllowed => head = head.field("Allow", fault.allow),
        // RFC 9110, 15.5.22, and RFC 6455, 4.4.
        Status::UpgradeRequired => {
            head = head
                .field("Upgrade", "websocket")
                .field("Sec-WebSocket-Version", 13);
        }
        _ => {}
    }
    head.end();
    if !is_head {
        push(out, format_args!("{}\n", fault.reason));
    }
}

/// Appends the answer that begins a WebSocket: RFC 6455, 4.2.2.
pub fn write_upgrade(out: &mut Vec<u8>, accept: AcceptKey, now: SystemTime) {
    AnswerHead::begin(out, Status::SwitchingProtocols, now)
        .field("Upgrade", "websocket")
        .field("Sec-WebSocket-Accept", accept)
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    /// The example of RFC 9110, 5.6.7.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    #[test]
    fn a_head_says_its_date_and_that_the_connection_ends() {
        let mut out = Vec::new();
        AnswerHead::begin(&mut out, Status::Ok, now())
            .content("application/octet-stream", u64::MAX)
            .end();
        let expected = "HTTP/1.1 200 OK\r\n\
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
            Connection: close\r\n\
            Content-Type: application/octet-stream\r\n\
            Content-Length: 18446744073709551615\r\n\
            X-Content-Type-Options: nosniff\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn no_value_ends_its_line() {
        let mut out = Vec::new();
        AnswerHead::begin(&mut out, Status::Ok, now())
            .field("X", "a\r\nSet-Cookie: b\0\u{7f}\tc")
            .end();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("X: a??Set-Cookie: b???c\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_clock_that_is_far_off_is_written_all_the_same() {
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(http_date(far).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        let early = UNIX_EPOCH - Duration::from_secs(1 << 40);
        assert_eq!(
            http_date(early).to_string(),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn a_fault_is_a_whole_answer_with_what_could_be_done_instead() {
        let written = |fault, is_head| {
            let mut out = Vec::new();
            write_fault(&mut out, &fault, is_head, now());
            String::from_utf8(out).unwrap()
        };
        let text = written(Fault::NOT_FOUND, false);
        assert!(
            text.starts_with("HTTP/1.1 404 Not Found\r\nDate: "),
            "{text}"
        );
        assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
        assert!(text.contains("\r\nContent-Length: 22\r\n"), "{text}");
        assert!(text.contains("; sandbox\r\n") && text.contains(": nosniff\r\n"));
        assert!(text.ends_with("\r\n\r\nthere is nothing here\n"), "{text}");
        let head = written(Fault::NOT_FOUND, true);
        assert_eq!(text.strip_prefix(&head), Some("there is nothing here\n"));
        let text = written(Fault::method("GET, HEAD"), false);
        assert!(text.contains("\r\nAllow: GET, HEAD\r\n"), "{text}");
        let text = written(Fault::new(Status::UpgradeRequired, "x"), false);
        assert!(text.contains("\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
    }

    #[test]
    fn a_socket_begins_with_the_key_of_the_standard() {
        let accept = AcceptKey::answer(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        let mut out = Vec::new();
        write_upgrade(&mut out, accept, now());
        let expected = "HTTP/1.1 101 Switching Protocols\r\n\
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
            Connection: Upgrade\r\n\
            Upgrade: websocket\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
