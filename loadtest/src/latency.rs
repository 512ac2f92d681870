//! Latencies in a high dynamic range histogram, in microseconds, three digits.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies of one kind. What is sent from process to process are the values that came, with how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Latencies(Histogram<u64>);

/// What is told of them, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: u64,
    /// 90 % are at most this.
    pub p90: u64,
    /// 99 % are at most this.
    pub p99: u64,
    /// 99.9 % are at most this.
    pub p999: u64,
    /// All are at most this.
    pub max: u64,
}

/// Longer than an hour counts as an hour.
const LONGEST_US: u64 = 3_600_000_000;

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are in order and three digits are allowed"))
    }

    /// Adds one, in nanoseconds.
    pub fn record_ns(&mut self, nanoseconds: u64) {
        self.0.saturating_record((nanoseconds / 1_000).clamp(1, LONGEST_US));
    }

    /// Takes in what another process has counted.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value in microseconds that this share, 0 to 1, does not pass.
    pub fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// What is told of them; all 0 when there are none.
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.0.max() }
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(latencies: Latencies) -> Self {
        latencies.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

impl From<Vec<(u64, u64)>> for Latencies {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut latencies = Self::new();
        for (microseconds, count) in counts {
            latencies.0.saturating_record_n(microseconds, count);
        }
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_another_process_is_the_same_there() {
        let mut latencies = Latencies::new();
        for microseconds in [1, 7, 7, 900, 123_456, 3_000_000_000] {
            latencies.record_ns(microseconds * 1_000);
        }
        let told: Latencies = serde_json::from_str(&serde_json::to_string(&latencies).unwrap()).unwrap();
        assert_eq!((told.percentiles(), told.count()), (latencies.percentiles(), 6));
        let mut both = told;
        both.add(&latencies);
        assert_eq!((both.percentiles().max, both.count()), (latencies.percentiles().max, 12));
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for microseconds in 1..=1_000u64 {
            latencies.record_ns(microseconds * 1_000);
        }
        let told = latencies.percentiles();
        assert_eq!((told.p50, told.p90, told.p99, told.max), (500, 900, 990, 1_000));
        latencies.reset();
        assert_eq!(latencies.percentiles(), Percentiles::default());
    }
}
