//! The server on real sockets and real files, one folder of promises a file.
//!
//! What is about order, chance and time in general is the simulator's; here stands what only a
//! kernel can show.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod bounds;
mod faults;
mod figures;
mod moved;
mod names;
mod refused;
mod remembered;
mod speech;
mod start;
mod stat;
mod time;
mod transfer;
mod unframed;
