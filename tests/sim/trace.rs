//! The story of a seed, for whoever has to read it.
//!
//! Owns the lines that are written only when somebody asked for them. Must never change what
//! happens.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The lines of a seed, kept where they outlive a failure.
pub(crate) type Lines = Rc<RefCell<Vec<String>>>;

/// Where a line goes, if anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(pub(crate) Option<Lines>);

impl Trace {
    pub(crate) fn say(&self, now: Duration, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let line = format!("{:>10} us {}", now.as_micros(), line());
            lines.borrow_mut().push(line);
        }
    }
}
