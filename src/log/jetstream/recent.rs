//! What made the last records, so that a repeated send is recognised while the store does not answer.

use crate::log::DedupeKey;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Sends that are remembered: at 1,000 a second, the last four minutes.
const REMEMBERED: usize = 250_000;

/// Chat and seq by what made them.
#[derive(Default)]
pub struct Recent(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    made: HashMap<DedupeKey, (u64, u64)>,
    order: VecDeque<DedupeKey>,
}

impl Recent {
    /// A record was made.
    pub fn remember(&self, key: DedupeKey, chat: u64, seq: u64) {
        let mut inside = self.0.lock();
        if inside.made.insert(key, (chat, seq)).is_none() {
            inside.order.push_back(key);
        }
        if inside.order.len() > REMEMBERED
            && let Some(oldest) = inside.order.pop_front()
        {
            inside.made.remove(&oldest);
        }
    }

    /// What was made.
    pub fn made(&self, key: &DedupeKey) -> Option<(u64, u64)> {
        self.0.lock().made.get(key).copied()
    }
}
