//! Who may come in: the tokens.
//!
//! Owns the tokens file, its language and its changes. Must never keep a secret: what is kept of a
//! token is its digest.

pub mod command;
pub mod digest;
pub mod doorkeeper;
pub mod guard;
pub mod penalties;
pub mod store;
pub mod tokens;

pub use tokens::Tokens;
