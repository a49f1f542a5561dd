//! A request at the web door: what it asks for, or the fault that ends it (RFC 9110).
//!
//! Owns the order of the checks, which method is for what, and what a page of another site must not
//! do. Must never judge whether a file is there, or whether there is a berth.
//!
//! Whether the request is for this server is judged first, so that a page of another site learns
//! nothing of it.

use crate::wire::request::parse_u64;
use crate::wire::web::conditions::Conditions;
use crate::wire::web::head::Head;
use crate::wire::web::host::{Host, WebDoor};
use crate::wire::web::status::{Fault, Status};
use crate::wire::web::target::{Key, Route, split_target};
use crate::wire::web::websocket::AcceptKey;

/// A request that can be carried out, as far as its head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// What it asks for.
    pub wanted: Wanted,
    /// Whether it is HEAD: the answer is that to GET without its body (RFC 9110, 9.3.2).
    pub is_head: bool,
    /// By what name and port the server is called; checked.
    pub host: &'a [u8],
    /// What the answer depends on.
    pub conditions: Conditions<'a>,
    /// The token that it shows: RFC 6750, 2.1.
    pub bearer: Option<&'a [u8]>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The page.
    Page,
    /// A session through a WebSocket.
    Socket {
        /// What the page wants to be known by.
        key: Option<Key>,
        /// The answer to its handshake.
        accept: AcceptKey,
    },
    /// A file.
    Download {
        /// Of the page that has a berth.
        key: Option<Key>,
        /// Of the file.
        name: Vec<u8>,
    },
    /// The files of a folder.
    Listing {
        /// Empty for the served folder itself.
        folder: Vec<u8>,
    },
    /// To keep the body as a file.
    Upload {
        /// Of the page that has a berth.
        key: Option<Key>,
        /// Of the file.
        name: Vec<u8>,
        /// How long the body is.
        size: u64,
        /// Whether the client waits for [`crate::wire::web::answer::CONTINUE`] before it sends the
        /// body.
        waits: bool,
    },
}

impl Wanted {
    /// The key of the page on whose berth this is to be done.
    #[must_use]
    pub const fn rides_with(&self) -> Option<Key> {
        match self {
            Self::Download { key, .. } | Self::Upload { key, .. } => *key,
            Self::Page | Self::Socket { .. } | Self::Listing { .. } => None,
        }
    }
}

/// The methods of RFC 9110, 9.3, and RFC 5789.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Put,
    /// Another one, which is carried out nowhere.
    Other,
}

impl<'a> Ask<'a> {
    /// Reads a whole head, of as many bytes as [`crate::wire::web::head::measure`] said.
    pub fn read(head: &'a [u8], door: &WebDoor) -> Result<Self, Fault> {
        let head = Head::parse(head)?;
        let (authority, path) = split_target(head.target);
        let host = check_host(&head, authority, door)?;
        let body = read_body(&head)?;
        let method = read_method(head.method)?;
        let waits = read_expectation(&head)?;
        let wanted = match (Route::of(path)?, method) {
            (Route::Page, Method::Get | Method::Head) => Wanted::Page,
            (Route::Listing(folder), Method::Get | Method::Head) => {
                check_fetch(&head)?;
                Wanted::Listing { folder }
            }
            (Route::Named { key, name }, Method::Get | Method::Head) => {
                if key.is_none() {
                    check_fetch(&head)?;
                }
                Wanted::Download { key, name }
            }
            (Route::Named { key, name }, Method::Put) => {
                check_origin(&head, &host, door)?;
                let size = read_upload(&head, body)?;
                Wanted::Upload {
                    key,
                    name,
                    size,
                    waits,
                }
            }
            (Route::Socket(key), Method::Get) => {
                let accept = read_handshake(&head)?;
                check_origin(&head, &host, door)?;
                Wanted::Socket { key, accept }
            }
            (Route::Page | Route::Listing(_), _) => return Err(Fault::method("GET, HEAD")),
            (Route::Named { .. }, _) => return Err(Fault::method("GET, HEAD, PUT")),
            (Route::Socket(_), _) => return Err(Fault::method("GET")),
        };
        if method != Method::Put && body != Body::None {
            return Err(Fault::bad("only PUT has a body"));
        }
        Ok(Self {
            wanted,
            is_head: method == Method::Head,
            host: host.field,
            conditions: read_conditions(&head, method)?,
            bearer: read_bearer(&head)?,
        })
    }
}

/// Whether the answer to this head has no body: it is HEAD, whatever else is wrong with it.
#[must_use]
pub fn is_head(head: &[u8]) -> bool {
    head.strip_prefix(b"\r\n")
        .unwrap_or(head)
        .starts_with(b"HEAD ")
}

/// One `Host`, also where the target names one, which then counts: RFC 9112, 3.2 and 3.2.2.
fn check_host<'a>(
    head: &Head<'a>,
    authority: Option<&'a [u8]>,
    door: &WebDoor,
) -> Result<Host<'a>, Fault> {
    let field = head.one("Host")?;
    let field = field.ok_or(Fault::bad("a request has a Host"))?;
    let host = Host::parse(field).and_then(|host| authority.map_or(Some(host), Host::parse));
    let host = host.ok_or(Fault::bad("the Host is none"))?;
    if door.is_called(&host) {
        return Ok(host);
    }
    Err(Fault::new(
        Status::MisdirectedRequest,
        "this server has another name: use its address, or start it with --web-name",
    ))
}

/// What is behind a head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Nothing. That this was said matters to PUT only.
    None,
    Known(u64),
    /// Of a length that does not fit.
    Endless,
    Chunked,
}

/// How long the body is: RFC 9112, 6. Each way to say it twice is a fault.
fn read_body(head: &Head<'_>) -> Result<Body, Fault> {
    let length = head.one("Content-Length")?;
    let coding = head.one("Transfer-Encoding")?;
    match (length, coding) {
        (Some(_), Some(_)) => Err(Fault::bad("a body has one length")),
        (None, Some(_)) if head.is_1_0 => Err(Fault::bad("HTTP/1.0 has no codings")),
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        (None, Some(_)) => Err(Fault::new(
            Status::NotImplemented,
            "this transfer coding is not known",
        )),
        (Some(digits), None) if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) => {
            Err(Fault::bad("a length is digits"))
        }
        (Some(digits), None) => Ok(match parse_u64(digits) {
            Some(0) if head.method != "PUT" => Body::None,
            Some(len) => Body::Known(len),
            None => Body::Endless,
        }),
        (None, None) => Ok(Body::None),
    }
}

/// RFC 9110, 9.1: what is known and not for this, and what is not known.
fn read_method(method: &str) -> Result<Method, Fault> {
    match method {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "PUT" => Ok(Method::Put),
        "POST" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => Ok(Method::Other),
        _ => Err(Fault::new(
            Status::NotImplemented,
            "this method is not known",
        )),
    }
}

/// A page of another site is not to take a berth by embedding a file. This is a help only: browsers
/// say who asks only where they trust the connection. A link is followed from anywhere.
fn check_fetch(head: &Head<'_>) -> Result<(), Fault> {
    let site = head.one("Sec-Fetch-Site")?;
    let mode = head.one("Sec-Fetch-Mode")?;
    let dest = head.one("Sec-Fetch-Dest")?;
    let is_own = site.is_none_or(|site| site == b"same-origin" || site == b"none");
    let is_link =
        mode.is_none_or(|mode| mode == b"navigate") && dest.is_none_or(|dest| dest == b"document");
    if is_own || is_link {
        return Ok(());
    }
    Err(FOREIGN)
}

/// A page of another site must not act here. A request without `Origin` is of no page.
fn check_origin(head: &Head<'_>, host: &Host<'_>, door: &WebDoor) -> Result<(), Fault> {
    match head.one("Origin")? {
        Some(origin) if !door.is_ours(origin, host) => Err(FOREIGN),
        _ => Ok(()),
    }
}

const FOREIGN: Fault = Fault::new(Status::Forbidden, "a page of another site may not do this");

/// RFC 9110, 9.3.4: a body that is only a part, or coded, would be kept as something else than it
/// is.
fn read_upload(head: &Head<'_>, body: Body) -> Result<u64, Fault> {
    if head.one("Content-Range")?.is_some() {
        return Err(Fault::bad("a file is sent whole"));
    }
    if head.one("Content-Encoding")?.is_some() {
        return Err(Fault::new(
            Status::UnsupportedMediaType,
            "a file is sent as it is",
        ));
    }
    match body {
        Body::Known(size) => Ok(size),
        Body::Endless => Err(Fault::new(Status::ContentTooLarge, "no file is that long")),
        Body::None | Body::Chunked => Err(Fault::new(
            Status::LengthRequired,
            "say how long the file is with Content-Length",
        )),
    }
}

/// RFC 9110, 10.1.1.
fn read_expectation(head: &Head<'_>) -> Result<bool, Fault> {
    match head.one("Expect")? {
        _ if head.is_1_0 => Ok(false),
        None => Ok(false),
        Some(expected) if expected.eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Fault::new(
            Status::ExpectationFailed,
            "only 100-continue can be expected",
        )),
    }
}

/// RFC 6455, 4.2.1.
fn read_handshake(head: &Head<'_>) -> Result<AcceptKey, Fault> {
    let is_asked = head.lists("Upgrade", "websocket") && head.lists("Connection", "upgrade");
    let version = head.one("Sec-WebSocket-Version")?;
    if head.is_1_0 || !is_asked || version != Some(b"13") {
        return Err(Fault::new(
            Status::UpgradeRequired,
            "this is for WebSocket, version 13",
        ));
    }
    let key = head.one("Sec-WebSocket-Key")?.and_then(AcceptKey::answer);
    key.ok_or(Fault::bad("a Sec-WebSocket-Key is 16 bytes in base64"))
}

/// RFC 6750, 2.1, and RFC 9110, 11.4: what is shown in another way is nothing that is known here.
fn read_bearer<'a>(head: &Head<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let shown = head.one("Authorization")?.and_then(|field| {
        let (scheme, token) = field.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
    });
    Ok(shown.map(<[u8]>::trim_ascii))
}

fn read_conditions<'a>(head: &Head<'a>, method: Method) -> Result<Conditions<'a>, Fault> {
    let is_get = method == Method::Get;
    Ok(Conditions {
        if_match: head.one("If-Match")?,
        if_unmodified_since: head.one("If-Unmodified-Since")?,
        if_none_match: head.one("If-None-Match")?,
        if_modified_since: head.one("If-Modified-Since")?,
        range: head.one("Range")?.filter(|_| is_get),
        if_range: head.one("If-Range")?.filter(|_| is_get),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::web::head::measure;
    use crate::wire::web::host::Scheme;

    const KEY: &str = "000102030405060708090a0b0c0d0eff";
    const SOCKET: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    /// The outcome of a head, as a number where it is a fault.
    fn outcome(head: &[u8]) -> Result<Ask<'_>, u16> {
        let door = WebDoor {
            scheme: Scheme::Http,
            names: vec!["berth.example".parse().unwrap()],
        };
        let status = |fault: Fault| fault.status as u16;
        match measure(head).map_err(status)? {
            Some(len) => Ask::read(&head[..len], &door).map_err(status),
            None => Err(Status::RequestTimeout as u16),
        }
    }

    /// A request line and fields, each line with its end; the `Host` is a good one.
    fn head(line: &str, fields: &str) -> Vec<u8> {
        format!("{line}\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
    }

    fn wanted(line: &str, fields: &str) -> Result<Wanted, u16> {
        outcome(&head(line, fields)).map(|ask| ask.wanted)
    }

    fn fault(line: &str, fields: &str) -> u16 {
        wanted(line, fields).expect_err(line)
    }

    #[test]
    fn a_head_asks_for_what_its_path_and_its_method_say() {
        let key = Key::parse(KEY.as_bytes());
        let name = b"a b".to_vec();
        let folder = b"a".to_vec();
        let download = |key| {
            Ok(Wanted::Download {
                key,
                name: name.clone(),
            })
        };
        let keyed = format!("GET /k/{KEY}/a%20b HTTP/1.1");
        assert_eq!(wanted("GET / HTTP/1.1", ""), Ok(Wanted::Page));
        assert_eq!(wanted("GET / HTTP/1.0", ""), Ok(Wanted::Page));
        assert_eq!(
            wanted("GET http://127.0.0.1/ HTTP/1.1", ""),
            Ok(Wanted::Page)
        );
        assert_eq!(
            wanted("GET /list/a/ HTTP/1.1", ""),
            Ok(Wanted::Listing { folder })
        );
        assert_eq!(wanted("GET /f/a%20b HTTP/1.1", ""), download(None));
        assert_eq!(wanted(&keyed, ""), download(key));
        let upload = |size, waits| {
            let (key, name) = (None, name.clone());
            Ok(Wanted::Upload {
                key,
                name,
                size,
                waits,
            })
        };
        let put = |fields| wanted("PUT /f/a%20b HTTP/1.1", fields);
        assert_eq!(put("Content-Length: 0\r\n"), upload(0, false));
        let waiting = "Content-Length: 7\r\nExpect: 100-Continue\r\n";
        assert_eq!(put(waiting), upload(7, true));
        assert_eq!(wanted("PUT /f/a%20b HTTP/1.0", waiting), upload(7, false));
        let accept = AcceptKey::answer(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        let socket = |line| wanted(line, SOCKET);
        let key_of = format!("GET /ws?{KEY} HTTP/1.1");
        assert_eq!(socket(&key_of), Ok(Wanted::Socket { key, accept }));
        assert_eq!(
            socket("GET /ws HTTP/1.1"),
            Ok(Wanted::Socket { key: None, accept })
        );
        assert_eq!(
            socket("GET / HTTP/1.1"),
            Ok(Wanted::Page),
            "other paths ignore it"
        );
    }

    #[test]
    fn head_is_get_without_a_range() {
        let fields = "Range: bytes=0-1\r\nIf-Range: \"a\"\r\nIf-None-Match: \"b\"\r\n";
        let get = head("GET /f/a HTTP/1.1", fields);
        let get = outcome(&get).unwrap();
        assert_eq!(get.conditions.range, Some(&b"bytes=0-1"[..]));
        assert_eq!(get.conditions.if_range, Some(&b"\"a\""[..]));
        assert!(!get.is_head && get.host == b"localhost");
        let bytes = head("HEAD /f/a HTTP/1.1", fields);
        let ask = outcome(&bytes).unwrap();
        assert!(ask.is_head && ask.wanted == get.wanted);
        assert_eq!(ask.conditions.range, None);
        assert_eq!(ask.conditions.if_none_match, Some(&b"\"b\""[..]));
        assert!(is_head(&bytes) && is_head(b"\r\nHEAD / x") && !is_head(b"HEADER / x"));
    }

    #[test]
    fn a_method_is_allowed_known_or_unknown() {
        for method in ["POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"] {
            assert_eq!(fault(&format!("{method} / HTTP/1.1"), ""), 405, "{method}");
        }
        for line in ["PUT / HTTP/1.1", "PUT /list/ HTTP/1.1", "HEAD /ws HTTP/1.1"] {
            assert_eq!(fault(line, ""), 405, "{line}");
        }
        for method in ["get", "GETX", "PROPFIND", "M-SEARCH", "PRI"] {
            assert_eq!(fault(&format!("{method} / HTTP/1.1"), ""), 501, "{method}");
        }
        let allowed = |line: &str| {
            let head = head(line, "");
            let door = WebDoor {
                scheme: Scheme::Http,
                names: Vec::new(),
            };
            Ask::read(&head, &door).unwrap_err().allow
        };
        assert_eq!(allowed("POST / HTTP/1.1"), "GET, HEAD");
        assert_eq!(allowed("POST /f/a HTTP/1.1"), "GET, HEAD, PUT");
        assert_eq!(allowed("PUT /ws HTTP/1.1"), "GET");
    }

    #[test]
    fn only_the_names_of_the_server_are_answered() {
        let status = |host: &str, target: &str| {
            let head = format!("GET {target} HTTP/1.1\r\n{host}\r\n");
            outcome(head.as_bytes()).map_or_else(|status| status, |_| 200)
        };
        for (host, target, expected) in [
            ("Host: 127.0.0.1:1\r\n", "/", 200),
            ("Host:berth.example\r\n", "/", 200),
            ("Host: \t localhost \t\r\n", "/", 200),
            ("Host: evil.test\r\n", "/", 421),
            ("Host: evil.test\r\n", "/nothing", 421),
            ("Host: localhost\r\n", "http://evil.test/", 421),
            ("Host: evil.test\r\n", "http://localhost/", 200),
            ("Host: localhost\r\n", "http://me@localhost/", 400),
            ("Host: localhost\r\n", "http:///", 400),
            ("", "/", 400),
            ("", "http://localhost/", 400),
            ("Host:\r\n", "/", 400),
            ("Host: localhost\r\nHost: localhost\r\n", "/", 400),
            ("Host: localhost\r\nhost: evil.test\r\n", "/", 400),
            ("Host: localhost, evil.test\r\n", "/", 400),
            ("Host: local host\r\n", "/", 400),
        ] {
            assert_eq!(status(host, target), expected, "{host} {target}");
        }
    }

    /// After http-garden's collection: what servers have read differently from each other.
    #[test]
    fn a_head_that_two_servers_read_differently_is_refused() {
        for fields in [
            "Content-Length: 5\r\n",
            "Content-Length: +0\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: +1_0\r\n",
            "Content-Length: 0x0\r\n",
            "Content-Length: 0, 0\r\n",
            "Content-Length: 0\r\nContent-Length: 0\r\n",
            "Content-Length: \r\n",
            "Content-Length: 0 0\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length : 0\r\n",
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: Chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding\0: chunked\r\n",
            "X: a\rb\r\n",
            "X: a\nb: c\r\n",
            "X: a\0b\r\n",
            "X: a\x07b\r\n",
            "X: a\r\n folded\r\n",
            " X: a\r\n",
            "X Y: a\r\n",
            "X\tY: a\r\n",
            "X[]: a\r\n",
            "X\rY: a\r\n",
            "\u{e9}: a\r\n",
            ": a\r\n",
            "X\r\n",
            "\rX: a\r\n",
            "X: a\r\r\n",
        ] {
            assert_eq!(fault("GET / HTTP/1.1", fields), 400, "{fields:?}");
        }
        let coded = "Transfer-Encoding: gzip, chunked\r\n";
        assert_eq!(fault("GET / HTTP/1.1", coded), 501);
        let coded = "Transfer-Encoding: chunked\r\n";
        assert_eq!(fault("PUT /f/a HTTP/1.0", coded), 400);
    }

    #[test]
    fn a_request_line_has_three_words_and_a_version_that_is_spoken() {
        for (line, expected) in [
            ("GET /", 400),
            ("GET  / HTTP/1.1", 400),
            ("GET /  HTTP/1.1", 400),
            ("GET\t/ HTTP/1.1", 400),
            ("GET / HTTP/1.1 ", 400),
            ("GET / a HTTP/1.1", 400),
            ("GET / HTTP/1.32", 400),
            ("GET / HTTP/11", 400),
            ("GET / HTTP/1,1", 400),
            ("GET / http/1.1", 400),
            ("GET / HTP/1.1", 400),
            ("GET ! HTTP/1.1", 400),
            ("GET * HTTP/1.1", 400),
            ("GET a HTTP/1.1", 400),
            ("GET ftp://localhost/ HTTP/1.1", 400),
            ("GET /\" HTTP/1.1", 400),
            ("GET /<x> HTTP/1.1", 400),
            ("GET /#x HTTP/1.1", 400),
            ("GET /\0 HTTP/1.1", 400),
            ("G\0T / HTTP/1.1", 400),
            ("GET / HTTP/0.9", 505),
            ("GET / HTTP/2.0", 505),
            ("PRI * HTTP/2.0", 505),
            ("GET / HTTP/1.2", 505),
        ] {
            assert_eq!(fault(line, ""), expected, "{line:?}");
        }
        assert_eq!(outcome(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(505));
        let raw = wanted("GET /f/\u{fc}\\|^[]{}` HTTP/1.1", "");
        let name = "\u{fc}\\|^[]{}`".into();
        assert_eq!(
            raw,
            Ok(Wanted::Download { key: None, name }),
            "curl sends these as they are"
        );
    }

    #[test]
    fn too_much_of_a_head_has_its_own_outcome() {
        let long = "x".repeat(crate::wire::web::head::TARGET_BYTES_MAX);
        assert_eq!(fault(&format!("GET /{long} HTTP/1.1"), ""), 414);
        let most = "X: y\r\n".repeat(63);
        assert_eq!(wanted("GET / HTTP/1.1", &most), Ok(Wanted::Page));
        assert_eq!(fault("GET / HTTP/1.1", &format!("{most}X: y\r\n")), 431);
        let deepest = format!("GET /k/{KEY}/{} HTTP/1.1", "%41".repeat(4095));
        assert!(wanted(&deepest, "").is_ok());
        let two = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /f/a HTTP/1.1\r\n\r\n";
        assert_eq!(outcome(two).map(|ask| ask.wanted), Ok(Wanted::Page));
        let door = WebDoor {
            scheme: Scheme::Http,
            names: Vec::new(),
        };
        let both = Ask::read(two, &door).map_err(|fault| fault.status);
        assert_eq!(both, Err(Status::BadRequest), "a head is all of its bytes");
        assert_eq!(outcome(b"GET / HTTP/1.1\r\nHost: localhost\r\n"), Err(408));
    }

    #[test]
    fn a_socket_begins_with_the_handshake_of_the_standard() {
        let asked = |from: &str, to: &str| {
            let fields = SOCKET.replacen(from, to, 1);
            assert!(fields != SOCKET || from == to, "{from} is there");
            wanted("GET /ws HTTP/1.1", &fields).map_or_else(|status| status, |_| 101)
        };
        for (from, to, expected) in [
            ("Upgrade: websocket", "uPGRADE: WebSocket", 101),
            ("Upgrade: websocket", "Upgrade: h2c , websocket", 101),
            (
                "Connection: Upgrade",
                "Connection: keep-alive, UPGRADE",
                101,
            ),
            (
                "Connection: Upgrade",
                "Connection: a\r\nConnection: upgrade",
                101,
            ),
            ("Upgrade: websocket", "Upgrade: h2c", 426),
            ("Upgrade: websocket", "X: websocket", 426),
            ("Connection: Upgrade", "Connection: close", 426),
            ("Version: 13", "Version: 8", 426),
            ("Version: 13", "Version: 13, 8", 426),
            (
                "Version: 13",
                "Version: 13\r\nSec-WebSocket-Version: 8",
                400,
            ),
            ("Sec-WebSocket-Key", "X-Key", 400),
            ("Key: d", "Key: ", 400),
            ("Key: d", "Key: x\r\nSec-WebSocket-Key: d", 400),
        ] {
            assert_eq!(asked(from, to), expected, "{to:?}");
        }
        assert_eq!(fault("GET /ws HTTP/1.1", ""), 426);
        assert_eq!(fault("GET /ws HTTP/1.0", SOCKET), 426);
        assert_eq!(fault("POST /ws HTTP/1.1", SOCKET), 405);
        assert_eq!(fault("GET /ws?x HTTP/1.1", SOCKET), 400);
    }

    #[test]
    fn a_page_of_another_site_neither_joins_nor_uploads() {
        let put = "Content-Length: 1\r\n";
        for (line, fields) in [("GET /ws HTTP/1.1", SOCKET), ("PUT /f/a HTTP/1.1", put)] {
            let from = |origin: &str| {
                let fields = format!("{fields}Origin: {origin}\r\n");
                wanted(line, &fields).map_or_else(|status| status, |_| 200)
            };
            assert_eq!(from("http://localhost"), 200);
            for origin in [
                "http://evil.test",
                "null",
                "http://localhost:1",
                "https://localhost",
            ] {
                assert_eq!(from(origin), 403, "{line} {origin}");
            }
            assert_eq!(from(""), 403);
            assert_eq!(from("http://localhost\r\nOrigin: http://localhost"), 400);
        }
    }

    #[test]
    fn a_page_of_another_site_does_not_take_a_berth_by_embedding_a_file() {
        let keyed = format!("GET /k/{KEY}/a HTTP/1.1");
        for (site, mode, dest, expected) in [
            ("none", "navigate", "document", 200),
            ("same-origin", "cors", "empty", 200),
            ("cross-site", "navigate", "document", 200),
            ("cross-site", "navigate", "iframe", 403),
            ("cross-site", "no-cors", "image", 403),
            ("same-site", "no-cors", "script", 403),
            ("x", "x", "x", 403),
        ] {
            let fields = format!(
                "Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n"
            );
            let status = |line| wanted(line, &fields).map_or_else(|status| status, |_| 200);
            assert_eq!(status("GET /f/a HTTP/1.1"), expected, "{fields}");
            assert_eq!(status("GET /list/ HTTP/1.1"), expected, "{fields}");
            assert_eq!(status("GET / HTTP/1.1"), 200, "the page costs nothing");
            assert_eq!(status(&keyed), 200, "who knows the key is inside");
        }
    }

    #[test]
    fn an_upload_says_its_whole_length_and_is_what_it_says() {
        for (fields, expected) in [
            ("", 411),
            ("Transfer-Encoding: chunked\r\n", 411),
            ("Content-Length: 18446744073709551616\r\n", 413),
            ("Content-Length: 1\r\nContent-Range: bytes 1-1/2\r\n", 400),
            ("Content-Length: 1\r\nContent-Encoding: gzip\r\n", 415),
            ("Content-Length: 1\r\nExpect: 200-ok\r\n", 417),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
        ] {
            assert_eq!(fault("PUT /f/a HTTP/1.1", fields), expected, "{fields}");
        }
        assert_eq!(fault("GET / HTTP/1.1", "Expect: x\r\n"), 417);
        assert!(wanted("GET / HTTP/1.1", "Expect: 100-continue\r\n").is_ok());
        assert!(wanted("GET / HTTP/1.1", "Content-Length: 0\r\n").is_ok());
        assert!(wanted("GET / HTTP/1.1", "Content-Length: 000\r\n").is_ok());
    }
}
