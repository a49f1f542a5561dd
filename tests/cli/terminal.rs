//! A pseudo-terminal: what a person at the keyboard would see and type.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::program::DEADLINE;

/// The terminal's own end: a keyboard and a screen.
pub(crate) struct Terminal {
    keyboard: File,
    pieces: Receiver<Vec<u8>>,
    /// The program's end, until the program has it.
    line: Option<File>,
    seen: String,
    /// How much of that has been looked for.
    read: usize,
}

impl Terminal {
    /// A terminal so many columns wide, which does not show what is typed.
    pub(crate) fn new(columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = File::from(rustix::fs::open(path, flags, Mode::empty()).unwrap());
        let mut modes = tcgetattr(&line).unwrap();
        modes.local_modes -= LocalModes::ECHO;
        tcsetattr(&line, OptionalActions::Now, &modes).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&line, size).unwrap();
        let keyboard = File::from(master);
        Self {
            pieces: watch(keyboard.try_clone().unwrap()),
            keyboard,
            line: Some(line),
            seen: String::new(),
            read: 0,
        }
    }

    /// Waits until this has appeared behind all that was waited for before.
    pub(crate) fn next(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen[self.read..].find(text) {
                self.read += at + text.len();
                return;
            }
            match self.pieces.recv_timeout(DEADLINE) {
                Ok(piece) => self.seen += &String::from_utf8_lossy(&piece),
                Err(_) => panic!("no {text:?} in {:?}", &self.seen[self.read..]),
            }
        }
    }

    /// Waits for the prompt of the client with this name, then types.
    pub(crate) fn answer(&mut self, prompt: &str, keys: &[u8]) {
        self.next(prompt);
        self.press(keys);
        if keys.ends_with(b"\r") {
            // A line that was taken ends bracketed paste; before that, what looks like a prompt
            // may be this one drawn again.
            self.next("\x1b[?2004l");
        }
    }

    /// The program's end, for one of its streams.
    pub(crate) fn stream(&self) -> Stdio {
        let line = self.line.as_ref().expect("streams are given out first");
        line.try_clone().unwrap().into()
    }

    /// The program's end, for whoever changes it.
    pub(crate) fn line(&self) -> File {
        let line = self.line.as_ref().expect("streams are given out first");
        line.try_clone().unwrap()
    }

    /// How the terminal reads and writes.
    pub(crate) fn modes(&self) -> String {
        format!("{:?}", tcgetattr(&self.keyboard).unwrap())
    }

    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    /// Waits until this has appeared on the screen.
    pub(crate) fn see(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.pieces.recv_timeout(DEADLINE) {
                Ok(piece) => self.seen += &String::from_utf8_lossy(&piece),
                Err(_) => panic!("no {text:?} in {:?}", self.seen),
            }
        }
    }

    /// Everything that has appeared, once the program's end is closed everywhere.
    pub(crate) fn all(mut self) -> String {
        self.line = None;
        loop {
            match self.pieces.recv_timeout(DEADLINE) {
                Ok(piece) => self.seen += &String::from_utf8_lossy(&piece),
                Err(RecvTimeoutError::Disconnected) => return self.seen,
                Err(RecvTimeoutError::Timeout) => panic!("still open: {:?}", self.seen),
            }
        }
    }
}

/// Passes on what appears, until the other end is closed, which Linux reports as EIO.
fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (piece, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = screen.read(&mut buffer) {
            if piece.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    pieces
}
