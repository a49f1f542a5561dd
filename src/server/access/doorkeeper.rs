//! The admission of a server with tokens: checks them, then asks for a berth.
//!
//! Owns the tokens that are in force, who holds which, and the penalties. Must never keep what was
//! shown, nor say what was wrong with it to whoever does not know the secret.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use crate::engine::admission::{Demand, Denial, Refusal, Ticket, Verdict};
use crate::engine::berths::Berths;
use crate::engine::ports::{Admission, Peer};
use crate::engine::rights::{Access, Rights};
use crate::engine::stats::SessionStats;
use crate::server::access::digest::SecretDigest;
use crate::server::access::penalties::Penalties;
use crate::server::access::tokens::{TokenId, Tokens};
use crate::server::net::caller::Caller;
use crate::wire::token::{self, TokenEnd};
use crate::wire::{ClientName, CloseReason};

/// How long the wall clock is not looked at while tokens in use have an end: it may be set forward.
const LOOK_AFTER: Duration = Duration::from_secs(60);

/// Whoever is let in with a token.
#[derive(Debug)]
struct Holder {
    id: TokenId,
    name: Rc<str>,
}

/// The berths, and the tokens in front of them if there are any.
#[derive(Debug)]
pub struct Doorkeeper {
    berths: Berths<Caller>,
    /// `None`: no token is demanded.
    tokens: Option<Tokens>,
    holders: BTreeMap<Ticket, Holder>,
    in_use: BTreeMap<TokenId, u32>,
    penalties: Penalties,
    /// When a token in use may have come to its end.
    look_at: Option<Instant>,
    clock: fn() -> SystemTime,
}

impl Doorkeeper {
    /// Lets in whoever finds a berth and has one of `tokens`, if there are any.
    #[must_use]
    pub const fn new(
        berths: Berths<Caller>,
        tokens: Option<Tokens>,
        clock: fn() -> SystemTime,
    ) -> Self {
        Self {
            berths,
            tokens,
            holders: BTreeMap::new(),
            in_use: BTreeMap::new(),
            penalties: Penalties::none(),
            look_at: None,
            clock,
        }
    }

    /// From now on these tokens are in force. Who is inside already is reassessed by the caller.
    pub fn replace(&mut self, tokens: Tokens) {
        self.tokens = Some(tokens);
    }

    /// When [`Doorkeeper::accesses`] may say something new, if it may.
    #[must_use]
    pub const fn due(&self) -> Option<Instant> {
        self.look_at
    }

    /// What each holder of a token may ask for now, with the name of the token.
    pub fn accesses(&mut self, now: Instant) -> BTreeMap<Ticket, (Rc<str>, Access)> {
        let time = (self.clock)();
        self.look_at = None;
        let mut accesses = BTreeMap::new();
        let mut ends = Vec::new();
        for (&ticket, holder) in &self.holders {
            let token = self
                .tokens
                .as_ref()
                .and_then(|tokens| tokens.get(&holder.id));
            let access = match token {
                None => Access::Ended(TokenEnd::Revoked),
                Some(token) if token.has_expired(time) => Access::Ended(TokenEnd::Expired),
                Some(token) => {
                    ends.extend(token.expires);
                    Access::Holder(token.rights)
                }
            };
            accesses.insert(ticket, (Rc::clone(&holder.name), access));
        }
        ends.into_iter().for_each(|end| self.look_again(end, now));
        accesses
    }

    fn look_again(&mut self, end: SystemTime, now: Instant) {
        let left = end.duration_since((self.clock)()).unwrap_or_default();
        let at = now + left.min(LOOK_AFTER);
        self.look_at = Some(self.look_at.map_or(at, |other| other.min(at)));
    }

    fn forget(&mut self, ticket: Ticket) {
        let Some(holder) = self.holders.remove(&ticket) else {
            return;
        };
        let count = self.in_use.get_mut(&holder.id);
        let count = count.expect("a token is counted where it was taken");
        *count -= 1;
        if *count == 0 {
            self.in_use.remove(&holder.id);
        }
    }

    /// What is due for whoever shows this.
    fn judge(&mut self, ticket: Ticket, shown: &[u8], now: Instant) -> Result<Rights, Denial> {
        let shown = token::Token::parse(shown);
        let found = shown.and_then(|shown| self.tokens.as_ref()?.get(&shown.id));
        // An unknown token takes as long as a known one.
        let expected = found.map_or(SecretDigest::of_nobody(), |token| token.digest);
        let secret = shown.map_or(&[][..], |shown| shown.secret);
        let is_right = bool::from(SecretDigest::of(secret).equals(&expected));
        let token = found.filter(|_| is_right).ok_or(Denial::Unknown)?;
        if let Some(end) = token.expires.filter(|_| token.has_expired((self.clock)())) {
            return Err(Denial::Expired(end));
        }
        let (id, rights, end) = (token.id, token.rights, token.expires);
        let name = Rc::clone(&token.name);
        let count = self.in_use.get(&id).copied().unwrap_or(0);
        if let Some(most) = token.sessions.filter(|&most| count >= most) {
            return Err(Denial::InUse(count, most));
        }
        self.in_use.insert(id, count + 1);
        self.holders.insert(ticket, Holder { id, name });
        if let Some(end) = end {
            self.look_again(end, now);
        }
        Ok(rights)
    }
}

impl Admission for Doorkeeper {
    type Peer = Caller;

    fn demand(&mut self, peer: &Caller, now: Instant) -> Demand {
        if self.tokens.is_none() {
            return Demand::Nothing;
        }
        match self.penalties.is_penalised(peer.origin(), now) {
            true => Demand::Refused(Refusal::Penalised),
            false => Demand::Token,
        }
    }

    fn check(
        &mut self,
        ticket: Ticket,
        peer: &Caller,
        token: &[u8],
        now: Instant,
    ) -> Result<Rights, Denial> {
        let judged = self.judge(ticket, token, now);
        match judged {
            Err(Denial::Unknown) => self.penalties.failed(peer.origin(), now),
            _ => self.penalties.succeeded(peer.origin()),
        }
        judged
    }

    fn holder(&self, ticket: Ticket) -> Option<&str> {
        self.holders.get(&ticket).map(|holder| &*holder.name)
    }

    fn turned_away(&mut self, ticket: Ticket) {
        self.forget(ticket);
    }

    fn ask(&mut self, ticket: Ticket, peer: &Caller) -> Option<Verdict> {
        self.berths.ask(ticket, peer)
    }

    fn withdraw(&mut self, ticket: Ticket) {
        self.forget(ticket);
        self.berths.withdraw(ticket);
    }

    fn leave(
        &mut self,
        ticket: Ticket,
        name: ClientName,
        reason: CloseReason,
        stats: &SessionStats,
    ) {
        self.forget(ticket);
        self.berths.leave(ticket, name, reason, stats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::access::tokens::HEADER;
    use crate::server::net::listener::Door;
    use std::time::UNIX_EPOCH;

    const SECRET: &str = "sssssssssssssssssssssssssssssssssssssssssss";

    fn clock() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1000)
    }

    fn keeper(rest: &str) -> Doorkeeper {
        let digest = SecretDigest::of(SECRET.as_bytes()).hex();
        let text = format!("{HEADER}\nid=Zk3vQ1xA name=alice sha256={digest} rights=get{rest}\n");
        let tokens = Tokens::parse(text.as_bytes()).expect("it is good");
        Doorkeeper::new(Berths::new(9, 9), Some(tokens), clock)
    }

    fn show(keeper: &mut Doorkeeper, ticket: u64, shown: &str) -> Result<Rights, Denial> {
        let peer = Caller {
            address: ([10, 0, 0, 1], 9).into(),
            door: Door::Tls,
        };
        keeper.check(Ticket(ticket), &peer, shown.as_bytes(), Instant::now())
    }

    fn good() -> String {
        format!("berth1-Zk3vQ1xA-{SECRET}")
    }

    #[test]
    fn only_the_whole_token_lets_in() {
        let mut keeper = keeper("");
        for bad in [
            String::new(),
            good().replace("Zk3v", "Zk3x"),
            good().replacen('s', "t", 1),
            good()[..good().len() - 1].to_owned(),
            "A".repeat(4096),
        ] {
            assert_eq!(show(&mut keeper, 0, &bad), Err(Denial::Unknown), "{bad}");
        }
        assert!(show(&mut keeper, 0, &good()).is_ok());
        assert_eq!(keeper.holder(Ticket(0)), Some("alice"));
    }

    #[test]
    fn a_digest_of_nothing_is_nobodys() {
        let text = format!(
            "{HEADER}\nid=Zk3vQ1xA name=alice sha256={} rights=get\n",
            SecretDigest::of_nobody().hex()
        );
        let tokens = Tokens::parse(text.as_bytes()).expect("it is good");
        let mut keeper = Doorkeeper::new(Berths::new(9, 9), Some(tokens), clock);
        assert_eq!(show(&mut keeper, 0, &good()), Err(Denial::Unknown));
    }

    #[test]
    fn only_who_knows_the_secret_is_told_that_it_has_expired_or_is_in_use() {
        let wrong = good().replacen('s', "t", 1);
        let mut expired = keeper(" expires=1970-01-01T00:16:40Z");
        let end = UNIX_EPOCH + Duration::from_secs(1000);
        assert_eq!(show(&mut expired, 0, &good()), Err(Denial::Expired(end)));
        assert_eq!(show(&mut expired, 0, &wrong), Err(Denial::Unknown));
        let mut one = keeper(" sessions=1");
        assert!(show(&mut one, 0, &good()).is_ok());
        assert_eq!(show(&mut one, 1, &good()), Err(Denial::InUse(1, 1)));
        assert_eq!(show(&mut one, 2, &wrong), Err(Denial::Unknown));
        one.turned_away(Ticket(0));
        one.turned_away(Ticket(0));
        assert!(show(&mut one, 3, &good()).is_ok());
        one.withdraw(Ticket(3));
        assert!(show(&mut one, 4, &good()).is_ok());
    }

    #[test]
    fn a_token_that_is_gone_or_over_ends_and_others_keep_their_rights() {
        let mut keeper = keeper(" expires=1970-01-01T00:16:41Z");
        assert!(show(&mut keeper, 0, &good()).is_ok());
        assert!(keeper.due().is_some(), "its end is looked out for");
        let access = |keeper: &mut Doorkeeper| keeper.accesses(Instant::now())[&Ticket(0)].1;
        assert!(matches!(access(&mut keeper), Access::Holder(_)));
        keeper.clock = || UNIX_EPOCH + Duration::from_secs(1001);
        assert_eq!(access(&mut keeper), Access::Ended(TokenEnd::Expired));
        keeper.replace(Tokens::default());
        assert_eq!(access(&mut keeper), Access::Ended(TokenEnd::Revoked));
        assert_eq!(keeper.due(), None);
    }
}
