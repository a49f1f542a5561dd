//! The command line of `berth put`.
//!
//! Owns its options. Must never open a file: whether one is there is found out when it is read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::client::sendable;
use crate::client::options::{Given, OnExist, Sending};

/// What `berth put` is told.
#[derive(Clone, Debug, Args)]
pub struct PutArgs {
    /// Files; with -r, folders too; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Name on the server; of the folder for several files, or with / at its end
    ///
    /// By default a file has the last part of its path for a name, and a folder too.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<OsString>,

    /// Upload the files below the folders, and create the folders on the server
    ///
    /// Names that begin with a dot, links, and all that is no regular file are left
    /// out; a note names each.
    #[arg(short, long)]
    pub recursive: bool,

    /// What to do if the server has a file of that name
    ///
    /// By default berth asks at a terminal, and fails otherwise. A file of the same
    /// content is no conflict: it is stored already.
    #[arg(long, value_name = "WHAT")]
    pub on_exist: Option<OnExist>,

    /// Give the file the time at which it is stored, not the local file's
    #[arg(long)]
    pub no_mtime: bool,

    /// Give up after this many consecutive retries without progress
    #[arg(long, value_name = "N", default_value_t = Sending::default().retries)]
    pub retries: u32,
}

impl PutArgs {
    /// What to upload, and how.
    ///
    /// # Errors
    /// When options do not fit each other, or a name cannot be sent; the reason is sanitized.
    pub(super) fn into_parts(self) -> Result<(Given, Sending), String> {
        let name = self.name.as_ref().map(sendable).transpose()?;
        let is_stdin = |path: &PathBuf| path == Path::new("-");
        if self.files.iter().any(|path| path.as_os_str().is_empty()) {
            return Err("a file's name cannot be empty".into());
        }
        let given = match self.files.iter().any(is_stdin) {
            false => Given::Paths(self.files),
            true if self.files.len() > 1 || self.recursive => {
                return Err("- is uploaded alone; ./- is a file of that name".into());
            }
            true if name.as_ref().is_none_or(|name| name.ends_with(b"/")) => {
                return Err("standard input has no name: --as gives it one".into());
            }
            true => Given::Stdin,
        };
        let how = Sending {
            name,
            recursive: self.recursive,
            on_exist: self.on_exist,
            keeps_time: !self.no_mtime,
            retries: self.retries,
        };
        Ok((given, how))
    }
}
