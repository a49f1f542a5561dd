//! Uploads: which files, under which names, and each of them whole.
//!
//! Owns the client's side of `put`. Must never change a local file, nor claim that one is stored
//! before the server has said so.

pub mod batch;
pub mod names;
pub mod put;
pub mod source;
pub mod tree;
pub mod typed;
