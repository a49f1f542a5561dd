//! Where a file's bytes go: into a partial file or to standard output.
//!
//! Owns how many bytes went there, and of which file. Must never decide whether to resume; `fetch`
//! does.

use std::io::Write;

use sha2::{Digest as _, Sha256};

use crate::client::download::fallback::Fallback;
use crate::client::download::metadata::Origin;
use crate::client::download::partial::Partial;
use crate::client::error::Error;
use crate::streams::{self, Stream};
use crate::wire::Digest;

/// A place that bytes are added to.
#[derive(Debug)]
pub enum Sink {
    /// A file on its way, which may take the place of another.
    Partial {
        /// What has come.
        partial: Partial,
        /// Whether it may take the place of another.
        overwrite: bool,
    },
    /// Standard output, from which nothing comes back.
    Stdout {
        /// Where bytes go.
        out: Stream,
        /// How many have gone.
        sent: u64,
        /// What file they are of.
        origin: Origin,
        /// Of all that has gone.
        hasher: Sha256,
    },
}

impl Sink {
    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::Stdout {
            out: streams::stdout(),
            sent: 0,
            origin: Origin::Unknown,
            hasher: Sha256::new(),
        }
    }

    /// How many bytes are there.
    #[must_use]
    pub const fn have(&self) -> u64 {
        match self {
            Self::Partial { partial, .. } => partial.have(),
            Self::Stdout { sent, .. } => *sent,
        }
    }

    /// What is known of the file that the bytes there are the beginning of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        match self {
            Self::Partial { partial, .. } => partial.origin(),
            Self::Stdout { origin, .. } => origin,
        }
    }

    /// Whether what is there can be taken back.
    #[must_use]
    pub const fn can_restart(&self) -> bool {
        matches!(self, Self::Partial { .. })
    }

    /// Begins with nothing, of the file that is listed so.
    ///
    /// # Errors
    /// When the disk takes no more.
    pub fn begin(&mut self, listed: Option<&[u8]>) -> Result<(), Error> {
        match self {
            Self::Partial { partial, .. } => partial.begin(listed),
            Self::Stdout { origin, .. } => {
                *origin = Origin::of(listed);
                Ok(())
            }
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When no more are taken.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Partial { partial, .. } => partial.write(bytes),
            Self::Stdout {
                out, sent, hasher, ..
            } => {
                // Counted after the write: a download resumes behind what was written.
                out.write_all(bytes)
                    .and_then(|()| out.flush())
                    .map_err(Error::Stdout)?;
                hasher.update(bytes);
                *sent += bytes.len() as u64;
                Ok(())
            }
        }
    }

    /// The digest of all that is there. How many bytes it has got further is told as it goes.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub fn digest(&mut self, tell: impl FnMut(u64)) -> Result<Digest, Error> {
        match self {
            Self::Partial { partial, .. } => partial.digest(tell),
            Self::Stdout { hasher, .. } => Ok(hasher.clone().finalize().into()),
        }
    }

    /// All is there: a part gets its name. Returns what of that was done less well.
    ///
    /// # Errors
    /// See [`Partial::keep`].
    pub fn keep(self) -> Result<Vec<Fallback>, Error> {
        match self {
            Self::Partial { partial, overwrite } => partial.keep(overwrite),
            Self::Stdout { .. } => Ok(Vec::new()),
        }
    }

    /// What is there is wrong.
    pub fn discard(self) {
        if let Self::Partial { partial, .. } = self {
            partial.discard();
        }
    }
}
