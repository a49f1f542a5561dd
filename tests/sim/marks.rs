//! What has happened at least once.
//!
//! Owns the names of all that the simulator can do to a server and of all that a server can do in
//! answer. A run that never got to one of them says so, because a case that is not reached is not
//! tested.

use std::collections::BTreeMap;

use berth::engine::phase::Phase;
use berth::wire::CloseReason;

macro_rules! names {
    ($(#[$about:meta])* $list:ident { $($name:ident),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $list { $($name),* }

        impl $list {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

names! {
    /// What a step can do.
    Action {
        Connect, WriteSome, WriteMuch, ReadSome, ReadMuch, HalfClose, Close, Reset, JumpLittle,
        JumpToDeadline, JumpBeforeDeadline, JumpFar, SpuriousEdge, DeadKey, Lease, Revoke,
        Stop, Nothing,
    }
}

names! {
    /// What can go wrong, or merely otherwise than hoped, with one operation.
    Fault {
        ShortRead, ShortWrite, ShortSend, InterruptedRead, InterruptedWrite, InterruptedSend,
        InterruptedFinish, FalseReadBlock, FalseWriteBlock, ReadError, WriteError, SendError,
        FinishError,
    }
}

names! {
    /// What came of it.
    Event {
        Open, Draining, Lingering, Closed, Admitted, Refused, Crowded, Trimmed, TooLong, Cut,
        Broken, Yielded, HeldBack, StalledOutsider, LingerExpired, Discarded, PeerClosed,
        LostToReset, IdleLine, ShutdownLine, Tasked, SilentStep, LastLineWithoutEnd,
        IgnoredAfterExit, ServedAfterHalfClose, RefusedWhileStopping, WholeStream,
        SeveralInOneBatch, KeyUsedAgain, NoName, GetTooFar, BeyondEnd, NoSuchFile, Unopenable,
        Failed, Digest, Stated, Web, LongWeb, WebWordsLater, Mark,
        CrNul, Unended, KeptReason, Carried, CarriedInPart,
        Arriving, LateVerdict, LostVerdict, Withdrawn, ArrivedTooLate,
        LateRefusal, CrowdedOut, CrowdedInHandshake, Leaseless, NothingOpened, CutInside,
        BrokeRules, Settled, FinishBlocked, WholeTls, ShutOut,
        ExitOutside, ThreeLines, TooMuchOutside, KeptBehindToken, NotAllowed, Denied, TokenExpired,
        TokenInUse, LateOutside, Penalised, TokenEnded,
        NoUploads, UploadRefused, UploadReady, StoredAtOnce, UploadWaits, UploadDiffers, Stored,
        UploadFailed, UploadCut, UploadStalled, UploadAbandoned, BodyDiscarded, TooMuchToDiscard,
        StalledBody,
        FirstPause, LaterPause, PauseInExcess, FramedAfterAll, BareName, Twin,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Action(Action),
    Fault(Fault),
    Event(Event),
    /// The place of a reason among `CloseReason::ALL`.
    CloseReason(usize),
}

/// How often each thing happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(BTreeMap<Mark, u64>);

impl Marks {
    pub(crate) fn action(&mut self, action: Action) {
        self.note(Mark::Action(action));
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.note(Mark::Fault(fault));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.note(Mark::Event(event));
    }

    pub(crate) fn reason(&mut self, reason: CloseReason) {
        let at = CloseReason::ALL.iter().position(|&each| each == reason);
        self.note(Mark::CloseReason(at.expect("every reason is in the list")));
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        self.event(match phase {
            Phase::Arriving(..) => Event::Arriving,
            Phase::Open => Event::Open,
            Phase::Draining(_) => Event::Draining,
            Phase::Lingering(..) => Event::Lingering,
            Phase::Closed(_) => Event::Closed,
        });
    }

    fn note(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// Adds what happened elsewhere.
    pub(crate) fn add(&mut self, other: &Self) {
        for (&mark, &count) in &other.0 {
            *self.0.entry(mark).or_default() += count;
        }
    }

    /// What never happened, in words.
    pub(crate) fn missing(&self) -> Vec<String> {
        let actions = Action::ALL.iter().map(|&action| Mark::Action(action));
        let faults = Fault::ALL.iter().map(|&fault| Mark::Fault(fault));
        let events = Event::ALL.iter().map(|&event| Mark::Event(event));
        let farewells = (0..CloseReason::ALL.len()).map(Mark::CloseReason);
        actions
            .chain(faults)
            .chain(events)
            .chain(farewells)
            .filter(|mark| !self.0.contains_key(mark))
            .map(|mark| format!("{mark:?}"))
            .collect()
    }

    /// How often this happened.
    pub(crate) fn count(&self, event: Event) -> u64 {
        self.0.get(&Mark::Event(event)).copied().unwrap_or_default()
    }

    /// How often each thing happened, the rarest first.
    pub(crate) fn rarest(&self, most: usize) -> String {
        let mut counts: Vec<_> = self.0.iter().map(|(mark, n)| (*n, *mark)).collect();
        counts.sort_unstable();
        let words = counts.iter().take(most);
        let words: Vec<String> = words.map(|(n, mark)| format!("{mark:?} {n}")).collect();
        words.join(", ")
    }
}
