//! Any input is one request or one fault, wherever it is cut; what is accepted can be read in one
//! way only, and what is answered is one answer.

use std::time::{Duration, UNIX_EPOCH};

use berth::wire::web::answer::{AnswerHead, write_fault, write_upgrade};
use berth::wire::web::ask::{Ask, Wanted, is_head};
use berth::wire::web::conditions::{Content, Selection, content_range, entity_tag};
use berth::wire::web::escape::{Attachment, HtmlText, LinkPath};
use berth::wire::web::head::{HEAD_BYTES_MAX, measure};
use berth::wire::web::host::{Scheme, WebDoor};
use berth::wire::web::status::{Fault, Status};
use berth::wire::web::target::Route;

/// The input is all that a client sends.
pub(crate) fn run(data: &[u8]) {
    let door = WebDoor {
        scheme: Scheme::Http,
        names: vec!["berth.example".parse().expect("it is a name")],
    };
    name(data);
    let mut answer = Vec::new();
    match measure(data) {
        Ok(Some(len)) => {
            cut(data, len);
            match Ask::read(&data[..len], &door) {
                Ok(ask) => accepted(&data[..len], &ask, &mut answer),
                Err(fault) => refused(data, fault, &mut answer),
            }
        }
        Ok(None) => assert!(data.len() < HEAD_BYTES_MAX, "a head is bounded"),
        Err(fault) => refused(data, fault, &mut answer),
    }
}

/// With fewer bytes the end is not there, with more it is where it was.
fn cut(data: &[u8], len: usize) {
    let step = 1 + data.len() / 64;
    for end in (0..data.len()).step_by(step).chain([len - 1, len]) {
        let expected = (end >= len).then_some(len);
        assert_eq!(measure(&data[..end]), Ok(expected), "cut at {end}");
    }
}

fn refused(data: &[u8], fault: Fault, answer: &mut Vec<u8>) {
    write_fault(answer, &fault, is_head(data), UNIX_EPOCH);
    let body = check_answer(answer);
    assert_eq!(body == 0, is_head(data));
    assert_eq!(
        fault.allow.is_empty(),
        fault.status != Status::MethodNotAllowed
    );
    assert!((400..=505).contains(&(fault.status as u16)));
}

fn accepted(head: &[u8], ask: &Ask<'_>, answer: &mut Vec<u8>) {
    check_lines(head, ask);
    match &ask.wanted {
        Wanted::Page => {}
        Wanted::Listing { folder } => check_path("/list/", folder),
        Wanted::Download { key, name } | Wanted::Upload { key, name, .. } => {
            assert!(!name.is_empty());
            if key.is_none() {
                check_path("/f/", name);
            }
        }
        Wanted::Socket { accept, .. } => {
            write_upgrade(answer, *accept, UNIX_EPOCH);
            assert_eq!(check_answer(answer), 0);
        }
    }
    select(ask);
}

/// Lines that every reader of HTTP finds, and no other: one `Host`, and no body of an unknown
/// length.
fn check_lines(head: &[u8], ask: &Ask<'_>) {
    let text = head.strip_suffix(b"\r\n\r\n").expect("it ends");
    let text = text.strip_prefix(b"\r\n").unwrap_or(text);
    let mut lines = text.split(|&byte| byte == b'\n');
    let first = lines.next().expect("there is a first line");
    assert_eq!(first.iter().filter(|&&byte| byte == b' ').count(), 2);
    let mut hosts = 0;
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r') && !line.contains(&0));
        let colon = line.iter().position(|&byte| byte == b':');
        let name = &line[..colon.expect("a field has a colon")];
        assert!(name.iter().all(u8::is_ascii_graphic) && !name.is_empty());
        hosts += usize::from(name.eq_ignore_ascii_case(b"host"));
        assert!(!name.eq_ignore_ascii_case(b"transfer-encoding"));
    }
    assert_eq!(hosts, 1);
    assert!(head.windows(ask.host.len()).any(|part| part == ask.host));
}

/// A name comes back from its link, and leads nowhere else.
fn check_path(start: &str, name: &[u8]) {
    let path = format!("{start}{}", LinkPath(name));
    match Route::of(path.as_bytes()) {
        Ok(Route::Named { key, name: again }) => assert_eq!((key, &again[..]), (None, name)),
        Ok(Route::Listing(again)) => assert_eq!(again, name),
        other => panic!("{path} is {other:?}"),
    }
    assert!(!name.contains(&0) && !name.starts_with(b"/"));
    assert!(!name.split(|&byte| byte == b'/').any(|part| part == b".."));
}

/// What is selected is there.
fn select(ask: &Ask<'_>) {
    for size in [0, 1, 10, u64::MAX] {
        let modified = UNIX_EPOCH + Duration::from_nanos(size);
        let content = Content {
            size,
            etag: &entity_tag(size, modified, 1),
            modified: Some(modified),
        };
        if let Selection::Part { first, last } = ask.conditions.select(&content) {
            assert!(first <= last && last < size && !ask.is_head);
            assert!(!content_range(first, last, size).is_empty());
        }
    }
}

/// Any bytes can be the name of a file that is shown, linked and saved.
fn name(name: &[u8]) {
    let name = &name[..name.len().min(1000)];
    let html = HtmlText(name).to_string();
    assert!(!html.contains(['<', '>', '"', '\'', '\n', '\r', '\0']));
    let mut answer = Vec::new();
    AnswerHead::begin(&mut answer, Status::Ok, UNIX_EPOCH)
        .field("Content-Disposition", Attachment(name))
        .content("application/octet-stream", 0)
        .end();
    assert_eq!(check_answer(&answer), 0);
    let text = str::from_utf8(&answer).expect("a head is text");
    assert!(text.is_ascii());
}

/// One head of lines that nobody can take for others. How long the body is, which is whole.
fn check_answer(answer: &[u8]) -> usize {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("a head has an end") + 4);
    let text = str::from_utf8(head).expect("a head is text");
    assert!(text.starts_with("HTTP/1.1 "));
    for line in text.trim_end().split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    if !body.is_empty() {
        assert!(text.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
    }
    body.len()
}
