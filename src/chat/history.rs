//! Reading a chat: pages, a thread, pins, the versions of a message. Messages are shown as they stand now: what was
//! changed later lies beside them and is folded in.

use super::last_page::{Page, PageKey};
use super::{ChatKey, Chats, Head};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{Entry, Record, record::Change};
use crate::store::Range;
use crate::store::tables::{self, BUCKET_SEQS, Table};
use protocol::command::{EditList, EditVersion, Edits, History, HistoryPage, MessagePage, Pins, Thread};
use protocol::content::{Content, FollowUp, Text};
use protocol::ids::MessageId;
use protocol::record::Reaction;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reactions name this many people.
const REACTION_USERS_SHOWN: usize = 20;

/// What was done to the messages of an interval, by seq of the message.
#[derive(Default)]
pub struct Folded {
    changes: HashMap<u64, Vec<Arc<Record>>>,
    replies: HashMap<u64, u32>,
}

impl Folded {
    /// The edits of a message, oldest first.
    pub fn edits(&self, seq: u64) -> Vec<&Arc<Record>> {
        self.of(seq).filter(|record| matches!(record.change, Change::Edited { .. })).collect()
    }

    fn of(&self, seq: u64) -> impl Iterator<Item = &Arc<Record>> {
        self.changes.get(&seq).into_iter().flatten()
    }

    /// What a message says now.
    pub fn current_content(&self, record: &Record) -> Content {
        let edited = self.edits(record.seq).last().and_then(|edit| match &edit.change {
            Change::Edited { content, .. } => Some(content.clone()),
            _ => None,
        });
        edited.or_else(|| record.message().map(|message| message.content.clone())).unwrap_or_default()
    }

    /// Reactions to a message that stand: of each emoji the records, oldest first, in the order of the first of each.
    pub fn reactions_of(&self, seq: u64) -> Vec<(&str, Vec<&Arc<Record>>)> {
        // Everybody of a large group may react: nothing here may cost their number squared.
        let mut kinds: Vec<(&str, HashMap<u32, &Arc<Record>>)> = Vec::new();
        for record in self.of(seq) {
            match &record.change {
                Change::Reacted { emoji, .. } => {
                    let at = kinds.iter().position(|(known, _)| known == emoji).unwrap_or_else(|| {
                        kinds.push((emoji, HashMap::new()));
                        kinds.len() - 1
                    });
                    // The same one twice is one: the first.
                    kinds[at].1.entry(record.by).or_insert(record);
                }
                Change::Unreacted { emoji, .. } => {
                    if let Some((_, standing)) = kinds.iter_mut().find(|(known, _)| known == emoji) {
                        standing.remove(&record.by);
                    }
                    kinds.retain(|(_, standing)| !standing.is_empty());
                }
                _ => {}
            }
        }
        kinds.into_iter().map(|(emoji, standing)| (emoji, in_order(standing))).collect()
    }

    /// Has this one reacted so?
    pub fn reacted(&self, seq: u64, emoji: &str, user: u32) -> bool {
        self.reactions_of(seq).iter().any(|(known, records)| *known == emoji && records.iter().any(|record| record.by == user))
    }

    /// How many kinds of reactions a message has.
    pub fn emojis(&self, seq: u64) -> usize {
        self.reactions_of(seq).len()
    }

    /// When a message was edited last.
    pub fn edited_at_ms(&self, seq: u64) -> Option<u64> {
        self.edits(seq).last().map(|record| record.at_ms)
    }

    /// Who recalled a message.
    pub fn recalled_by(&self, seq: u64) -> Option<u32> {
        self.of(seq).find(|record| matches!(record.change, Change::Recalled { .. })).map(|record| record.by)
    }

    /// Whom a message mentions now, when an edit changed that.
    pub fn mentions(&self, seq: u64) -> Option<(&[u32], bool)> {
        self.edits(seq).last().and_then(|record| match &record.change {
            Change::Edited { mentions, mention_all, .. } => Some((mentions.as_slice(), *mention_all)),
            _ => None,
        })
    }

    /// What the reader of a message is offered to say next.
    pub fn follow_ups(&self, seq: u64) -> &[FollowUp] {
        let offered = self.of(seq).find_map(|record| match &record.change {
            Change::FollowedUp { follow_ups, .. } => Some(follow_ups.as_slice()),
            _ => None,
        });
        offered.unwrap_or_default()
    }

    /// Messages in the thread that starts at this one.
    pub fn thread_count(&self, seq: u64) -> Option<u32> {
        self.replies.get(&seq).copied()
    }

    /// Reactions as they are shown; `viewer` sees which are their own.
    pub fn reactions_seen(&self, chats: &Chats, seq: u64, viewer: Option<u32>) -> Vec<Reaction> {
        self.reactions_of(seq)
            .into_iter()
            .map(|(emoji, records)| Reaction {
                emoji: emoji.to_owned(),
                count: records.len() as u32,
                mine: viewer.is_some_and(|viewer| records.iter().any(|record| record.by == viewer)),
                users: chats.user_ids(records.iter().take(REACTION_USERS_SHOWN).map(|record| record.by)),
            })
            .collect()
    }

    /// What these records do to the messages of an interval. They must be all that stand behind its beginning.
    pub(super) fn of_records<'a>(records: impl Iterator<Item = &'a Arc<Record>>, from_seq: u64, to_seq: u64) -> Self {
        let mut folded = Self::default();
        let within = |seq: &u64| (from_seq..=to_seq).contains(seq);
        for record in records {
            if let Some(target) = record.target().filter(within) {
                folded.changes.entry(target).or_default().push(record.clone());
            }
            if let Some(root) = record.message().and_then(|message| message.thread_root).filter(within) {
                *folded.replies.entry(root).or_default() += 1;
            }
        }
        folded
    }
}

/// Which page, and of what.
struct Interval {
    /// First seq that the reader may see.
    first: u64,
    /// Last seq of the chat.
    last: u64,
    from: u64,
    to: u64,
    /// Records that were asked for.
    limit: u64,
    /// Last seq that was committed when it was asked for.
    committed: u64,
    /// It may begin farther back, so that it has something to show.
    towards_the_past: bool,
    /// It goes to many, so that it counts how large it is.
    shared: bool,
}

impl Chats {
    /// What was done to the messages of an interval.
    pub async fn folded(&self, key: ChatKey, from_seq: u64, to_seq: u64) -> Result<Folded> {
        let mut folded = Folded::default();
        let mut left = limits::CHANGES_OF_A_PAGE_MAX;
        for bucket in from_seq / BUCKET_SEQS..=to_seq / BUCKET_SEQS {
            let range = Range::between(tables::u64_key(from_seq), tables::KeyMaker::default().u64(to_seq).u64(u64::MAX).done(), left);
            for (row, value) in self.store.scan(Table::Changes, tables::bucket_key(key.0, bucket * BUCKET_SEQS), range).await? {
                left -= 1;
                let Some(target) = tables::read_u64(&row, 0) else { continue };
                if value.is_empty() {
                    *folded.replies.entry(target).or_default() += 1;
                } else {
                    let record = Record::decode(value.get(8..).unwrap_or_default())
                        .map_err(|why| Error::storage(format!("a kept change is damaged: {why}")))?;
                    folded.changes.entry(target).or_default().push(Arc::new(record));
                }
            }
            if left == 0 {
                tracing::warn!(chat = key.0, from_seq, to_seq, "a page has more changes than are read; its reactions are not complete");
                break;
            }
        }
        Ok(folded)
    }

    /// A page of a chat.
    pub async fn history(&self, user: u32, command: History) -> Result<Arc<Page>> {
        let key = self.key(command.chat_id)?;
        let head = self.head(key).await?;
        let (first, last, members) = {
            let state = head.lock();
            state.rights(key, user)?;
            (state.first_seq(user), state.seq, state.members.all().len())
        };
        let limit = u64::from(command.limit.unwrap_or(50).clamp(1, limits::PAGE_MAX));
        let (from, to) = match (command.before, command.after, command.around) {
            (None, None, None) => (last.saturating_sub(limit - 1), last),
            (Some(before), None, None) => {
                let to = before.saturating_sub(1).min(last);
                (to.saturating_sub(limit - 1), to)
            }
            (None, Some(after), None) => (after.saturating_add(1), after.saturating_add(limit)),
            (None, None, Some(around)) => {
                let around = around.min(last);
                let from = around.saturating_sub(limit / 2);
                (from, from.max(first) + limit - 1)
            }
            _ => return Err(Error::invalid("before", "only one of `before`, `after` and `around` can be given")),
        };
        let (from, to) = (from.max(first), to.min(last));
        let committed = head.committed_seq.load(Ordering::Acquire);
        let towards_the_past = command.after.is_none() && command.around.is_none();
        // The last page of a large chat is made once for all who ask at the same moment.
        let shared = command.before.is_none() && towards_the_past && members >= limits::LAST_PAGE_SHARED_MEMBERS_MIN;
        let interval = Interval { first, last, from, to, limit, committed, towards_the_past, shared };
        if shared {
            let page = PageKey { chat: key, from, last, committed, start: from == first };
            return self.last_pages.get_or_make(page, self.page(&head, interval)).await;
        }
        self.page(&head, interval).await.map(Arc::new)
    }

    /// What stands in an interval of a chat, as it is now.
    async fn page(&self, head: &Arc<Head>, interval: Interval) -> Result<Page> {
        let Interval { first, last, from, to, limit, committed, towards_the_past, shared } = interval;
        let key = head.key;
        if from > to {
            let page = HistoryPage {
                from_seq: from,
                to_seq: from - 1,
                records: Vec::new(),
                start: to < first,
                end: from > last,
                people: Vec::new(),
            };
            return Ok(Page::new(page, &Folded::default(), 0));
        }
        // The last page of a chat, which everybody asks for, is known by heart where something was said lately; and so is what
        // was done to its messages, because that stands behind them.
        let lately = self.lately.to_end(key.0, from, last);
        let mut entries = match &lately {
            Some(lately) => lately.iter().take_while(|entry| entry.record.seq <= to).cloned().collect(),
            None => self.log.read(key.0, from, to, limit as usize).await?,
        };
        // The head is ahead of the disk: what is not committed yet is told live in a moment, and not by this page.
        let found = from + entries.len() as u64 - 1;
        let on_its_way = found < to && found >= committed;
        let to = if on_its_way { found } else { to };
        let mut read = entries.len() as u64;
        // What was done to older messages is folded into their page. A card that changes by the second leaves long
        // stretches of nothing else: they are passed over, so that a page towards the past has something to show.
        entries.retain(shown_itself);
        let mut from = from;
        while towards_the_past && entries.is_empty() && from > first && read < limits::PASSED_OVER_MAX {
            let earlier = from.saturating_sub(limits::PAGE_MAX.into()).max(first);
            let mut stretch = self.log.read(key.0, earlier, from - 1, limits::PAGE_MAX as usize).await?;
            read += stretch.len() as u64;
            stretch.retain(shown_itself);
            // Not more than were asked for: the interval then begins with the first of them.
            let surplus = stretch.len().saturating_sub(limit as usize);
            let begin = if surplus > 0 { stretch[surplus].record.seq } else { earlier };
            read = read.saturating_sub(begin - earlier);
            (from, entries) = (begin, stretch.split_off(surplus));
        }
        if read != to + 1 - from {
            tracing::error!(chat = key.0, from, to, read, "history has a hole");
            return Err(Error::storage("a part of the history cannot be read; `clarion check` says which"));
        }
        let folded = match lately {
            // A page towards the past may have gone on farther back.
            Some(lately) if lately.first().is_some_and(|first| first.record.seq <= from) => {
                Folded::of_records(lately.iter().map(|entry| &entry.record), from, to)
            }
            _ => self.folded(key, from, to).await?,
        };
        let shown: Vec<Arc<Record>> = entries.into_iter().map(|entry| entry.record).collect();
        let records = shown.iter().map(|record| self.shaped(record, &folded, Some((head, None)))).collect();
        let page = HistoryPage {
            from_seq: from,
            to_seq: to,
            records,
            start: from == first,
            end: to == last || on_its_way,
            people: self.people_of(&shown),
        };
        let bytes = if shared { shown.iter().map(|record| record.encode().len()).sum() } else { 0 };
        Ok(Page::new(page, &folded, bytes))
    }

    /// The message with which a chain of answers begins, for a message of it that somebody sees.
    pub async fn chain_root(&self, message_id: MessageId) -> Result<MessageId> {
        let (key, mut seq) = self.place(message_id)?;
        // Each step goes to a smaller seq; a chain that is longer is cut there, so that no message costs without bound.
        for _ in 0..limits::CHAIN_STEPS_MAX {
            match self.entry(key, seq).await?.record.message().and_then(|message| message.reply_to.as_ref()) {
                Some(quoted) => seq = quoted.seq,
                None => break,
            }
        }
        Ok(self.seal.message_id(key, seq))
    }

    /// Seq of the first record at or after a time; one behind the last when there is none. Times only grow in a chat.
    pub async fn seq_at(&self, user: u32, key: ChatKey, at_ms: u64) -> Result<u64> {
        let head = self.head(key).await?;
        let (mut from, mut to) = {
            let state = head.lock();
            state.rights(key, user)?;
            (1, state.seq + 1)
        };
        while from < to {
            let middle = from + (to - from) / 2;
            if self.entry(key, middle).await?.record.at_ms < at_ms { from = middle + 1 } else { to = middle }
        }
        Ok(from)
    }

    /// Messages with these seqs as they stand now; recalled ones too, other records not.
    async fn messages_now(&self, head: &Head, user: u32, seqs: &[u64]) -> Result<MessagePage> {
        let mut shown = Vec::with_capacity(seqs.len());
        let mut records = Vec::with_capacity(seqs.len());
        let first = head.lock().first_seq(user);
        for seq in seqs.iter().copied().filter(|seq| *seq >= first) {
            let record = self.entry(head.key, seq).await?.record;
            if record.message().is_some() {
                let folded = self.folded(head.key, seq, seq).await?;
                records.push(self.shaped(&record, &folded, Some((head, Some(user)))));
                shown.push(record);
            }
        }
        Ok(MessagePage { records, next: None, people: self.people_of(&shown) })
    }

    /// One message as it stands now.
    pub async fn message_now(&self, user: u32, message_id: MessageId) -> Result<protocol::record::Record> {
        let (key, seq) = self.place(message_id)?;
        let head = self.head(key).await?;
        head.lock().rights(key, user).map_err(|_| Error::message_not_found())?;
        if seq == 0 || seq > head.lock().seq {
            return Err(Error::message_not_found());
        }
        self.messages_now(&head, user, &[seq]).await?.records.pop().ok_or_else(Error::message_not_found)
    }

    /// Pinned messages, the last pinned first.
    pub async fn pins(&self, user: u32, command: Pins) -> Result<MessagePage> {
        let key = self.key(command.chat_id)?;
        let head = self.head(key).await?;
        let seqs: Vec<u64> = {
            let state = head.lock();
            state.rights(key, user)?;
            state.info.pins.iter().rev().map(|(target, _)| *target).collect()
        };
        self.messages_now(&head, user, &seqs).await
    }

    /// A thread, oldest first, its first message before all.
    pub async fn thread(&self, user: u32, command: Thread) -> Result<MessagePage> {
        let (key, root) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        head.lock().rights(key, user).map_err(|_| Error::message_not_found())?;
        let after = match command.page.as_deref().map(str::parse::<u64>) {
            None => None,
            Some(Ok(after)) => Some(after),
            Some(Err(_)) => return Err(Error::invalid("page", "it is not a `next` of this thread")),
        };
        let limit = limits::PAGE_MAX as usize / 2;
        let range = after.map_or_else(|| Range::first(limit), |after| Range::after(tables::u64_key(after), limit));
        let rows = self.store.scan(Table::Threads, tables::KeyMaker::default().u64(key.0).u64(root).done(), range).await?;
        let replies: Vec<u64> = rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect();
        let next = (replies.len() == limit).then(|| replies[limit - 1].to_string());
        let seqs: Vec<u64> = after.is_none().then_some(root).into_iter().chain(replies).collect();
        Ok(MessagePage { next, ..self.messages_now(&head, user, &seqs).await? })
    }

    /// What a message said before its edits. Of a recalled one nothing is told.
    pub async fn edits(&self, user: u32, command: Edits) -> Result<EditList> {
        let (key, seq) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        let folded = self.folded(key, seq, seq).await?;
        let mut versions =
            vec![EditVersion { at_ms: record.at_ms, content: record.message().map(|message| message.content.clone()).unwrap_or_default() }];
        versions.extend(folded.edits(seq).into_iter().filter_map(|edit| match &edit.change {
            Change::Edited { content, .. } => Some(EditVersion { at_ms: edit.at_ms, content: content.clone() }),
            _ => None,
        }));
        Ok(EditList { versions })
    }
}

/// Is it shown by itself, and not within the message that it changed?
fn shown_itself(entry: &Entry) -> bool {
    entry.record.target().is_none()
}

fn in_order(standing: HashMap<u32, &Arc<Record>>) -> Vec<&Arc<Record>> {
    let mut records: Vec<&Arc<Record>> = standing.into_values().collect();
    records.sort_unstable_by_key(|record| record.seq);
    records
}

/// What is left of a recalled message.
pub(super) fn nothing() -> Content {
    Content::Text(Text { text: String::new() })
}
