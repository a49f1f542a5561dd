//! What pages are told without asking.
//!
//! Owns the two types for it. Must never hold a history: news are a state, and whoever is slow is
//! told the latest and nothing of those before.

use crate::wire::ClientName;

/// The latest news.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// Grows with each change; never 0.
    pub number: u64,
    /// In UTF-8.
    pub text: &'a [u8],
}

/// A file on its way to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moving {
    /// Whose berth it is on.
    pub to: ClientName,
    /// How many of its bytes were sent.
    pub sent: u64,
    /// How many are to be sent.
    pub of: u64,
}
