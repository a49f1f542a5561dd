//! The language of the journal: every line that is kept of who came, who went and why.
//!
//! Owns the shapes of the records and how a line becomes one. Must never do I/O: the server writes
//! the lines ([`crate::server::records::journal`]), and people read them ([`crate::report`]).
//!
//! `docs/journal.md` is the published form; where it names a field, this folder writes it.

pub mod line;
pub mod record;
pub mod text;

pub use line::Line;
pub use record::{Event, Record};
