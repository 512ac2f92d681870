//! Numbers that grow with time and are given once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a number that tell those of the same millisecond apart.
pub const COUNT_BITS: u32 = 12;

/// Gives the numbers. They stay below 2⁵⁶ for some hundred years. Within a millisecond each process begins elsewhere, so that
/// two nodes rarely give the same.
#[derive(Debug)]
pub struct Numbers {
    last: AtomicU64,
    begin: u64,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { last: AtomicU64::new(0), begin: rand::random::<u64>() % (1 << COUNT_BITS) }
    }
}

impl Numbers {
    /// The next number. After a restart they go on by the clock.
    pub fn next(&self, now_ms: u64) -> u64 {
        let least = (now_ms << COUNT_BITS) + self.begin;
        let mut next = least;
        // More than 4,096 in a millisecond borrow from those to come.
        let _ = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
            next = least.max(last + 1);
            Some(next)
        });
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_whatever_the_clock_does() {
        let numbers = Numbers { begin: 7, ..Numbers::default() };
        let given: Vec<u64> = [5, 5, 4, 6].map(|now_ms| numbers.next(now_ms)).to_vec();
        assert_eq!(given, [(5 << COUNT_BITS) + 7, (5 << COUNT_BITS) + 8, (5 << COUNT_BITS) + 9, (6 << COUNT_BITS) + 7]);
    }
}
