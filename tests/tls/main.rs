//! TLS on the wire: what a hostile or careless peer finds out at a TLS listener.

#[path = "../support/mod.rs"]
mod support;

mod cert;
mod client;
mod crowd;
mod cuts;
mod door;
mod journal;
mod others;
mod peer;
mod records;
mod reload;
mod secrets;
mod session;
mod start;
mod trust;
mod uploads;
mod window;
