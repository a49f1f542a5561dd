//! The sum over the files of one command.
//!
//! Owns how much of all of them is done, and the line that says so at the end. Must never decide
//! which files those are.

use crate::client::ui::progress::Total;
use crate::client::ui::stderr::Stderr;
use crate::wire::Size;

/// How much of all the files is done.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    files: usize,
    size: u64,
    files_begun: usize,
    size_begun: u64,
    done: usize,
    size_done: u64,
    failed: usize,
}

impl Sum {
    /// Of files of these sizes, of which none is begun.
    #[must_use]
    pub fn of(sizes: impl ExactSizeIterator<Item = u64>) -> Self {
        Self {
            files: sizes.len(),
            size: sizes.fold(0, u64::saturating_add),
            files_begun: 0,
            size_begun: 0,
            done: 0,
            size_done: 0,
            failed: 0,
        }
    }

    /// Where the next file stands in all of it.
    pub const fn begin(&mut self, size: u64) -> Total {
        let behind = self.size_begun;
        self.files_begun += 1;
        self.size_begun = behind.saturating_add(size);
        Total {
            number: self.files_begun,
            files: self.files,
            behind,
            size: self.size,
        }
    }

    /// A file of this size is done.
    pub const fn add(&mut self, size: u64) {
        self.done += 1;
        self.size_done = self.size_done.saturating_add(size);
    }

    /// A file has failed.
    pub const fn fail(&mut self) {
        self.failed += 1;
    }

    /// Tells it, of more than one file.
    pub fn tell(&self, stderr: Stderr) {
        if self.files < 2 {
            return;
        }
        let size = Size(self.size_done);
        let failed = match self.failed {
            0 => String::new(),
            n => format!(", {n} failed"),
        };
        stderr.info(format_args!(
            "total: {} of {} files, {size}{failed}",
            self.done, self.files
        ));
    }
}
