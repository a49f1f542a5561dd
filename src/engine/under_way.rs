//! What a session is busy with between one request and the next.
//!
//! Owns the one enum for it. Must never know what an answer is: the handler does.

/// What a session does before it takes another request. `K` is the handler's answer under way.
#[derive(Debug)]
pub enum UnderWay<K> {
    /// Nothing: the next request is taken.
    Nothing,
    /// An answer takes several steps. In a box, as it may be large and most clients are idle.
    Answer(Box<K>),
    /// The answer to an upload waits for so many bytes of its body, never 0.
    Body(Box<K>, u64),
    /// An upload was refused whose body follows all the same: so many bytes of it, never 0, are
    /// still to be discarded, as they are no requests.
    Discard(u64),
}

impl<K> UnderWay<K> {
    /// Whether the next request is taken.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// How many bytes the peer has announced and not sent.
    #[must_use]
    pub const fn owed(&self) -> u64 {
        match self {
            Self::Nothing | Self::Answer(_) => 0,
            Self::Body(_, owed) | Self::Discard(owed) => *owed,
        }
    }

    /// Takes the answer, if there is one: nothing is under way any more.
    pub fn take(&mut self) -> Option<K> {
        match std::mem::replace(self, Self::Nothing) {
            Self::Answer(task) | Self::Body(task, _) => Some(*task),
            Self::Nothing | Self::Discard(_) => None,
        }
    }

    /// The answer needs `owed` bytes of a body before its next step.
    pub fn await_body(&mut self, owed: u64) {
        *self = match (std::mem::replace(self, Self::Nothing), owed) {
            (Self::Answer(task), 1..) => Self::Body(task, owed),
            (other, _) => unreachable!(
                "only an answer waits for bytes, and for some: {owed}, {}",
                { other.owed() }
            ),
        };
    }

    /// `n` of the bytes that are owed have come. `pauses`: the answer has a step to do before it
    /// takes more of them.
    pub fn came(&mut self, n: u64, pauses: bool) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Body(task, owed) if owed > n && !pauses => Self::Body(task, owed - n),
            Self::Body(task, _) => Self::Answer(task),
            Self::Discard(owed) if owed > n => Self::Discard(owed - n),
            Self::Discard(_) => Self::Nothing,
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_counted_down_and_then_the_answer_goes_on() {
        let mut under_way = UnderWay::Answer(Box::new("upload"));
        assert!(!under_way.is_nothing() && under_way.owed() == 0);
        under_way.await_body(10);
        under_way.came(3, false);
        assert_eq!(under_way.owed(), 7);
        under_way.came(2, true);
        assert!(
            matches!(under_way, UnderWay::Answer(_)),
            "it has a step to do"
        );
        under_way.await_body(5);
        under_way.came(5, false);
        assert_eq!(under_way.take(), Some("upload"));
        assert!(under_way.is_nothing());
    }

    #[test]
    fn a_body_that_is_discarded_leaves_nothing() {
        let mut under_way = UnderWay::<()>::Discard(4);
        under_way.came(3, false);
        assert_eq!(under_way.owed(), 1);
        under_way.came(1, false);
        assert!(under_way.is_nothing());
    }
}
