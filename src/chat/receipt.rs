//! How far everybody has got: what was delivered, what was read, who has read a message.
//!
//! Receipts are not records of the log: each is one number per member and chat that only grows. They are told at once,
//! and written together a moment later.

use super::head::{Cursor, Head};
use super::{ChatKey, Chats};
use crate::error::Result;
use crate::limits;
use crate::metrics;
use crate::peers::{Kind, NodeId};
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use parking_lot::Mutex;
use protocol::command::ReceiptUpTo;
use protocol::event::Receipt;
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Rows in one write, so that no commit has to wait long for receipts.
const WRITE_ROWS: usize = 200;

/// How long it is remembered what was told: longer than it takes to see that a node is dead, and than a store takes to put on
/// its disk what it has acknowledged.
const LATELY: Duration = Duration::from_secs(60);
/// Receipts that are remembered so; more are not, and a node that dies then may take its last second's with it.
const LATELY_MAX: usize = 200_000;
/// Bytes of one receipt as nodes tell it.
const WORD: usize = 8 + 4 + 32;
/// Bytes of them that are told together to a node that has come.
const WORDS_BYTES: usize = 64 << 10;

/// Receipts that are not written yet, and those that may get lost although they were.
#[derive(Default)]
pub(super) struct Receipts {
    dirty: Mutex<HashMap<(ChatKey, u32), Cursor>>,
    /// What nodes have told lately, this one too: a node may not have written it when it dies, and a store may forget it.
    lately: Mutex<HashMap<(ChatKey, u32), Lately>>,
    /// The store did not take the last ones.
    store_away: AtomicBool,
    /// In a cluster: what sessions here were told lately, which may be more than is known here otherwise: the event of another node
    /// may come before its word.
    told: Mutex<HashMap<(ChatKey, u32), ToldHere>>,
}

struct ToldHere {
    delivered_seq: u64,
    read_seq: u64,
    at: Instant,
}

struct Lately {
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

    /// What may not be in the store of somebody's cursor, as far as this node knows.
    fn waiting(&self, place: (ChatKey, u32)) -> Cursor {
        let dirty = self.dirty.lock().get(&place).copied().unwrap_or_default();
        let lately = self.lately.lock().get(&place).map(|lately| lately.cursor).unwrap_or_default();
        dirty.merge(lately)
    }

    /// The same of a whole chat, or of everything.
    fn all_waiting(&self, of: impl Fn(ChatKey) -> bool) -> HashMap<(ChatKey, u32), Cursor> {
        let dirty = self.dirty.lock();
        let mut all: HashMap<_, _> = dirty.iter().filter(|((key, _), _)| of(*key)).map(|(place, cursor)| (*place, *cursor)).collect();
        drop(dirty);
        for (place, lately) in self.lately.lock().iter().filter(|((key, _), _)| of(*key)) {
            let entry: &mut Cursor = all.entry(*place).or_default();
            *entry = entry.merge(lately.cursor);
        }
        all
    }

    /// Sessions here are about to be told; they are not told less than they were lately.
    fn raise_to_told(&self, place: (ChatKey, u32), receipt: &mut Receipt) {
        let mut told = self.told.lock();
        if let Some(before) = told.get(&place) {
            receipt.delivered_seq = receipt.delivered_seq.max(before.delivered_seq);
            receipt.read_seq = receipt.read_seq.max(before.read_seq);
        } else if told.len() >= LATELY_MAX {
            return;
        }
        let Receipt { delivered_seq, read_seq, .. } = *receipt;
        told.insert(place, ToldHere { delivered_seq, read_seq, at: Instant::now() });
    }

    /// A node tells how far somebody has got, and writes it in a moment.
    pub(super) fn remember(&self, key: ChatKey, user: u32, cursor: Cursor, from: NodeId) {
        let mut lately = self.lately.lock();
        let before = lately.get(&(key, user)).map(|before| before.cursor);
        if before.is_some() || lately.len() < LATELY_MAX {
            let cursor = before.unwrap_or_default().merge(cursor);
            lately.insert((key, user), Lately { cursor, from, at: Instant::now() });
        }
    }

    /// What nodes had told that are dead now is written by those who have heard it. What is old is forgotten, unless the store
    /// is away: then nobody knows whether it has it.
    fn inherit(&self, alive: impl Fn(NodeId) -> bool) {
        let away = self.store_away.load(Ordering::Relaxed);
        self.told.lock().retain(|_, told| told.at.elapsed() < LATELY);
        self.write_again(|lately| !alive(lately.from), |lately| away || lately.at.elapsed() < LATELY);
    }

    /// The store has taken something. When it had been away, it may have forgotten what it took before.
    fn taken(&self) {
        if self.store_away.swap(false, Ordering::Relaxed) {
            self.write_again(|_| true, |_| true);
        }
    }

    fn write_again(&self, wanted: impl Fn(&Lately) -> bool, kept: impl Fn(&Lately) -> bool) {
        let mut again = Vec::new();
        self.lately.lock().retain(|place, lately| {
            let wanted = wanted(lately);
            if wanted {
                again.push((*place, lately.cursor));
            }
            !wanted && kept(lately)
        });
        self.put_back(again);
    }

    fn put_back(&self, cursors: impl IntoIterator<Item = ((ChatKey, u32), Cursor)>) {
        let mut dirty = self.dirty.lock();
        for (place, cursor) in cursors {
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
    /// What another node tells of somebody may be old: it was held, and the person has gone on elsewhere since. Nobody is told
    /// less than this node knows.
    pub fn raise_receipt(&self, key: ChatKey, user: u32, receipt: &mut Receipt) {
        let mut known = self.receipts.waiting((key, user));
        if let Some(head) = self.head_in_memory(key) {
            known = known.merge(head.cursors.lock().known.get(&user).copied().unwrap_or_default());
        }
        receipt.delivered_seq = receipt.delivered_seq.max(known.delivered_seq);
        receipt.read_seq = receipt.read_seq.max(known.read_seq);
        if self.peers.clustered() {
            self.receipts.raise_to_told((key, user), receipt);
        }
    }

    /// How far a member has got. Somebody who never read anything has read what was there when they came.
    pub(super) async fn cursor(&self, head: &Head, user: u32) -> Result<Cursor> {
        let known = { head.cursors.lock().known.get(&user).copied() };
        let cursor = match known {
            // Also what was noted by who had this head's forerunner in hand.
            Some(cursor) => cursor.merge(self.receipts.waiting((head.key, user))),
            None => {
                let kept = self.store.get(Table::Cursors, tables::u64_key(head.key.0), tables::u32_key(user)).await?;
                let mut cursor = kept.and_then(|bytes| Cursor::decode(&bytes)).unwrap_or_default();
                // What the node of a sender had not written when it died.
                cursor = cursor.merge(head.lock().written_by(user));
                let mut cursors = head.cursors.lock();
                // Under the lock: what another node tells from here on finds the cursor known.
                cursor = cursor.merge(self.receipts.waiting((head.key, user)));
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
        let mut cursors = head.cursors.lock();
        for ((_, user), cursor) in self.receipts.all_waiting(|key| key == head.key) {
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

    /// Tells a node that has come what may not be in the store yet.
    pub(super) fn tell_cursors_to(&self, node: NodeId) {
        let mut words = Vec::new();
        for ((key, user), cursor) in self.receipts.all_waiting(|_| true) {
            words.extend(word_of(key, user, cursor));
            if words.len() > WORDS_BYTES {
                self.peers.tell(node, Kind::Receipts, std::mem::take(&mut words));
            }
        }
        if !words.is_empty() {
            self.peers.tell(node, Kind::Receipts, words);
        }
    }

    async fn write_dirty(&self) {
        let (me, others) = (self.peers.me(), self.peers.others());
        self.receipts.inherit(|node| node == me || others.iter().any(|peer| peer.id == node));
        let dirty: Vec<((ChatKey, u32), Cursor)> = self.receipts.dirty.lock().drain().collect();
        if self.peers.clustered() {
            dirty.iter().for_each(|((key, user), cursor)| self.receipts.remember(*key, *user, *cursor, me));
        }
        self.write_batch_reads().await;
        for part in dirty.chunks(WRITE_ROWS) {
            let writes = part
                .iter()
                .map(|((key, user), cursor)| Write::Put(Table::Cursors, tables::u64_key(key.0), tables::u32_key(*user), cursor.encode()))
                .collect();
            match self.store.write(writes).await {
                Ok(()) => {
                    metrics::RECEIPTS_WRITTEN.inc_by(part.len() as u64);
                    self.receipts.taken();
                }
                Err(error) => {
                    tracing::warn!(%error, "receipts could not be written; they are tried again");
                    self.receipts.store_away.store(true, Ordering::Relaxed);
                    self.receipts.put_back(part.iter().copied());
                }
            }
        }
    }
}

/// How far somebody has got, as nodes tell it: chat, person, cursor.
pub(super) fn word_of(key: ChatKey, user: u32, cursor: Cursor) -> Vec<u8> {
    let mut word = tables::KeyMaker::default().u64(key.0).u32(user).done().to_vec();
    word.extend(cursor.encode());
    word
}

/// What one node has told another, one behind the other.
pub(super) fn read_words(words: &[u8]) -> impl Iterator<Item = (ChatKey, u32, Cursor)> {
    words
        .chunks(WORD)
        .map_while(|word| Some((ChatKey(tables::read_u64(word, 0)?), tables::read_u32(word, 8)?, Cursor::decode(word.get(12..)?)?)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seq: u64) -> Cursor {
        Cursor { delivered_seq: seq, read_seq: seq, read_position: seq, read_at_ms: seq }
    }

    fn written(receipts: &Receipts) -> Vec<(u32, u64)> {
        let mut written: Vec<_> = receipts.dirty.lock().drain().map(|((_, user), cursor)| (user, cursor.read_seq)).collect();
        written.sort_unstable();
        written
    }

    #[test]
    fn what_a_dead_node_had_told_and_what_a_store_may_have_forgotten_is_written_again() {
        let (receipts, me, other) = (Receipts::default(), NodeId(1), NodeId(2));
        receipts.remember(ChatKey(7), 1, read(4), other);
        receipts.remember(ChatKey(7), 1, read(3), other);
        receipts.remember(ChatKey(7), 2, read(9), me);
        receipts.inherit(|_| true);
        assert_eq!(written(&receipts), []);
        assert_eq!(receipts.waiting((ChatKey(7), 1)), read(4));
        receipts.inherit(|node| node == me);
        assert_eq!(written(&receipts), [(1, 4)]);
        // A store that never was away keeps what it has taken.
        receipts.remember(ChatKey(7), 1, read(4), me);
        receipts.taken();
        assert_eq!(written(&receipts), []);
        receipts.store_away.store(true, Ordering::Relaxed);
        receipts.taken();
        assert_eq!(written(&receipts), [(1, 4), (2, 9)]);
    }

    #[test]
    fn sessions_are_not_told_less_than_they_were_although_the_word_of_it_has_not_come() {
        let receipts = Receipts::default();
        let tell = |user, delivered_seq, read_seq| {
            let mut receipt = Receipt { delivered_seq, read_seq, ..Receipt::default() };
            receipts.raise_to_told((ChatKey(7), user), &mut receipt);
            (receipt.delivered_seq, receipt.read_seq)
        };
        assert_eq!([tell(1, 29, 29), tell(1, 25, 12), tell(1, 30, 12), tell(2, 3, 1)], [(29, 29), (29, 29), (30, 29), (3, 1)]);
    }

    #[test]
    fn words_come_out_as_they_went_in() {
        let words = [(ChatKey(7), 1, read(4)), (ChatKey(u64::MAX), 371_000, read(0))];
        let told: Vec<u8> = words.iter().flat_map(|(key, user, cursor)| word_of(*key, *user, *cursor)).collect();
        assert_eq!(told.len(), words.len() * WORD);
        assert_eq!(read_words(&told).collect::<Vec<_>>(), words);
        assert_eq!(read_words(&told[..WORD + 5]).count(), 1);
    }
}
