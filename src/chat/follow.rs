//! What the chats themselves note of committed records, also of those that other nodes have made.

use super::head::{Cursor, Head};
use super::{ChatKey, Chats};
use crate::error::Result;
use crate::log::{Committed, Record};
use crate::store::Write;
use crate::store::tables::{self, Table};
use roaring::RoaringBitmap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn cursor_of(record: &Record) -> Cursor {
    Cursor { delivered_seq: record.seq, read_seq: record.seq, read_position: record.position, read_at_ms: record.at_ms }
}

impl Chats {
    /// Notes a committed record; called in the order of the log, before anybody is told.
    pub fn committed(&self, committed: &Committed) {
        let record = &committed.record;
        if ChatKey(record.chat).is_notes() {
            self.lately.note(committed);
            self.noted.raise(committed.group, committed.offset);
            return self.own_notes.came(record);
        }
        for row in &committed.rows {
            self.row_came(row);
        }
        if let Some(head) = self.head_that_follows(ChatKey(record.chat), record.seq) {
            // It goes along with what another node has appended, or is loaded anew when somebody asks for it.
            if head.follow(record) {
                head.last_offset.fetch_max(committed.offset, Ordering::AcqRel);
            }
            if record.message().is_some() {
                if committed.own {
                    self.has_written(&head, record);
                } else {
                    self.receipts.follow(&head, record.by, cursor_of(record));
                }
            }
            if head.broken() {
                self.is_wanted_here(ChatKey(record.chat));
            }
        } else if !committed.own {
            self.is_wanted_here(ChatKey(record.chat));
        }
        // Before anybody is told that the log goes as far: what is missed up to there is known then.
        self.lately.note(committed);
        self.noted.raise(committed.group, committed.offset);
        if self.peers.clustered() {
            self.has_followed(ChatKey(record.chat), record.seq);
        }
    }

    /// Whoever writes has read what stands before. It is noted when the record is followed, and before its sender is answered,
    /// whichever comes first.
    pub(super) fn has_written(&self, head: &Head, record: &Record) {
        self.receipts.advance(head, record.by, cursor_of(record));
    }

    /// Who is told of a committed record, where that is known without a look at the store.
    pub fn audience_known(&self, committed: &Committed) -> Option<Arc<RoaringBitmap>> {
        let of_head = || Some(self.head_in_memory(ChatKey(committed.record.chat))?.lock().members.all().clone());
        committed.members.clone().or_else(of_head)
    }

    /// The same, and the chat is read if it must be.
    ///
    /// # Errors
    /// `StorageUnavailable`: the record was made on another node, and the chat's members cannot be read.
    pub async fn audience(&self, committed: &Committed) -> Result<Arc<RoaringBitmap>> {
        match self.audience_known(committed) {
            Some(members) => Ok(members),
            None => Ok(self.head(ChatKey(committed.record.chat)).await?.lock().members.all().clone()),
        }
    }

    /// Another node has changed a row that this one has in memory.
    fn row_came(&self, write: &Write) {
        let (table, _, row) = write.place();
        let key = || tables::read_u64(&row, 0).map(ChatKey);
        match (table, write) {
            (Table::LargeChats, Write::Put(..)) => drop(key().map(|key| self.large.write().insert(key))),
            (Table::GroupNames, Write::Put(.., json)) => drop(key().map(|key| self.names.came(key, json))),
            (Table::GroupNames, Write::Delete(..)) => drop(key().map(|key| self.names.forget(key))),
            _ => {}
        }
    }
}
