//! What was said lately, by heart: whoever comes back after minutes is told what was missed without a question to the store.
//!
//! When a network goes away, thousands come back at the same moment, and each asks for the end of every chat. What is known is
//! everything behind a place of each group of the log, the floor, or nothing: who was away since before that is answered by the store.

use super::by_person::ByPerson;
use super::members::bitmap_of;
use crate::ids::ChatKey;
use crate::limits;
use crate::log::record::Change;
use crate::log::{Committed, EndRecord, Entry, LogEnd, Position, Record};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Bytes of a record beside its text, about.
const RECORD_BYTES: usize = 512;
/// Records of a chat that are looked at for one page: a page, and what was done to its messages since.
const FEW: u64 = 500;

struct Noted {
    group: usize,
    offset: u64,
    chat: u64,
    bytes: usize,
}

/// Somebody has changed their own settings of a chat.
struct OwnChange {
    group: usize,
    offset: u64,
    chat: ChatKey,
}

#[derive(Default)]
struct Known {
    /// Of each group: every record behind this place is here.
    floors: HashMap<usize, u64>,
    chats: HashMap<u64, VecDeque<Entry>>,
    by_person: ByPerson,
    /// By person, in their order.
    own_changes: HashMap<u32, VecDeque<OwnChange>>,
    /// In the order in which they came.
    order: VecDeque<Noted>,
    bytes: usize,
}

/// What happened behind a place in the log that concerns one person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Concerning {
    /// Chats with records behind it that may be the person's, or were.
    pub chats: Vec<ChatKey>,
    /// Chats of which the person has changed their own settings.
    pub own_changes: HashSet<ChatKey>,
}

/// The last records of all chats, as many as there is room for.
pub(super) struct Lately(Mutex<Known>);

impl Lately {
    /// What the ends of the log's groups say; nothing is known of what stands before them.
    pub fn of(ends: Vec<LogEnd>) -> Self {
        let mut known = Known { floors: ends.iter().enumerate().map(|(group, end)| (group, end.behind)).collect(), ..Known::default() };
        for (group, end) in ends.into_iter().enumerate() {
            for EndRecord { entry, bytes, members } in end.records {
                known.note(group, entry, bytes, members.as_ref());
            }
        }
        Self(Mutex::new(known))
    }

    /// Notes a record, in the order of its group.
    pub fn note(&self, committed: &Committed) {
        let Committed { group, offset, record, members, bytes, behind_hole, .. } = committed;
        let mut known = self.0.lock();
        if *behind_hole {
            known.forget(*group, offset.saturating_sub(1));
        }
        known.note(*group, Entry { offset: *offset, record: record.clone() }, *bytes, members.as_ref());
    }

    /// Records of a chat from this seq on that stand behind a place in the log, oldest first. None: that is not known by heart.
    pub fn behind(&self, group: usize, offset: u64, chat: u64, first: u64) -> Option<Vec<Entry>> {
        let known = self.0.lock();
        if known.floors.get(&group).is_none_or(|floor| offset < *floor) {
            return None;
        }
        let Some(of_chat) = known.chats.get(&chat) else { return Some(Vec::new()) };
        let from = of_chat.partition_point(|entry| entry.offset <= offset || entry.record.seq < first);
        Some(of_chat.range(from..).cloned().collect())
    }

    /// What happened behind a place in the log that concerns somebody. `group` tells the group of a chat. None: that is not known by
    /// heart, or it is too much.
    pub fn concerning(&self, user: u32, position: &Position, group: impl Fn(ChatKey) -> usize) -> Option<Concerning> {
        loop {
            let mut known = self.0.lock();
            if known.floors.iter().any(|(group, floor)| position.of(*group) < *floor) {
                return None;
            }
            if known.by_person.note_some() {
                continue;
            }
            let mut chats = Vec::new();
            for chat in known.by_person.of(user)? {
                let last = known.chats.get(&chat.0).and_then(VecDeque::back).map_or(0, |entry| entry.offset);
                if last > position.of(group(chat)) {
                    chats.push(chat);
                }
                if chats.len() > limits::SYNC_CHATS_OF_A_PAGE {
                    return None;
                }
            }
            let own = known.own_changes.get(&user).into_iter().flatten();
            let own_changes = own.filter(|change| change.offset > position.of(change.group)).map(|change| change.chat).collect();
            return Some(Concerning { chats, own_changes });
        }
    }

    /// Is this place in the log one behind which everything is known?
    pub fn reaches(&self, position: &Position) -> bool {
        !self.0.lock().floors.iter().any(|(group, floor)| position.of(*group) < *floor)
    }

    /// Some of the groups of which something is known by heart, and not who is in them.
    pub fn with_unknown_members(&self, at_most: usize) -> Vec<ChatKey> {
        self.0.lock().by_person.unknown(at_most)
    }

    /// Who is in a chat now, as far as it was noted.
    pub fn has_members(&self, chat: ChatKey, members: &Arc<RoaringBitmap>) {
        self.0.lock().by_person.has_members(chat, members);
    }

    /// One record of a chat, when it is known by heart.
    pub fn one(&self, chat: u64, seq: u64) -> Option<Arc<Record>> {
        let known = self.0.lock();
        let of_chat = known.chats.get(&chat)?;
        // Seqs of a chat have no holes, here either.
        let at = seq.checked_sub(of_chat.front()?.record.seq)?;
        of_chat.get(at as usize).map(|entry| entry.record.clone())
    }

    /// Records of a chat from one seq to its last one, both included, oldest first, when they are few. None: they are not all known
    /// by heart.
    pub fn to_end(&self, chat: u64, from: u64, last: u64) -> Option<Vec<Entry>> {
        let known = self.0.lock();
        let of_chat = known.chats.get(&chat)?;
        let (first, end) = (of_chat.front()?.record.seq, of_chat.back()?.record.seq);
        // Seqs of a chat have no holes, here either.
        let there = first <= from && from <= last && last <= end && end - from < FEW;
        there.then(|| of_chat.range((from - first) as usize..).cloned().collect())
    }
}

impl Known {
    fn note(&mut self, group: usize, entry: Entry, bytes: usize, members: Option<&Arc<RoaringBitmap>>) {
        let record = entry.record.clone();
        let (key, offset) = (ChatKey(record.chat), entry.offset);
        // Urgents have the end of the log in their own memory.
        if key.is_urgent() {
            return;
        }
        let of_chat = self.chats.entry(key.0).or_default();
        match of_chat.back() {
            // It was read at the start, and is followed now.
            Some(last) if last.offset >= offset => return,
            // Something between has been lost: the store may have it.
            Some(last) if last.record.seq + 1 != record.seq => return self.forget(group, offset),
            _ => {}
        }
        let new = of_chat.is_empty();
        of_chat.push_back(entry);
        if key.is_chat() {
            self.note_members(&record, new, members);
        } else if let Change::OwnSettings { chat } = record.change {
            let changes = self.own_changes.entry(record.by).or_default();
            changes.push_back(OwnChange { group, offset, chat: ChatKey(chat) });
        }
        let bytes = RECORD_BYTES + bytes;
        self.bytes += bytes;
        self.order.push_back(Noted { group, offset, chat: key.0, bytes });
        while self.bytes > limits::LATELY_BYTES_MAX && self.let_go_of_first() {}
    }

    /// Who is in the chat of a record that has just come, and who has come or gone with it.
    fn note_members(&mut self, record: &Record, new: bool, members: Option<&Arc<RoaringBitmap>>) {
        let key = ChatKey(record.chat);
        if new {
            self.by_person.came(key, members);
        } else if let Some(members) = members {
            self.by_person.has_members(key, members);
        }
        match &record.change {
            Change::Created { members, .. } => self.by_person.has_members(key, &Arc::new(bitmap_of(members))),
            Change::MembersAdded { members, .. } | Change::MembersRemoved { members, .. } => {
                self.by_person.moved(key, &bitmap_of(members));
            }
            _ => {}
        }
    }

    fn let_go_of_first(&mut self) -> bool {
        let Some(Noted { group, offset, chat, bytes }) = self.order.pop_front() else { return false };
        self.bytes -= bytes;
        let floor = self.floors.entry(group).or_default();
        *floor = (*floor).max(offset);
        let Some(of_chat) = self.chats.get_mut(&chat) else { return true };
        let first = of_chat.pop_front();
        if of_chat.is_empty() {
            self.chats.remove(&chat);
            self.by_person.went(ChatKey(chat));
        }
        if let Some(Entry { record, .. }) = first
            && let Change::OwnSettings { .. } = record.change
            && let Some(changes) = self.own_changes.get_mut(&record.by)
        {
            changes.pop_front();
            if changes.is_empty() {
                self.own_changes.remove(&record.by);
            }
        }
        true
    }

    /// Of a group, nothing is known of what stands up to here, and of the others nothing of what was noted.
    fn forget(&mut self, group: usize, offset: u64) {
        let mut floors = std::mem::take(&mut self.floors);
        let noted = self.order.drain(..).map(|noted| (noted.group, noted.offset));
        for (group, offset) in noted.chain([(group, offset)]) {
            let floor = floors.entry(group).or_default();
            *floor = (*floor).max(offset);
        }
        *self = Self { floors, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::Change;

    fn committed(offset: u64, chat: u64, seq: u64, bytes: usize) -> Committed {
        let record = Arc::new(Record { chat, seq, position: seq, at_ms: 1, by: 1, change: Change::Unpinned { target: 1 } });
        Committed { group: 0, offset, record, members: None, moved: None, own: true, rows: Vec::new(), bytes, behind_hole: false }
    }

    fn seqs(lately: &Lately, offset: u64, chat: u64) -> Option<Vec<u64>> {
        lately.behind(0, offset, chat, 1).map(|entries| entries.iter().map(|entry| entry.record.seq).collect())
    }

    #[test]
    fn what_stands_behind_a_place_is_known_or_it_is_said_that_it_is_not() {
        let lately = Lately::of(vec![LogEnd { behind: 10, records: Vec::new() }]);
        for (offset, chat, seq) in [(11, 1, 5), (12, 2, 1), (13, 1, 6), (14, 1, 7)] {
            lately.note(&committed(offset, chat, seq, 10));
        }
        assert_eq!(seqs(&lately, 9, 1), None, "older than what is known");
        assert_eq!(seqs(&lately, 10, 1), Some(vec![5, 6, 7]));
        assert_eq!(seqs(&lately, 12, 1), Some(vec![6, 7]));
        assert_eq!((seqs(&lately, 14, 1), seqs(&lately, 10, 3)), (Some(vec![]), Some(vec![])));
        assert_eq!(lately.behind(0, 10, 1, 7).unwrap().len(), 1, "who came later sees no more");
        assert_eq!(lately.behind(1, 10, 1, 1).map(|entries| entries.len()), None);
        let end = |chat, from, last| {
            lately.to_end(chat, from, last).map(|entries| entries.iter().map(|entry| entry.record.seq).collect::<Vec<_>>())
        };
        assert_eq!((end(1, 6, 7), end(1, 5, 6), end(2, 1, 1)), (Some(vec![6, 7]), Some(vec![5, 6, 7]), Some(vec![1])));
        assert_eq!((end(1, 4, 7), end(1, 6, 8), end(3, 1, 1)), (None, None, None), "older, or not noted yet, or nothing");
    }

    #[test]
    fn what_the_end_of_the_log_said_at_the_start_is_not_noted_twice() {
        let entry = |offset, seq| {
            let Committed { offset, record, bytes, .. } = committed(offset, 1, seq, 10);
            EndRecord { entry: Entry { offset, record }, bytes, members: None }
        };
        let lately = Lately::of(vec![LogEnd { behind: 4, records: vec![entry(5, 1), entry(6, 2)] }]);
        for (offset, seq) in [(6, 2), (7, 3)] {
            lately.note(&committed(offset, 1, seq, 10));
        }
        assert_eq!((seqs(&lately, 4, 1), seqs(&lately, 3, 1)), (Some(vec![1, 2, 3]), None));
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room_and_a_hole_is_no_knowledge() {
        let lately = Lately::of(vec![LogEnd::default()]);
        let large = limits::LATELY_BYTES_MAX / 3;
        for offset in 1..=4 {
            lately.note(&committed(offset, 1, offset, large));
        }
        assert_eq!((seqs(&lately, 1, 1), seqs(&lately, 2, 1)), (None, Some(vec![3, 4])));
        lately.note(&committed(9, 1, 6, 10));
        assert_eq!((seqs(&lately, 4, 1), seqs(&lately, 9, 1)), (None, Some(vec![])));
        assert_eq!(lately.0.lock().bytes, 0);
        lately.note(&committed(10, 1, 7, 10));
        assert_eq!(seqs(&lately, 9, 1), Some(vec![7]));
    }

    #[test]
    fn what_concerns_somebody_behind_a_place_is_known_or_it_is_said_that_it_is_not() {
        let lately = Lately::of(vec![LogEnd { behind: 10, records: Vec::new() }]);
        let record = |offset, chat, seq, by, change| {
            let record = Arc::new(Record { chat, seq, position: 0, at_ms: 1, by, change });
            lately.note(&Committed { record, ..committed(offset, chat, seq, 10) });
        };
        let bitmap = |users: &[u32]| crate::chat::members::bitmap_bytes(&users.iter().copied().collect());
        record(11, 20, 1, 1, Change::Created { name: String::new(), owner: 1, members: bitmap(&[1, 2]) });
        record(12, 21, 5, 3, Change::Unpinned { target: 1 });
        let of = |user, offset| {
            let concerning = lately.concerning(user, &[offset].into_iter().collect(), |_| 0)?;
            let mut own: Vec<u64> = concerning.own_changes.iter().map(|chat| chat.0).collect();
            own.sort_unstable();
            Some((concerning.chats.iter().map(|chat| chat.0).collect::<Vec<_>>(), own))
        };
        assert_eq!(of(1, 10), None, "who is in the second one is not known");
        assert_eq!(lately.with_unknown_members(9), [ChatKey(21)]);
        lately.has_members(ChatKey(21), &Arc::new([1, 3].into_iter().collect()));
        record(13, 20, 2, 1, Change::MembersRemoved { members: bitmap(&[2]), member_count: 1 });
        let notes = ChatKey::notes().0;
        record(14, notes, 1, 1, Change::OwnSettings { chat: 99 });
        record(15, notes, 2, 2, Change::OwnSettings { chat: 98 });
        assert_eq!(of(1, 10), Some((vec![20, 21], vec![99])));
        assert_eq!(of(1, 12), Some((vec![20], vec![99])));
        assert_eq!((of(1, 13), of(1, 14)), (Some((vec![], vec![99])), Some((vec![], vec![]))));
        assert_eq!((of(2, 10), of(3, 10), of(4, 10)), (Some((vec![20], vec![98])), Some((vec![21], vec![])), Some((vec![], vec![]))));
        assert_eq!(of(1, 9), None, "older than what is known");
        // The record before was not followed: nobody knows whom it concerned.
        lately.note(&Committed { behind_hole: true, ..committed(17, 22, 1, 10) });
        lately.has_members(ChatKey(22), &Arc::new([1].into_iter().collect()));
        assert_eq!((of(1, 15), of(1, 16)), (None, Some((vec![22], vec![]))));
    }

    #[test]
    fn notes_of_own_changes_go_with_what_else_is_let_go() {
        let lately = Lately::of(vec![LogEnd::default()]);
        let notes = ChatKey::notes().0;
        for seq in 1..=4 {
            let record = Arc::new(Record { chat: notes, seq, position: 0, at_ms: 1, by: 7, change: Change::OwnSettings { chat: seq } });
            lately.note(&Committed { record, ..committed(seq, notes, seq, limits::LATELY_BYTES_MAX / 3) });
        }
        let of = |offset| lately.concerning(7, &[offset].into_iter().collect(), |_| 0).map(|concerning| concerning.own_changes.len());
        assert_eq!((of(1), of(2), of(3), of(4)), (None, Some(2), Some(1), Some(0)));
        lately.0.lock().forget(0, 9);
        assert!(lately.0.lock().own_changes.is_empty());
    }
}
