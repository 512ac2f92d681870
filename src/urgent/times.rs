//! When people went on: read from an urgent's records, because its state, which every node has in memory, would be many times as
//! large with it.
//!
//! What was read is kept for a moment, and goes on with the records that came since: a table of everybody is asked for in thousands
//! of pages, and its records are walked once. Of how many urgents, and for how long, is bounded.

use super::{Cell, Urgents};
use crate::chat::members::bitmap_of;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::Record;
use crate::log::record::Change;
use crate::log::urgent::UrgentChange;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// No record says that somebody went on so far.
const NEVER: u32 = u32::MAX;

/// When somebody went on, ms since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PersonTimes {
    /// A device had it.
    pub delivered_at_ms: Option<u64>,
    /// It was shown.
    pub shown_at_ms: Option<u64>,
    /// It was confirmed.
    pub confirmed_at_ms: Option<u64>,
}

/// When the people of one urgent went on: 16 bytes for each.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// Seq of the last record that was walked.
    seq: u64,
    raised_at_ms: u64,
    /// The audience, in the order of its indices.
    people: Vec<u32>,
    /// Ms after the raising, in the same order: delivered, shown, confirmed. The latest deadline fits.
    at: [Vec<u32>; 3],
}

impl Times {
    /// Goes on by the next record.
    fn follow(&mut self, record: &Record) {
        self.seq = record.seq;
        match &record.change {
            Change::Urgent(UrgentChange::Raised(raised)) => {
                self.raised_at_ms = record.at_ms;
                self.people = bitmap_of(&raised.audience).into_iter().collect();
                self.at = [(); 3].map(|()| vec![NEVER; self.people.len()]);
            }
            Change::Urgent(UrgentChange::Moved(moves)) => {
                let after_ms = u32::try_from(record.at_ms.saturating_sub(self.raised_at_ms)).unwrap_or(NEVER - 1);
                for (at, moved) in self.at.iter_mut().zip([&moves.delivered, &moves.shown, &moves.confirmed]) {
                    if moved.is_empty() {
                        continue;
                    }
                    for user in bitmap_of(moved) {
                        if let Ok(place) = self.people.binary_search(&user)
                            && at[place] == NEVER
                        {
                            at[place] = after_ms;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn of(&self, user: u32) -> PersonTimes {
        let Ok(place) = self.people.binary_search(&user) else { return PersonTimes::default() };
        let time = |at: &Vec<u32>| Some(at[place]).filter(|after_ms| *after_ms != NEVER).map(|ms| self.raised_at_ms + u64::from(ms));
        let [delivered, shown, confirmed] = &self.at;
        PersonTimes { delivered_at_ms: time(delivered), shown_at_ms: time(shown), confirmed_at_ms: time(confirmed) }
    }
}

/// Times of one urgent, and when they were asked for last.
struct Kept {
    key: ChatKey,
    times: Arc<tokio::sync::Mutex<Times>>,
    asked_at: Instant,
}

/// Walks through records, so many at once, and what came of those of a moment ago.
pub(super) struct Walks {
    turns: Semaphore,
    kept: Mutex<Vec<Kept>>,
}

impl Walks {
    pub fn new() -> Self {
        Self { turns: Semaphore::new(limits::URGENT_WALKS_AT_ONCE), kept: Mutex::default() }
    }

    /// Times of an urgent as far as they are known; those that were not asked for longest make room.
    fn times_of(&self, key: ChatKey) -> Arc<tokio::sync::Mutex<Times>> {
        let mut kept = self.kept.lock();
        let times = match kept.iter().position(|one| one.key == key) {
            Some(at) => kept.remove(at).times,
            None => Arc::default(),
        };
        if kept.len() >= limits::URGENT_TIMES_KEPT {
            kept.remove(0);
        }
        kept.push(Kept { key, times: times.clone(), asked_at: Instant::now() });
        times
    }

    /// Lets go of what nobody has asked for lately.
    pub fn sweep(&self) {
        self.kept.lock().retain(|one| one.asked_at.elapsed() < Duration::from_millis(limits::URGENT_TIMES_KEPT_MS));
    }
}

impl Urgents {
    /// When these people of an urgent went on, in their order.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub(super) async fn times(&self, cell: &Cell, users: &[u32]) -> Result<Vec<PersonTimes>> {
        let seq = cell.with(|urgent| urgent.seq).ok_or_else(Error::urgent_not_found)?;
        let times = self.walks.times_of(cell.key);
        let mut times = times.lock().await;
        let after = times.seq;
        self.walk(cell.key, after, seq, |record| times.follow(record)).await?;
        Ok(users.iter().map(|user| times.of(*user)).collect())
    }

    /// Hands the records of an urgent behind one, up to another, to `take`, in their order.
    ///
    /// # Errors
    /// `StorageUnavailable`: they cannot be read, or not all of them.
    pub(super) async fn walk(&self, key: ChatKey, after: u64, to: u64, mut take: impl FnMut(&Record)) -> Result<()> {
        if after >= to {
            return Ok(());
        }
        let _turn = self.walks.turns.acquire().await.map_err(|_| Error::storage("the server is going away"))?;
        let mut seq = after;
        while seq < to {
            let until = to.min(seq + limits::URGENT_RECORDS_READ);
            let entries = self.chats.log.read(key.0, seq + 1, until, limits::URGENT_RECORDS_READ as usize).await?;
            for entry in &entries {
                if entry.record.seq != seq + 1 {
                    break;
                }
                take(&entry.record);
                seq += 1;
            }
            if seq < until {
                return Err(Error::storage("records of the urgent are missing"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::members::bitmap_bytes;
    use crate::log::urgent::{UrgentMoves, UrgentRaised};
    use roaring::RoaringBitmap;

    fn record(seq: u64, at_ms: u64, change: UrgentChange) -> Record {
        Record { chat: 7, seq, position: 0, at_ms, by: 99, change: Change::Urgent(change) }
    }

    fn raised(audience: impl IntoIterator<Item = u32>) -> Record {
        let raised = UrgentRaised {
            chat: 1,
            target: 2,
            client_message_id: "u".into(),
            audience: bitmap_bytes(&audience.into_iter().collect()),
            ladder: Vec::new(),
            deadline_at_ms: u64::MAX,
            breaks_quiet_hours: false,
        };
        record(1, 1_000, UrgentChange::Raised(Box::new(raised)))
    }

    fn moved(seq: u64, at_ms: u64, delivered: &[u32], shown: &[u32], confirmed: &[u32]) -> Record {
        let bytes = |people: &[u32]| if people.is_empty() { Vec::new() } else { bitmap_bytes(&people.iter().copied().collect()) };
        let moves = UrgentMoves { delivered: bytes(delivered), shown: bytes(shown), confirmed: bytes(confirmed), ..UrgentMoves::default() };
        record(seq, at_ms, UrgentChange::Moved(moves))
    }

    #[test]
    fn the_first_record_that_says_it_counts_and_others_are_passed_over() {
        let mut times = Times::default();
        let latest_ms = 1_000 + limits::URGENT_DEADLINE_MS_MAX;
        for record in [
            raised([3, 5, 9]),
            moved(2, 1_040, &[3, 5, 77], &[], &[]),
            moved(3, 1_100, &[3], &[3], &[]),
            moved(4, latest_ms, &[9], &[9], &[9, 3]),
        ] {
            times.follow(&record);
        }
        let of = |delivered_at_ms, shown_at_ms, confirmed_at_ms| PersonTimes { delivered_at_ms, shown_at_ms, confirmed_at_ms };
        assert_eq!(times.of(3), of(Some(1_040), Some(1_100), Some(latest_ms)), "also at the latest deadline");
        assert_eq!(times.of(5), of(Some(1_040), None, None));
        assert_eq!(times.of(9), of(Some(latest_ms), Some(latest_ms), Some(latest_ms)));
        assert_eq!((times.of(77), times.of(4), times.seq), (PersonTimes::default(), PersonTimes::default(), 4));
    }

    #[test]
    fn what_is_kept_of_an_urgent_for_everybody_is_sixteen_bytes_for_each() {
        let mut times = Times::default();
        times.follow(&raised(0..371_000));
        let everybody: Vec<u32> = (0..371_000).collect();
        for (seq, some) in everybody.chunks(1_000).enumerate() {
            times.follow(&moved(seq as u64 + 2, 2_000 + seq as u64, some, some, some));
        }
        let bytes = 4 * (times.people.capacity() + times.at.iter().map(Vec::capacity).sum::<usize>());
        assert!(bytes <= 6 << 20, "{bytes} bytes");
        assert_eq!(times.of(370_999).confirmed_at_ms, Some(2_370));
    }

    #[test]
    fn of_few_urgents_it_is_kept_and_those_asked_for_longest_ago_make_room() {
        let walks = Walks::new();
        let first = walks.times_of(ChatKey(1));
        for key in 2..=limits::URGENT_TIMES_KEPT as u64 {
            walks.times_of(ChatKey(key));
        }
        assert!(Arc::ptr_eq(&first, &walks.times_of(ChatKey(1))), "it is the last one now");
        walks.times_of(ChatKey(99));
        let kept: RoaringBitmap = walks.kept.lock().iter().map(|one| one.key.0 as u32).collect();
        assert_eq!(kept.len(), limits::URGENT_TIMES_KEPT as u64);
        assert!(kept.contains(1) && kept.contains(99) && !kept.contains(2), "{kept:?}");
        walks.sweep();
        assert_eq!(walks.kept.lock().len(), limits::URGENT_TIMES_KEPT, "for a moment");
    }
}
