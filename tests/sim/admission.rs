//! Who judges newcomers in the simulator: the engine's own berths, and a way there that is slow.
//!
//! Owns the verdicts that are under way. Must never change one: what is asked is answered as the
//! berths say, but perhaps later, or twice, or to nobody.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use berth::engine::admission::{Demand, Denial, Refusal, Ticket, Verdict};
use berth::engine::berths::Berths;
use berth::engine::ports::{Admission, Peer};
use berth::engine::rights::Rights;
use berth::engine::stats::SessionStats;
use berth::wire::{ClientName, CloseReason};

use crate::marks::Event;
use crate::net::{Net, Shared};
use crate::rng::Rng;
use crate::setup::Bug;
use crate::tokens::Holders;

/// A peer as it is judged.
#[derive(Debug)]
pub(crate) struct SimPeer {
    /// The number of its wire.
    pub(crate) id: usize,
    /// Where it is.
    pub(crate) place: usize,
}

impl Peer for SimPeer {
    type Origin = usize;

    fn origin(&self) -> usize {
        self.place
    }
}

/// A verdict on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    pub(crate) due: Duration,
    /// The wire of the peer that was judged.
    pub(crate) id: usize,
    pub(crate) ticket: Ticket,
    pub(crate) verdict: Verdict,
}

/// How verdicts on newcomers come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verdicts {
    /// How many of a thousand do not come at once.
    pub(crate) late_permille: u32,
    /// How many of those come never.
    pub(crate) never_permille: u32,
    /// How many of those come twice.
    pub(crate) twice_permille: u32,
    /// How long one of those takes at most.
    pub(crate) delay_max_ms: usize,
}

impl Verdicts {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        if rng.chance(667) {
            return Self::default();
        }
        Self {
            late_permille: rng.pick(&[1000, 1000, 500]),
            never_permille: rng.pick(&[0, 0, 100, 500]),
            twice_permille: rng.pick(&[0, 300, 1000]),
            delay_max_ms: rng.pick(&[0, 1, 300, 3000]),
        }
    }
}

#[derive(Debug)]
pub(crate) struct SimAdmission {
    net: Shared,
    berths: Berths<SimPeer>,
    /// Whose verdict got lost on its way.
    lost: BTreeSet<Ticket>,
    /// Who has which token.
    holders: Holders,
}

impl SimAdmission {
    pub(crate) fn new(net: Shared) -> Self {
        let setup = net.borrow().setup.clone();
        let berths = Berths::new(setup.limits_told().clients_max, setup.share_max);
        Self {
            net,
            berths,
            lost: BTreeSet::new(),
            holders: Holders::new(),
        }
    }

    /// How many berths are taken, as the judge has it.
    pub(crate) fn taken(&self) -> usize {
        self.berths.taken()
    }

    pub(crate) const fn holders(&self) -> &Holders {
        &self.holders
    }

    fn forget(&mut self, ticket: Ticket) {
        self.holders.retain(|&(each, ..)| each != ticket);
    }
}

impl Admission for SimAdmission {
    type Peer = SimPeer;

    fn demand(&mut self, peer: &SimPeer, _: Instant) -> Demand {
        self.net.borrow_mut().demand(peer.id)
    }

    fn check(
        &mut self,
        ticket: Ticket,
        peer: &SimPeer,
        token: &[u8],
        _: Instant,
    ) -> Result<Rights, Denial> {
        let net = &mut *self.net.borrow_mut();
        net.check(&mut self.holders, ticket, peer.id, token)
    }

    fn turned_away(&mut self, ticket: Ticket) {
        if self.net.borrow().setup.bug != Some(Bug::KeepToken) {
            self.forget(ticket);
        }
    }

    fn ask(&mut self, ticket: Ticket, peer: &SimPeer) -> Option<Verdict> {
        let verdict = self.berths.ask(ticket, peer);
        let verdict = verdict.expect("the berths of this server answer at once");
        let net = &mut *self.net.borrow_mut();
        net.judge(peer.id, verdict);
        if matches!(verdict, Verdict::Granted(_)) {
            net.book.promised.push((ticket, peer.id));
        }
        net.say(|| format!("  wire {}: asks with {ticket:?}: {verdict:?}", peer.id));
        let way = net.setup.verdicts;
        if !net.faults_on || !net.rng.chance(way.late_permille) {
            net.book.told.push((peer.id, verdict));
            return Some(verdict);
        }
        net.marks.event(Event::LateVerdict);
        if net.rng.chance(way.never_permille) {
            net.marks.event(Event::LostVerdict);
            self.lost.insert(ticket);
            return None;
        }
        let times = 1 + usize::from(net.rng.chance(way.twice_permille));
        for _ in 0..times {
            let delay = net.rng.below(way.delay_max_ms + 1);
            net.book.pending.push(Pending {
                due: net.now + Duration::from_millis(delay as u64),
                id: peer.id,
                ticket,
                verdict,
            });
        }
        None
    }

    fn withdraw(&mut self, ticket: Ticket) {
        self.forget(ticket);
        let net = &mut *self.net.borrow_mut();
        net.marks.event(Event::Withdrawn);
        net.say(|| format!("  {ticket:?} is withdrawn"));
        net.withdrawn(ticket);
        if self.lost.remove(&ticket) {
            net.book.promised.retain(|&(each, _)| each != ticket);
            let nothing = SessionStats::default();
            self.berths
                .leave(ticket, ClientName(0), CloseReason::Reset, &nothing);
        }
    }

    fn leave(
        &mut self,
        ticket: Ticket,
        name: ClientName,
        reason: CloseReason,
        stats: &SessionStats,
    ) {
        self.forget(ticket);
        let net = &mut *self.net.borrow_mut();
        net.say(|| format!("  {ticket:?} is given back"));
        net.book.promised.retain(|&(each, _)| each != ticket);
        if !net.errs(Bug::KeepBerth) {
            self.berths.leave(ticket, name, reason, stats);
        }
    }

    fn may_serve(&self, _: Instant) -> bool {
        self.net.borrow().may_serve
    }
}

impl Net {
    /// The verdict on a newcomer has to be the one that the book says.
    fn judge(&mut self, id: usize, verdict: Verdict) {
        let taken = self.book.clients() + self.book.promised.len();
        let due = if taken >= self.setup.limits.clients_max {
            Some(Refusal::Full)
        } else if !self.has_share(id) {
            Some(Refusal::Crowded)
        } else {
            None
        };
        match (verdict, due) {
            (Verdict::Granted(_), None) => {}
            (Verdict::Granted(_), Some(why)) => {
                panic!("wire {id}: is let in although it is to be turned away: {why:?}")
            }
            (Verdict::Refused(why), None) => {
                panic!("wire {id}: nobody is turned away while a berth is free: {why:?}")
            }
            (Verdict::Refused(why), Some(due)) => {
                assert_eq!(why, due, "wire {id}: the reason for turning it away");
            }
        }
    }
}
