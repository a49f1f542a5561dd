//! A file to upload: what it is, its bytes, and whether it is still the same.
//!
//! Owns the open file and its digest. Must never let bytes of two states of a file pass for one.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::client::error::Error;
use crate::client::excerpt::path_bytes;
use crate::client::ui::interrupt;
use crate::client::ui::progress::Progress;
use crate::regular_file::{self, Links};
use crate::wire::Digest;

/// How many bytes are read at once, and sent before the next look for an answer: what a server
/// takes in one turn.
pub const PIECE_BYTES: usize = 256 * 1024;

/// A file that was read once from its beginning to its end.
#[derive(Debug)]
pub struct Source {
    file: File,
    /// What it is called in messages; nothing where no other program can change it.
    path: Option<Vec<u8>>,
    state: State,
    digest: Digest,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    size: u64,
    modified: Option<SystemTime>,
}

impl State {
    fn of(file: &File) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self {
            size: about.len(),
            modified: about.modified().ok(),
        })
    }
}

impl Source {
    /// Opens the file at `path` and reads all of it.
    ///
    /// # Errors
    /// When it cannot be read, changes meanwhile, or is no regular file.
    pub fn open(path: &Path, quiet: bool) -> Result<Self, Error> {
        let name = path_bytes(path);
        let unreadable = |err| Error::Unreadable(name.clone(), err);
        let opened = regular_file::open(path, OpenOptions::new().read(true), Links::Followed);
        let mut file = opened.map_err(|err| unreadable(as_folder(path, err)))?;
        let state = State::of(&file).map_err(unreadable)?;
        let mut progress = Progress::of_reading(state.size, quiet);
        let mut hasher = Sha256::new();
        let mut left = state.size;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let n = read(&mut file, &mut buffer).map_err(unreadable)?;
            if interrupt::raised() {
                return Err(Error::Interrupted);
            }
            // It may grow for ever.
            match left.checked_sub(n as u64) {
                Some(rest) if n > 0 => left = rest,
                Some(0) => break,
                _ => return Err(Error::Changed(name)),
            }
            hasher.update(&buffer[..n]);
            progress.add(n as u64);
        }
        drop(progress);
        let source = Self {
            file,
            path: Some(name),
            state,
            digest: hasher.finalize().into(),
        };
        source.check().map(|()| source)
    }

    /// Keeps all that comes from `input` in a temporary file without a name.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub fn spool(mut input: impl Read) -> Result<Self, Error> {
        let mut file = tempfile::tempfile().map_err(Error::Unkept)?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let n = read(&mut input, &mut buffer).map_err(Error::Stdin)?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(Error::Unkept)?;
            hasher.update(&buffer[..n]);
            size += n as u64;
        }
        Ok(Self {
            file,
            path: None,
            state: State {
                size,
                modified: None,
            },
            digest: hasher.finalize().into(),
        })
    }

    /// In bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.state.size
    }

    /// When it was last changed; nothing where that says nothing.
    #[must_use]
    pub const fn modified(&self) -> Option<SystemTime> {
        self.state.modified
    }

    /// Of all of it.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Reads from this byte on from now on.
    ///
    /// # Errors
    /// As the system's.
    pub fn seek(&mut self, offset: u64) -> Result<(), Error> {
        let sought = self.file.seek(SeekFrom::Start(offset));
        sought.map(drop).map_err(|err| self.unreadable(err))
    }

    /// Reads the next piece of what was there, of which so many bytes are left.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn read<'a>(&mut self, left: u64, buffer: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let piece = &mut buffer[..most];
        match read(&mut self.file, piece) {
            Ok(0) => Err(self.changed()),
            Ok(n) => Ok(&piece[..n]),
            Err(err) => Err(self.unreadable(err)),
        }
    }

    /// Whether the file is as it was when it was opened.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self) -> Result<(), Error> {
        if self.path.is_none() {
            return Ok(());
        }
        match State::of(&self.file) {
            Ok(now) if now == self.state => Ok(()),
            Ok(_) => Err(self.changed()),
            Err(err) => Err(self.unreadable(err)),
        }
    }

    fn name(&self) -> Vec<u8> {
        self.path.clone().unwrap_or_else(|| b"-".into())
    }

    fn changed(&self) -> Error {
        Error::Changed(self.name())
    }

    fn unreadable(&self, err: io::Error) -> Error {
        Error::Unreadable(self.name(), err)
    }
}

/// Reads some bytes; zero is the end.
fn read(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// That a folder is there is a mistake of its own: it can be uploaded too.
fn as_folder(path: &Path, err: io::Error) -> io::Error {
    match path.is_dir() {
        true => ErrorKind::IsADirectory.into(),
        false => err,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_has_changed_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let changes: [fn(&Path); 3] = [
            |path| fs::write(path, b"123456").unwrap(),
            |path| fs::write(path, b"1234").unwrap(),
            |path| {
                let file = File::options().write(true).open(path).unwrap();
                file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            },
        ];
        for change in changes {
            fs::write(&path, b"12345").unwrap();
            let source = Source::open(&path, true).unwrap();
            source.check().unwrap();
            change(&path);
            assert_eq!(source.check().unwrap_err().exit_code(), 33);
        }
        // A file that takes its name is another one, and this one is as it was.
        fs::write(&path, b"12345").unwrap();
        let source = Source::open(&path, true).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"other").unwrap();
        source.check().unwrap();
    }

    #[test]
    fn a_file_that_is_cut_short_has_no_piece_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, b"12345").unwrap();
        let mut source = Source::open(&path, true).unwrap();
        let mut buffer = [0; 3];
        source.seek(1).unwrap();
        assert_eq!(source.read(4, &mut buffer).unwrap(), b"234");
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(2)
            .unwrap();
        assert_eq!(source.read(1, &mut buffer).unwrap_err().exit_code(), 33);
    }

    #[test]
    fn what_came_on_a_pipe_is_there_as_often_as_it_is_needed() {
        let mut source = Source::spool(&b"12345"[..]).unwrap();
        assert_eq!((source.size(), source.modified()), (5, None));
        let digest: Digest = Sha256::digest(b"12345").into();
        assert_eq!(source.digest(), &digest);
        for _ in 0..2 {
            source.seek(2).unwrap();
            assert_eq!(source.read(3, &mut [0; 9]).unwrap(), b"345");
        }
        source.check().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_is_read_and_nothing_waits_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, advice) in [
            (folder.path(), "'berth put -r' uploads a folder"),
            (
                Path::new("/dev/null"),
                "'berth put -' uploads standard input",
            ),
            (&socket, "'berth put -' uploads standard input"),
        ] {
            let err = Source::open(path, true).unwrap_err();
            assert_eq!(err.exit_code(), 26);
            assert_eq!(err.hint(), Some(advice), "{err}");
        }
    }
}
