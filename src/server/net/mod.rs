//! Sockets: how peers are accepted, read from and written to.
//!
//! Owns every socket option. Must never decide anything about a peer: the engine does.

pub mod caller;
pub mod certificate;
pub mod line;
pub mod listener;
pub mod new_certificate;
pub mod socket;
pub mod tls;
