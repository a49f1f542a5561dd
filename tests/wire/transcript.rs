//! The notation of `docs/protocol.md`: its transcripts and the folder they are played against.
//!
//! Owns how a transcript is read. Must never know how one is played. What cannot be read is a
//! mistake in the document, so everything here panics with the line it stands in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// One block of the document, to be played against a server just started.
pub(crate) struct Transcript {
    /// Where the block begins in the document, for messages.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
}

/// What of a transcript is not to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only the bytes matter, and their order.
    Any,
    /// CR or the length of a line is the point of it, so that it means something else when its
    /// lines end in CR LF.
    LfOnly,
    /// When the bytes arrive is the point of it, and the server is to mind that.
    Unframed,
    /// The server demands tokens. Only the bytes matter, and their order.
    Tokens,
    /// The server accepts uploads, so that the folder changes. The bodies are counted, so no line
    /// may end otherwise.
    Uploads,
}

/// One line of a transcript.
pub(crate) struct Step {
    pub(crate) line: usize,
    /// The line as it stands in the document.
    pub(crate) shown: String,
    /// Which connection it is about; 1 when none is named.
    pub(crate) peer: usize,
    pub(crate) action: Action,
}

pub(crate) enum Action {
    /// The client sends these bytes.
    Send(Vec<u8>),
    /// The client shuts down its sending side.
    SendEof,
    /// The server must send this.
    Expect(Vec<Piece>),
    /// The server must close, having said nothing else.
    ExpectEof,
    /// The server is told to stop.
    Stop,
}

/// A part of what is expected.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    Byte(u8),
    /// `{time}`: a moment in RFC 3339, UTC, whole seconds.
    Time,
    /// `{port}`: decimal digits.
    Port,
}

/// Reads every transcript of the document.
pub(crate) fn transcripts(document: &str) -> Vec<Transcript> {
    let blocks = blocks(document).into_iter();
    let transcripts = blocks.filter_map(|block| {
        let kind = match block.kind {
            "transcript" => Kind::Any,
            "transcript lf-only" => Kind::LfOnly,
            "transcript unframed" => Kind::Unframed,
            "transcript tokens" => Kind::Tokens,
            "transcript uploads" => Kind::Uploads,
            _ => return None,
        };
        let lines = block.lines.into_iter();
        let steps = lines.filter_map(|(line, text)| step(line, text)).collect();
        Some(Transcript {
            line: block.line,
            kind,
            steps,
        })
    });
    transcripts.collect()
}

/// Writes the tokens file of the document's `tokens` block to `path`.
pub(crate) fn write_tokens(document: &str, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let tokens = blocks(document)
        .into_iter()
        .find(|block| block.kind == "tokens")
        .expect("the document has a block of tokens");
    let lines = tokens.lines.into_iter();
    let text: String = lines.map(|(_, line)| format!("{line}\n")).collect();
    fs::write(path, text).expect("a file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

/// Fills `root` with what the document's `folder` block says.
pub(crate) fn lay_out(document: &str, root: &Path) {
    let folder = blocks(document)
        .into_iter()
        .find(|block| block.kind == "folder")
        .expect("the document has a block that says what the folder holds");
    for (line, text) in folder.lines {
        if let Some((name, target)) = text.split_once(" -> ") {
            symlink(target, root.join(name)).expect("a link can be made");
        } else if let Some(name) = text.strip_suffix(" |") {
            fifo(&root.join(name));
        } else {
            let (time, rest) = text.split_once(' ').unwrap_or_else(|| bad(line, text));
            let (name, content) = rest.split_once(": ").unwrap_or_else(|| bad(line, text));
            write(&root.join(name), &bytes(line, content), time);
        }
    }
}

fn write(path: &Path, content: &[u8], time: &str) {
    let parent = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(parent).expect("a folder can be made");
    fs::write(path, content).expect("a file can be written");
    let time = humantime::parse_rfc3339(time).expect("the time is in RFC 3339");
    let file = fs::File::options().write(true).open(path);
    let stamped = file.and_then(|file| file.set_modified(time));
    stamped.expect("a file's time can be set");
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from(0o644), 0).expect("a FIFO can be made");
}

struct Block<'a> {
    line: usize,
    /// What stands behind the opening fence.
    kind: &'a str,
    lines: Vec<(usize, &'a str)>,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, text) in document.lines().enumerate() {
        let line = index + 1;
        match (text.strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push((line, text)),
            (Some(kind), None) => {
                open = Some(Block {
                    line,
                    kind,
                    lines: Vec::new(),
                });
            }
            (None, None) => {}
        }
    }
    assert!(
        open.is_none(),
        "the last block of the document is not closed"
    );
    blocks
}

fn step(line: usize, shown: &str) -> Option<Step> {
    assert_eq!(
        shown.trim_end(),
        shown,
        "line {line} ends in a blank: use \\x20"
    );
    if shown.starts_with('#') {
        return None;
    }
    let (peer, said) = match shown
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((peer, said)) => (peer.parse().unwrap_or_else(|_| bad(line, shown)), said),
        None => (1, shown),
    };
    let action = match said {
        ">EOF" => Action::SendEof,
        "<EOF" => Action::ExpectEof,
        "!STOP" => Action::Stop,
        // An empty text would leave a blank at the end of the line, so it leaves none.
        ">" => Action::Send(b"\n".to_vec()),
        _ => match said.split_at_checked(2) {
            Some(("> ", text)) => Action::Send(bytes(line, text)),
            Some(("< ", text)) => Action::Expect(pieces(line, text)),
            _ => bad(line, shown),
        },
    };
    let shown = shown.to_owned();
    Some(Step {
        line,
        shown,
        peer,
        action,
    })
}

/// The bytes of a text without placeholders.
fn bytes(line: usize, text: &str) -> Vec<u8> {
    let bytes = pieces(line, text).into_iter().map(|piece| match piece {
        Piece::Byte(byte) => byte,
        Piece::Time | Piece::Port => bad(line, text),
    });
    bytes.collect()
}

fn pieces(line: usize, text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' if rest.len() == 1 => return pieces,
            '\\' => escape(line, rest, &mut pieces),
            '{' => placeholder(line, rest, &mut pieces),
            _ => {
                pieces.extend(rest[..c.len_utf8()].bytes().map(Piece::Byte));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    pieces.push(Piece::Byte(b'\n'));
    pieces
}

/// Reads an escape at the start of `rest`; returns how long it is.
fn escape(line: usize, rest: &str, pieces: &mut Vec<Piece>) -> usize {
    let (byte, length) = match rest.as_bytes()[1] {
        b'r' => (b'\r', 2),
        b't' => (b'\t', 2),
        b'0' => (0, 2),
        b'\\' => (b'\\', 2),
        b'x' => {
            let digits = rest.get(2..4).unwrap_or_else(|| bad(line, rest));
            let byte = u8::from_str_radix(digits, 16).unwrap_or_else(|_| bad(line, rest));
            (byte, 4)
        }
        _ => bad(line, rest),
    };
    pieces.push(Piece::Byte(byte));
    length
}

/// Reads a placeholder at the start of `rest`; returns how long it is.
fn placeholder(line: usize, rest: &str, pieces: &mut Vec<Piece>) -> usize {
    let end = rest.find('}').unwrap_or_else(|| bad(line, rest));
    match &rest[1..end] {
        "time" => pieces.push(Piece::Time),
        "port" => pieces.push(Piece::Port),
        repeat => {
            let (text, times) = repeat.split_once('*').unwrap_or_else(|| bad(line, rest));
            let times: usize = times.parse().unwrap_or_else(|_| bad(line, rest));
            pieces.extend(text.repeat(times).into_bytes().into_iter().map(Piece::Byte));
        }
    }
    end + 1
}

fn bad(line: usize, text: &str) -> ! {
    panic!("docs/protocol.md:{line}: cannot read {text:?}")
}

#[test]
fn a_text_is_read_byte_by_byte() {
    let read = |text| bytes(1, text).escape_ascii().to_string();
    assert_eq!(read("a b"), "a b\\n");
    assert_eq!(read("a\\"), "a");
    assert_eq!(read("\\r\\t\\0\\xff\\\\\\x20"), "\\r\\t\\x00\\xff\\\\ \\n");
    assert_eq!(read("{ab*3}c"), "abababc\\n");
    assert_eq!(read("ü"), "\\xc3\\xbc\\n");
    let moment = [
        Piece::Time,
        Piece::Byte(b' '),
        Piece::Port,
        Piece::Byte(b'\n'),
    ];
    assert_eq!(pieces(1, "{time} {port}"), moment);
}
