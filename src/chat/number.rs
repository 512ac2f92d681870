//! Numbers that grow with time and are given once.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bits of a number that tell those of the same millisecond apart.
pub const COUNT_BITS: u32 = 12;

/// Gives the numbers. They stay below 2⁵⁶ for some hundred years.
#[derive(Debug, Default)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// The next number. After a restart they go on by the clock.
    pub fn next(&self, now_ms: u64) -> u64 {
        let least = now_ms << COUNT_BITS;
        let mut next = least;
        // More than 4,096 in a millisecond borrow from those to come.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
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
        let numbers = Numbers::default();
        let given: Vec<u64> = [5, 5, 4, 6].map(|now_ms| numbers.next(now_ms)).to_vec();
        assert_eq!(given, [5 << COUNT_BITS, (5 << COUNT_BITS) + 1, (5 << COUNT_BITS) + 2, 6 << COUNT_BITS]);
    }
}
