//! The files of the client's configuration.
//!
//! Owns where they are and how one is replaced. Must never know what is in them.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a file of the client's configuration is.
#[must_use]
pub fn path(name: &str) -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let folder = match set("XDG_CONFIG_HOME") {
        Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        _ => Path::new(&set("HOME")?).join(".config"),
    };
    Some(folder.join("berth").join(name))
}

/// Writes `text` beside the file, whose place it takes when it is whole. Its mode is 0600.
///
/// # Errors
/// When it cannot be written. The file is as it was then.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().expect("it is in a folder");
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}
