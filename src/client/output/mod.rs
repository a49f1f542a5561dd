//! Answers of the server, written out for people and for programs.
//!
//! Owns the columns and the JSON. Must never ask the server anything.

pub mod answers;
pub mod json;
