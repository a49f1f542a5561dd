//! What is said to each server, and what it has to answer.
//!
//! Owns the words. An answer is compared to the byte wherever it is known: a fast wrong answer is
//! no figure.

use std::io::{self, ErrorKind, Read, Write};

use crate::stream::{Place, Stream};

/// What every server is asked to fetch that has no echo of its own.
pub(crate) const TINY_NAME: &str = "tiny.txt";
pub(crate) const TINY_TEXT: &str = "ping\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// berthd.
    Berth,
    /// The bare sendfile loop: any line is a request, and there is no greeting.
    Bare,
    /// The bare echo.
    Echo,
    /// The bare refusal: it admits no client.
    Refusal,
    /// nginx: there is no echo, so the shortest file stands for one.
    Http,
    /// Redis.
    Redis,
}

impl Dialect {
    /// The shortest request that changes nothing.
    pub(crate) fn question(self) -> String {
        match self {
            Self::Berth | Self::Bare | Self::Echo | Self::Refusal => "ping\n".to_owned(),
            Self::Http => format!("GET /{TINY_NAME} HTTP/1.1\r\nHost: bench\r\n\r\n"),
            Self::Redis => "*1\r\n$4\r\nPING\r\n".to_owned(),
        }
    }

    /// What comes back. HTTP has the date in between, and only the last words are known.
    pub(crate) const fn answer(self) -> &'static str {
        match self {
            Self::Berth | Self::Bare | Self::Refusal => "ping ACK\n",
            Self::Echo => "ping\n",
            Self::Http => "\r\n\r\nping\n",
            Self::Redis => "+PONG\r\n",
        }
    }

    /// Asks for a file.
    pub(crate) fn get(self, name: &str) -> String {
        match self {
            Self::Http => format!("GET /{name} HTTP/1.1\r\nHost: bench\r\n\r\n"),
            _ => format!("get {name}\n"),
        }
    }

    /// Announces a file of so many bytes, which come right behind.
    pub(crate) fn put(self, name: &str, size: u64) -> String {
        match self {
            Self::Http => {
                format!("PUT /{name} HTTP/1.1\r\nHost: bench\r\nContent-Length: {size}\r\n\r\n")
            }
            _ => format!("put {size} {name}\n"),
        }
    }

    /// Whether the answer to an upload is that there is a new file.
    pub(crate) fn is_stored(self, answer: &str) -> bool {
        match self {
            Self::Http => answer.starts_with("HTTP/1.1 201 "),
            _ => answer.starts_with("STORED "),
        }
    }

    /// What stands before a file's bytes, and behind the answer to an upload.
    pub(crate) const fn end_of_header(self) -> &'static str {
        match self {
            Self::Http => "\r\n\r\n",
            _ => "\n",
        }
    }

    /// What stands behind a file's bytes.
    pub(crate) const fn end_of_file(self) -> &'static str {
        match self {
            Self::Http => "",
            _ => "END\n",
        }
    }

    /// How many bytes of a file a header announces.
    fn size(self, header: &str) -> Option<u64> {
        match self {
            Self::Http => {
                let found = header.starts_with("HTTP/1.1 200 ");
                let mut lines = header.lines().filter(|_| found);
                lines.find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
            }
            _ => header.strip_prefix("START ")?.trim_end().parse().ok(),
        }
    }

    /// The line for a refused client.
    pub(crate) const fn refusal(self) -> &'static str {
        match self {
            Self::Redis => "-ERR max number of clients reached\r\n",
            _ => "Server full, try later\n",
        }
    }

    /// Connects, and hears the greeting if there is one.
    pub(crate) fn connect(self, place: Place) -> io::Result<Stream> {
        let mut stream = Stream::connect(place)?;
        if self == Self::Berth {
            let line = line(&mut stream)?;
            if !line.starts_with("Welcome ") {
                return Err(io::Error::other(format!("not let in: {line}")));
            }
        }
        Ok(stream)
    }

    /// Reads what stands before a file's bytes, and how many they are, to the byte.
    pub(crate) fn header(self, stream: &mut Stream) -> io::Result<u64> {
        let mut header = Vec::new();
        let mut byte = [0];
        while !header.ends_with(self.end_of_header().as_bytes()) {
            stream.read_exact(&mut byte)?;
            header.push(byte[0]);
        }
        let header = String::from_utf8_lossy(&header);
        let size = self.size(&header);
        size.ok_or_else(|| io::Error::other(format!("no file came but {header:?}")))
    }
}

/// One connection on which single requests are asked, and how long the answers are.
pub(crate) struct Caller {
    stream: Stream,
    question: String,
    ending: &'static str,
    /// As long as the first answer was.
    answer: Vec<u8>,
}

impl Caller {
    pub(crate) fn connect(dialect: Dialect, place: Place) -> io::Result<Self> {
        let mut caller = Self {
            stream: dialect.connect(place)?,
            question: dialect.question(),
            ending: dialect.answer(),
            answer: Vec::new(),
        };
        caller.stream.write_all(caller.question.as_bytes())?;
        while !caller.answer.ends_with(caller.ending.as_bytes()) {
            let mut piece = [0; 1024];
            let n = caller.stream.read(&mut piece)?;
            caller.answer.extend_from_slice(&piece[..n]);
            if n == 0 || caller.answer.len() > 4096 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(caller)
    }

    /// One request, one answer.
    pub(crate) fn ask(&mut self) -> io::Result<()> {
        self.stream.write_all(self.question.as_bytes())?;
        self.stream.read_exact(&mut self.answer)?;
        if self.answer.ends_with(self.ending.as_bytes()) {
            return Ok(());
        }
        Err(io::Error::other("an answer came back wrong"))
    }
}

/// Reads a line, byte by byte, so that nothing behind it is taken.
pub(crate) fn line(stream: &mut Stream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
