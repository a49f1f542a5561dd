//! The journal's file: appended to while the server runs, read from its end at the start.
//!
//! Owns every access to that file. Must never affect a client: a record that cannot be written is
//! counted and left out.

pub mod recovery;
pub mod refusals;
pub mod writer;

pub use recovery::Recovered;
pub use refusals::Refusals;
pub use writer::{Journal, OpenError};
