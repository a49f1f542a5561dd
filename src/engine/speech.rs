//! What a peer speaks.
//!
//! Owns the one enum for it. Must never read a byte: heads and frames are taken apart in
//! [`crate::wire::web`].

use crate::wire::web::Scheme;

/// What a peer speaks. It is known from the accept on, by the listener that it came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speech {
    /// The line protocol, as it is.
    #[default]
    Lines,
    /// HTTP: one request, one answer.
    Http(Scheme),
}
