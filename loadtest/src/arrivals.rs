//! When messages are sent, and by whom: open loop, so that a slow server is not spared.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Intended times of sends at a mean rate, independent of the answers (Poisson).
pub struct Arrivals {
    rng: StdRng,
    gap_mean_ns: f64,
    next_ns: u64,
    until_ns: u64,
}

impl Arrivals {
    /// `rate` sends a second from `from_ns` until `until_ns`; none at a rate of 0.
    pub fn new(rate: f64, from_ns: u64, until_ns: u64, seed: u64) -> Self {
        let mut arrivals = Self { rng: StdRng::seed_from_u64(seed), gap_mean_ns: 1e9 / rate, next_ns: from_ns, until_ns };
        arrivals.step();
        arrivals
    }

    fn step(&mut self) {
        let uniform: f64 = self.rng.random_range(f64::MIN_POSITIVE..1.0);
        self.next_ns = self.next_ns.saturating_add((-uniform.ln() * self.gap_mean_ns) as u64);
    }

    /// The intended time of the next send, or `None` after the end.
    pub fn peek(&self) -> Option<u64> {
        (self.next_ns < self.until_ns).then_some(self.next_ns)
    }

    /// Takes the next send when its time has come.
    pub fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due = self.peek().filter(|due| *due <= now_ns)?;
        self.step();
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_whatever_happens_and_the_seed_decides() {
        let count = |seed| {
            let mut arrivals = Arrivals::new(2_000.0, 0, 10_000_000_000, seed);
            let mut count = 0;
            while arrivals.take(u64::MAX).is_some() {
                count += 1;
            }
            count
        };
        assert!((19_000..21_000).contains(&count(1)));
        assert_eq!(count(1), count(1));
        assert_ne!(count(1), count(2));
    }
}
