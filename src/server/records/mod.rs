//! Who came and went: the registry behind `status`, the event log and the journal.
//!
//! Owns what is kept of clients and refusals. Must never change what a client gets.

pub mod clients;
pub mod journal;
pub mod recorder;
