//! What is sent to the address of a group's own bot: the checks that it asks for, and its pace.
//!
//! A burst is not refused: who sends too fast waits for the turn, and is answered when the message is durable. So what was
//! answered is kept, and what was not was not sent.

use super::Chats;
use crate::config::Networks;
use crate::error::Result;
use crate::ids::ChatKey;
use crate::limits;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dashmap::DashMap;
use hmac::{Hmac, KeyInit, Mac};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A signature counts for so long, in s, in both directions: clocks differ.
const SIGNED_WITHIN_S: u64 = 3_600;

/// What comes with a message that is sent to an address.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where it comes from.
    pub address: IpAddr,
    /// When it was signed, s since 1970.
    pub timestamp: Option<&'a str>,
    /// The signature.
    pub sign: Option<&'a str>,
    /// Everything that the message says, in which keywords are looked for.
    pub texts: &'a [String],
}

/// Which bot posts, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hooked {
    /// Index of the bot.
    pub bot: u32,
    /// Its group.
    pub chat: ChatKey,
}

/// Why a message is not posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookRefused {
    /// There is no such address, or no more.
    NoAddress,
    /// It comes from somewhere else than it may.
    Address,
    /// Signature or time do not fit.
    Signature,
    /// It has none of the keywords.
    Keyword,
    /// So many wait that this one would wait too long.
    TooMany {
        /// It may be sent again after this many ms.
        retry_after_ms: u64,
    },
}

/// Where the bots stand with their pace. Only those who post now are in it.
#[derive(Default)]
pub(super) struct Paces(DashMap<u32, Pace>);

struct Pace {
    /// When the next message has its turn.
    next_at: Instant,
    waiting: usize,
    waiting_bytes: usize,
}

/// A message that has its turn or waits for it. It gives its place up when it is dropped.
struct Waits<'a> {
    paces: &'a Paces,
    bot: u32,
    bytes: usize,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(mut pace) = self.paces.0.get_mut(&self.bot) {
            pace.waiting -= 1;
            pace.waiting_bytes -= self.bytes;
        }
    }
}

impl Paces {
    /// Takes a place, and how long to wait for it; an error says when there may be one.
    fn take(&self, bot: u32, bytes: usize, per_second: u64, now: Instant) -> std::result::Result<(Waits<'_>, Duration), Duration> {
        if self.0.len() > limits::CUSTOM_BOTS_PACED_MAX {
            self.0.retain(|_, pace| pace.waiting > 0 || pace.next_at > now);
        }
        let step = Duration::from_secs(1) / u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
        let mut pace = self.0.entry(bot).or_insert_with(|| Pace { next_at: now, waiting: 0, waiting_bytes: 0 });
        // A second's worth can be saved up.
        let saved = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let turn = pace.next_at.max(saved) + step;
        if pace.waiting >= limits::HOOK_MESSAGES_WAITING_MAX || pace.waiting_bytes + bytes > limits::HOOK_BYTES_WAITING_MAX {
            return Err(turn.saturating_duration_since(now).max(step));
        }
        pace.next_at = turn;
        pace.waiting += 1;
        pace.waiting_bytes += bytes;
        drop(pace);
        Ok((Waits { paces: self, bot, bytes }, turn.saturating_duration_since(now)))
    }
}

impl Chats {
    /// The bot of an address, when what it asks for holds.
    ///
    /// # Errors
    /// `StorageUnavailable`; the inner one says what does not hold.
    pub async fn hooked(&self, token: &str, asked: Asked<'_>) -> Result<std::result::Result<Hooked, HookRefused>> {
        let Some((bot, kept)) = self.bot_of_address(token).await? else { return Ok(Err(HookRefused::NoAddress)) };
        let from = |network: &String| network.parse::<Networks>().is_ok_and(|network| network.contains(asked.address));
        if !kept.addresses.is_empty() && !kept.addresses.iter().any(from) {
            return Ok(Err(HookRefused::Address));
        }
        if kept.signature && !signed(&self.seal.hook_secret(bot, kept.secret_number), asked, self.clock.now_ms() / 1_000) {
            return Ok(Err(HookRefused::Signature));
        }
        let found = |keyword: &String| asked.texts.iter().any(|text| text.contains(keyword.as_str()));
        if !kept.keywords.is_empty() && !kept.keywords.iter().any(found) {
            return Ok(Err(HookRefused::Keyword));
        }
        Ok(Ok(Hooked { bot, chat: ChatKey(kept.chat) }))
    }

    /// Waits until a bot may post once more, and runs `post` then. Who gives up waiting does not post.
    pub async fn in_turn<T>(&self, bot: u32, bytes: usize, post: impl Future<Output = T>) -> std::result::Result<T, HookRefused> {
        let taken = self.hook_paces.take(bot, bytes, self.config.hook_messages_per_second, Instant::now());
        let (_waits, wait) = taken.map_err(|wait| HookRefused::TooMany { retry_after_ms: wait.as_millis() as u64 })?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(post.await)
    }
}

/// The signature is the right one for its time, and its time is near.
fn signed(secret: &str, asked: Asked, now_s: u64) -> bool {
    let (Some(timestamp), Some(sign)) = (asked.timestamp, asked.sign) else { return false };
    let Ok(signed_at_s) = timestamp.parse::<u64>() else { return false };
    if signed_at_s.abs_diff(now_s) > SIGNED_WITHIN_S {
        return false;
    }
    let Ok(sign) = BASE64.decode(sign) else { return false };
    mac(timestamp, secret).is_some_and(|mac| mac.verify_slice(&sign).is_ok())
}

/// The platform signs nothing, with time and secret as the key.
fn mac(timestamp: &str, secret: &str) -> Option<Hmac<sha2::Sha256>> {
    Hmac::<sha2::Sha256>::new_from_slice(format!("{timestamp}\n{secret}").as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn asked<'a>(timestamp: &'a str, sign: &'a str) -> Asked<'a> {
        Asked { address: IpAddr::V4(Ipv4Addr::LOCALHOST), timestamp: Some(timestamp), sign: Some(sign), texts: &[] }
    }

    #[test]
    fn a_signature_of_the_platforms_tools_is_taken_within_an_hour() {
        let sign = "U1q8KAchlt+ocM9vRG/rtwroY6XMkyjtyUV9XOpczwI=";
        for now in [1_700_000_000, 1_700_003_600, 1_699_996_400] {
            assert!(signed("SECdemo", asked("1700000000", sign), now));
        }
        for now in [1_700_003_601, 1_699_996_399] {
            assert!(!signed("SECdemo", asked("1700000000", sign), now));
        }
        assert!(!signed("SECother", asked("1700000000", sign), 1_700_000_000));
        assert!(!signed("SECdemo", asked("1700000001", sign), 1_700_000_000));
        assert!(!signed("SECdemo", asked("1700000000", "not base64!"), 1_700_000_000));
        assert!(!signed("SECdemo", Asked { sign: None, ..asked("1700000000", "") }, 1_700_000_000));
    }

    #[test]
    fn a_burst_waits_in_turn_and_beyond_the_bound_it_is_told() {
        let (paces, now) = (Paces::default(), Instant::now() + Duration::from_secs(10));
        let mut waits = Vec::new();
        let mut last = Duration::ZERO;
        for number in 0..limits::HOOK_MESSAGES_WAITING_MAX {
            let (taken, wait) = paces.take(1, 10, 100, now).unwrap();
            assert!(wait >= last && (number < 100 || wait > Duration::ZERO), "{number}: {wait:?}");
            last = wait;
            waits.push(taken);
        }
        assert!(paces.take(1, 10, 100, now).is_err());
        assert!(paces.take(2, 10, 100, now).is_ok(), "another bot has a pace of its own");
        waits.pop();
        assert!(paces.take(1, 10, 100, now).is_ok(), "who has gone makes room");
        assert!(paces.take(3, limits::HOOK_BYTES_WAITING_MAX + 1, 100, now).is_err());
    }
}
