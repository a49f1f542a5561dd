//! The process: what it may do, how many files it may open, where it logs.
//!
//! Owns the privileges given up, the sandbox, the descriptor limit and the log format.
//! Must never be called from a turn.

pub mod fd_limit;
pub mod logging;
pub mod own_file;
pub mod sandbox;
