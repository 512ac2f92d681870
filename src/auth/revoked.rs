//! What was signed out lately, in memory: tokens given before are refused until they would have ended anyway.

use crate::directory::UserIndex;
use crate::error::Result;
use crate::limits::{ACCESS_TOKEN_MINUTES_MAX, REVOKED_DEVICES_MAX};
use crate::store::{Range, Store, Table, Write, tables};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long a sign-out must be remembered, in ms: as long as the longest access token lives.
const REMEMBERED_MS: u64 = ACCESS_TOKEN_MINUTES_MAX * 60_000;
/// In place of a device's id: all devices of a person.
pub const EVERY_DEVICE: &str = "";
const FACT: &str = "revoked/";
/// Behind every name that begins with `FACT`: `0` follows `/`.
const FACT_END: &str = "revoked0";
const PAGE: usize = 10_000;

/// One sign-out, as it is kept among the facts.
#[derive(Serialize, Deserialize)]
struct Kept {
    user: UserIndex,
    device_id: String,
    at_ms: u64,
}

#[derive(Default)]
struct Person {
    devices: Vec<(String, u64)>,
    /// All tokens given until then are too old.
    all_until_ms: u64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its device was signed out.
    Device,
    /// So many devices were signed out that all others must refresh.
    TooOld,
}

/// Everything that was signed out within the life of a token.
#[derive(Default)]
pub(super) struct Revoked(RwLock<HashMap<UserIndex, Person>>);

impl Revoked {
    /// Reads what is kept.
    pub async fn load(store: &dyn Store, now_ms: u64) -> Result<Self> {
        let revoked = Self::default();
        let mut from = Range::between(tables::text_key(FACT), tables::text_key(FACT_END), PAGE);
        loop {
            let rows = store.scan(Table::Facts, tables::none(), from.clone()).await?;
            for (_, value) in &rows {
                // A damaged row would be one of an operator's own hand; the others still count.
                if let Ok(kept) = serde_json::from_slice::<Kept>(value)
                    && kept.at_ms + REMEMBERED_MS > now_ms
                {
                    revoked.add(kept.user, &kept.device_id, kept.at_ms);
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE => from.from = std::ops::Bound::Excluded(last.clone()),
                _ => return Ok(revoked),
            }
        }
    }

    /// Sign-outs since then that are kept and not known here: another node has made them.
    pub async fn made_elsewhere(&self, store: &dyn Store, since_ms: u64) -> Result<Vec<(UserIndex, String, u64)>> {
        let mut news = Vec::new();
        let mut range = Range::between(tables::text_key(&format!("{FACT}{since_ms:016x}")), tables::text_key(FACT_END), PAGE);
        loop {
            let rows = store.scan(Table::Facts, tables::none(), range.clone()).await?;
            for (_, value) in &rows {
                if let Ok(kept) = serde_json::from_slice::<Kept>(value)
                    && self.good_from_ms(kept.user, &kept.device_id) <= kept.at_ms
                {
                    news.push((kept.user, kept.device_id, kept.at_ms));
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == PAGE => range.from = std::ops::Bound::Excluded(last.clone()),
                _ => return Ok(news),
            }
        }
    }

    /// The change that keeps a sign-out over a restart.
    pub fn write(user: UserIndex, device_id: &str, at_ms: u64) -> Write {
        let row = tables::text_key(&format!("{FACT}{at_ms:016x}/{user:08x}/{device_id}"));
        let kept = Kept { user, device_id: device_id.to_owned(), at_ms };
        Write::Put(Table::Facts, tables::none(), row, serde_json::to_vec(&kept).unwrap_or_default())
    }

    /// Refuses what was given to this device until now.
    pub fn add(&self, user: UserIndex, device_id: &str, at_ms: u64) {
        let mut people = self.0.write();
        let person = people.entry(user).or_default();
        if device_id == EVERY_DEVICE {
            person.devices.clear();
            person.all_until_ms = at_ms.max(person.all_until_ms);
            return;
        }
        match person.devices.iter_mut().find(|(known, _)| known == device_id) {
            Some((_, known_at_ms)) => *known_at_ms = at_ms.max(*known_at_ms),
            None => person.devices.push((device_id.to_owned(), at_ms)),
        }
        if person.devices.len() > REVOKED_DEVICES_MAX {
            person.all_until_ms = person.devices.drain(..).map(|(_, at_ms)| at_ms).max().unwrap_or(at_ms).max(person.all_until_ms);
        }
    }

    /// Whether a token given then is refused.
    pub fn check(&self, user: UserIndex, device_id: &str, issued_at_ms: u64) -> std::result::Result<(), Refused> {
        let people = self.0.read();
        let Some(person) = people.get(&user) else { return Ok(()) };
        if person.devices.iter().any(|(known, at_ms)| known == device_id && issued_at_ms <= *at_ms) {
            return Err(Refused::Device);
        }
        if issued_at_ms <= person.all_until_ms { Err(Refused::TooOld) } else { Ok(()) }
    }

    /// The first ms at which a token given to this device is good.
    pub fn good_from_ms(&self, user: UserIndex, device_id: &str) -> u64 {
        let people = self.0.read();
        let Some(person) = people.get(&user) else { return 0 };
        let device = person.devices.iter().find(|(known, _)| known == device_id).map_or(0, |(_, at_ms)| *at_ms);
        device.max(person.all_until_ms) + 1
    }

    /// Forgets what is over, in memory and among the facts.
    pub async fn forget(&self, store: &dyn Store, now_ms: u64) -> Result<()> {
        let over = now_ms.saturating_sub(REMEMBERED_MS);
        self.0.write().retain(|_, person| {
            person.devices.retain(|(_, at_ms)| *at_ms > over);
            !person.devices.is_empty() || person.all_until_ms > over
        });
        let mut range = Range::between(tables::text_key(FACT), tables::text_key(&format!("{FACT}{over:016x}")), PAGE);
        loop {
            let rows = store.scan(Table::Facts, tables::none(), range.clone()).await?;
            let last = rows.len() < PAGE;
            if let Some((row, _)) = rows.last() {
                // Not from the front: what has just been removed may still cost the store a look.
                range.from = std::ops::Bound::Excluded(row.clone());
                store.write(rows.into_iter().map(|(row, _)| Write::Delete(Table::Facts, tables::none(), row)).collect()).await?;
            }
            if last {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_before_is_refused_and_what_comes_after_is_good() {
        let revoked = Revoked::default();
        revoked.add(1, "phone-01", 100);
        assert_eq!(revoked.check(1, "phone-01", 100), Err(Refused::Device));
        assert_eq!(revoked.check(1, "phone-01", revoked.good_from_ms(1, "phone-01")), Ok(()));
        assert_eq!(revoked.check(1, "laptop-1", 50), Ok(()));
        assert_eq!(revoked.check(2, "phone-01", 50), Ok(()));
    }

    #[test]
    fn who_is_signed_out_everywhere_has_no_good_token_left() {
        let revoked = Revoked::default();
        revoked.add(1, "phone-01", 50);
        revoked.add(1, EVERY_DEVICE, 100);
        for device in ["phone-01", "laptop-1"] {
            assert!(revoked.check(1, device, 100).is_err());
            assert_eq!(revoked.check(1, device, revoked.good_from_ms(1, device)), Ok(()));
        }
        assert_eq!(revoked.check(2, "phone-01", 50), Ok(()));
    }

    #[test]
    fn who_signs_out_endlessly_costs_no_endless_memory() {
        let revoked = Revoked::default();
        (0..1000).for_each(|i| revoked.add(1, &format!("device-{i}"), i));
        assert!(revoked.0.read()[&1].devices.len() <= REVOKED_DEVICES_MAX);
        for i in 0..1000 {
            assert!(revoked.check(1, &format!("device-{i}"), i).is_err(), "{i}");
        }
        assert_eq!(revoked.check(1, "laptop-1", 1000), Ok(()));
    }
}
