//! How many requests one address may make: a bucket for each that fills with time.

use crate::limits;
use dashmap::DashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A burst may be as many requests as this time brings on average.
const BURST: Duration = Duration::from_secs(10);

/// Buckets by address. An address whose bucket is full is the same as one that was never seen, so it can be forgotten.
pub struct AddressRate {
    /// Time that one request takes out of a bucket.
    each: Duration,
    /// A bucket is a point in time: how far it lies ahead of now is how empty it is.
    empty_until: DashMap<IpAddr, Instant>,
}

impl AddressRate {
    /// So many requests a second on average.
    pub fn new(per_second: u64) -> Self {
        Self { each: Duration::from_secs(1) / per_second.clamp(1, u32::MAX.into()) as u32, empty_until: DashMap::new() }
    }

    /// Takes one request out of the bucket of an address; false when it is empty.
    pub fn take(&self, address: IpAddr) -> bool {
        self.take_at(address, Instant::now())
    }

    fn take_at(&self, address: IpAddr, now: Instant) -> bool {
        if self.empty_until.len() >= limits::ADDRESSES_COUNTED_MAX && !self.empty_until.contains_key(&address) {
            self.empty_until.retain(|_, until| *until > now);
            if self.empty_until.len() >= limits::ADDRESSES_COUNTED_MAX {
                // So many different addresses are no single attacker; the caps on connections hold them.
                return true;
            }
        }
        let mut until = self.empty_until.entry(address).or_insert(now);
        let next = (*until).max(now) + self.each;
        let taken = next.saturating_duration_since(now) <= BURST;
        if taken {
            *until = next;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_average() {
        let rate = AddressRate::new(5);
        let (address, now) = ("192.0.2.1".parse().unwrap(), Instant::now());
        let taken = |at: Instant| (0..100).filter(|_| rate.take_at(address, at)).count();
        assert_eq!(taken(now), 50);
        assert_eq!(taken(now + Duration::from_secs(2)), 10);
        assert_eq!(taken(now + Duration::from_secs(3600)), 50);
        assert!(rate.take_at("192.0.2.2".parse().unwrap(), now));
    }
}
