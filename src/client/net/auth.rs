//! The token that a server demands.
//!
//! Owns when one is sent. Must never send it where others could read it, nor to a server that has
//! demanded none: there it would be a message, and come back. That is so for a token in a line that
//! a person or a script wrote, too.

use crate::client::error::Error;
use crate::client::net::connection::Client;
use crate::client::options::Options;
use crate::client::tokens;
use crate::wire::reply::{is_last_word, parse_error};
use crate::wire::token::{TOKEN_PREFIX, parse_auth};

/// Refuses a request that shows a token.
pub(super) fn check_shows_none(line: &[u8]) -> Result<(), Error> {
    match parse_auth(line.trim_ascii_start()) {
        Some(shown) if shown.trim_ascii().starts_with(TOKEN_PREFIX.as_bytes()) => {
            let reason = "a token is no request, and is not sent as one: 'berth login' keeps it, \
                          and berth shows it to the server that demands it";
            Err(Error::Usage(reason.into()))
        }
        _ => Ok(()),
    }
}

impl Client {
    /// Shows the server the token that it demands. It has one try on each connection.
    pub(super) fn show_token(&mut self, options: &Options) -> Result<(), Error> {
        let server = || options.server.clone();
        let token = tokens::find(&options.server)?.ok_or_else(|| Error::NoToken(server()))?;
        if !self.reader.get_ref().may_carry_a_token() {
            return Err(Error::InClear(server()));
        }
        self.send(&token.line())?;
        self.welcome = match self.line_within(options.connect_timeout) {
            // It had to make room for others.
            Err(Error::Closed(_)) => return Err(Error::TurnedAway(b"the server is busy".into())),
            line => line?,
        };
        match parse_error(&self.welcome) {
            Some(reason) if !is_last_word(reason) => Err(Error::NotLetIn(reason.to_vec())),
            _ => Ok(()),
        }
    }
}
