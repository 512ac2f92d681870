//! How many calls an app may make, and how many messages the bots may send to one chat: allowances, filled evenly.

use super::OpenApi;
use super::error::Refusal;
use crate::ids::ChatKey;
use dashmap::DashMap;
use parking_lot::Mutex;
use std::hash::Hash;
use std::time::Instant;

/// Chats whose allowance is remembered; one that is full again says nothing and is forgotten first.
const CHATS_COUNTED_MAX: usize = 100_000;

/// The allowances of apps and chats.
#[derive(Debug, Default)]
pub struct Rates {
    /// By the app's bot. There are as many as apps, because only a valid token comes here.
    apps: Allowances<u32>,
    /// By chat, shared by all bots in it.
    chats: Allowances<u64>,
}

#[derive(Debug)]
struct Allowances<K: Eq + Hash>(DashMap<K, Mutex<Allowance>>);

#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash> Default for Allowances<K> {
    fn default() -> Self {
        Self(DashMap::new())
    }
}

impl<K: Eq + Hash> Allowances<K> {
    /// Takes one from an allowance of so many a second, of which a second's worth can be saved up; says after how many
    /// whole seconds, at least 1, there is one again when there is none. 0 a second is no limit.
    fn take(&self, key: K, per_second: u64, now: Instant) -> Result<(), u64> {
        if per_second == 0 {
            return Ok(());
        }
        let full = per_second as f64;
        let entry = self.0.entry(key).or_insert_with(|| Mutex::new(Allowance { left: full, at: now }));
        let mut allowance = entry.lock();
        let passed = now.saturating_duration_since(allowance.at).as_secs_f64();
        allowance.left = (allowance.left + passed * full).min(full);
        allowance.at = now;
        if allowance.left >= 1.0 {
            allowance.left -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - allowance.left) / full;
        Err((seconds.ceil() as u64).max(1))
    }

    /// Forgets what a second has filled up again, when there are too many.
    fn forget(&self, max: usize, now: Instant) {
        if self.0.len() > max {
            self.0.retain(|_, allowance| now.saturating_duration_since(allowance.lock().at).as_secs() < 1);
        }
    }
}

impl OpenApi {
    /// Takes a call from an app's allowance.
    pub fn app_may_call(&self, bot: u32) -> Result<(), Refusal> {
        let per_second = self.config.open_api_calls_per_second;
        self.rates.apps.take(bot, per_second, Instant::now()).map_err(|reset_seconds| Refusal::rate(per_second, reset_seconds))
    }

    /// Takes a message from a chat's allowance, which all bots share.
    pub fn bots_may_send(&self, chat: ChatKey) -> Result<(), Refusal> {
        let (per_second, now) = (self.config.open_api_sends_per_second_per_chat, Instant::now());
        self.rates.chats.forget(CHATS_COUNTED_MAX, now);
        self.rates.chats.take(chat.0, per_second, now).map_err(|reset_seconds| Refusal::send_rate(per_second, reset_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_stopped_and_the_allowance_comes_back() {
        let (apps, start) = (Allowances::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(apps.take(1, 10, start), Ok(()));
        }
        assert_eq!(apps.take(1, 10, start), Err(1));
        assert_eq!(apps.take(2, 10, start), Ok(()), "another one has its own");
        assert_eq!(apps.take(1, 10, start + Duration::from_millis(100)), Ok(()));
        assert_eq!(apps.take(1, 10, start + Duration::from_millis(110)), Err(1));
        assert_eq!(apps.take(1, 0, start), Ok(()), "0 is no limit");
    }

    #[test]
    fn what_is_full_again_is_forgotten() {
        let (chats, start) = (Allowances::default(), Instant::now());
        for chat in 0..100u64 {
            chats.take(chat, 5, start).unwrap();
        }
        let later = start + Duration::from_secs(2);
        chats.take(7, 5, later).unwrap();
        chats.forget(1_000, later);
        assert_eq!(chats.0.len(), 100, "few enough");
        chats.forget(10, later);
        assert_eq!(chats.0.len(), 1);
    }
}
