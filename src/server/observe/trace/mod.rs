//! The trace: what the loop did, step by step, in the Trace Event Format.
//!
//! Owns the format, the tracks and the file. Must never hold up the loop.

pub mod events;
pub mod tracer;
pub mod tracks;
pub mod writer;
