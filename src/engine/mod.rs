//! The server without sockets, files or a clock.
//!
//! Owns every decision: who is let in, what is read, what is written next, who has to go, and when.
//! Must never touch the outside but through the two doors of [`ports`]: a pipe of bytes
//! ([`ports::Transport`]) and the meaning of a request ([`ports::Service`]). Time is an argument.
//! So the simulator in `tests/sim` runs all of this, unchanged, and the real server adds only
//! sockets, a folder and a clock.
//!
//! Reading order: [`limits`], [`line_buffer`], [`outbox`], [`readiness`], [`phase`], [`tally`],
//! [`admission`], [`deed`], [`query`], then [`session`], [`meaning`], [`budget`], [`spare`],
//! [`ports`], [`connection`] and at last [`hub`].

pub mod admission;
pub mod budget;
pub mod connection;
pub mod deadlines;
pub mod deed;
pub mod fault;
pub mod hub;
pub mod limits;
pub mod line_buffer;
pub mod meaning;
pub mod outbox;
pub mod phase;
pub mod ports;
pub mod query;
pub mod readiness;
pub mod session;
pub mod spare;
pub mod tally;
