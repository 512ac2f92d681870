//! What was said lately, read from the log itself while the store does not answer, or does not have it.
//!
//! Each message of a stream names the one before it in its chat, because that is what its append expected: so a chat is
//! walked from its end towards the past. What is found is laid over the store, as what is committed anew is; so a page
//! and what was done to its messages are read as always, and go when the store is back.

use super::envelope::Envelope;
use super::{Inner, offset_of};
use crate::error::{Error, Result};
use crate::log::Entry;
use crate::store::{LogPlace, Table, Write, tables};
use std::time::{Duration, Instant};

/// Records that are read back for one page, a fraction of a millisecond each. A page that is farther back is told at once to
/// come again.
const BACK_MAX: u64 = 300;
/// The same for a hole in a store that answers, of which there are few: as far as a `sync` goes back in a chat, and more.
const BACK_MAX_FOR_A_HOLE: u64 = 2_000;
/// What was read back is there for so long, for who asks next.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// A page that cannot be had within this is told to come again.
const WITHIN: Duration = Duration::from_secs(2);
/// The same for a hole in a store that answers.
const WITHIN_FOR_A_HOLE: Duration = Duration::from_secs(8);

impl Inner {
    /// Is this everything that stands between two seqs, up to a limit? A store that has forgotten something has forgotten the
    /// last of it, mostly; so what comes is held against where the chat ends.
    ///
    /// # Errors
    /// `StorageUnavailable`: where it ends is not known here, and the log does not answer.
    pub async fn is_whole(&self, chat: u64, from_seq: u64, to_seq: u64, limit: usize, found: &[Entry]) -> Result<bool> {
        if !(from_seq..).zip(found).all(|(seq, entry)| entry.record.seq == seq) {
            return Ok(false);
        }
        let next = from_seq + found.len() as u64;
        if found.len() >= limit || next > to_seq {
            return Ok(true);
        }
        let known = self.lanes.get(&chat).and_then(|lane| lane.end).map(|end| end.seq);
        let end = match known {
            Some(end) => end,
            None => self.end_of(chat).await?.seq,
        };
        Ok(next > end)
    }

    /// Lays a chat's records from its last one back to this seq over the store. `false`: the log has let them go.
    ///
    /// # Errors
    /// `StorageUnavailable`: it is too far back, or the log does not answer either.
    pub async fn lay_tail(&self, chat: u64, from_seq: u64, store_away: bool) -> Result<bool> {
        let walk = async {
            // Many ask for the same page: one of them walks, and the others find what it has laid.
            let _one = self.tails[self.group_of(chat)].lock().await;
            match self.is_laid(chat, from_seq) {
                true => Ok(true),
                false => self.walk(chat, from_seq, if store_away { BACK_MAX } else { BACK_MAX_FOR_A_HOLE }).await,
            }
        };
        let late = || Error::storage("the store does not have this now, and the log has much to do");
        let within = if store_away { WITHIN } else { WITHIN_FOR_A_HOLE };
        tokio::time::timeout(within, walk).await.unwrap_or_else(|_| Err(late()))
    }

    /// What waits over the store reaches from the end of the chat back to the first that waits.
    fn is_laid(&self, chat: u64, seq: u64) -> bool {
        self.overlay.waits(Table::Messages, &tables::bucket_key(chat, seq), &tables::u64_key(seq))
    }

    async fn walk(&self, chat: u64, from_seq: u64, back_max: u64) -> Result<bool> {
        let group = self.group_of(chat);
        // Half of what may wait is for what is written: reading must not stop that.
        if self.overlay.bytes() > self.overlay_bytes_max / 2 {
            return Err(Error::storage("the store does not have this now, and what waits for it has taken the room"));
        }
        // All of one walk go together: what is laid is without a hole.
        let until = Instant::now() + KEPT_FOR;
        let mut next = self.streams.last(group, chat).await?;
        let end = next.as_ref().and_then(|found| found.envelope.entries.last()).map_or(0, |last| last.record.seq);
        if end.saturating_sub(from_seq) > back_max {
            return Err(Error::storage("the store does not have this now, and it is too far back to be read from the log"));
        }
        while let Some(found) = next {
            self.lay_again(group, found.sequence, &found.envelope, until);
            if found.envelope.entries.first().is_some_and(|first| first.record.seq <= from_seq) {
                return Ok(true);
            }
            next = match found.before {
                Some(before) => self.streams.message(group, before).await?,
                None => None,
            };
        }
        Ok(false)
    }

    /// Only records: other rows may have been written since by who does not use the log.
    fn lay_again(&self, group: usize, sequence: u64, envelope: &Envelope, until: Instant) {
        for (index, entry) in envelope.entries.iter().enumerate() {
            let offset = offset_of(sequence, index);
            let place = LogPlace { group, offset, stamp_us: entry.stamp_us };
            let of_records = |write: &Write| matches!(write.place().0, Table::Messages | Table::Changes);
            self.overlay.lay_again(place, super::rows::of(entry, offset).into_iter().filter(of_records), until);
        }
    }
}
