//! Downloads: one file or many, into files or standard output, resumed after a break.
//!
//! Owns partial files and their names. Must never leave half a file under its final name.

pub mod batch;
pub mod fallback;
pub mod fetch;
pub mod look_up;
pub mod metadata;
pub mod names;
pub mod partial;
pub mod permissions;
pub mod sink;
pub mod target;
