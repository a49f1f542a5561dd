//! Looks files up by name.
//!
//! Owns the choice of request: `stat` for each file, or one `list` where that costs less or the
//! server is too old for `stat`. Must never request a file's bytes.

use crate::client::error::Error;
use crate::client::net::connection::Client;
use crate::wire::ListedFile;

/// A name, and the line that lists it.
pub(super) type NameAndLine = (Vec<u8>, Vec<u8>);

/// For how many files each is asked for alone: each costs a round trip, and a listing may be of any
/// size.
const ALONE_MAX: usize = 64;

impl Client {
    /// The lines that the server lists these files with, of those that it lists.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(super) fn look_up(&mut self, names: &[Vec<u8>]) -> Result<Vec<NameAndLine>, Error> {
        let named = |file: &ListedFile<'_>| names.iter().any(|name| name == file.name);
        if names.len() > ALONE_MAX {
            return self.listed(named);
        }
        let mut found = Vec::new();
        for name in names {
            match self.stat(name) {
                Ok(line) => found.push((name.clone(), line)),
                // What the server has against it is told when its bytes are asked for.
                Err(Error::Refused(_)) => {}
                Err(Error::Protocol { line, .. }) if came_back(name, &line) => {
                    return self.listed(named);
                }
                Err(err) => return Err(err),
            }
        }
        Ok(found)
    }

    /// The names and lines of the listing that fit.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(super) fn listed(
        &mut self,
        fits: impl Fn(&ListedFile<'_>) -> bool,
    ) -> Result<Vec<NameAndLine>, Error> {
        let mut lines = Vec::new();
        self.ask(b"list", |line| {
            if let Some(file) = ListedFile::parse(line).filter(|file| fits(file)) {
                lines.push((file.name.to_vec(), line.to_vec()));
            }
            Ok(())
        })?;
        Ok(lines)
    }
}

/// Whether a `stat` came back as a message: the server is older than that request.
fn came_back(name: &[u8], line: &[u8]) -> bool {
    line == [b"stat ", name, b" ACK"].concat()
}
