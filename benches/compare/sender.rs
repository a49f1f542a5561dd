//! The load of uploads: a client that sends a file.
//!
//! Owns the generator, whose bytes are in memory, so that what it costs is the sending. Must never
//! judge a figure, nor count an upload whose answer is not that it is stored.

use std::io::{self, Read, Write};
use std::time::Instant;

use crate::dialect::Dialect;
use crate::load::{Moved, cpu};
use crate::stream::{Place, Stream};

/// What is sent at once.
const PIECE_BYTES: usize = 256 * 1024;

pub(crate) struct Sender {
    stream: Stream,
    dialect: Dialect,
    piece: Vec<u8>,
}

impl Sender {
    pub(crate) fn connect(dialect: Dialect, place: Place) -> io::Result<Self> {
        Ok(Self {
            stream: dialect.connect(place)?,
            dialect,
            piece: (0..PIECE_BYTES).map(|i| (i * i / 251) as u8).collect(),
        })
    }

    /// Sends a file of so many bytes, and waits until it is stored.
    pub(crate) fn put(&mut self, name: &str, size: u64) -> io::Result<Moved> {
        let (began, before) = (Instant::now(), cpu());
        let request = self.dialect.put(name, size);
        self.stream.write_all(request.as_bytes())?;
        let mut left = size;
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX);
            let piece = &self.piece[..len.min(PIECE_BYTES)];
            self.stream.write_all(piece)?;
            left -= piece.len() as u64;
        }
        self.hear()?;
        Ok(Moved {
            sum: size,
            seconds: began.elapsed().as_secs_f64(),
            cpu: cpu() - before,
        })
    }

    fn hear(&mut self) -> io::Result<()> {
        let end = self.dialect.end_of_header().as_bytes();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(end) {
            self.stream.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        let answer = String::from_utf8_lossy(&answer);
        if self.dialect.is_stored(&answer) {
            return Ok(());
        }
        Err(io::Error::other(format!("not stored but {answer:?}")))
    }
}
