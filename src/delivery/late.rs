//! Records whose audience is not known yet: the head of their chat has to be read first, or cannot be read now.
//!
//! What is committed in the same chat meanwhile waits behind them, so that every session gets them in their order; other
//! chats go on.

use crate::limits;
use crate::log::Committed;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

/// The queues of chats that wait.
#[derive(Default)]
pub struct Late {
    waiting: Mutex<Waiting>,
    /// Some chat waits; nearly always none does.
    any: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    chats: HashMap<u64, VecDeque<Committed>>,
    count: usize,
}

/// What became of a record that is to wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Queued {
    /// It is the first of its chat: somebody has to hand them out, from the [first](Late::first) on.
    First,
    /// It waits behind others, which somebody hands out.
    Behind,
    /// Too many wait already.
    Full,
}

impl Late {
    /// Does a record of this chat have to wait behind others?
    pub fn waits(&self, chat: u64) -> bool {
        self.any.load(Ordering::Acquire) && self.waiting.lock().chats.contains_key(&chat)
    }

    /// Lets a record wait.
    pub fn push(&self, committed: Committed) -> Queued {
        let mut waiting = self.waiting.lock();
        if waiting.count >= limits::DELIVERED_LATE_MAX {
            return Queued::Full;
        }
        waiting.count += 1;
        self.any.store(true, Ordering::Release);
        let queue = waiting.chats.entry(committed.record.chat).or_default();
        queue.push_back(committed);
        if queue.len() == 1 { Queued::First } else { Queued::Behind }
    }

    /// The first that waits of a chat. It stays, so that later ones keep behind it, until it is [handed out](Self::done).
    pub fn first(&self, chat: u64) -> Option<Committed> {
        self.waiting.lock().chats.get(&chat)?.front().cloned()
    }

    /// The first of a chat was handed out. `false`: nothing waits behind it, and the chat does not wait any more.
    pub fn done(&self, chat: u64) -> bool {
        let mut waiting = self.waiting.lock();
        let Some(queue) = waiting.chats.get_mut(&chat) else { return false };
        let taken = queue.pop_front().is_some();
        let more = !queue.is_empty();
        if !more {
            waiting.chats.remove(&chat);
        }
        waiting.count -= usize::from(taken);
        self.any.store(!waiting.chats.is_empty(), Ordering::Release);
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Record;
    use crate::log::record::Change;
    use std::sync::Arc;

    fn committed(chat: u64, seq: u64) -> Committed {
        let record = Arc::new(Record { chat, seq, position: seq, at_ms: 1, by: 1, change: Change::Unpinned { target: 1 } });
        Committed { group: 0, offset: seq, record, members: None, moved: None, own: false, rows: Vec::new(), bytes: 10, behind_hole: false }
    }

    #[test]
    fn what_is_said_behind_a_late_record_waits_behind_it_and_other_chats_do_not() {
        let late = Late::default();
        assert!(!late.waits(1));
        assert_eq!(late.push(committed(1, 1)), Queued::First);
        assert_eq!(late.push(committed(1, 2)), Queued::Behind);
        assert!(late.waits(1) && !late.waits(2));
        let first = |chat| late.first(chat).map(|committed| committed.record.seq);
        assert_eq!(first(1), Some(1));
        assert!(late.waits(1), "while it is being handed out, the next one still waits");
        assert!(late.done(1));
        assert_eq!(first(1), Some(2));
        assert!(!late.done(1));
        assert_eq!((first(1), late.waits(1)), (None, false));
        assert_eq!(late.push(committed(1, 3)), Queued::First, "and it begins anew");
    }

    #[test]
    fn only_so_many_wait() {
        let late = Late::default();
        for seq in 1..=limits::DELIVERED_LATE_MAX as u64 {
            assert_ne!(late.push(committed(seq % 100, seq)), Queued::Full);
        }
        assert_eq!(late.push(committed(7, 1)), Queued::Full);
        late.done(7);
        assert_eq!(late.push(committed(7, 1)), Queued::Behind);
    }
}
