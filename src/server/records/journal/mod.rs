//! The journal's file: written at its end, read from its end.
//!
//! Owns what touches that file. Must never cost a client anything: what cannot be written is
//! counted and left out.

pub mod recovery;
pub mod refusals;
pub mod writer;

pub use recovery::Recovered;
pub use refusals::Refusals;
pub use writer::{Journal, OpenError};
