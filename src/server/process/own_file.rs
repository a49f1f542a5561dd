//! Opens a file of the server's own, a journal or a trace, at the path of an option.
//!
//! Owns the mode of such a file. Must never change the mode or the content of one that is there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::regular_file::{self, Links};

/// The mode of a new file. The group may read it, as it is there to be read; others may not, as it
/// says which address fetched which file.
const MODE: u32 = 0o640;

/// Opens the file at `path` with `options`, or creates it.
///
/// # Errors
/// When something else than a regular file stands there, or the kernel refuses.
pub fn open(path: &Path, options: &mut OpenOptions, links: Links) -> io::Result<File> {
    regular_file::open(path, options.create(true).mode(MODE), links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_is_there_keeps_its_mode_and_a_new_one_is_not_for_others() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("file");
        let mode = || path.metadata().expect("it is there").permissions().mode() & 0o777;
        open(&path, OpenOptions::new().append(true), Links::Refused).expect("the place is free");
        assert_eq!(mode() & 0o137, 0);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).expect("it is ours");
        open(&path, OpenOptions::new().append(true), Links::Followed).expect("it is a file");
        assert_eq!(mode(), 0o606);
    }
}
