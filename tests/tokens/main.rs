//! Tokens, from the file to the wire.

#[path = "../support/mod.rs"]
mod support;

mod client;
mod door;
mod file;
mod flood;
mod secret;
mod user;
