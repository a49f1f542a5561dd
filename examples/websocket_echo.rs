//! Sends back each message of a WebSocket, so that suites made by others can judge the codec:
//!
//! ```text
//! cargo run --example websocket_echo -- 127.0.0.1:9001
//! kosoku -m fuzzingclient ws://127.0.0.1:9001/ws
//! ```
//!
//! Owns a thread per connection, which the server does not have.

use std::env::args;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::SystemTime;

use berth::wire::web::answer::{write_fault, write_upgrade};
use berth::wire::web::frames::{Event, Frames, Kind};
use berth::wire::web::head::measure;
use berth::wire::web::host::{Scheme, WebDoor};
use berth::wire::web::websocket::{FrameHeader, Opcode, write_pong};
use berth::wire::web::{Ask, Fault, Wanted};

fn main() -> io::Result<()> {
    let address = args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("echo on ws://{}/ws", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that resets its connection ends its own only.
        thread::spawn(move || serve(stream).unwrap_or_default());
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut input = vec![0; 64 * 1024];
    let mut len = 0;
    let mut out = Vec::new();
    let answered = loop {
        let n = stream.read(&mut input[len..])?;
        if n == 0 {
            return Ok(());
        }
        len += n;
        match begin(&input[..len], &mut out) {
            Ok(None) => {}
            answered => break answered,
        }
    };
    let now = SystemTime::now();
    match answered {
        Ok(head) => echo(&mut stream, &mut input, head.unwrap_or(len)..len, out)?,
        Err(fault) => {
            write_fault(&mut out, &fault, false, now);
            stream.write_all(&out)?;
        }
    }
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut input)? > 0 {}
    Ok(())
}

/// Answers the handshake, if its head is whole: how long it was.
fn begin(input: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Fault> {
    let door = WebDoor {
        scheme: Scheme::Http,
        names: Vec::new(),
    };
    let Some(len) = measure(input)? else {
        return Ok(None);
    };
    let Wanted::Socket { accept, .. } = Ask::read(&input[..len], &door)?.wanted else {
        return Err(Fault::NOT_FOUND);
    };
    write_upgrade(out, accept, SystemTime::now());
    Ok(Some(len))
}

fn echo(
    stream: &mut TcpStream,
    input: &mut [u8],
    mut unread: std::ops::Range<usize>,
    mut out: Vec<u8>,
) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut message = Vec::new();
    loop {
        while !unread.is_empty() {
            let (taken, event) = frames.next(&mut input[unread.clone()]);
            unread.start += taken;
            match event {
                Some(Event::Payload { kind, len, ends }) => {
                    message.extend_from_slice(&input[unread.start - len..unread.start]);
                    if ends {
                        let opcode = match kind {
                            Kind::Text => Opcode::Text,
                            Kind::Binary => Opcode::Binary,
                        };
                        let header = FrameHeader::new(opcode, message.len() as u64);
                        out.extend_from_slice(header.as_bytes());
                        out.append(&mut message);
                    }
                }
                Some(Event::Ping(payload)) => write_pong(&mut out, payload.as_bytes()),
                Some(Event::End(end)) => {
                    end.write_answer(&mut out);
                    return stream.write_all(&out);
                }
                Some(Event::Pong(_)) | None => {}
            }
        }
        stream.write_all(&out)?;
        out.clear();
        unread = 0..stream.read(input)?;
        if unread.is_empty() {
            return Ok(());
        }
    }
}
