//! Sockets: how peers are accepted, read from and written to.
//!
//! Owns every socket option. Must never decide anything about a peer: the engine does.

pub mod listener;
pub mod origin;
pub mod socket;
