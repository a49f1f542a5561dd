//! The connection to a server, from the first address tried to the last retry.
//!
//! Owns sockets, time limits and retries. Must never write to a terminal or to a file.

pub mod auth;
pub mod backoff;
pub mod body;
pub mod connection;
pub mod dial;
pub mod greeting;
pub mod one_line;
pub mod reconnect;
pub mod secure;
pub mod silence;
pub mod stream;
