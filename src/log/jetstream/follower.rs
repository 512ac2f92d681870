//! Following: every committed message of every group, in the order of its group, once.
//!
//! The streams publish what they have committed to whoever listens, and nobody repeats it. So each message is held against
//! the number of the one before: what is missing is read from the stream. A quiet group is looked at every now and then,
//! because the last message may be the one that did not come.
//!
//! Each group has a task, which ends when nobody takes what was committed any more.

use super::envelope::Envelope;
use super::streams::{decode, number};
use super::{Inner, offset_of};
use crate::error::{Error, Result};
use crate::log::Committed;
use crate::metrics;
use async_nats::header;
use futures_util::{FutureExt as _, StreamExt as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a quiet group is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a reader waits for a message that is known to be committed.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(5);
/// The same, before the stream is read for it.
const COMES_WITHIN: Duration = Duration::from_millis(100);
/// Pause when the log does not answer.
const AWAY: Duration = Duration::from_millis(500);
/// Pause before a copy of a stream that has not got a message yet is asked again.
const LAGGING: Duration = Duration::from_millis(50);
/// How often it is asked before the message counts as gone.
const EMPTY_MAX: u32 = 20;
/// Records of one batch for the followers.
const BATCH: usize = 256;

impl Inner {
    /// Lays what the store has not got of a group over it, and begins to follow. After an error it may be done again.
    pub async fn begin(self: Arc<Self>, group: usize) -> Result<()> {
        // The subscription first: what is committed from now on comes by it, or is seen to be missing.
        let live = self.streams.live(group).await?;
        let (first, last) = self.streams.ends(group).await?;
        let stored = self.stored_up_to(group).await?;
        self.overlay.stored(group, offset_of(stored + 1, 0) - 1);
        let (mut next, mut empty) = ((stored + 1).max(first), 0);
        while next <= last {
            let read = self.streams.read(group, next).await?;
            let Some(reached) = read.last().map(|kept| kept.sequence) else {
                if self.gone(group, last, &mut empty).await? {
                    break;
                }
                continue;
            };
            for kept in read {
                match decode(group, kept.sequence, &kept.payload) {
                    Ok(envelope) => self.lay(group, kept.sequence, &envelope),
                    // It is told, and counted; a damaged message must not keep every node from starting.
                    Err(_) => metrics::LOG_DAMAGED.inc(),
                }
            }
            next = reached + 1;
        }
        self.reached(group, last);
        let urgent = group == self.settings.groups;
        let runtime = if urgent { self.settings.urgents.clone() } else { tokio::runtime::Handle::current() };
        runtime.spawn(self.follow_group(group, live));
        Ok(())
    }

    /// Follows one group for as long as somebody takes what was committed.
    async fn follow_group(self: Arc<Self>, group: usize, mut live: async_nats::Subscriber) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let followed = tokio::select! {
                message = live.next() => match message {
                    Some(message) => self.come(group, message, &mut live).await,
                    None => match self.streams.live(group).await {
                        Ok(again) => {
                            live = again;
                            self.fill(group).await
                        }
                        Err(error) => Err(error),
                    },
                },
                () = self.look[group].notified() => self.fill(group).await,
                _ = look.tick() => self.fill(group).await,
            };
            if self.followers_of(group).is_closed() {
                return;
            }
            if let Err(error) = followed {
                tracing::warn!(%error, group, "the log cannot be followed now; it is tried again");
                tokio::time::sleep(AWAY).await;
            }
        }
    }

    /// A message has come, and perhaps more right behind it.
    async fn come(&self, group: usize, message: async_nats::Message, live: &mut async_nats::Subscriber) -> Result<()> {
        let mut batch = Vec::new();
        let mut message = Some(message);
        while let Some(come) = message {
            let sequence = number(&come, header::NATS_SEQUENCE).ok_or_else(|| Error::storage("a message of the log has no number"))?;
            let next = self.followed.of(group) + 1;
            if sequence > next {
                self.hand_over(group, &mut batch).await;
                metrics::LOG_HOLES.inc();
                self.read_up_to(group, sequence - 1).await?;
            }
            if sequence > self.followed.of(group) {
                match decode(group, sequence, &come.payload) {
                    Ok(envelope) => self.take(group, sequence, envelope, &mut batch),
                    // It is told, and counted; what stands behind it must not wait for ever.
                    Err(_) => self.damaged(group),
                }
                self.reached(group, sequence);
            }
            message = if batch.len() < BATCH { live.next().now_or_never().flatten() } else { None };
        }
        self.hand_over(group, &mut batch).await;
        Ok(())
    }

    /// Reads what the stream has and this node has not.
    async fn fill(&self, group: usize) -> Result<()> {
        let (_, last) = self.streams.ends(group).await?;
        if last > self.followed.of(group) {
            self.read_up_to(group, last).await?;
        }
        Ok(())
    }

    async fn read_up_to(&self, group: usize, last: u64) -> Result<()> {
        let mut empty = 0;
        while self.followed.of(group) < last {
            let read = self.streams.read(group, self.followed.of(group) + 1).await?;
            let mut batch = Vec::new();
            if read.is_empty() {
                if self.gone(group, last, &mut empty).await? {
                    tracing::warn!(group, last, "messages of the log are gone that this node had not followed");
                    self.missed(group);
                    self.reached(group, last);
                    return Ok(());
                }
                continue;
            }
            for kept in read {
                match decode(group, kept.sequence, &kept.payload) {
                    Ok(envelope) => self.take(group, kept.sequence, envelope, &mut batch),
                    Err(_) => self.damaged(group),
                }
                self.reached(group, kept.sequence);
            }
            self.hand_over(group, &mut batch).await;
        }
        Ok(())
    }

    /// Nothing was read up to this message, for so many times: a copy that lags has it a moment later, and then it may be asked
    /// again; what was let go never comes.
    async fn gone(&self, group: usize, last: u64, empty: &mut u32) -> Result<bool> {
        *empty += 1;
        if *empty > EMPTY_MAX || self.streams.ends(group).await?.0 > last {
            return Ok(true);
        }
        tokio::time::sleep(LAGGING).await;
        Ok(false)
    }

    /// A message is the next one of its group.
    fn take(&self, group: usize, sequence: u64, envelope: Envelope, batch: &mut Vec<Committed>) {
        self.lay(group, sequence, &envelope);
        let own = self.own.remove(&(group, sequence)).map(|(_, audiences)| audiences);
        let mine = envelope.writer == self.writer;
        if !mine {
            self.end_moved(&envelope, sequence);
        }
        let mut audiences = own.map(Vec::into_iter);
        for (index, entry) in envelope.entries.into_iter().enumerate() {
            let audience = audiences.as_mut().and_then(Iterator::next);
            let members = audience.as_ref().map(|audience| audience.members.clone()).or_else(|| entry.members.map(Arc::new));
            let moved = audience.and_then(|audience| audience.moved).or_else(|| entry.moved.map(Arc::new));
            let offset = offset_of(sequence, index);
            self.overlay.followed(&entry.writes);
            let rows = if mine { Vec::new() } else { entry.writes };
            let behind_hole = self.holes[group].swap(false, Ordering::AcqRel);
            let (record, bytes) = (entry.record, entry.body.len());
            batch.push(Committed { group, offset, record, members, moved, own: mine, bytes, behind_hole, rows });
        }
    }

    fn damaged(&self, group: usize) {
        metrics::LOG_DAMAGED.inc();
        self.missed(group);
    }

    /// Messages of a group are passed over.
    fn missed(&self, group: usize) {
        self.overlay.missed();
        self.holes[group].store(true, Ordering::Release);
    }

    /// Another node has gone on with a chat.
    fn end_moved(&self, envelope: &Envelope, sequence: u64) {
        let Some(last) = envelope.entries.last() else { return };
        if let Some(mut lane) = self.lanes.get_mut(&last.record.chat)
            && lane.end.is_some_and(|end| end.sequence < sequence)
        {
            lane.end = Some(super::appender::End { sequence, seq: last.record.seq, stamp_us: last.stamp_us });
        }
    }

    async fn hand_over(&self, group: usize, batch: &mut Vec<Committed>) {
        // Nobody follows while the node goes away; what was committed stands all the same.
        if !batch.is_empty() {
            let _ = self.followers_of(group).send(std::mem::take(batch)).await;
        }
    }

    fn followers_of(&self, group: usize) -> &mpsc::Sender<Vec<Committed>> {
        if group == self.settings.groups { &self.followers.urgents } else { &self.followers.chats }
    }

    fn reached(&self, group: usize, sequence: u64) {
        self.followed.raise(group, sequence);
        self.followed_more[group].send_replace(sequence);
    }

    /// Waits until this node has followed a group up to a message.
    ///
    /// # Errors
    /// `StorageUnavailable`: it does not come.
    pub async fn catch_up(&self, group: usize, sequence: u64) -> Result<()> {
        let mut more = self.followed_more[group].subscribe();
        let there = async { more.wait_for(|followed| *followed >= sequence).await.is_ok() };
        let waited = async {
            tokio::pin!(there);
            match tokio::time::timeout(COMES_WITHIN, &mut there).await {
                Ok(there) => there,
                Err(_) => {
                    self.look[group].notify_one();
                    there.await
                }
            }
        };
        match tokio::time::timeout(CAUGHT_UP_WITHIN, waited).await {
            Ok(true) => Ok(()),
            _ => Err(Error::storage("this node has not followed the log up to its end yet")),
        }
    }
}
