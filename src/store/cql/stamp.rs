//! Write timestamps: of two writes of one row, the larger one counts, wherever and in whatever order they arrive.

use crate::clock::Clock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Timestamps that were read and are further ahead of this node's clock than this are somebody's mistake, in µs. Following
/// them would carry the mistake to every node.
const AHEAD_MAX: i64 = 60_000_000;

/// Gives timestamps that only grow, in µs since 1970.
///
/// They are the node's clock, moved on by what this node has read: who writes a row after having read it comes after what
/// was read, although the other node's clock may be ahead.
pub(super) struct Stamps {
    clock: Clock,
    last: AtomicI64,
}

impl Stamps {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, last: AtomicI64::new(0) }
    }

    fn now(&self) -> i64 {
        (self.clock.now_ms() as i64).saturating_mul(1_000)
    }

    /// The next one.
    pub(super) fn next(&self) -> i64 {
        let now = self.now();
        let grown = |last: i64| now.max(last + 1);
        let before = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(grown(last)));
        grown(before.unwrap_or_else(|last| last))
    }

    /// A row with this timestamp was read.
    pub(super) fn read(&self, timestamp: i64) {
        if timestamp > self.last.load(Ordering::Relaxed) && timestamp <= self.now() + AHEAD_MAX {
            self.last.fetch_max(timestamp, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_grow_when_the_clock_is_set_back_and_pass_what_was_read() {
        let clock = Clock::default();
        let stamps = Stamps::new(clock.clone());
        let first = stamps.next();
        clock.turn(-10_000);
        let second = stamps.next();
        assert!(second > first);
        stamps.read(second + 20_000_000);
        assert!(stamps.next() > second + 20_000_000, "the other node's clock is a little ahead");
        let ahead = stamps.now() + 2 * AHEAD_MAX;
        stamps.read(ahead);
        assert!(stamps.next() < ahead, "a clock that is wrong by minutes is not followed");
    }
}
