//! Who has read a message, and who has not, in groups of any size.
//!
//! Members are looked at in slices, so that nobody waits for a group of everybody to be counted.

use super::head::{Cursor, Head};
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Record;
use protocol::chat::Reader;
use protocol::command::{ReaderPage, Readers};
use protocol::ids::MessageId;
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Members that are looked at while the chat waits.
const SLICE: usize = 8_192;

/// Somebody who has, or has not, read a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBy {
    /// Index of the person.
    pub user: u32,
    /// When, ms since 1970: when this person's reading last moved on, which is the time of this message for whatever
    /// was read last, and later for what is older.
    pub at_ms: u64,
}

/// How many have read a message, and how many have not, bots and the sender left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadCounts {
    /// Have read it.
    pub read: u32,
    /// Have not.
    pub unread: u32,
}

impl Chats {
    /// Looks at the members of a chat behind an index who were there when a message was said, without its sender.
    pub(super) async fn each_of_audience(
        &self,
        head: &Head,
        record: &Record,
        after: Option<u32>,
        mut each: impl FnMut(u32, Cursor) -> ControlFlow<()>,
    ) {
        let members = head.lock().members.all().clone();
        let mut rest = members.range(after.map_or(0, |after| after.saturating_add(1))..);
        loop {
            let mut slice: Vec<u32> = rest.by_ref().take(SLICE).collect();
            if slice.is_empty() {
                return;
            }
            {
                let state = head.lock();
                slice.retain(|member| *member != record.by && state.members.joined(*member).seq <= record.seq);
            }
            let cursors: Vec<(u32, Cursor)> = {
                let cursors = head.cursors.lock();
                slice.into_iter().map(|member| (member, cursors.known.get(&member).copied().unwrap_or_default())).collect()
            };
            for (member, cursor) in cursors {
                if each(member, cursor).is_break() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn read_message(&self, user: u32, message_id: MessageId) -> Result<(Arc<Head>, Arc<Record>)> {
        let (key, seq): (ChatKey, u64) = self.place(message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        self.load_cursors(&head).await?;
        Ok((head, record))
    }

    /// People who have read a message that one sees, or who have not, by their index. Gives the index behind which the
    /// next page begins, when there is one.
    pub async fn read_by(
        &self,
        user: u32,
        message_id: MessageId,
        unread: bool,
        after: Option<u32>,
        limit: usize,
    ) -> Result<(Vec<ReadBy>, Option<u32>)> {
        let (head, record) = self.read_message(user, message_id).await?;
        let mut found: Vec<ReadBy> = Vec::with_capacity(limit + 1);
        self.each_of_audience(&head, &record, after, |member, cursor| {
            if (cursor.read_seq >= record.seq) != unread && self.directory.kind(member) == PersonKind::Person {
                found.push(ReadBy { user: member, at_ms: cursor.read_at_ms.max(record.at_ms) });
            }
            if found.len() > limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.user);
        Ok((found, next))
    }

    /// How many people have read a message that one sees, and how many have not.
    pub async fn read_counts(&self, user: u32, message_id: MessageId) -> Result<ReadCounts> {
        let (head, record) = self.read_message(user, message_id).await?;
        let mut counts = ReadCounts::default();
        self.each_of_audience(&head, &record, None, |member, cursor| {
            if self.directory.kind(member) == PersonKind::Person {
                let count = if cursor.read_seq >= record.seq { &mut counts.read } else { &mut counts.unread };
                *count += 1;
            }
            ControlFlow::Continue(())
        })
        .await;
        Ok(counts)
    }

    /// Who has read a message, or who has not, in pages. Members who came after it are not asked for.
    pub async fn readers(&self, user: u32, command: Readers) -> Result<ReaderPage> {
        let (head, record) = self.read_message(user, command.message_id).await?;
        let after = match command.page.as_deref().map(str::parse::<u32>) {
            None => None,
            Some(Ok(after)) => Some(after),
            Some(Err(_)) => return Err(Error::invalid("page", "it is not a `next` of this list")),
        };
        let (mut have_read, mut have_not) = (RoaringBitmap::new(), RoaringBitmap::new());
        let mut read_seqs: HashMap<u32, u64> = HashMap::new();
        self.each_of_audience(&head, &record, None, |member, cursor| {
            if cursor.read_seq >= record.seq {
                have_read.insert(member)
            } else {
                have_not.insert(member)
            };
            if cursor.read_seq > 0 {
                read_seqs.insert(member, cursor.read_seq);
            }
            ControlFlow::Continue(())
        })
        .await;
        let wanted = if command.unread { &have_not } else { &have_read };
        let query = command.query.as_deref().map(str::trim).filter(|query| !query.is_empty()).map(str::to_lowercase);
        let mut readers = Vec::new();
        let mut next = None;
        for member in wanted.range(after.map_or(0, |after| after.saturating_add(1))..) {
            if readers.len() == limits::PAGE_MAX as usize {
                next = readers.last().map(|(last, _): &(u32, Reader)| last.to_string());
                break;
            }
            let person = self.directory.card(member);
            if query
                .as_ref()
                .is_none_or(|query| person.name.to_lowercase().contains(query) || person.user_id.to_lowercase().contains(query))
            {
                readers.push((member, Reader { person, read_seq: read_seqs.get(&member).copied().unwrap_or(0) }));
            }
        }
        Ok(ReaderPage {
            readers: readers.into_iter().map(|(_, reader)| reader).collect(),
            read_count: have_read.len() as u32,
            unread_count: have_not.len() as u32,
            next,
        })
    }
}
