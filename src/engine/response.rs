//! The answers of the web door that need no berth.
//!
//! Owns their enum. Must never write one: the handler knows the page, and the time that each of
//! them says.

use crate::wire::refusal::Refusal;
use crate::wire::web::websocket::AcceptKey;
use crate::wire::web::{Ask, Fault};

/// An answer that needs neither the folder nor the others. All but [`Response::Upgrade`] are the
/// last of their connection.
#[derive(Clone, Copy, Debug)]
pub enum Response<'a> {
    /// The page.
    Page(&'a Ask<'a>),
    /// A WebSocket begins behind this.
    Upgrade(AcceptKey),
    /// The request is not carried out.
    Fault {
        /// Why.
        fault: Fault,
        /// Whether the answer has no body.
        is_head: bool,
    },
    /// There is no berth for it.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether the answer has no body.
        is_head: bool,
    },
}
