//! Appends: one message of a chat on its way at a time, what waits meanwhile goes along with the next.
//!
//! Each message says which one of its chat it expects to be the last, so that of two nodes that both append only one
//! succeeds. When no answer comes, the message is sent again under the same id; what is not certain then is read from the
//! stream before anything else is done.
//!
//! Each chat with something to append has a task, which ends when nothing waits any more.

use super::envelope::{ENTRIES_MAX, Envelope, Logged};
use super::streams::{Found, decode};
use super::{Inner, offset_of};
use crate::error::{Error, Result};
use crate::log::{Append, Appended, Audience, DedupeKey, Refused};
use crate::metrics;
use crate::store::tables::{self, Key, Table};
use crate::store::{Store as _, Write};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Appends that may wait, of all chats. More means that the log does not keep up, and senders are told to come back.
pub const WAITING_MAX: usize = 16_384;
/// Bytes of records and rows in one message, about; a server takes 1 MiB by default and more where it is set so.
const MESSAGE_BYTES_MAX: usize = 512 << 10;
/// How long an append is tried. A stream's leader that died is replaced within about five seconds.
const TRIED_FOR: Duration = Duration::from_secs(9);
/// Pause before a try is repeated.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// Chats whose ends are remembered; of others the end is read.
const ENDS_MAX: usize = 200_000;
/// Code of the server for an expectation while another one of the same chat is on its way.
const ANOTHER_ON_ITS_WAY: &str = "10164";
/// An append that waits longer for the log is worth a line.
const SLOW: Duration = Duration::from_secs(3);

/// Where a chat ends in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Number of its last message in the stream; 0 when the log has none.
    pub sequence: u64,
    /// Its last seq.
    pub seq: u64,
    /// Stamp of its last record.
    pub stamp_us: u64,
}

/// The appends of one chat.
#[derive(Default)]
pub struct Lane {
    /// Where the chat ends, when it is known.
    pub end: Option<End>,
    /// Appends of an older load of the head are refused.
    epoch: u64,
    busy: bool,
    /// With their records encoded.
    waiting: VecDeque<(Append, Vec<u8>)>,
}

/// An append that is allowed, and what becomes of the others.
enum Checked {
    Goes(Append),
    Told,
    /// It was refused because the chat does not end where it believed.
    Elsewhere,
}

/// What became of a message.
enum Published {
    /// It stands here.
    At(u64),
    /// The chat had moved on.
    Conflict,
    /// It is not known, or it could not be sent.
    Unavailable(Error),
}

impl Inner {
    /// Puts an append behind those of its chat.
    pub fn enqueue(self: &Arc<Self>, append: Append) -> Result<()> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::busy("more messages are waiting than the log can take"));
        }
        if self.overlay.bytes() > self.overlay_bytes_max {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::busy("the store has been away for so long that nothing more can wait for it"));
        }
        let (chat, body) = (append.record.chat, append.record.encode());
        if self.lanes.len() > ENDS_MAX {
            self.lanes.retain(|_, lane| lane.busy);
        }
        let mut lane = self.lanes.entry(chat).or_default();
        lane.waiting.push_back((append, body));
        if !std::mem::replace(&mut lane.busy, true) {
            drop(lane);
            tokio::spawn(self.clone().run_lane(chat));
        }
        Ok(())
    }

    /// Appends what waits of a chat, until nothing does.
    async fn run_lane(self: Arc<Self>, chat: u64) {
        loop {
            let (batch, end, epoch) = {
                let Some(mut lane) = self.lanes.get_mut(&chat) else { return };
                let mut batch = Vec::new();
                let mut bytes = 0;
                while batch.len() < ENTRIES_MAX
                    && let Some(next) = lane.waiting.front()
                {
                    bytes += size_of(&next.0, &next.1);
                    if bytes > MESSAGE_BYTES_MAX && !batch.is_empty() {
                        break;
                    }
                    batch.extend(lane.waiting.pop_front());
                }
                if batch.is_empty() {
                    lane.busy = false;
                    return;
                }
                (batch, lane.end, lane.epoch)
            };
            self.waiting.fetch_sub(batch.len(), Ordering::AcqRel);
            self.append_together(chat, batch, end, epoch).await;
        }
    }

    async fn append_together(self: &Arc<Self>, chat: u64, batch: Vec<(Append, Vec<u8>)>, end: Option<End>, epoch: u64) {
        let group = self.group_of(chat);
        let end = match end {
            Some(end) => end,
            None => match self.end_of(chat).await {
                Ok(end) => end,
                Err(error) => {
                    return self.refuse(chat, batch.into_iter().map(|(append, _)| append).collect(), &Refused::Unavailable(error));
                }
            },
        };
        let earlier = futures_util::future::join_all(batch.iter().map(|(append, _)| self.made_before(append.dedupe))).await;
        let (mut goes, mut entries, mut expected, mut stamp_us, mut least_epoch) = (Vec::new(), Vec::new(), end.seq, end.stamp_us, epoch);
        let mut doubted = false;
        for ((append, body), earlier) in batch.into_iter().zip(earlier) {
            match self.check(append, earlier, expected, &mut least_epoch) {
                Checked::Told => {}
                Checked::Elsewhere => doubted = true,
                Checked::Goes(append) => {
                    expected += 1;
                    stamp_us = (self.clock.now_ms() * 1_000).max(stamp_us + 1);
                    entries.push(Logged::of(&append, body, stamp_us));
                    goes.push(append);
                }
            }
        }
        if let Some(mut lane) = self.lanes.get_mut(&chat) {
            lane.epoch = lane.epoch.max(least_epoch);
            // Who believes that the chat ends elsewhere may be right: then it is looked at before the next one.
            lane.end = if doubted && entries.is_empty() { None } else { lane.end.or(Some(end)) };
        }
        if entries.is_empty() {
            return;
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let envelope = Envelope { writer: self.writer, number, entries };
        let sequence = match self.publish(group, chat, &envelope, end.sequence).await {
            Published::At(sequence) => sequence,
            Published::Conflict => return self.refuse(chat, goes, &Refused::Conflict),
            Published::Unavailable(error) => return self.refuse(chat, goes, &Refused::Unavailable(error)),
        };
        metrics::APPENDS.inc_by(goes.len() as u64);
        let audiences: Vec<Audience> = goes.iter_mut().map(|append| std::mem::take(&mut append.audience)).collect();
        // What was not followed yet is handed out with the audience that is known here.
        if self.followed.of(group) < sequence {
            self.own.insert((group, sequence), audiences);
            if self.followed.of(group) >= sequence {
                self.own.remove(&(group, sequence));
            }
        }
        self.lay(group, sequence, &envelope);
        if let Some(mut lane) = self.lanes.get_mut(&chat)
            && lane.end.is_none_or(|end| end.sequence < sequence)
        {
            // Another node may have gone on behind it, which this one has followed already.
            lane.end = Some(End { sequence, seq: expected, stamp_us });
        }
        if self.settings.ack_stored
            && let Err(error) = self.overlay.below().write_entries(self.stored_entries(sequence, envelope)).await
        {
            // They stand in the log, and the store gets them later; the senders repeat, and are told that they stand.
            return goes.into_iter().for_each(|append| drop(append.done.send(Err(Refused::Unavailable(error.clone())))));
        }
        for append in goes {
            // The sender may have gone; the record stands all the same.
            let _ = append.done.send(Ok(Appended::New));
        }
    }

    fn check(&self, append: Append, earlier: Result<Option<(u64, u64)>>, last: u64, least_epoch: &mut u64) -> Checked {
        if append.epoch < *least_epoch {
            metrics::CONFLICTS.inc();
            let _ = append.done.send(Err(Refused::Conflict));
            return Checked::Told;
        }
        let (outcome, checked) = match earlier {
            Err(error) => (Err(Refused::Unavailable(error)), Checked::Told),
            Ok(Some((chat, seq))) => {
                metrics::DUPLICATES.inc();
                (Ok(Appended::Duplicate { chat, seq }), Checked::Told)
            }
            Ok(None) if append.record.seq != last + 1 => {
                metrics::CONFLICTS.inc();
                (Err(Refused::Conflict), Checked::Elsewhere)
            }
            Ok(None) => return Checked::Goes(append),
        };
        // What the same head has put behind this one cannot stand: its places are off by one.
        *least_epoch = append.epoch + 1;
        let _ = append.done.send(outcome);
        checked
    }

    /// The record that a key has made before, also on another node.
    async fn made_before(&self, key: Option<DedupeKey>) -> Result<Option<(u64, u64)>> {
        let Some(key) = key else { return Ok(None) };
        if let Some(made) = self.recent.made(&key) {
            return Ok(Some(made));
        }
        match self.overlay.get(Table::Dedupe, tables::u32_key(key.sender), Key::from_slice(&key.hash)).await {
            Ok(made) => Ok(made.and_then(|made| Some((tables::read_u64(&made, 0)?, tables::read_u64(&made, 8)?)))),
            // Chat goes on without the store; what was sent in the last minutes is known all the same.
            Err(_) => Ok(None),
        }
    }

    fn refuse(&self, chat: u64, appends: Vec<Append>, why: &Refused) {
        if let Some(mut lane) = self.lanes.get_mut(&chat) {
            // The end is read anew, and nothing of these heads comes in any more.
            lane.end = None;
            lane.epoch = appends.iter().map(|append| append.epoch + 1).fold(lane.epoch, u64::max);
        }
        for append in appends {
            if *why == Refused::Conflict {
                metrics::CONFLICTS.inc();
            }
            let _ = append.done.send(Err(why.clone()));
        }
    }

    /// Sends a message until it is known what became of it.
    async fn publish(&self, group: usize, chat: u64, envelope: &Envelope, expected: u64) -> Published {
        let payload = bytes::Bytes::from(envelope.encode());
        let id = format!("{:x}.{:x}", envelope.writer, envelope.number);
        let subject = self.streams.subject(group, chat);
        let started = Instant::now();
        let mut last_error = String::new();
        loop {
            let message = PublishMessage::build().payload(payload.clone()).message_id(&id).expected_last_subject_sequence(expected);
            let outcome = match self.streams.context(group).send_publish(subject.clone(), message).await {
                Ok(ack) => ack.await,
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(ack) => {
                    let took = started.elapsed();
                    metrics::LOG_APPEND_SECONDS.observe(took.as_secs_f64());
                    if took > SLOW {
                        tracing::warn!(group, ms = took.as_millis() as u64, last_error, "the log took an append late");
                    }
                    return Published::At(ack.sequence);
                }
                Err(error) => error,
            };
            last_error = error.to_string();
            let why = match error.kind() {
                PublishErrorKind::WrongLastSequence => match self.landed(group, chat, envelope).await {
                    Ok(Some(sequence)) => return Published::At(sequence),
                    Ok(None) => return Published::Conflict,
                    Err(error) => error,
                },
                PublishErrorKind::MaxPayloadExceeded => {
                    return Published::Unavailable(Error::too_large("record", payload.len() as u64, MESSAGE_BYTES_MAX as u64, "bytes"));
                }
                PublishErrorKind::Other if !last_error.contains(ANOTHER_ON_ITS_WAY) => {
                    tracing::warn!(%error, group, "an append failed and is tried again");
                    super::streams::away(&error)
                }
                _ => super::streams::away(&error),
            };
            if started.elapsed() > TRIED_FOR {
                tracing::warn!(group, last_error, "the log did not take an append in time");
                // Nobody may be told that it does not stand before that was looked at once more.
                return match self.landed(group, chat, envelope).await {
                    Ok(Some(sequence)) => Published::At(sequence),
                    _ => Published::Unavailable(why),
                };
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// Where this message stands, if an earlier try has brought it in. Nobody else may have appended since: then it is not
    /// the last any more, and stands among those before.
    async fn landed(&self, group: usize, chat: u64, envelope: &Envelope) -> Result<Option<u64>> {
        let Some(Found { sequence, envelope: last, .. }) = self.streams.last(group, chat).await? else { return Ok(None) };
        if (last.writer, last.number) == (envelope.writer, envelope.number) {
            return Ok(Some(sequence));
        }
        let Some(first) = envelope.entries.first() else { return Ok(None) };
        if last.entries.first().is_none_or(|other| other.record.seq <= first.record.seq) {
            return Ok(None);
        }
        // Somebody has gone on behind it, or instead of it: the rows say which.
        self.catch_up(group, sequence).await?;
        let row = tables::bucket_key(chat, first.record.seq);
        let value = self.overlay.get(Table::Messages, row, tables::u64_key(first.record.seq)).await?;
        let Some(offset) = value.as_deref().and_then(|value| tables::read_u64(value, 0)) else { return Ok(None) };
        let at = offset >> super::ENTRY_BITS;
        let Some(kept) = self.streams.read(group, at).await?.into_iter().next().filter(|kept| kept.sequence == at) else {
            return Ok(None);
        };
        let stands = decode(group, at, &kept.payload)?;
        Ok(((stands.writer, stands.number) == (envelope.writer, envelope.number)).then_some(at))
    }

    /// Where a chat ends: in the log, or in the store where the log has let it go.
    pub async fn end_of(&self, chat: u64) -> Result<End> {
        let group = self.group_of(chat);
        // The store first: what another node appends meanwhile may be stored before the log is asked, and is no loss of the log.
        let stored = self.overlay.below().last_seq(chat).await;
        let last = self.streams.last(group, chat).await?;
        let logged = last.as_ref().and_then(|found| {
            let last = found.envelope.entries.last()?;
            Some(End { sequence: found.sequence, seq: last.record.seq, stamp_us: last.stamp_us })
        });
        let stored = match (stored, logged) {
            (Ok(stored), _) => stored,
            // What the log has is enough while the store is away.
            (Err(_), Some(_)) => 0,
            (Err(error), None) => return Err(error),
        };
        match logged {
            Some(logged) if logged.seq >= stored => Ok(logged),
            logged => {
                if let Some(logged) = logged {
                    metrics::LOG_BEHIND_STORE.inc();
                    tracing::error!(chat, log = logged.seq, store = stored, "the log has lost records that the store has");
                }
                let sequence = logged.map_or(0, |logged| logged.sequence);
                Ok(End { sequence, seq: stored, stamp_us: self.clock.now_ms() * 1_000 })
            }
        }
    }

    /// Lays the rows of a message over the store.
    pub fn lay(&self, group: usize, sequence: u64, envelope: &Envelope) {
        for (index, entry) in envelope.entries.iter().enumerate() {
            let offset = offset_of(sequence, index);
            let place = crate::store::LogPlace { group, offset, stamp_us: entry.stamp_us };
            self.overlay.lay(place, super::rows::of(entry, offset));
            if let Some(key) = entry.dedupe {
                self.recent.remember(key, entry.record.chat, entry.record.seq);
            }
        }
    }
}

/// Bytes that an append brings, about.
fn size_of(append: &Append, body: &[u8]) -> usize {
    let rows = append.writes.iter().map(|write| match write {
        Write::Put(_, _, _, value) => value.len() + 32,
        Write::Delete(..) => 32,
    });
    body.len() + rows.sum::<usize>() + append.audience.moved.as_ref().map_or(0, |moved| moved.serialized_size())
}
