//! Refilling: a store that was away may have forgotten what it had acknowledged last. The log has not.
//!
//! A single Cassandra that dies loses the rows of its last moments, because it acknowledges before its disk has them. So when
//! a store comes back, what was written shortly before it went is compared with the log and written once more.

use super::Inner;
use super::streams::decode;
use crate::error::Result;
use crate::metrics;
use crate::store::tables::{self, Table};
use crate::store::{Range, StoredEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What was written so long before the store went is compared. Servers write their logs to disk far more often.
const BEFORE_MS: u64 = 120_000;
/// Pause when it does not succeed.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Inner {
    /// Refills a group whenever the store comes back. It never ends by itself.
    pub async fn refill_group(&self, group: usize) {
        loop {
            while self.overlay.below().healthy() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let away_since_ms = self.clock.now_ms();
            while !self.overlay.below().healthy() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            // Away again meanwhile: the same once more, from the same place.
            loop {
                match self.refill(group, away_since_ms.saturating_sub(BEFORE_MS)).await {
                    Ok(0) => break,
                    Ok(missing) => {
                        metrics::STORE_REFILLED.inc_by(missing);
                        tracing::warn!(group, missing, "the store had forgotten records, and has them again");
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%error, group, "what the store may have forgotten could not be looked for; it is tried again");
                        tokio::time::sleep(TRIED_AGAIN_AFTER).await;
                    }
                }
            }
        }
    }

    /// Writes once more what the log has since then and the store was said to have; how many records were missing.
    async fn refill(&self, group: usize, since_ms: u64) -> Result<u64> {
        let stored = self.stored_up_to(group).await?;
        let mut next = self.first_since(group, since_ms, stored).await?;
        let mut missing = 0;
        while next <= stored {
            let read = self.streams.read(group, next).await?;
            let Some(reached) = read.last().map(|kept| kept.sequence) else { break };
            let mut entries = Vec::new();
            for kept in read.into_iter().filter(|kept| kept.sequence <= stored) {
                entries.extend(self.stored_entries(kept.sequence, decode(group, kept.sequence, &kept.payload)?));
            }
            missing += self.count_missing(&entries).await?;
            // All of them: rows that go with a record may be missing where the record is there.
            self.overlay.below().write_entries(entries).await?;
            next = reached + 1;
        }
        Ok(missing)
    }

    async fn count_missing(&self, entries: &[StoredEntry]) -> Result<u64> {
        let mut buckets: BTreeMap<(u64, u64), BTreeSet<u64>> = BTreeMap::new();
        for entry in entries {
            buckets.entry((entry.chat, entry.seq / tables::BUCKET_SEQS)).or_default().insert(entry.seq);
        }
        let mut missing = 0;
        for ((chat, bucket), seqs) in buckets {
            let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else { continue };
            let range = Range::between(tables::u64_key(*first), tables::u64_key(*last), (last - first + 1) as usize);
            let rows = self.overlay.below().scan(Table::Messages, tables::bucket_key(chat, bucket * tables::BUCKET_SEQS), range).await?;
            let found: BTreeSet<u64> = rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect();
            missing += seqs.difference(&found).count() as u64;
        }
        Ok(missing)
    }

    /// The first message of a group that is not older than this; found by halving, as times grow nearly with the numbers.
    async fn first_since(&self, group: usize, since_ms: u64, stored: u64) -> Result<u64> {
        let (first, _) = self.streams.ends(group).await?;
        let (mut old, mut young) = (first.saturating_sub(1), stored + 1);
        while young - old > 1 {
            let middle = old + (young - old) / 2;
            let at_ms = match self.streams.read_some(group, middle, 1).await?.first() {
                Some(kept) => decode(group, kept.sequence, &kept.payload)?.entries.first().map_or(0, |entry| entry.record.at_ms),
                None => u64::MAX,
            };
            if at_ms < since_ms { old = middle } else { young = middle }
        }
        Ok(young)
    }
}
