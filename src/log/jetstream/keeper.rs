//! Keeping: the store follows the log, and the log lets go what the store has and nobody needs any more.
//!
//! Each group has one durable reader, which all nodes share: whoever is free takes the next messages, and writes their
//! rows with the stamps that stand in them, so that order does not matter. What is written is acknowledged; the reader's
//! floor is what the store has, and what nodes let go of their overlays.

use super::streams::{away, decode};
use super::{Inner, offset_of};
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::StoredEntry;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use futures_util::{FutureExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Name of each group's reader.
const READER: &str = "store";
/// Messages that are written together.
const TOGETHER: usize = 256;
/// Messages that all nodes together may have taken and not written.
const TAKEN_MAX: i64 = 4_096;
/// Who has taken messages and says nothing for so long is gone; they are given to somebody else.
const TAKEN_FOR: Duration = Duration::from_secs(30);
/// How often the reader is told that its messages are still being written.
const STILL_HERE: Duration = Duration::from_secs(10);
/// Pause while the store is away.
const STORE_AWAY: Duration = Duration::from_millis(250);
/// How often the floor is asked for.
const BETWEEN_FLOORS: Duration = Duration::from_secs(1);
/// How often old messages are looked for.
const BETWEEN_TRIMS: Duration = Duration::from_secs(10);
/// Messages that are let go in one step.
const TRIM_STEP: u64 = 1_000;

impl Inner {
    /// The reader of a group, made if it is missing.
    async fn reader(&self, group: usize) -> Result<Consumer<pull::Config>> {
        let config = pull::Config {
            durable_name: Some(READER.into()),
            ack_policy: AckPolicy::Explicit,
            deliver_policy: DeliverPolicy::All,
            ack_wait: TAKEN_FOR,
            max_ack_pending: TAKEN_MAX,
            num_replicas: self.settings.replicas,
            ..pull::Config::default()
        };
        self.streams.stream(group).get_or_create_consumer(READER, config).await.map_err(|error| away(&error))
    }

    /// The store has every message of a group up to this one.
    pub async fn stored_up_to(&self, group: usize) -> Result<u64> {
        let reader = self.reader(group).await?;
        Ok(reader.cached_info().ack_floor.stream_sequence)
    }

    /// Nothing beyond this message of a group has been given to any node to be written into the store.
    pub async fn taken_up_to(&self, group: usize) -> Result<u64> {
        let reader = self.reader(group).await?;
        Ok(reader.cached_info().delivered.stream_sequence)
    }

    /// Keeps all groups.
    pub async fn keep(self: Arc<Self>) {
        let groups = (0..self.streams.groups()).map(|group| {
            let keeper = self.clone();
            async move {
                tokio::join!(keeper.write_group(group), keeper.follow_floor(group), keeper.trim_group(group), keeper.audit_group(group))
            }
        });
        futures_util::future::join_all(groups).await;
    }

    async fn write_group(&self, group: usize) {
        loop {
            if let Err(error) = self.write_some(group).await {
                tracing::warn!(%error, group, "the store does not follow the log now; it is tried again");
                tokio::time::sleep(STORE_AWAY).await;
            }
        }
    }

    /// Takes messages as they come and writes them, until something is wrong.
    async fn write_some(&self, group: usize) -> Result<()> {
        let reader = self.reader(group).await?;
        let taken = reader.stream().max_messages_per_batch(TOGETHER).expires(Duration::from_secs(30)).heartbeat(Duration::from_secs(10));
        let mut taken = taken.messages().await.map_err(|error| away(&error))?;
        loop {
            while !self.overlay.below().healthy() {
                tokio::time::sleep(STORE_AWAY).await;
            }
            // The first one is waited for, and what is there with it.
            let Some(first) = taken.next().await else { return Err(Error::storage("the log's reader has ended")) };
            let mut messages = vec![first.map_err(|error| away(&error))?];
            while messages.len() < TOGETHER
                && let Some(Some(more)) = taken.next().now_or_never()
            {
                messages.push(more.map_err(|error| away(&error))?);
            }
            let mut entries: Vec<StoredEntry> = Vec::with_capacity(messages.len());
            for message in &messages {
                let sequence = message.info().map_err(|error| Error::storage(format!("the log: {error}")))?.stream_sequence;
                match decode(group, sequence, &message.payload) {
                    Ok(envelope) => entries.extend(self.stored_entries(sequence, envelope)),
                    Err(_) => metrics::LOG_DAMAGED.inc(),
                }
            }
            self.write_at_last(entries, &messages).await;
            for message in messages {
                message.ack().await.map_err(|error| Error::storage(format!("the log: {error}")))?;
            }
        }
    }

    /// Writes until it is written; meanwhile the reader is told that somebody is at it.
    async fn write_at_last(&self, entries: Vec<StoredEntry>, messages: &[async_nats::jetstream::Message]) {
        let mut told = Instant::now();
        while let Err(error) = self.overlay.below().write_entries(entries.clone()).await {
            tracing::debug!(%error, "records could not be written into the store; it is tried again");
            tokio::time::sleep(STORE_AWAY).await;
            if told.elapsed() > STILL_HERE {
                told = Instant::now();
                for message in messages {
                    // Were it lost, another node would write the same once more.
                    let _ = message.ack_with(AckKind::Progress).await;
                }
            }
        }
    }

    /// Lets go of rows that the store has, one period after that is known: a read that others joined may have begun before
    /// the store had them, and has ended by then.
    async fn follow_floor(&self, group: usize) {
        let mut known = 0;
        loop {
            tokio::time::sleep(BETWEEN_FLOORS).await;
            match self.streams.stream(group).consumer_info(READER).await {
                Ok(info) => {
                    self.overlay.stored(group, offset_of(std::mem::replace(&mut known, info.ack_floor.stream_sequence) + 1, 0) - 1);
                    metrics::STORE_LAG
                        .with_label_values(&[&group.to_string()])
                        .set((info.num_pending + info.num_ack_pending as u64) as i64);
                    metrics::STORE_OVERLAY_BYTES.set(self.overlay.bytes() as i64);
                }
                Err(error) => tracing::debug!(%error, group, "how far the store has followed is not known now"),
            }
        }
    }

    async fn trim_group(&self, group: usize) {
        loop {
            match self.trim_step(group).await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(BETWEEN_TRIMS).await,
                Err(error) => {
                    tracing::debug!(%error, group, "the log could not be trimmed; it is tried again");
                    tokio::time::sleep(BETWEEN_TRIMS).await;
                }
            }
        }
    }

    /// Lets go of some messages that are old and in the store; whether there may be more.
    async fn trim_step(&self, group: usize) -> Result<bool> {
        let before_ms = self.clock.now_ms().saturating_sub(self.settings.keep.as_millis() as u64);
        let (first, last) = self.streams.ends(group).await?;
        let stored = self.stored_up_to(group).await?;
        // The last one stays: the numbers of the stream are told by it.
        let until = (first + TRIM_STEP).min(stored).min(last.saturating_sub(1));
        if until < first {
            return Ok(false);
        }
        let Some(kept) = self.streams.read(group, until).await?.into_iter().next() else { return Ok(false) };
        let young = |at_ms: u64| at_ms >= before_ms;
        if kept.sequence > until || decode(group, kept.sequence, &kept.payload)?.entries.iter().any(|entry| young(entry.record.at_ms)) {
            return Ok(false);
        }
        let purged = self.streams.stream(group).purge().sequence(until + 1).await.map_err(|error| away(&error))?;
        metrics::LOG_TRIMMED.inc_by(purged.purged);
        Ok(until == first + TRIM_STEP)
    }
}
