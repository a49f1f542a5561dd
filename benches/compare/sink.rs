//! The limits of an upload: servers that do nothing but keep what comes.
//!
//! Owns a bare loop of read and pwrite, without and with a digest, and with the same promise as
//! berthd's: that the disk has the bytes before the answer. Each runs in a process of its own, so
//! that its cost can be read. They are no servers to be used: they trust their peer.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::bare;

/// The argument that makes this program one of them; the next ones are its kind and its folder.
pub(crate) const SINK: &str = "--bare-sink";

/// As much as berthd reads at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What is done with a body besides writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// SHA-256, with the library that berthd has it from.
    Hashed,
    /// The same, and one fdatasync at the end.
    Synced,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Hashed => "hashed",
            Self::Synced => "synced",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [Self::Plain, Self::Hashed, Self::Synced];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

/// Keeps one body for every `put SIZE NAME` that comes, in the words of `berthd`.
pub(crate) fn keep(kind: &str, folder: &str) -> io::Result<()> {
    let kind = Kind::of(kind).ok_or_else(|| io::Error::other("no such sink"))?;
    let mut piece = vec![0; PIECE_BYTES];
    for peer in bare::listen()?.incoming() {
        // The client goes when it has its answer.
        drop(serve(peer?, kind, Path::new(folder), &mut piece));
    }
    Ok(())
}

fn serve(mut peer: TcpStream, kind: Kind, folder: &Path, piece: &mut [u8]) -> io::Result<()> {
    loop {
        let line = line(&mut peer)?;
        let mut words = line.splitn(3, ' ').skip(1);
        let size = words.next().and_then(|size| size.parse().ok());
        let (Some(size), Some(name)) = (size, words.next()) else {
            return Err(io::Error::other("no request"));
        };
        let file = File::create(folder.join(name))?;
        let mut hasher = Sha256::new();
        let mut written = 0;
        while written < size {
            let left = usize::try_from(size - written).unwrap_or(usize::MAX);
            let most = piece.len().min(left);
            let n = peer.read(&mut piece[..most])?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            file.write_all_at(&piece[..n], written)?;
            if kind != Kind::Plain {
                hasher.update(&piece[..n]);
            }
            written += n as u64;
        }
        if kind == Kind::Synced {
            file.sync_data()?;
        }
        let digest = data_encoding::HEXLOWER.encode(&hasher.finalize());
        peer.write_all(format!("STORED {digest} {size}\n").as_bytes())?;
    }
}

/// Byte by byte, so that nothing of the body is taken.
fn line(peer: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        peer.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return String::from_utf8(line).map_err(io::Error::other);
        }
        line.push(byte[0]);
    }
}
