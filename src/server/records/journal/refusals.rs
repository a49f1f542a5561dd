//! Refused peers, counted until their record is written.
//!
//! Owns the counts of at most a second. Must never grow with a flood: beyond a number of addresses
//! all others are counted together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::engine::ports::Refusal;
use crate::journal::record::Refused;
use crate::journal::text::Reason;

/// A record for each address at most this often.
const PERIOD: Duration = Duration::from_secs(1);

/// How many addresses are counted one by one. Their records are written in one turn of the loop,
/// and so many take less than a millisecond.
const ADDRESSES_MAX: usize = 256;

/// Counts by address and reason.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: BTreeMap<(Option<IpAddr>, &'static str), u64>,
    /// When the counts are to be written; set in the turn of the loop that counted the first.
    due: Option<Instant>,
}

impl Refusals {
    /// Counts one refusal.
    pub fn count(&mut self, ip: IpAddr, refusal: Refusal) {
        let reason = refusal.word();
        let known = self.counts.contains_key(&(Some(ip), reason));
        let address = (known || self.counts.len() < ADDRESSES_MAX).then_some(ip);
        *self.counts.entry((address, reason)).or_default() += 1;
    }

    /// When [`Refusals::take`] is due; `None` if there is nothing to write.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        if self.counts.is_empty() {
            return None;
        }
        Some(*self.due.get_or_insert(now + PERIOD))
    }

    /// Takes the counts as records.
    pub fn take(&mut self) -> impl Iterator<Item = Refused> + use<> {
        self.due = None;
        let counts = std::mem::take(&mut self.counts);
        counts
            .into_iter()
            .map(|((address, reason), count)| Refused {
                address,
                reason: Reason::Other(reason.to_owned()),
                count,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_one_record_a_second_for_each_address() {
        let start = Instant::now();
        let mut refusals = Refusals::default();
        assert_eq!(refusals.due(start), None);
        let ip = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..1000 {
            refusals.count(ip, Refusal::Full);
        }
        refusals.count(ip, Refusal::Crowded);
        assert_eq!(refusals.due(start), Some(start + PERIOD));
        assert_eq!(refusals.due(start + PERIOD), Some(start + PERIOD));
        let records: Vec<Refused> = refusals.take().collect();
        let counted = |record: &Refused| (record.address, record.reason.to_string(), record.count);
        assert_eq!(
            records.iter().map(counted).collect::<Vec<_>>(),
            [
                (Some(ip), "crowded".to_owned(), 1),
                (Some(ip), "full".to_owned(), 1000)
            ]
        );
        assert_eq!(refusals.due(start + PERIOD), None);
    }

    #[test]
    fn a_flood_from_everywhere_is_counted_whole_and_kept_small() {
        let mut refusals = Refusals::default();
        for n in 0..100_000_u32 {
            refusals.count(IpAddr::V4(n.into()), Refusal::Full);
        }
        let records: Vec<Refused> = refusals.take().collect();
        assert_eq!(records.len(), ADDRESSES_MAX + 1);
        assert_eq!(
            records.iter().map(|record| record.count).sum::<u64>(),
            100_000
        );
        assert_eq!(
            records
                .iter()
                .filter(|record| record.address.is_none())
                .count(),
            1
        );
    }
}
