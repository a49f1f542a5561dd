//! The path of the served folder: whether it was moved or removed since it was opened.
//!
//! Owns the path, and what was logged of it. Must never open a file.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::fs::{fstat, stat};

use crate::wire::Sanitized;

/// The path that a folder was opened by.
#[derive(Debug)]
pub(super) struct Whereabouts {
    path: PathBuf,
    /// The state that was logged last, so that it is logged once.
    told: Cell<Place>,
    /// Whether the process can open no other folder any more.
    is_sandboxed: bool,
}

/// Where the folder is that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At its path.
    Here,
    /// Its path leads to another folder by now, or to none.
    Elsewhere,
    /// Nowhere: it was removed, and there is nothing in it any more.
    Nowhere,
}

impl Whereabouts {
    /// Of a folder that is at `path` now.
    ///
    /// # Errors
    /// When the path is relative and the current directory is gone.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: std::path::absolute(path)?,
            told: Cell::new(Place::Here),
            is_sandboxed: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn sandboxed(&mut self) {
        self.is_sandboxed = true;
    }

    /// What the administrator can do to have another folder served.
    pub(super) const fn advice(&self) -> &'static str {
        if self.is_sandboxed {
            "the sandbox (--sandbox) allows the original folder only: restart berthd"
        } else {
            "SIGHUP reopens the path"
        }
    }

    /// Looks for the folder `root`, and logs it if its path has changed.
    pub(super) fn look(&self, root: impl AsFd) -> Place {
        let place = self.place(root);
        if self.told.replace(place) != place {
            self.tell(place);
        }
        place
    }

    fn place(&self, root: impl AsFd) -> Place {
        // A network file system may return ESTALE for a removed folder.
        let Ok(opened) = fstat(root) else {
            return Place::Nowhere;
        };
        if opened.st_nlink == 0 {
            return Place::Nowhere;
        }
        match stat(&self.path) {
            Ok(there) if (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino) => {
                Place::Here
            }
            // Without permission it is not known.
            Err(errno) if errno == rustix::io::Errno::ACCESS => Place::Here,
            _ => Place::Elsewhere,
        }
    }

    fn tell(&self, place: Place) {
        let path = Sanitized(self.path.as_os_str().as_encoded_bytes());
        let again = self.advice();
        match place {
            Place::Here => log::info!("the served folder is at '{path}' again"),
            Place::Elsewhere => log::warn!(
                "another folder, or none, is at '{path}': the one from before is served; {again}"
            ),
            Place::Nowhere => log::error!(
                "the served folder was removed from '{path}': nothing can be had; {again}"
            ),
        }
    }
}
