//! How often a sign-in failed, by account and by address, in bounded memory.

use crate::clock::Clock;
use crate::limits::ATTEMPTS_COUNTED_MAX;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;

/// Failures in the running window and the one before it. Keys are hashes, so that an entry costs 16 bytes whatever was
/// typed; a collision lets two share a count, which is rare and harmless.
#[derive(Default)]
struct Counts {
    window: u64,
    now: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
}

impl Counts {
    fn turn_to(&mut self, window: u64) {
        if window == self.window {
            return;
        }
        let now = std::mem::take(&mut self.now);
        self.before = if window == self.window.wrapping_add(1) { now } else { HashMap::new() };
        self.window = window;
    }

    /// Ms until one more is allowed; 0 when it is now. The window before counts for the part that is still within a
    /// window's length.
    fn wait_ms(&self, key: u64, max: u32, window_ms: u64, into_ms: u64) -> u64 {
        let now = self.now.get(&key).copied().unwrap_or(0);
        let before = self.before.get(&key).copied().unwrap_or(0);
        let left_ms = window_ms - into_ms;
        if now >= max {
            // Its share shrinks below the maximum in the next window.
            return left_ms + shrunk_after(now, max, window_ms).max(1);
        }
        let counted = u64::from(before) * left_ms / window_ms + u64::from(now);
        if counted < u64::from(max) {
            return 0;
        }
        shrunk_after(before, max - now, window_ms).saturating_sub(into_ms).max(1)
    }

    fn add(&mut self, key: u64) {
        if self.now.len() >= ATTEMPTS_COUNTED_MAX && !self.now.contains_key(&key) {
            // So many accounts or addresses within one window are an attack; one of them starts anew.
            let Some(any) = self.now.keys().next().copied() else { return };
            self.now.remove(&any);
        }
        let count = self.now.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn take_back(&mut self, key: u64) {
        if let Some(count) = self.now.get_mut(&key) {
            *count = count.saturating_sub(1);
        }
    }
}

/// When a count of the window before has shrunk below a maximum, in ms of the window.
fn shrunk_after(count: u32, max: u32, window_ms: u64) -> u64 {
    let (count, max) = (u64::from(count.max(1)), u64::from(max));
    window_ms.saturating_sub(max * window_ms / count) + 1
}

/// Counts failed sign-ins.
pub(super) struct Attempts {
    clock: Clock,
    window_ms: u64,
    account_max: u32,
    address_max: u32,
    hasher: RandomState,
    accounts: Mutex<Counts>,
    addresses: Mutex<Counts>,
}

/// One attempt that is under way. It counts as failed until it is told to have succeeded, so that a thousand at once
/// do not get in before the first has failed.
#[must_use]
pub(super) struct Attempt {
    account: u64,
    address: u64,
}

impl Attempts {
    pub fn new(clock: Clock, window_minutes: u64, account_max: u64, address_max: u64) -> Self {
        Self {
            clock,
            window_ms: window_minutes.max(1) * 60_000,
            account_max: account_max.try_into().unwrap_or(u32::MAX),
            address_max: address_max.try_into().unwrap_or(u32::MAX),
            hasher: RandomState::new(),
            accounts: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// Begins an attempt, or says after how many ms one is allowed.
    pub fn begin(&self, account: &str, address: IpAddr) -> Result<Attempt, u64> {
        let attempt = Attempt { account: self.key(account.trim().to_lowercase()), address: self.key(network(address)) };
        let now = self.clock.now_ms();
        let (window, into_ms) = (now / self.window_ms, now % self.window_ms);
        let mut accounts = self.accounts.lock();
        let mut addresses = self.addresses.lock();
        accounts.turn_to(window);
        addresses.turn_to(window);
        let wait = accounts.wait_ms(attempt.account, self.account_max, self.window_ms, into_ms).max(addresses.wait_ms(
            attempt.address,
            self.address_max,
            self.window_ms,
            into_ms,
        ));
        if wait > 0 {
            return Err(wait);
        }
        accounts.add(attempt.account);
        addresses.add(attempt.address);
        Ok(attempt)
    }

    /// It did not fail.
    pub fn succeeded(&self, attempt: Attempt) {
        self.accounts.lock().take_back(attempt.account);
        self.addresses.lock().take_back(attempt.address);
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

/// Who has one IPv6 address has a whole network of them.
fn network(address: IpAddr) -> [u8; 8] {
    let mut network = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(address) => network[4..].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => network.copy_from_slice(&address.octets()[..8]),
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn attempts(account_max: u64, address_max: u64) -> (Attempts, Clock) {
        let clock = Clock::default();
        let into = clock.now_ms() % 60_000;
        clock.turn(60_000 - into as i64 + 1);
        (Attempts::new(clock.clone(), 1, account_max, address_max), clock)
    }

    #[test]
    fn a_guesser_must_wait_and_may_try_again_when_told() {
        let (attempts, clock) = attempts(3, 100);
        for _ in 0..3 {
            assert!(attempts.begin("E1", HERE).is_ok());
        }
        let wait = attempts.begin(" e1 ", HERE).err().unwrap();
        assert!((1..=120_000).contains(&wait), "{wait}");
        assert!(attempts.begin("e2", HERE).is_ok(), "others are not touched");
        clock.turn(wait as i64 + 100);
        assert!(attempts.begin("e1", HERE).is_ok());
    }

    #[test]
    fn one_address_cannot_try_all_accounts() {
        let (attempts, _) = attempts(3, 5);
        for i in 0..5 {
            assert!(attempts.begin(&format!("e{i}"), HERE).is_ok());
        }
        assert!(attempts.begin("e9", HERE).is_err());
        assert!(attempts.begin("e9", "10.0.0.2".parse().unwrap()).is_ok());
        let network: [IpAddr; 2] = ["2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap()];
        (0..5).for_each(|i| assert!(attempts.begin(&format!("f{i}"), network[i % 2]).is_ok()));
        assert!(attempts.begin("f9", network[0]).is_err());
    }

    #[test]
    fn who_gets_in_is_never_locked_out() {
        let (attempts, _) = attempts(3, 5);
        for _ in 0..50 {
            let attempt = attempts.begin("e1", HERE).ok().unwrap();
            attempts.succeeded(attempt);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut counts = Counts::default();
        (0..ATTEMPTS_COUNTED_MAX as u64 + 500).for_each(|key| counts.add(key));
        assert_eq!(counts.now.len(), ATTEMPTS_COUNTED_MAX);
    }
}
