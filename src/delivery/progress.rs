//! How far the log was handed out: the cursor that sessions may be given.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The place up to which every record was handed to every session of its audience.
pub struct Progress {
    reached: AtomicU64,
    /// Offsets of fan-outs that are under way, with how many of each.
    under_way: Mutex<BTreeMap<u64, u32>>,
}

impl Progress {
    /// Everything up to here counts as handed out.
    pub fn new(offset: u64) -> Self {
        Self { reached: AtomicU64::new(offset), under_way: Mutex::default() }
    }

    /// A record was taken from the log; its fan-out is done, or has been begun.
    pub fn handed_out(&self, offset: u64) {
        self.reached.store(offset, Ordering::Release);
    }

    /// A fan-out begins. Must be said before its record is `handed_out`.
    pub fn begin(&self, offset: u64) {
        *self.under_way.lock().entry(offset).or_default() += 1;
    }

    /// A fan-out is over.
    pub fn end(&self, offset: u64) {
        let mut under_way = self.under_way.lock();
        if let Some(count) = under_way.get_mut(&offset) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&offset);
            }
        }
    }

    /// Everything up to here, and perhaps more, was handed out.
    pub fn reached(&self) -> u64 {
        // Read before the others: what begins in between stands behind it.
        let reached = self.reached.load(Ordering::Acquire);
        match self.under_way.lock().keys().next() {
            Some(first) => reached.min(first - 1),
            None => reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_waits_for_the_slowest_fanout() {
        let progress = Progress::new(10);
        progress.begin(11);
        progress.handed_out(11);
        progress.begin(12);
        progress.handed_out(12);
        progress.handed_out(13);
        assert_eq!(progress.reached(), 10);
        progress.end(12);
        assert_eq!(progress.reached(), 10);
        progress.end(11);
        assert_eq!(progress.reached(), 13);
    }
}
