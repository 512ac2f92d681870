//! Everything that a device missed, over all chats of its person, in bounded pages.
//!
//! A cursor is a place in the order of the whole log, and the hour. A chat has changed when its last record stands
//! behind the cursor; what was missed of it are the records behind the cursor, found from its end backwards.

use super::inbox::LOADED_AT_ONCE;
use super::lately::Concerning;
use super::members::{MemberSet, bitmap_of};
use super::{ChatKey, Chats, Head};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use crate::log::{Entry, Position, Record};
use crate::metrics;
use crate::store::tables::{self, Table};
use futures_util::{StreamExt as _, TryStreamExt as _};
use protocol::command::{Sync, Synced};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Records that are read back at once.
const READ_BACK: u64 = 64;
/// The clock of the cursor may be behind by this; what changed a little earlier is told once more.
const CLOCK_SLACK_MS: u64 = 60_000;

/// A place in the order of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncCursor {
    /// Place in the log.
    pub position: Position,
    /// When it was given out, ms since 1970.
    pub at_ms: u64,
}

impl SyncCursor {
    /// As clients keep it.
    pub fn print(&self) -> String {
        format!("{}-{:x}", self.position.print(), self.at_ms)
    }

    /// Reads what a client kept.
    pub fn parse(text: &str) -> Option<Self> {
        let (position, at_ms) = text.split_once('-')?;
        Some(Self { position: Position::parse(position)?, at_ms: u64::from_str_radix(at_ms, 16).ok()? })
    }
}

/// What may have happened to somebody's list of chats since a cursor.
struct Since {
    /// By key, so that a page can go on behind the last chat of the one before; `false`: no longer theirs.
    chats: BTreeMap<ChatKey, bool>,
    /// Of these they have changed their own settings.
    changed_settings: HashSet<ChatKey>,
}

/// A page of a sync that is being filled.
struct Filling {
    synced: Synced,
    /// Its records.
    shown: Vec<Arc<Record>>,
    bytes_left: usize,
}

/// Where a page of a sync begins.
struct Page {
    /// Where the sync ends.
    end: SyncCursor,
    /// Key of the chat before the next one.
    after: u64,
    /// Of that next one, what was told up to this seq.
    told: u64,
}

impl Page {
    /// As clients give it back.
    fn print(&self) -> String {
        format!("{}/{:x}/{:x}", self.end.print(), self.after, self.told)
    }

    fn parse(page: &str) -> Option<Self> {
        let (end, rest) = page.split_once('/')?;
        let (after, told) = rest.split_once('/')?;
        let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
        Some(Self { end: SyncCursor::parse(end)?, after: number(after)?, told: number(told)? })
    }
}

impl Chats {
    /// The cursor of this moment: what was committed a moment ago and is not noted yet stands behind it, so that the
    /// next `sync` tells it.
    pub fn cursor_now(&self) -> SyncCursor {
        SyncCursor { position: self.noted.now(), at_ms: self.clock.now_ms() }
    }

    /// Is a cursor one that `sync` can go on from?
    pub fn resumable(&self, cursor: &str) -> bool {
        SyncCursor::parse(cursor).is_some_and(|cursor| {
            self.log.may_have(&cursor.position) && self.clock.now_ms().saturating_sub(cursor.at_ms) <= limits::SYNC_AGE_MS_MAX
        })
    }

    /// Waits, for a moment, until this node has followed the log as far as the one did that gave out a cursor. Otherwise it
    /// would tell again what the device has from there, and show less than was there already. `false`: it has not.
    pub async fn follow_up_to(&self, cursor: &str) -> bool {
        let Some(cursor) = SyncCursor::parse(cursor).filter(|cursor| self.log.may_have(&cursor.position)) else { return true };
        let until = Instant::now() + Duration::from_millis(limits::CURSOR_FOLLOWED_MS_MAX);
        while !cursor.position.within(&self.noted.now()) {
            if Instant::now() >= until {
                // One that was given out long ago is of a log that has lost its end since: nobody waits for that.
                return self.clock.now_ms().saturating_sub(cursor.at_ms) > limits::CURSOR_AHEAD_AGE_MS_MAX;
            }
            tokio::time::sleep(Duration::from_millis(limits::CURSOR_FOLLOWED_LOOK_MS)).await;
        }
        true
    }

    /// A page of what was missed, of about so many bytes at most.
    pub async fn sync(&self, user: u32, command: Sync, bytes: usize) -> Result<Synced> {
        let now = self.cursor_now();
        let Some(cursor) = SyncCursor::parse(&command.cursor) else {
            return Err(Error::invalid("cursor", "it is not a cursor of this server"));
        };
        if !self.resumable(&command.cursor) {
            return Ok(Synced { too_long_all: true, cursor: Some(now.print()), ..Synced::default() });
        }
        // The end stays where the first page saw it; what comes later is told live, or by the next sync.
        let (mut end, after) = match command.page.as_deref() {
            None => (now, None),
            Some(page) => match Page::parse(page) {
                Some(Page { end, after, told }) => (end, Some((ChatKey(after), told))),
                None => return Err(Error::invalid("page", "it is not a `next` of this sync")),
            },
        };
        let since_ms = cursor.at_ms.saturating_sub(CLOCK_SLACK_MS);
        let Since { chats, changed_settings } = match self.since_by_heart(user, &cursor).await {
            Some(since) => since,
            None => self.since_as_kept(user, since_ms, &cursor, &mut end).await?,
        };
        let mut filling = Filling { synced: Synced::default(), shown: Vec::new(), bytes_left: bytes };
        for (looked_at, (key, inside)) in chats.into_iter().filter(|(key, _)| after.is_none_or(|(after, _)| *key > after)).enumerate() {
            if filling.shown.len() >= limits::SYNC_RECORDS_OF_A_PAGE
                || filling.bytes_left == 0
                || filling.synced.too_long.len() + filling.synced.entries.len() >= limits::PAGE_MAX as usize
                || looked_at >= limits::SYNC_CHATS_OF_A_PAGE
            {
                // The next page goes on behind the key before the chat that did not fit.
                filling.synced.next = Some(Page { end: end.clone(), after: key.0.saturating_sub(1), told: 0 }.print());
                break;
            }
            // The page before may have ended within this chat.
            let told = after.filter(|(after, _)| after.0 == key.0.saturating_sub(1)).map_or(0, |(_, told)| told);
            let head = self.head(key).await?;
            if !inside {
                filling.synced.left.push(self.seal.chat_id(key));
                continue;
            }
            if head.last_offset.load(Ordering::Acquire) > cursor.position.of(self.log.group(key.0)) {
                if let Some(told) = self.missed(user, &head, &cursor, told, &mut filling).await? {
                    filling.synced.next = Some(Page { end: end.clone(), after: key.0.saturating_sub(1), told }.print());
                    break;
                }
            } else if changed_settings.contains(&key) && head.lock().members.contains(user) {
                filling.synced.entries.push(self.inbox_entry(user, &head).await?);
            }
        }
        let Filling { mut synced, shown, .. } = filling;
        synced.people = self.people_of(&shown);
        synced.people.extend(self.people_of_entries(&synced.too_long));
        synced.people.extend(self.people_of_entries(&synced.entries));
        if synced.next.is_none() {
            synced.cursor = Some(end.print());
        }
        Ok(synced)
    }

    /// What may have happened since, from what the store has of a person.
    async fn since_as_kept(&self, user: u32, since_ms: u64, cursor: &SyncCursor, end: &mut SyncCursor) -> Result<Since> {
        metrics::MEMBERSHIPS_READ.inc();
        let (inside, left) = self.memberships(user).await?;
        let mut chats: BTreeMap<ChatKey, bool> = inside.into_iter().map(|key| (key, true)).collect();
        chats.extend(left.into_iter().filter(|(_, membership)| membership.left_at_ms >= since_ms).map(|(key, _)| (key, false)));
        let changed_settings = match self.personal_changed_since(user, since_ms).await {
            Ok(changed) => changed.into_iter().collect(),
            Err(error) if error.is_unavailable() => {
                // What was said comes all the same. Settings that changed meanwhile are told by the next sync.
                end.at_ms = end.at_ms.min(cursor.at_ms);
                HashSet::new()
            }
            Err(error) => return Err(error),
        };
        Ok(Since { chats, changed_settings })
    }

    /// The same from what is known by heart, without a read for this person. None: it does not reach so far back, or a chat that must be
    /// looked into cannot be read now; an error is no answer.
    async fn since_by_heart(&self, user: u32, cursor: &SyncCursor) -> Option<Since> {
        if !self.lately.reaches(&cursor.position) {
            return None;
        }
        let looked = tokio::time::timeout(Duration::from_millis(limits::BY_HEART_MS_MAX), self.look_by_heart(user, cursor)).await;
        match looked {
            Ok(Ok(since)) => since,
            Ok(Err(error)) => {
                tracing::debug!(%error, "what concerns somebody who comes back cannot be looked for by heart");
                None
            }
            Err(_) => None,
        }
    }

    async fn look_by_heart(&self, user: u32, cursor: &SyncCursor) -> Result<Option<Since>> {
        self.read_unknown_members().await?;
        let group = |key: ChatKey| self.log.group(key.0);
        let Some(Concerning { chats: concerned, own_changes }) = self.lately.concerning(user, &cursor.position, group) else {
            return Ok(None);
        };
        let mut chats = BTreeMap::new();
        for key in concerned {
            if self.head(key).await?.lock().members.contains(user) {
                chats.insert(key, true);
                continue;
            }
            let Some(since) = self.lately.behind(group(key), cursor.position.of(group(key)), key.0, 1) else { return Ok(None) };
            if since.iter().any(|entry| takes_out(&entry.record, user)) {
                chats.insert(key, false);
            }
        }
        // Of these it is looked below who is in them.
        for key in &own_changes {
            chats.entry(*key).or_insert(true);
        }
        Ok(Some(Since { chats, changed_settings: own_changes }))
    }

    /// Sees to it that it is known who is in the chats of which something is known by heart: after a start, and of large chats in which other
    /// nodes have written, it is read once for all who come back.
    async fn read_unknown_members(&self) -> Result<()> {
        if self.lately.with_unknown_members(1).is_empty() {
            return Ok(());
        }
        let mut failed_at_ms = self.lately_reading.lock().await;
        let now_ms = self.clock.now_ms();
        if now_ms.saturating_sub(*failed_at_ms) < limits::BY_HEART_AGAIN_MS {
            return Err(Error::storage("chats could not be read a moment ago"));
        }
        loop {
            let unknown = self.lately.with_unknown_members(limits::BY_PERSON_READ_AT_ONCE);
            if unknown.is_empty() {
                return Ok(());
            }
            // Until it has succeeded it has failed, also when nobody waits for it any more.
            *failed_at_ms = now_ms;
            let mut read = futures_util::stream::iter(unknown).map(|key| self.members_now(key)).buffer_unordered(LOADED_AT_ONCE);
            while let Some((key, members)) = read.try_next().await? {
                self.lately.has_members(key, &members);
            }
            *failed_at_ms = 0;
        }
    }

    /// Who is in a group, as far as this node has followed the log or farther. A whole head is not needed for it.
    async fn members_now(&self, key: ChatKey) -> Result<(ChatKey, Arc<RoaringBitmap>)> {
        if let Some(head) = self.head_in_memory(key) {
            let state = head.lock();
            // What is on its way may be refused: who was taken out by it would be in the chat and not be known.
            if state.seq <= head.committed_seq.load(Ordering::Acquire) {
                return Ok((key, state.members.all().clone()));
            }
        }
        let kept = self.store.get(Table::Members, tables::u64_key(key.0), tables::none()).await?;
        let members = kept.and_then(|kept| MemberSet::decode(&kept)).ok_or_else(|| Error::storage("members of a chat are not there"))?;
        Ok((key, members.all().clone()))
    }

    /// Tells what was missed of a chat behind what was `told`. Gives how far that is when it does not fit.
    async fn missed(&self, user: u32, head: &Arc<Head>, cursor: &SyncCursor, told: u64, filling: &mut Filling) -> Result<Option<u64>> {
        let (first, joined_seq, last) = {
            let state = head.lock();
            if !state.members.contains(user) {
                return Ok(None);
            }
            (state.first_seq(user), state.members.joined(user).seq, state.seq)
        };
        let Some(missed) = self.read_back(head.key, first, last, cursor.position.of(self.log.group(head.key.0))).await? else {
            filling.synced.too_long.push(self.inbox_entry(user, head).await?);
            return Ok(None);
        };
        let own = |entry: &Entry| entry.record.by == user;
        // A chat that is new to the device, or in which another device of this person was active, comes with its entry.
        let new = missed.iter().any(|entry| entry.record.seq == joined_seq || entry.record.seq == 1);
        if told == 0 && (new || missed.iter().any(own)) {
            match self.inbox_entry(user, head).await {
                Ok(entry) => filling.synced.entries.push(entry),
                // The store is away: the records show as much of a chat that the device knows.
                Err(error) if !new && error.is_unavailable() => {}
                Err(error) => return Err(error),
            }
        }
        let mut missed = missed.into_iter().filter(|entry| entry.record.seq > told).peekable();
        while let Some(entry) = missed.next() {
            filling.bytes_left = filling.bytes_left.saturating_sub(entry.record.encode().len());
            let seq = entry.record.seq;
            filling.synced.records.push(self.shape(&entry.record));
            filling.shown.push(entry.record);
            if filling.bytes_left == 0 && missed.peek().is_some() {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// Records of a chat behind a place in the log, oldest first; `None` when they are too many.
    async fn read_back(&self, key: ChatKey, first: u64, last: u64, offset: u64) -> Result<Option<Vec<Entry>>> {
        if let Some(missed) = self.lately.behind(self.log.group(key.0), offset, key.0, first) {
            return Ok((missed.len() <= limits::SYNC_RECORDS_OF_A_CHAT).then_some(missed));
        }
        metrics::MISSED_READ.inc();
        let mut missed: Vec<Entry> = Vec::new();
        let mut to = last;
        loop {
            if to < first || to == 0 {
                break;
            }
            let from = to.saturating_sub(READ_BACK - 1).max(first).max(1);
            let entries = self.log.read(key.0, from, to, READ_BACK as usize).await?;
            let reached = entries.first().is_none_or(|entry| entry.offset <= offset);
            let mut newer: Vec<Entry> = entries.into_iter().filter(|entry| entry.offset > offset).collect();
            newer.append(&mut missed);
            missed = newer;
            if missed.len() > limits::SYNC_RECORDS_OF_A_CHAT {
                return Ok(None);
            }
            if reached || from == 1 {
                break;
            }
            to = from - 1;
        }
        Ok(Some(missed))
    }
}

/// Does a record take somebody out of its chat?
fn takes_out(record: &Record, user: u32) -> bool {
    matches!(&record.change, Change::MembersRemoved { members, .. } if bitmap_of(members).contains(user))
}
