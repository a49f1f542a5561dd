//! The hub with peers of the web door, over pipes in memory.
//!
//! Each test is one story, told step by step. The simulator tells the stories that nobody thought
//! of.

mod frames;
mod harness;
mod keys;
mod news;
mod pipe;
mod requests;
mod service;
mod sockets;
