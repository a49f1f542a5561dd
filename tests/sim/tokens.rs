//! The tokens of a day, and who has which.
//!
//! Owns them, and what is due for one that is shown. Must never read a line: what is shown is
//! taken from the engine here and compared with the oracle's reading elsewhere.

use std::time::SystemTime;

use berth::engine::admission::{Demand, Denial, Refusal, Ticket, Verdict};
use berth::engine::rights::{Access, Right, Rights};
use berth::wire::token::TokenEnd;

use crate::expect::{Ending, Expect};
use crate::marks::Event;
use crate::net::{Met, Net};
use crate::oracle::View;
use crate::rng::Rng;
use crate::setup::Bug;
use crate::world::World;

/// A token: its text is `t` and its place in the list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    rights: Rights,
    most: Option<u32>,
    end: Option<TokenEnd>,
}

/// All tokens; none where no token is demanded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) all: Vec<Token>,
    /// How many of a thousand newcomers have an address from which too many wrong ones came.
    penalty_permille: u32,
}

impl Tokens {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        if rng.chance(650) {
            return Self::default();
        }
        let few = rng.chance(700);
        let right = |rng: &mut Rng| !few || rng.chance(500);
        let token = |rng: &mut Rng| Token {
            rights: Right::ALL.into_iter().filter(|_| right(rng)).collect(),
            most: rng.pick(&[None, Some(1), Some(1), Some(2)]),
            end: rng.chance(100).then_some(TokenEnd::Expired),
        };
        Self {
            all: (0..rng.between(1, 2)).map(|_| token(rng)).collect(),
            penalty_permille: rng.pick(&[0, 0, 200]),
        }
    }

    fn find(&self, shown: &[u8]) -> Option<usize> {
        let number = str::from_utf8(shown).ok()?.strip_prefix('t')?.parse();
        number
            .ok()
            .filter(|&number: &usize| number < self.all.len())
    }
}

/// The token of each who has shown a good one, and has not left since, by its ticket.
pub(crate) type Holders = Vec<(Ticket, usize, usize)>;

impl Net {
    /// What is demanded of a newcomer.
    pub(crate) fn demand(&mut self, id: usize) -> Demand {
        if self.setup.tokens.all.is_empty() {
            return Demand::Nothing;
        }
        let permille = self.setup.tokens.penalty_permille;
        if self.faults_on && self.rng.chance(permille) {
            self.marks.event(Event::Penalised);
            let penalised = Verdict::Refused(Refusal::Penalised);
            self.book.told.push((id, penalised));
            return Demand::Refused(Refusal::Penalised);
        }
        self.book.demanded.push(id);
        self.book.met.push((id, Met::Outside));
        Demand::Token
    }

    /// What is due for this token, with the mistakes that are made on purpose.
    pub(crate) fn check(
        &mut self,
        holders: &mut Holders,
        ticket: Ticket,
        id: usize,
        shown: &[u8],
    ) -> Result<Rights, Denial> {
        let due = self.due(shown, id);
        let counted = holders.clone();
        let known = self.setup.tokens.find(shown);
        let mut answer = due;
        if let (Some(number), Ok(rights)) = (known, due) {
            let count = counted.iter().filter(|each| each.2 == number).count() as u32;
            // The count of the judge is the engine's doing: it has to be that of the book.
            assert_eq!(
                count,
                self.in_use(number, id),
                "wire {id}: whose token is in use"
            );
            holders.push((ticket, id, number));
            self.book.holders.push((id, number));
            if self.setup.bug == Some(Bug::AllRights) {
                answer = Ok(Right::ALL.into_iter().collect());
            }
            self.say(|| format!("  wire {id}: shows token {number}: {rights:?}"));
        }
        self.marks_of(due);
        self.book.met.push((id, Met::Judged(shown.to_vec(), due)));
        self.book.judged.push((id, due));
        answer
    }

    fn marks_of(&mut self, due: Result<Rights, Denial>) {
        match due {
            Ok(_) => {}
            Err(Denial::Expired(_)) => self.marks.event(Event::TokenExpired),
            Err(Denial::InUse(..)) => self.marks.event(Event::TokenInUse),
            Err(_) => self.marks.event(Event::Denied),
        }
    }

    fn due(&self, shown: &[u8], id: usize) -> Result<Rights, Denial> {
        let number = self.setup.tokens.find(shown).ok_or(Denial::Unknown)?;
        let token = self.setup.tokens.all[number];
        match token.end {
            Some(TokenEnd::Revoked) => return Err(Denial::Unknown),
            Some(TokenEnd::Expired) => return Err(Denial::Expired(SystemTime::UNIX_EPOCH)),
            None => {}
        }
        let count = self.in_use(number, id);
        match token.most {
            Some(most) if count >= most => Err(Denial::InUse(count, most)),
            _ => Ok(token.rights),
        }
    }

    /// How many others are in with a token, or wait to be, as the book has it.
    fn in_use(&self, number: usize, but: usize) -> u32 {
        let is_here = |id: &usize| {
            let has_left = self.book.departed.iter().any(|(each, _)| each == id);
            let is_in = self.book.admitted().any(|each| each == *id) && !has_left;
            is_in || self.book.arriving.contains(id)
        };
        let holders = self.book.holders.iter();
        let others = holders.filter(|(id, token)| *token == number && *id != but && is_here(id));
        others.count() as u32
    }

    /// Why the token of this peer has ended, if it has.
    pub(crate) fn token_end(&self, id: usize) -> Option<TokenEnd> {
        let holder = self.book.holders.iter().find(|(each, _)| *each == id)?;
        self.setup.tokens.all[holder.1].end
    }
}

pub(crate) fn last_line(end: TokenEnd) -> &'static str {
    match end {
        TokenEnd::Revoked => "ERR token revoked, closing\n",
        TokenEnd::Expired => "ERR token expired, closing\n",
    }
}

impl World {
    /// One of the tokens is not valid any more.
    pub(crate) fn revoke(&mut self) {
        let accesses = {
            let net = &mut *self.net.borrow_mut();
            let count = net.setup.tokens.all.len();
            if count == 0 {
                return;
            }
            let number = net.rng.below(count);
            let end = net.rng.pick(&[TokenEnd::Revoked, TokenEnd::Expired]);
            net.setup.tokens.all[number].end.get_or_insert(end);
            net.say(|| format!("token {number} is not valid any more: {end:?}"));
            let access = |&(ticket, _, number): &(Ticket, usize, usize)| {
                let token = net.setup.tokens.all[number];
                (
                    ticket,
                    token
                        .end
                        .map_or(Access::Holder(token.rights), Access::Ended),
                )
            };
            let holders = self.hub.admission().holders();
            holders.iter().map(access).collect::<Vec<_>>()
        };
        self.hub.reassess(|ticket, _| {
            let found = accesses.iter().find(|(each, _)| *each == ticket);
            found.expect("whoever has a token is known").1
        });
        self.has_revoked = true;
        self.expect_ends();
    }

    /// Whoever is in with a token that has ended is told so, unless it is told of something else.
    fn expect_ends(&mut self) {
        let net = &mut *self.net.borrow_mut();
        for (id, view) in self.views.iter().enumerate() {
            let Some(view) = view.filter(View::is_open).filter(|_| !net.is_stopping) else {
                continue;
            };
            let Some(end) = net.token_end(id) else {
                continue;
            };
            let answered = net.wires[id].record.written + view.queued;
            let more = net.replies_left(id, true);
            let expect: &mut Option<Expect> = &mut self.peers[id].expect;
            let expect = expect.as_mut().expect("a client was met");
            if expect.ending() != Some(Ending::Token) {
                assert!(
                    expect.cut(answered, more, Ending::Token, last_line(end)),
                    "wire {id}: more was answered than was asked"
                );
                net.marks.event(Event::TokenEnded);
            }
        }
    }
}
