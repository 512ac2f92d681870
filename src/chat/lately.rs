//! What was said lately, by heart: whoever comes back after minutes is told what was missed without a question to the store.
//!
//! When a network goes away, thousands come back at the same moment, and each asks for the end of every chat.

use crate::ids::ChatKey;
use crate::limits;
use crate::log::{Committed, Entry, LogEnd, Record};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
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

#[derive(Default)]
struct Known {
    /// Of each group: every record behind this place is here.
    floors: HashMap<usize, u64>,
    chats: HashMap<u64, VecDeque<Entry>>,
    /// In the order in which they came.
    order: VecDeque<Noted>,
    bytes: usize,
}

/// The last records of all chats, as many as there is room for.
pub(super) struct Lately(Mutex<Known>);

impl Lately {
    /// What the ends of the log's groups say; nothing is known of what stands before them.
    pub fn of(ends: Vec<LogEnd>) -> Self {
        let mut known = Known { floors: ends.iter().enumerate().map(|(group, end)| (group, end.behind)).collect(), ..Known::default() };
        for (group, end) in ends.into_iter().enumerate() {
            // Urgents have the end of the log in their own memory.
            let of_chats = end.records.into_iter().filter(|(entry, _)| !ChatKey(entry.record.chat).is_urgent());
            of_chats.for_each(|(entry, bytes)| known.note(group, entry, bytes));
        }
        Self(Mutex::new(known))
    }

    /// Notes a record, in the order of its group.
    pub fn note(&self, committed: &Committed) {
        let Committed { group, offset, record, bytes, .. } = committed;
        self.0.lock().note(*group, Entry { offset: *offset, record: record.clone() }, *bytes);
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
    fn note(&mut self, group: usize, entry: Entry, bytes: usize) {
        let Record { chat, seq, .. } = *entry.record;
        let offset = entry.offset;
        let of_chat = self.chats.entry(chat).or_default();
        match of_chat.back() {
            // It was read at the start, and is followed now.
            Some(last) if last.offset >= offset => return,
            // Something between has been lost: the store may have it.
            Some(last) if last.record.seq + 1 != seq => return self.forget(group, offset),
            _ => {}
        }
        of_chat.push_back(entry);
        let bytes = RECORD_BYTES + bytes;
        self.bytes += bytes;
        self.order.push_back(Noted { group, offset, chat, bytes });
        while self.bytes > limits::LATELY_BYTES_MAX && self.let_go_of_first() {}
    }

    fn let_go_of_first(&mut self) -> bool {
        let Some(Noted { group, offset, chat, bytes }) = self.order.pop_front() else { return false };
        self.bytes -= bytes;
        let floor = self.floors.entry(group).or_default();
        *floor = (*floor).max(offset);
        if let Some(of_chat) = self.chats.get_mut(&chat) {
            of_chat.pop_front();
            if of_chat.is_empty() {
                self.chats.remove(&chat);
            }
        }
        true
    }

    /// Of a group, nothing is known of what stands up to here.
    fn forget(&mut self, group: usize, offset: u64) {
        while self.let_go_of_first() {}
        self.floors.insert(group, offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::Change;

    fn committed(offset: u64, chat: u64, seq: u64, bytes: usize) -> Committed {
        let record = Arc::new(Record { chat, seq, position: seq, at_ms: 1, by: 1, change: Change::Unpinned { target: 1 } });
        Committed { group: 0, offset, record, members: None, moved: None, own: true, rows: Vec::new(), bytes }
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
            (Entry { offset, record }, bytes)
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
}
