//! Tokens, from the file to the wire.

#[path = "../support/mod.rs"]
mod support;

mod door;
mod file;
