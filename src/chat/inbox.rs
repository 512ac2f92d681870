//! One person's list of chats: newest first, with what is unread, and one's own settings of each.

use super::history::Folded;
use super::{ChatKey, Chats, Head, Personal};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Entry;
use crate::log::record::Change;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use futures_util::{StreamExt, TryStreamExt};
use protocol::chat::{ChatKind, InboxEntry};
use protocol::command::{Inbox, InboxPage, MyChat};
use protocol::event::InboxChanged;
use protocol::person::Person;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Unread mentions that an entry names.
const MENTIONS_SHOWN: usize = 100;
/// Heads that are loaded at once for one list.
pub(super) const LOADED_AT_ONCE: usize = 8;

/// Where an entry stands in the list: pinned ones first, then the newest.
type Place = (Reverse<bool>, Reverse<u64>, ChatKey);

/// A chat that somebody is in, as it is sorted in lists.
#[derive(Debug, Clone, Copy)]
pub struct ChatPlace {
    /// Which.
    pub key: ChatKey,
    /// When it was made, ms since 1970.
    pub created_at_ms: u64,
    /// Time of the last message, or of the join when that is later, ms since 1970.
    pub active_at_ms: u64,
    /// It was dissolved.
    pub dissolved: bool,
}

impl Chats {
    /// Every chat that somebody is in, in no order.
    pub async fn places(&self, user: u32) -> Result<Vec<ChatPlace>> {
        let (inside, _) = self.memberships(user).await?;
        let heads: Vec<Arc<Head>> =
            futures_util::stream::iter(inside).map(|key| self.head(key)).buffer_unordered(LOADED_AT_ONCE).try_collect().await?;
        let place = |head: Arc<Head>| {
            let state = head.lock();
            state.members.contains(user).then(|| ChatPlace {
                key: head.key,
                created_at_ms: state.info.created_at_ms,
                active_at_ms: active_at_ms(&head, &state, user),
                dissolved: state.info.dissolved,
            })
        };
        Ok(heads.into_iter().filter_map(place).collect())
    }

    /// Every chat that somebody was in at a moment and is in now, as active as it was then, in no order: for lists by
    /// activity whose later pages do not move with what is written meanwhile.
    pub async fn places_as_of(&self, user: u32, at_ms: u64) -> Result<Vec<ChatPlace>> {
        let (inside, _) = self.memberships(user).await?;
        let heads: Vec<Arc<Head>> =
            futures_util::stream::iter(inside).map(|key| self.head(key)).buffer_unordered(LOADED_AT_ONCE).try_collect().await?;
        let mut places = Vec::with_capacity(heads.len());
        for head in heads {
            let (mut place, later) = {
                let state = head.lock();
                let joined_at_ms = state.members.joined(user).at_ms.max(state.info.created_at_ms);
                if !state.members.contains(user) || joined_at_ms > at_ms {
                    continue;
                }
                let place = ChatPlace {
                    key: head.key,
                    created_at_ms: state.info.created_at_ms,
                    active_at_ms: active_at_ms(&head, &state, user),
                    dissolved: state.info.dissolved,
                };
                (place, place.active_at_ms > at_ms)
            };
            if later {
                let said_at_ms = self.said_before(&head, at_ms).await?;
                let state = head.lock();
                let joined_at_ms = if head.key.pair().is_some() { 0 } else { state.members.joined(user).at_ms };
                place.active_at_ms = said_at_ms.max(joined_at_ms).max(state.info.created_at_ms);
            }
            places.push(place);
        }
        Ok(places)
    }

    /// Time of the last message up to a moment; 0 when there was none.
    async fn said_before(&self, head: &Head, at_ms: u64) -> Result<u64> {
        // Times only grow in a chat.
        let (mut from, mut to) = (1, head.committed_seq.load(Ordering::Acquire) + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            if self.entry(head.key, middle).await?.record.at_ms <= at_ms { from = middle + 1 } else { to = middle }
        }
        Ok(super::head::look_back(head.key, from - 1, &*self.log).await?.map_or(0, |record| record.at_ms))
    }

    /// A page of somebody's list.
    pub async fn inbox(&self, user: u32, command: Inbox) -> Result<InboxPage> {
        if command.chat_ids.len() > limits::PAGE_MAX as usize {
            return Err(Error::too_large("the list of chats", command.chat_ids.len() as u64, u64::from(limits::PAGE_MAX), "ids"));
        }
        if !command.chat_ids.is_empty() {
            let mut entries = Vec::with_capacity(command.chat_ids.len());
            for chat_id in &command.chat_ids {
                let head = self.head(self.key(*chat_id)?).await?;
                entries.push(self.inbox_entry(user, &head).await?);
            }
            let people = self.people_of_entries(&entries);
            return Ok(InboxPage { entries, next: None, unread: None, people });
        }
        let after = command.page.as_deref().map(parse_place).transpose()?;
        let limit = command.limit.unwrap_or(50).clamp(1, limits::PAGE_MAX) as usize;
        let (inside, _) = self.memberships(user).await?;
        let personal = self.personal_of_all(user).await?;
        let heads: Vec<Arc<Head>> =
            futures_util::stream::iter(inside).map(|key| self.head(key)).buffer_unordered(LOADED_AT_ONCE).try_collect().await?;
        let mut places: Vec<(Place, Arc<Head>, Personal)> = Vec::with_capacity(heads.len());
        for head in heads {
            let own = personal.get(&head.key).copied().unwrap_or_default();
            let state = head.lock();
            if !state.members.contains(user) || (own.hidden && state.position <= own.hidden_position) {
                continue;
            }
            let place = (Reverse(own.pinned), Reverse(active_at_ms(&head, &state, user)), head.key);
            drop(state);
            places.push((place, head, own));
        }
        places.sort_unstable_by_key(|(place, _, _)| *place);
        let mut unread = None;
        if after.is_none() {
            let mut total = 0u32;
            for (_, head, own) in places.iter().filter(|(_, _, own)| !own.muted).take(limits::UNREAD_COUNTED_CHATS_MAX) {
                debug_assert!(!own.muted);
                let cursor = self.cursor(head, user).await?;
                total = total.saturating_add(head.lock().unread(cursor.read_position));
            }
            unread = Some(total);
        }
        let mut rest = places.into_iter().filter(|(place, _, _)| after.is_none_or(|after| *place > after)).peekable();
        let mut entries = Vec::with_capacity(limit);
        let mut last = None;
        while entries.len() < limit
            && let Some((place, head, own)) = rest.next()
        {
            entries.push(self.inbox_entry_of(user, &head, own).await?);
            last = Some(place);
        }
        let next = rest.peek().and(last).map(print_place);
        let people = self.people_of_entries(&entries);
        Ok(InboxPage { entries, next, unread, people })
    }

    /// One chat in somebody's list.
    pub(super) async fn inbox_entry(&self, user: u32, head: &Arc<Head>) -> Result<InboxEntry> {
        let own = self.personal(user, head.key).await?;
        self.inbox_entry_of(user, head, own).await
    }

    /// The same for somebody whose settings of it are known.
    async fn inbox_entry_of(&self, user: u32, head: &Arc<Head>, own: Personal) -> Result<InboxEntry> {
        let cursor = self.cursor(head, user).await?;
        let mentions = self.unread_mentions(user, head, cursor.read_seq).await?;
        let peer_cursor = match head.key.peer(user) {
            Some(peer) if peer != user => Some(self.cursor(head, peer).await?),
            _ => None,
        };
        let last_seq = head.lock().last_message.as_ref().map(|record| record.seq);
        let folded = match last_seq {
            Some(seq) => self.folded_last(head, seq).await?,
            None => Folded::default(),
        };
        let (chat, last, active_at_ms, unread) = {
            let state = head.lock();
            let chat = self.chat_seen(head, &state, user)?;
            let last = state.last_message.clone().filter(|record| record.seq >= chat.first_seq);
            (chat, last, active_at_ms(head, &state, user), state.unread(cursor.read_position))
        };
        Ok(InboxEntry {
            last: last.map(|record| self.shaped(&record, &folded, Some((head, Some(user))))),
            active_at_ms,
            read_seq: cursor.read_seq,
            read_position: cursor.read_position,
            unread,
            mentions,
            pinned: own.pinned,
            muted: own.muted,
            peer_read_seq: peer_cursor.map(|cursor| cursor.read_seq),
            peer_delivered_seq: peer_cursor.map(|cursor| cursor.delivered_seq),
            chat,
        })
    }

    /// What was done to the last message of a chat.
    async fn folded_last(&self, head: &Head, seq: u64) -> Result<Folded> {
        let last = head.lock().seq;
        match self.lately.to_end(head.key.0, seq, last) {
            Some(lately) => Ok(Folded::of_records(lately.iter().map(|entry| &entry.record), seq, seq)),
            None => self.folded(head.key, seq, seq).await,
        }
    }

    async fn unread_mentions(&self, user: u32, head: &Head, read_seq: u64) -> Result<Vec<u64>> {
        let (key, last) = (head.key, head.lock().seq);
        if read_seq >= last {
            return Ok(Vec::new());
        }
        if let Some(seqs) = self.lately.to_end(key.0, read_seq + 1, last).and_then(|unread| mentions_in(user, &unread)) {
            return Ok(seqs);
        }
        let mut seqs = Vec::new();
        for mentioned in [user, u32::MAX] {
            let partition = tables::KeyMaker::default().u32(mentioned).u64(key.0).done();
            let rows = self.store.scan(Table::Mentions, partition, Range::after(tables::u64_key(read_seq), MENTIONS_SHOWN)).await?;
            seqs.extend(rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)));
        }
        seqs.sort_unstable();
        seqs.dedup();
        seqs.truncate(MENTIONS_SHOWN);
        Ok(seqs)
    }

    async fn personal(&self, user: u32, key: ChatKey) -> Result<Personal> {
        let kept = self.store.get(Table::Personal, tables::u32_key(user), tables::u64_key(key.0)).await?;
        Ok(kept.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
    }

    async fn personal_of_all(&self, user: u32) -> Result<std::collections::HashMap<ChatKey, Personal>> {
        let rows = self.store.scan(Table::Personal, tables::u32_key(user), Range::first(limits::CHATS_OF_A_PERSON_MAX)).await?;
        Ok(rows.iter().filter_map(|(row, json)| Some((ChatKey(tables::read_u64(row, 0)?), serde_json::from_slice(json).ok()?))).collect())
    }

    /// Chats whose own settings changed since a time, for devices that were away.
    pub(super) async fn personal_changed_since(&self, user: u32, since_ms: u64) -> Result<Vec<ChatKey>> {
        Ok(self.personal_of_all(user).await?.into_iter().filter(|(_, own)| own.changed_at_ms >= since_ms).map(|(key, _)| key).collect())
    }

    /// Changes one's own settings of a chat.
    pub async fn my_chat(&self, user: u32, command: MyChat) -> Result<InboxChanged> {
        let key = self.key(command.chat_id)?;
        let head = self.head(key).await?;
        let position = {
            let state = head.lock();
            state.rights(key, user)?;
            state.position
        };
        let mut own = self.personal(user, key).await?;
        own.pinned = command.pinned.unwrap_or(own.pinned);
        own.muted = command.muted.unwrap_or(own.muted);
        if let Some(hidden) = command.hidden {
            own.hidden = hidden;
            own.hidden_position = position;
        }
        own.changed_at_ms = self.clock.now_ms();
        let json = serde_json::to_vec(&own).expect("own settings are plain data");
        self.store.write(vec![Write::Put(Table::Personal, tables::u32_key(user), tables::u64_key(key.0), json)]).await?;
        // Behind the change itself: whoever is told of the note finds it.
        self.note_own_settings(user, key).await?;
        self.own_state(user, key).await
    }

    /// One's own state in a chat, as one's other devices are told it.
    pub async fn own_state(&self, user: u32, key: ChatKey) -> Result<InboxChanged> {
        let head = self.head(key).await?;
        let cursor = self.cursor(&head, user).await?;
        let own = self.personal(user, key).await?;
        let mentions = self.unread_mentions(user, &head, cursor.read_seq).await?;
        let state = head.lock();
        Ok(InboxChanged {
            chat_id: self.seal.chat_id(key),
            read_seq: cursor.read_seq,
            read_position: cursor.read_position,
            unread: state.unread(cursor.read_position),
            mentions,
            pinned: own.pinned,
            muted: own.muted,
            hidden: own.hidden && state.position <= own.hidden_position,
        })
    }

    pub(super) fn people_of_entries(&self, entries: &[InboxEntry]) -> Vec<Person> {
        let mut ids: Vec<&str> = Vec::with_capacity(entries.len() * 2);
        for entry in entries {
            ids.extend(entry.last.as_ref().map(|record| record.by.as_str()));
            if entry.chat.kind == ChatKind::Direct {
                ids.extend(entry.chat.peer.as_deref());
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.directory.index(id)).map(|index| self.directory.card(index)).collect()
    }
}

/// The messages of these that mention somebody, when nothing of them was changed.
fn mentions_in(user: u32, unread: &[Entry]) -> Option<Vec<u64>> {
    let mut seqs = Vec::new();
    for Entry { record, .. } in unread {
        if matches!(record.change, Change::Edited { .. } | Change::Recalled { .. }) {
            return None;
        }
        if let Some(message) = record.message()
            && (message.mention_all || (record.by != user && message.mentions.contains(&user)))
        {
            seqs.push(record.seq);
        }
    }
    seqs.truncate(MENTIONS_SHOWN);
    Some(seqs)
}

/// Time of the last message, or of the join when that is later.
fn active_at_ms(head: &Head, state: &super::State, user: u32) -> u64 {
    let said = state.last_message.as_ref().map_or(0, |record| record.at_ms);
    let joined =
        if head.key.pair().is_some() { state.info.created_at_ms } else { state.members.joined(user).at_ms.max(state.info.created_at_ms) };
    said.max(joined)
}

fn print_place((Reverse(pinned), Reverse(at_ms), key): Place) -> String {
    format!("{}.{at_ms:x}.{:x}", u8::from(pinned), key.0)
}

fn parse_place(page: &str) -> Result<Place> {
    let mut parts = page.split('.');
    let mut place = || {
        let pinned = parts.next()? == "1";
        let at_ms = u64::from_str_radix(parts.next()?, 16).ok()?;
        let key = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some((Reverse(pinned), Reverse(at_ms), ChatKey(key)))
    };
    place().ok_or_else(|| Error::invalid("page", "it is not a `next` of this list"))
}
