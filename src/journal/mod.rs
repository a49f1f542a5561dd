//! The format of the journal.
//!
//! Owns the types of the records and their parsing. Must never do I/O: the server writes
//! the lines ([`crate::server::records::journal`]), and people read them ([`crate::report`]).
//!
//! `docs/journal.md` is the published form; where it names a field, this folder writes it.

pub mod line;
pub mod record;
pub mod text;

pub use line::Line;
pub use record::{Event, Record};
