//! Time. Everything that needs the hour asks this clock, so that tests can turn it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The server's clock. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(std::sync::Arc<AtomicI64>);

impl Clock {
    /// Ms since 1970.
    pub fn now_ms(&self) -> u64 {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        (system + self.0.load(Ordering::Relaxed)).max(0) as u64
    }

    /// Turns the clock, forward or back; for tests.
    pub fn turn(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::Relaxed);
    }
}
