//! Whatever a server says, the client ends with an answer or an error, keeps no more than it says
//! it keeps, and shows nothing that can do more than be read.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use berth::client::download::names;
use berth::client::net::connection::{Answer, Client};
use berth::client::options::Options;
use berth::client::output::json;
use berth::wire::Sanitized;

/// What is asked, in turn, for as long as the server gives answers.
const ASKED: [&[u8]; 7] = [
    b"hello",
    b"status",
    b"list",
    b"get f",
    b"sha256 f",
    b"stat f",
    b"exit",
];

/// A server that says what it is given to the next caller and closes.
struct Liar {
    address: String,
    next: Sender<Vec<u8>>,
}

fn liar() -> &'static Liar {
    static LIAR: OnceLock<Liar> = OnceLock::new();
    LIAR.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (next, words) = channel::<Vec<u8>>();
        thread::spawn(move || {
            for words in words {
                let (stream, _) = listener.accept().expect("the client connects");
                say(stream, &words);
            }
        });
        Liar { address, next }
    })
}

/// Says all of it, whatever the client says, and waits until the client has gone.
fn say(mut stream: TcpStream, words: &[u8]) {
    // A client that has heard enough closes, and that is its right.
    let _ = stream.write_all(words);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut rest = [0; 4096];
    while stream.read(&mut rest).is_ok_and(|n| n > 0) {}
}

/// The input is all that the server says.
pub(crate) fn run(data: &[u8]) {
    let liar = liar();
    liar.next.send(data.to_vec()).expect("the server is there");
    let options = Options {
        server: liar.address.clone(),
        connect_timeout: Duration::from_secs(10),
        timeout: Some(Duration::from_secs(10)),
        ..Options::default()
    };
    let mut client = match Client::connect(&options) {
        Ok(client) => client,
        Err(error) => return shown(error.to_string().as_bytes()),
    };
    assert!(
        data.starts_with(b"Welcome "),
        "no other greeting is a berthd's"
    );
    for line in ASKED {
        let mut lines = Vec::new();
        let answer = client.ask(line, |line| {
            assert!(
                line.len() <= data.len(),
                "no line is longer than what was said"
            );
            lines.push(line.to_vec());
            Ok(())
        });
        lines.iter().for_each(|line| shown(line));
        read_as(line, &lines);
        match answer {
            Ok(Answer::File(size)) => match take(&mut client, size) {
                Ok(()) => {}
                Err(()) => return,
            },
            Ok(Answer::Whole) => {}
            Ok(Answer::Goodbye) => return,
            Err(error) => {
                shown(error.to_string().as_bytes());
                return;
            }
        }
    }
}

/// Takes an announced file, which may end early, and its `END`.
fn take(client: &mut Client, size: u64) -> Result<(), ()> {
    let mut left = size;
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match client.read(&mut buffer[..most]) {
            Ok(n) if n > 0 => left -= n as u64,
            _ => return Err(()),
        }
    }
    client.end().map_err(|_| ())
}

/// The lines of an answer as programs get them, and the names in it as files are named after them.
fn read_as(asked: &[u8], lines: &[Vec<u8>]) {
    match asked {
        b"status" => drop(json::status(lines)),
        b"list" => drop(json::list(lines)),
        b"stat f" => lines.iter().for_each(|line| drop(json::stat(line))),
        _ => {}
    }
    for line in lines {
        let name = line
            .splitn(3, |&byte| byte == b' ')
            .nth(2)
            .unwrap_or_default();
        if let Some(path) = names::path_below(name) {
            let inside = Path::new("folder").join(&path);
            assert!(path.is_relative() && inside.starts_with("folder"));
            let up = path.components().any(|part| part.as_os_str() == "..");
            assert!(!up, "{} leads out", path.display());
        }
    }
}

/// What a person would see of it can only be read.
fn shown(bytes: &[u8]) {
    let text = Sanitized(bytes).to_string();
    let bad = text.chars().find(|c| c.is_control() && *c != '\t');
    assert_eq!(bad, None, "{}", text.escape_debug());
}
