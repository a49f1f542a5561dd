//! The history file of the prompt.
//!
//! Owns its path, format and permissions; what was typed may be private. The prompt works without
//! it. Must never touch anything but a regular file with one name: a symbolic or hard link, a
//! device or a FIFO at its path turns the history off.

use std::env;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::regular_file::{self, Links};
use crate::wire::LINE_BYTES_MAX;
use crate::wire::token::parse_auth;

/// How many lines are remembered.
pub const LINES_MAX: usize = 1000;

/// How much of the file is read, in bytes: all the lines, each as long as a server takes it.
const BYTES_MAX: u64 = (LINES_MAX * LINE_BYTES_MAX) as u64;

/// What the file begins with. Behind it a backslash stands for itself doubled, as it did when an
/// older berth wrote lines that had line ends in them.
const HEAD: &str = "#V2\n";

/// The file, if there can be one.
#[derive(Debug)]
pub struct History {
    file: Option<File>,
}

impl History {
    /// Opens the file, and reads the lines that are in it.
    #[must_use]
    pub fn open() -> (Self, Vec<String>) {
        match file().and_then(|path| read(&path).ok()) {
            Some((file, lines)) => (Self { file: Some(file) }, lines),
            None => (Self { file: None }, Vec::new()),
        }
    }

    /// Writes a line at once: the terminal may be closed at any time.
    pub fn remember(&mut self, line: &str) {
        if let Some(file) = &mut self.file {
            let line = format!("{}\n", line.replace('\\', r"\\"));
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// Whether a line is one to be remembered: the next prompt shows it as it is.
#[must_use]
pub fn is_memorable(line: &str) -> bool {
    let shown = |c: char| c == '\t' || !c.is_control();
    let shows_token = parse_auth(line.trim_start().as_bytes()).is_some();
    !shows_token
        && !line.trim().is_empty()
        && line.len() <= LINE_BYTES_MAX
        && line.chars().all(shown)
}

/// The file, in a folder that is there; nothing where there can be none.
///
/// Its place is the one for state in the XDG base directory specification, which a system without
/// that can be told too.
fn file() -> Option<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from);
    let folder = folder(set("XDG_STATE_HOME"), set("HOME"))?;
    make(&folder).ok()?;
    Some(folder.join("history"))
}

/// The folder it is in, from what the environment says of the two.
///
/// The specification has names that are not absolute ignored, and a home that is none, or empty,
/// would be the current folder of the program.
fn folder(state: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let state = state.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(home?.join(".local").join("state")));
    Some(state?.join("berth"))
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    regular_file::open(path, &mut options, Links::Refused)
}

/// Makes the file readable for its owner only.
#[cfg(unix)]
fn protect(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut mode = file.metadata()?.permissions();
    if mode.mode() & 0o777 == 0o600 {
        return Ok(());
    }
    mode.set_mode(0o600);
    file.set_permissions(mode)
}

fn read(path: &Path) -> io::Result<(File, Vec<String>)> {
    let mut file = open(path)?;
    if regular_file::has_another_name(&file) {
        // Under that name others may be meant to read it, and no line belongs into it.
        return Err(io::Error::other("it has another name too"));
    }
    #[cfg(unix)]
    protect(&file)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(BYTES_MAX);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    (&file).take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<_> = text.lines().map(|line| line.replace(r"\\", r"\")).collect();
    if skipped > 0 && !lines.is_empty() {
        lines.remove(0);
    }
    let many = skipped > 0 || lines.len() > 2 * LINES_MAX;
    lines.retain(|line| is_memorable(line) && line != HEAD.trim_end());
    lines.drain(..lines.len().saturating_sub(LINES_MAX));
    if many || length == 0 {
        write_anew(&mut file, &lines)?;
    }
    Ok((file, lines))
}

/// In place, because another prompt may have the same file open and append to it.
fn write_anew(file: &mut File, lines: &[String]) -> io::Result<()> {
    let lines = lines.iter().map(|line| line.replace('\\', r"\\") + "\n");
    let text: String = std::iter::once(HEAD.to_owned()).chain(lines).collect();
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_place_that_depends_on_where_one_is_is_none() {
        for (state, home, found) in [
            (Some("/s"), Some("/h"), Some("/s/berth")),
            (Some("s"), Some("/h"), Some("/h/.local/state/berth")),
            (Some(""), Some("/h"), Some("/h/.local/state/berth")),
            (None, Some(""), None),
            (None, Some("."), None),
            (Some(""), Some("h"), None),
            (None, None, None),
        ] {
            let folder = folder(state.map(PathBuf::from), home.map(PathBuf::from));
            assert_eq!(folder, found.map(PathBuf::from), "{state:?} {home:?}");
        }
    }

    #[test]
    fn what_is_remembered_is_read_again_and_no_more_than_can_be_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let (file, lines) = read(&path).unwrap();
        assert_eq!(lines, [""; 0]);
        let mut history = History { file: Some(file) };
        history.remember(r"a\b");
        history.remember("get x");
        assert_eq!(std::fs::read(&path).unwrap(), b"#V2\na\\\\b\nget x\n");
        assert_eq!(read(&path).unwrap().1, [r"a\b", "get x"]);
        for evil in ["a\x1b[2J", "\u{9b}2J", "", "  ", "a\nb", "a\0", "auth x"] {
            assert!(!is_memorable(evil), "{evil:?}");
        }
    }

    #[test]
    fn a_history_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let line = "x".repeat(LINE_BYTES_MAX - 10);
        let text: String = (0..3 * LINES_MAX)
            .map(|n| format!("{n} {line}\n"))
            .collect();
        std::fs::write(&path, text).unwrap();
        let (_, lines) = read(&path).unwrap();
        assert!(lines.len() <= LINES_MAX && lines.len() > LINES_MAX / 2);
        assert!(lines.last().unwrap().starts_with("2999 x"));
        assert!(path.metadata().unwrap().len() <= BYTES_MAX + 10);
        assert_eq!(read(&path).unwrap().1, lines);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_no_history_and_is_left_alone() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::fs::write(&target, "kept").unwrap();
        let mode = PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&target, mode).unwrap();
        let link = folder.path().join("link");
        symlink(&target, &link).unwrap();
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("nothing"), &dangling).unwrap();
        let device = folder.path().join("device");
        symlink("/dev/null", &device).unwrap();
        let other_name = folder.path().join("other name");
        std::fs::hard_link(&target, &other_name).unwrap();
        // The other things that may stand there are tried where such a file is opened.
        for path in [
            &other_name,
            &link,
            &dangling,
            &device,
            &folder.path().to_owned(),
        ] {
            read(path).unwrap_err();
        }
        assert_eq!(std::fs::read(&target).unwrap(), b"kept");
        let mode = target.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert!(!folder.path().join("nothing").exists());
    }
}
