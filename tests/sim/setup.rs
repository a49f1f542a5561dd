//! What kind of day a seed is.
//!
//! Owns every number that is drawn once for a seed: limits, how likely each action and each fault
//! is, how large and how slow the pipes are. Each action and each fault is off in some seeds, so
//! that those it would hide have their day too.

use std::rc::Rc;
use std::time::Duration;

use berth::engine::limits::{Limits, Pauses};

pub(crate) use crate::bugs::Bug;

use crate::admission::Verdicts;
use crate::catalog::Catalog;
use crate::marks::{Action, Fault};
use crate::rng::Rng;
use crate::tokens::Tokens;
use crate::unframed::shifted;

/// How likely each fault is, in a thousand operations.
#[derive(Clone, Debug)]
pub(crate) struct Faults(pub(crate) Vec<u32>);

impl Faults {
    fn draw(rng: &mut Rng) -> Self {
        let calm = rng.chance(250);
        let draw = |&fault: &Fault| match fault {
            _ if calm => 0,
            // These end a connection, so that little else happens where they are frequent.
            Fault::ReadError | Fault::WriteError => rng.pick(&[0, 0, 10, 200]),
            Fault::SendError => rng.pick(&[0, 30, 200]),
            Fault::FinishError => rng.pick(&[0, 0, 50, 300]),
            _ => rng.pick(&[0, 0, 50, 300, 700]),
        };
        Self(Fault::ALL.iter().map(draw).collect())
    }

    pub(crate) fn permille(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }
}

/// Everything that is drawn once.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// What the oracle holds the hub to.
    pub(crate) limits: Limits,
    /// Turns are tiny, so that all that is to be said and sent has to be short.
    pub(crate) is_small: bool,
    /// The idle timeout, as the last line of an idle client has it.
    pub(crate) idle_words: &'static str,
    pub(crate) catalog: Rc<Catalog>,
    pub(crate) faults: Faults,
    pub(crate) verdicts: Verdicts,
    pub(crate) tokens: Tokens,
    /// Pipes are sealed, with at most so many bytes in a frame.
    pub(crate) seal_bytes: Option<usize>,
    /// They are sealed with the server's own TLS.
    pub(crate) is_tls: bool,
    /// A sealed pipe gives out a byte at a time now and then.
    pub(crate) gives_little: bool,
    /// Peers end in the middle of what a sealed pipe carries now and then.
    pub(crate) cuts: bool,
    /// Peers break the rules of a sealed pipe now and then.
    pub(crate) is_rude: bool,
    pub(crate) weights: Vec<usize>,
    pub(crate) peers_max: usize,
    /// How many clients there may be from one place.
    pub(crate) share_max: usize,
    pub(crate) steps: usize,
    pub(crate) pipe_bytes: usize,
    pub(crate) latency_max_us: usize,
    /// Edges only on not-ready to ready; otherwise one for each arrival as well.
    pub(crate) strict_edges: bool,
    /// How much of a pipe has to be free for a writer to be told.
    pub(crate) low_water: usize,
    /// How many edges of a thousand are delivered at the next chance.
    pub(crate) deliver_permille: u32,
    /// After how many actions of a thousand the server gets to run.
    pub(crate) serve_permille: u32,
    /// How often the server's loop goes round at a time, while it has work.
    pub(crate) rounds: usize,
    pub(crate) accept_batch: usize,
    pub(crate) bug: Option<Bug>,
}

impl Setup {
    pub(crate) fn draw(rng: &mut Rng, bug: Option<Bug>) -> Self {
        let mut setup = Self::draw_any(rng, bug);
        setup.settle_pauses(rng);
        setup
    }

    fn draw_any(rng: &mut Rng, bug: Option<Bug>) -> Self {
        let (idle, idle_words) = rng.pick(&[
            (Some(1), "1s"),
            (Some(5), "5s"),
            (Some(60), "1m"),
            (Some(90), "1m 30s"),
            (Some(600), "10m"),
            (None, "ever"),
        ]);
        let is_small = rng.chance(200);
        let limits = draw_limits(is_small, idle, rng);
        Self {
            limits,
            is_small,
            idle_words,
            catalog: Rc::new(Catalog::draw(is_small, limits.discard_bytes, rng)),
            faults: Faults::draw(rng),
            verdicts: Verdicts::draw(rng),
            tokens: Tokens::draw(rng),
            seal_bytes: rng.chance(400).then(|| rng.pick(&[1, 50, 700, 16_000])),
            gives_little: rng.chance(300),
            cuts: rng.chance(400),
            is_rude: rng.chance(400),
            weights: Action::ALL.iter().map(|&a| weight(a, rng)).collect(),
            share_max: rng.pick(&[usize::MAX, usize::MAX, 1, 2]),
            peers_max: rng.between(1, 14),
            steps: rng.between(20, 250),
            pipe_bytes: rng.pick(&[1, 9, 100, 1000, 5000, 100_000]),
            latency_max_us: rng.pick(&[0, 0, 300, 50_000]),
            strict_edges: rng.chance(600),
            low_water: rng.pick(&[1, 1, 30, 400]),
            deliver_permille: rng.pick(&[1000, 1000, 700, 300]),
            serve_permille: rng.pick(&[1000, 800, 300]),
            rounds: rng.pick(&[1, 1, 4, 30]),
            accept_batch: rng.pick(&[1, 2, 16]),
            // A handshake takes a hundred times as long as one of the toy.
            is_tls: rng.chance(100),
            bug,
        }
    }

    /// What the hub is told to keep, which is another thing only where that is the mistake.
    pub(crate) fn limits_told(&self) -> Limits {
        let mut limits = self.limits;
        match self.bug {
            Some(Bug::FewerBerths) => limits.clients_max = (limits.clients_max - 1).max(1),
            Some(Bug::MoreBerths) => limits.clients_max += 1,
            Some(Bug::LongLinger) => limits.linger *= 2,
            Some(Bug::MoreLines) => limits.token_lines += 1,
            Some(Bug::MoreBytes) => limits.token_bytes *= 2,
            Some(Bug::LargeTurns) => limits.turn_bytes *= 4,
            Some(Bug::AllHandshakes) => limits.handshake_steps = usize::MAX,
            Some(Bug::WorkForNothing) => limits.read_cost_bytes = 0,
            Some(Bug::LongStall) => limits.stall *= 2,
            Some(Bug::LongArrival) => limits.arrival *= 2,
            Some(Bug::EarlyPause) => limits.unframed = limits.unframed.map(|it| shifted(it, -1)),
            Some(Bug::LatePause) => limits.unframed = limits.unframed.map(|it| shifted(it, 1)),
            _ => {}
        }
        limits
    }
}

fn draw_limits(is_small: bool, idle: Option<u64>, rng: &mut Rng) -> Limits {
    Limits {
        clients_max: rng.between(1, 5),
        unadmitted_max: rng.pick(&[1, 1, 2, 3, 8]),
        arrivals_max: rng.pick(&[1, 2, 4, 256]),
        arrivals_per_origin_max: rng.pick(&[1, 2, 8]),
        riders_per_berth_max: 2,
        news_every: Duration::from_millis(250),
        arrival: Duration::from_millis(rng.pick(&[200, 1000, 10_000])),
        token_lines: rng.pick(&[1, 3, 3]),
        token_bytes: rng.pick(&[20, 100, 8192, 8192]),
        handshake_steps: rng.pick(&[1, 2, 8]),
        read_cost_bytes: rng.pick(&[64, 256, 1024]),
        inbox_bytes: rng.pick(&[4097, 4098, 5000, 8192]),
        body_piece_bytes: rng.pick(&[1, 100, 5000]),
        outbox_mark_bytes: rng.pick(&[1, 20, 500, 5000]),
        turn_bytes: if is_small {
            rng.pick(&[1, 7])
        } else {
            rng.pick(&[100, 1000, 5000, 50_000])
        },
        turn_requests: rng.pick(&[1, 2, 5, 256]),
        idle: idle.map(Duration::from_secs),
        unended: Duration::from_millis(rng.pick(&[800, 5000, 5000])),
        unframed: rng.chance(150).then(Pauses::default),
        stall: Duration::from_millis(rng.pick(&[700, 1500, 10_000])),
        linger: Duration::from_millis(rng.pick(&[100, 600, 2000])),
        discard_bytes: rng.pick(&[1, 50, 3000, 1 << 24]),
    }
}

fn weight(action: Action, rng: &mut Rng) -> usize {
    let usual = match action {
        // Without peers there is nothing to see, so these two are never off.
        Action::Connect => return rng.pick(&[4, 8]),
        Action::WriteSome => return rng.pick(&[4, 20]),
        Action::WriteMuch | Action::ReadSome | Action::ReadMuch | Action::JumpLittle => 12,
        Action::SpuriousEdge | Action::DeadKey | Action::Nothing => 3,
        Action::HalfClose => 1,
        // What ends connections would leave nothing else to see if it came often in every seed.
        Action::Close | Action::Reset | Action::JumpFar | Action::Stop => {
            return rng.pick(&[0, 0, 0, 1, 2]);
        }
        Action::Lease => return rng.pick(&[0, 0, 0, 1]),
        Action::Revoke => return rng.pick(&[0, 1, 4, 16]),
        Action::JumpToDeadline | Action::JumpBeforeDeadline => {
            return rng.pick(&[0, 1, 2, 8]);
        }
    };
    usual * rng.pick(&[0, 1, 1, 3])
}
