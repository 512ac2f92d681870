//! How many calls an app may make: one allowance an app, filled evenly.

use dashmap::DashMap;
use parking_lot::Mutex;
use std::time::Instant;

/// The allowances of all apps. There are as many as apps, because only a valid token comes here.
#[derive(Debug, Default)]
pub struct Rates {
    apps: DashMap<u32, Mutex<Allowance>>,
}

#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

/// Where an app stands with its allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// The call may be made.
    Within,
    /// It may be made after so many seconds.
    Over {
        /// Whole seconds, at least 1.
        reset_seconds: u64,
    },
}

impl Rates {
    /// Takes one call from an app's allowance of so many a second; a second's worth can be saved up.
    pub fn take(&self, bot: u32, calls_per_second: u64, now: Instant) -> Rate {
        let full = calls_per_second as f64;
        let entry = self.apps.entry(bot).or_insert_with(|| Mutex::new(Allowance { left: full, at: now }));
        let mut allowance = entry.lock();
        let passed = now.saturating_duration_since(allowance.at).as_secs_f64();
        allowance.left = (allowance.left + passed * full).min(full);
        allowance.at = now;
        if allowance.left >= 1.0 {
            allowance.left -= 1.0;
            return Rate::Within;
        }
        let seconds = (1.0 - allowance.left) / full;
        Rate::Over { reset_seconds: (seconds.ceil() as u64).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_stopped_and_the_allowance_comes_back() {
        let (rates, start) = (Rates::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(rates.take(1, 10, start), Rate::Within);
        }
        assert_eq!(rates.take(1, 10, start), Rate::Over { reset_seconds: 1 });
        assert_eq!(rates.take(2, 10, start), Rate::Within, "another app has its own");
        assert_eq!(rates.take(1, 10, start + Duration::from_millis(100)), Rate::Within);
        assert_eq!(rates.take(1, 10, start + Duration::from_millis(110)), Rate::Over { reset_seconds: 1 });
    }
}
