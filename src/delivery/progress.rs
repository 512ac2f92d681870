//! How far the log was handed out: the cursor that sessions may be given.

use crate::log::{Position, Reached};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// The place up to which every record was handed to every session of its audience.
pub struct Progress {
    reached: Reached,
    /// Group and offset of fan-outs that are under way, with how many of each.
    under_way: Mutex<BTreeMap<(usize, u64), u32>>,
}

impl Progress {
    /// Everything up to here counts as handed out.
    pub fn new(position: &Position) -> Self {
        Self { reached: Reached::from(position), under_way: Mutex::default() }
    }

    /// A record was taken from the log; its fan-out is done, or has been begun.
    pub fn handed_out(&self, group: usize, offset: u64) {
        self.reached.raise(group, offset);
    }

    /// A fan-out begins. Must be said before its record is `handed_out`.
    pub fn begin(&self, group: usize, offset: u64) {
        *self.under_way.lock().entry((group, offset)).or_default() += 1;
    }

    /// A fan-out is over.
    pub fn end(&self, group: usize, offset: u64) {
        let mut under_way = self.under_way.lock();
        if let Some(count) = under_way.get_mut(&(group, offset)) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&(group, offset));
            }
        }
    }

    /// Everything up to here, and perhaps more, was handed out.
    pub fn reached(&self) -> Position {
        // Read before the others: what begins in between stands behind it.
        let reached = self.reached.now();
        let under_way = self.under_way.lock();
        let first = |group: usize| under_way.range((group, 0)..=(group, u64::MAX)).next().map(|((_, offset), _)| offset - 1);
        (0..reached.groups()).map(|group| first(group).map_or(reached.of(group), |before| before.min(reached.of(group)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offsets: [u64; 2]) -> Position {
        offsets.into_iter().collect()
    }

    #[test]
    fn the_cursor_waits_for_the_slowest_fanout_of_each_group() {
        let progress = Progress::new(&at([10, 3]));
        progress.begin(0, 11);
        progress.handed_out(0, 11);
        progress.begin(0, 12);
        progress.handed_out(0, 12);
        progress.handed_out(0, 13);
        progress.handed_out(1, 4);
        assert_eq!(progress.reached(), at([10, 4]));
        progress.end(0, 12);
        assert_eq!(progress.reached(), at([10, 4]));
        progress.end(0, 11);
        assert_eq!(progress.reached(), at([13, 4]));
    }
}
