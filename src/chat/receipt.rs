//! How far everybody has got: what was delivered, what was read, who has read a message.
//!
//! Receipts are not records of the log: each is one number per member and chat that only grows. They are told at once,
//! and written together a moment later.

use super::head::{Cursor, Head};
use super::{ChatKey, Chats};
use crate::error::Result;
use crate::limits;
use crate::peers::NodeId;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use parking_lot::Mutex;
use protocol::command::ReceiptUpTo;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows in one write, so that no commit has to wait long for receipts.
const WRITE_ROWS: usize = 200;

/// How long it is remembered what other nodes have told: longer than it takes to see that a node is dead.
const HEARD_FOR: Duration = Duration::from_secs(10);
/// Receipts of other nodes that are remembered; more are not, and a node that dies then may take its last second's with it.
const HEARD_MAX: usize = 200_000;

/// Receipts that are not written yet.
#[derive(Default)]
pub(super) struct Receipts {
    dirty: Mutex<HashMap<(ChatKey, u32), Cursor>>,
    /// What other nodes have told lately, and may not have written when they die.
    heard: Mutex<HashMap<(ChatKey, u32), Heard>>,
}

struct Heard {
    cursor: Cursor,
    from: NodeId,
    at: Instant,
}

/// A receipt that others are to be told.
#[derive(Debug, Clone)]
pub struct ReceiptTold {
    /// Whose.
    pub user: u32,
    /// Where.
    pub chat: ChatKey,
    /// How far.
    pub cursor: Cursor,
    /// The reading moved on, not only the delivery.
    pub read: bool,
    /// Members of the chat.
    pub members: Arc<RoaringBitmap>,
}

impl Receipts {
    /// Moves somebody's cursor on; true when it moved. The cursor was read before, or is as far as the chat goes, so that
    /// what is kept is never ahead of it.
    pub(super) fn advance(&self, head: &Head, user: u32, to: Cursor) -> bool {
        let mut cursors = head.cursors.lock();
        let entry = cursors.known.entry(user).or_default();
        let new = entry.merge(to);
        if *entry == new {
            return false;
        }
        *entry = new;
        drop(cursors);
        self.dirty.lock().insert((head.key, user), new);
        true
    }

    /// What is not in the store yet of somebody's cursor, as far as this node knows.
    fn waiting(&self, place: (ChatKey, u32)) -> Cursor {
        let dirty = self.dirty.lock().get(&place).copied().unwrap_or_default();
        let heard = self.heard.lock().get(&place).map(|heard| heard.cursor).unwrap_or_default();
        dirty.merge(heard)
    }

    /// Another node has told how far somebody has got, and writes it in a moment.
    pub(super) fn heard(&self, key: ChatKey, user: u32, cursor: Cursor, from: NodeId) {
        let mut heard = self.heard.lock();
        if heard.len() < HEARD_MAX {
            let before = heard.get(&(key, user)).map(|heard| heard.cursor).unwrap_or_default();
            heard.insert((key, user), Heard { cursor: before.merge(cursor), from, at: Instant::now() });
        }
    }

    /// What nodes had told that are dead now is written by those who have heard it.
    fn inherit(&self, alive: impl Fn(NodeId) -> bool) {
        let mut dead = Vec::new();
        self.heard.lock().retain(|place, heard| {
            let from_dead = !alive(heard.from);
            if from_dead {
                dead.push((*place, heard.cursor));
            }
            !from_dead && heard.at.elapsed() < HEARD_FOR
        });
        let mut dirty = self.dirty.lock();
        for (place, cursor) in dead {
            let entry = dirty.entry(place).or_default();
            *entry = entry.merge(cursor);
        }
    }

    /// The same for what another node keeps. A cursor that is not known here is read as it is kept when it is asked for.
    pub(super) fn follow(&self, head: &Head, user: u32, to: Cursor) {
        let mut cursors = head.cursors.lock();
        if cursors.complete || cursors.known.contains_key(&user) {
            let entry = cursors.known.entry(user).or_default();
            *entry = entry.merge(to);
        }
    }
}

impl Chats {
    /// How far a member has got. Somebody who never read anything has read what was there when they came.
    pub(super) async fn cursor(&self, head: &Head, user: u32) -> Result<Cursor> {
        let known = { head.cursors.lock().known.get(&user).copied() };
        let cursor = match known {
            Some(cursor) => cursor,
            None => {
                let kept = self.store.get(Table::Cursors, tables::u64_key(head.key.0), tables::u32_key(user)).await?;
                let mut cursor = kept.and_then(|bytes| Cursor::decode(&bytes)).unwrap_or_default();
                // What the node of a sender had not written when it died.
                cursor = cursor.merge(head.lock().written_by(user));
                cursor = cursor.merge(self.receipts.waiting((head.key, user)));
                let mut cursors = head.cursors.lock();
                let entry = cursors.known.entry(user).or_default();
                *entry = entry.merge(cursor);
                *entry
            }
        };
        let joined = head.lock().members.joined(user);
        let baseline = Cursor { read_seq: joined.seq.saturating_sub(1), read_position: joined.position, ..Cursor::default() };
        Ok(Cursor { delivered_seq: cursor.delivered_seq, ..cursor.merge(baseline) })
    }

    /// Notes how far somebody has got. Gives what others are to be told, when it moved.
    pub async fn receipt(&self, user: u32, command: ReceiptUpTo) -> Result<Option<ReceiptTold>> {
        let key = self.key(command.chat_id)?;
        let head = self.head(key).await?;
        let old = self.cursor(&head, user).await?;
        let (last_seq, last_position, members) = {
            let state = head.lock();
            state.rights(key, user)?;
            (state.seq, state.position, state.members.all().clone())
        };
        let read_seq = command.read_seq.unwrap_or(0).min(last_seq);
        let delivered_seq = command.delivered_seq.unwrap_or(0).min(last_seq).max(read_seq);
        let read_position = if read_seq <= old.read_seq {
            old.read_position
        } else if read_seq == last_seq {
            last_position
        } else {
            self.entry(key, read_seq).await?.record.position
        };
        let read_at_ms = if read_seq > old.read_seq { self.clock.now_ms() } else { 0 };
        let cursor = old.merge(Cursor { delivered_seq, read_seq, read_position, read_at_ms });
        if read_seq > old.read_seq {
            self.note_batch_reads(key, user, read_seq).await?;
        }
        if cursor == old || !self.receipts.advance(&head, user, cursor) {
            return Ok(None);
        }
        self.tell_cursor(key, user, cursor);
        Ok(Some(ReceiptTold { user, chat: key, cursor, read: cursor.read_seq > old.read_seq, members }))
    }

    /// Loads the cursors of everybody in a chat.
    pub(super) async fn load_cursors(&self, head: &Head) -> Result<()> {
        let _one_at_a_time = head.cursors_loading.lock().await;
        if head.cursors.lock().complete {
            return Ok(());
        }
        let mut range = Range::first(50_000);
        loop {
            let rows = self.store.scan(Table::Cursors, tables::u64_key(head.key.0), range).await?;
            {
                let mut cursors = head.cursors.lock();
                for (row, value) in &rows {
                    let (Some(user), Some(cursor)) = (tables::read_u32(row, 0), Cursor::decode(value)) else { continue };
                    let entry = cursors.known.entry(user).or_default();
                    *entry = entry.merge(cursor);
                }
            }
            match rows.last() {
                Some((row, _)) if rows.len() == 50_000 => range = Range::after(row.clone(), 50_000),
                _ => break,
            }
        }
        let of_chat = |(key, _): &(ChatKey, u32)| *key == head.key;
        let mut dirty: Vec<(u32, Cursor)> = Vec::new();
        dirty.extend(self.receipts.dirty.lock().iter().filter(|(place, _)| of_chat(place)).map(|((_, user), cursor)| (*user, *cursor)));
        dirty.extend(self.receipts.heard.lock().iter().filter(|(place, _)| of_chat(place)).map(|((_, user), heard)| (*user, heard.cursor)));
        let mut cursors = head.cursors.lock();
        for (user, cursor) in dirty {
            let entry = cursors.known.entry(user).or_default();
            *entry = entry.merge(cursor);
        }
        cursors.complete = true;
        Ok(())
    }

    /// Writes receipts down until told to stop; `stop` resolves when the server drains.
    pub async fn write_receipts(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        loop {
            let stopping = tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::RECEIPTS_WRITTEN_EVERY_MS)) => false,
                _ = stop.wait_for(|stop| *stop) => true,
            };
            self.sweep_heads();
            self.write_dirty().await;
            if stopping {
                return;
            }
        }
    }

    async fn write_dirty(&self) {
        let others = self.peers.others();
        self.receipts.inherit(|node| others.iter().any(|peer| peer.id == node));
        let dirty: Vec<((ChatKey, u32), Cursor)> = self.receipts.dirty.lock().drain().collect();
        self.write_batch_reads().await;
        for part in dirty.chunks(WRITE_ROWS) {
            let writes = part
                .iter()
                .map(|((key, user), cursor)| Write::Put(Table::Cursors, tables::u64_key(key.0), tables::u32_key(*user), cursor.encode()))
                .collect();
            if let Err(error) = self.store.write(writes).await {
                tracing::warn!(%error, "receipts could not be written; they are tried again");
                let mut waiting = self.receipts.dirty.lock();
                for (place, cursor) in part {
                    let entry = waiting.entry(*place).or_default();
                    *entry = entry.merge(*cursor);
                }
            }
        }
    }
}

impl Chats {
    /// Of a large chat's last message: its sender, its seq, and how many have read it.
    pub async fn read_count(&self, key: ChatKey) -> Result<Option<(u32, u64, u32)>> {
        let head = self.head(key).await?;
        let Some(last) = head.lock().last_message.clone() else { return Ok(None) };
        self.load_cursors(&head).await?;
        let members = head.lock().members.all().clone();
        let cursors = head.cursors.lock();
        let count = cursors
            .known
            .iter()
            .filter(|(user, cursor)| **user != last.by && cursor.read_seq >= last.seq && members.contains(**user))
            .count();
        Ok(Some((last.by, last.seq, count as u32)))
    }
}
