//! Files that change while the server runs.
//!
//! Owns what SIGHUP, and the end of a token's time, do to those inside and to those who come. Must
//! never leave anybody in who could not get in, nor let anybody in because a file could not be
//! read.

use std::time::Instant;

use crate::engine::rights::Access;
use crate::server::EventLoop;
use crate::server::access::store;
use crate::server::observe::Tracer;
use crate::wire::token::TokenEnd;

impl<T: Tracer> EventLoop<T> {
    /// Reads the tokens again. On any fault those that were in force still are.
    pub(super) fn reload_tokens(&mut self, now: Instant) {
        let Some(path) = &self.tokens else { return };
        let error = match store::read(path) {
            Ok(tokens) => {
                log::info!("tokens read again: {}", tokens.len());
                self.hub.admission().replace(tokens);
                None
            }
            Err(fault) => {
                log::error!("the tokens stay as they were: {fault}");
                Some(fault.to_string())
            }
        };
        self.backend.0.event_log().reloaded("tokens", error);
        self.reassess(now);
    }

    /// Reads the certificate and its key again, for new connections. On any fault those that were
    /// in force still are. It is apart from the tokens: a token that was revoked does not stay
    /// valid because a certificate is damaged.
    pub(super) fn reload_certificate(&mut self) {
        let Some(identity) = &mut self.identity else {
            return;
        };
        let error = match identity.reload() {
            Ok(()) => {
                log::info!("the certificate was read again, for new connections");
                None
            }
            Err(fault) => {
                log::error!("the certificate stays as it was: {fault}");
                Some(fault.to_string())
            }
        };
        self.backend.0.event_log().reloaded("certificate", error);
    }

    /// Ends the sessions of tokens whose time is over.
    pub(super) fn end_tokens(&mut self, now: Instant) {
        if self.hub.admission_ref().due().is_some_and(|due| due <= now) {
            self.reassess(now);
        }
    }

    fn reassess(&mut self, now: Instant) {
        let accesses = self.hub.admission().accesses(now);
        let event_log = self.backend.0.event_log();
        self.hub.reassess(|ticket, client| {
            let known = accesses.get(&ticket);
            let Some((token, access)) = known else {
                return Access::Ended(TokenEnd::Revoked);
            };
            if let (Access::Ended(end), Some(client)) = (access, client) {
                log::info!("{client} has to leave: its token '{token}' is {end}");
                event_log.token_ended(client, token, *end);
            }
            *access
        });
    }
}
