//! How far everybody has got: what was delivered, what was read, who has read a message.
//!
//! Receipts are not records of the log: each is one number per member and chat that only grows. They are told at once,
//! and written together a moment later.

use super::head::{Cursor, Head};
use super::{ChatKey, Chats};
use crate::error::Result;
use crate::limits;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use parking_lot::Mutex;
use protocol::command::ReceiptUpTo;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Rows in one write, so that no commit has to wait long for receipts.
const WRITE_ROWS: usize = 200;

/// Receipts that are not written yet.
#[derive(Default)]
pub(super) struct Receipts {
    dirty: Mutex<HashMap<(ChatKey, u32), Cursor>>,
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
                if let Some(dirty) = self.receipts.dirty.lock().get(&(head.key, user)) {
                    cursor = cursor.merge(*dirty);
                }
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
        let dirty: Vec<(u32, Cursor)> = self
            .receipts
            .dirty
            .lock()
            .iter()
            .filter(|((key, _), _)| *key == head.key)
            .map(|((_, user), cursor)| (*user, *cursor))
            .collect();
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
