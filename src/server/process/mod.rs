//! The process: its privileges, its limit on open files, its log.
//!
//! Owns the dropping of privileges, the sandbox, the descriptor limit and the log format.
//! Must never be called from a turn.

pub mod fd_limit;
pub mod logging;
pub mod own_file;
pub mod sandbox;
