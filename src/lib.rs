//! wip
pub mod engine;
pub mod wire;
