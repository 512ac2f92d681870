//! Tokens: signed texts that say themselves whose they are and until when, and the keys that sign them.
//!
//! A token is its prefix and, in base64url, `kind · id of the key · body · HMAC-SHA256 over all before`. Two keys are
//! good at once: the newest signs, the one before is still believed.

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::limits::TOKEN_BYTES_MAX;
use crate::store::{Store, Table, Write, tables};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::sync::Arc;

/// What a token is for. A token of one kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access = 1,
    Refresh = 2,
    Tenant = 3,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => "at-",
            Self::Refresh => "rt-",
            Self::Tenant => "t-",
        }
    }
}

const MAC_BYTES: usize = 32;
const HEAD_BYTES: usize = 5;

/// What all tokens say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// The person, or the app's bot.
    pub user: u32,
    pub issued_at_ms: u64,
    pub expires_at_ms: u64,
    /// Of a refresh token: family and generation. 0 in others.
    pub family: u64,
    pub generation: u32,
    /// Empty in an app's token.
    pub device_id: String,
}

const CLAIM_BYTES: usize = 4 + 8 + 8 + 8 + 4;

/// One signing key, as it is kept among the facts.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    id: u32,
    /// 32 bytes in hexadecimal digits.
    secret: String,
    made_at_ms: u64,
}

/// Where the keys stand among the facts.
const FACT: &str = "token_keys";

/// The keys that are good now.
#[derive(Clone)]
pub struct KeyRing(Arc<Vec<(Key, Hmac<Sha256>)>>);

impl KeyRing {
    /// Reads keys as the store keeps them.
    ///
    /// # Errors
    /// A sentence, when they are damaged.
    pub fn parse(kept: &[u8]) -> std::result::Result<Self, String> {
        let keys: Vec<Key> =
            serde_json::from_slice(kept).map_err(|error| format!("the signing keys in the database are damaged: {error}"))?;
        Self::new(keys)
    }

    fn new(mut keys: Vec<Key>) -> std::result::Result<Self, String> {
        // The newest first: it signs.
        keys.sort_by_key(|key| std::cmp::Reverse(key.id));
        let mut ring = Vec::with_capacity(keys.len());
        for key in keys {
            let secret =
                hex::decode(&key.secret).ok().filter(|secret| secret.len() == 32).ok_or("a signing key in the database is damaged")?;
            let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&secret).map_err(|_| "a signing key in the database is damaged")?;
            ring.push((key, mac));
        }
        if ring.is_empty() {
            return Err("there is no signing key in the database".into());
        }
        Ok(Self(Arc::new(ring)))
    }

    /// Reads the ring, and makes its first key where there is none.
    pub(super) async fn load(store: &dyn Store, clock: &Clock) -> Result<Self> {
        match store.get(Table::Facts, tables::none(), Self::row()).await? {
            Some(kept) => Self::parse(&kept).map_err(Error::storage),
            None => Self::write(store, vec![Key::new(1, clock)?]).await,
        }
    }

    /// The ring with a new key, when the newest is older than this; the one before stays good.
    pub(super) async fn renewed(&self, store: &dyn Store, clock: &Clock, older_than_ms: u64) -> Result<Option<Self>> {
        let Some((newest, _)) = self.0.first() else { return Ok(None) };
        if clock.now_ms() < newest.made_at_ms.saturating_add(older_than_ms) {
            return Ok(None);
        }
        let next = Key::new(newest.id.wrapping_add(1), clock)?;
        Self::write(store, vec![next, newest.clone()]).await.map(Some)
    }

    async fn write(store: &dyn Store, keys: Vec<Key>) -> Result<Self> {
        let kept =
            serde_json::to_vec(&keys).map_err(|error| Error::storage(format!("the signing keys could not be written down: {error}")))?;
        store.write(vec![Write::Put(Table::Facts, tables::none(), Self::row(), kept)]).await?;
        Self::new(keys).map_err(Error::storage)
    }

    /// Row of the keys in the table `Facts`.
    pub fn row() -> tables::Key {
        tables::text_key(FACT)
    }

    /// Signs claims.
    pub(super) fn seal(&self, kind: Kind, claims: &Claims) -> String {
        let (key, mac) = &self.0[0];
        let mut bytes = Vec::with_capacity(HEAD_BYTES + CLAIM_BYTES + claims.device_id.len() + MAC_BYTES);
        bytes.push(kind as u8);
        bytes.extend_from_slice(&key.id.to_be_bytes());
        bytes.extend_from_slice(&claims.user.to_be_bytes());
        bytes.extend_from_slice(&claims.issued_at_ms.to_be_bytes());
        bytes.extend_from_slice(&claims.expires_at_ms.to_be_bytes());
        bytes.extend_from_slice(&claims.family.to_be_bytes());
        bytes.extend_from_slice(&claims.generation.to_be_bytes());
        bytes.extend_from_slice(claims.device_id.as_bytes());
        let mut mac = mac.clone();
        mac.update(&bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        let mut token = String::from(kind.prefix());
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut token);
        token
    }

    /// What a token says, when one of our keys has signed it for this. Whether it is still good is not looked at.
    pub(super) fn open(&self, kind: Kind, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let mut buffer = [0; TOKEN_BYTES_MAX];
        let length = URL_SAFE_NO_PAD.decode_slice(token.strip_prefix(kind.prefix())?, &mut buffer).ok()?;
        let (signed, mac) = buffer[..length].split_at_checked(length.checked_sub(MAC_BYTES)?)?;
        let (head, body) = signed.split_at_checked(HEAD_BYTES)?;
        let key = tables::read_u32(head, 1)?;
        let (_, keyed) = self.0.iter().find(|(known, _)| known.id == key && head[0] == kind as u8)?;
        let mut expected = keyed.clone();
        expected.update(signed);
        // Compares in constant time.
        expected.verify_slice(mac).ok()?;
        Some(Claims {
            user: tables::read_u32(body, 0)?,
            issued_at_ms: tables::read_u64(body, 4)?,
            expires_at_ms: tables::read_u64(body, 12)?,
            family: tables::read_u64(body, 20)?,
            generation: tables::read_u32(body, 28)?,
            device_id: String::from_utf8(body.get(CLAIM_BYTES..)?.to_vec()).ok()?,
        })
    }
}

impl Key {
    fn new(id: u32, clock: &Clock) -> Result<Self> {
        Ok(Self { id, secret: hex::encode(random::<32>()?), made_at_ms: clock.now_ms() })
    }
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::storage(format!("the operating system gives no random bytes: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(ids: &[u32]) -> KeyRing {
        KeyRing::new(ids.iter().map(|id| Key { id: *id, secret: hex::encode([*id as u8; 32]), made_at_ms: 0 }).collect()).unwrap()
    }

    fn claims() -> impl Strategy<Value = Claims> {
        (any::<u32>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), "[A-Za-z0-9_-]{0,64}").prop_map(
            |(user, issued_at_ms, expires_at_ms, family, generation, device_id)| Claims {
                user,
                issued_at_ms,
                expires_at_ms,
                family,
                generation,
                device_id,
            },
        )
    }

    proptest! {
        #[test]
        fn a_token_says_what_was_sealed_and_only_to_its_own_kind(claims in claims()) {
            let ring = ring(&[1]);
            let token = ring.seal(Kind::Access, &claims);
            prop_assert!(token.len() <= TOKEN_BYTES_MAX);
            prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(ring.open(Kind::Access, &token), Some(claims));
            prop_assert_eq!(ring.open(Kind::Refresh, &token), None);
            prop_assert_eq!(ring.open(Kind::Refresh, &token.replacen("at-", "rt-", 1)), None);
            prop_assert_eq!(ring.open(Kind::Tenant, &token.replacen("at-", "t-", 1)), None);
        }

        #[test]
        fn a_changed_token_is_refused(claims in claims(), at in any::<prop::sample::Index>(), by in 1u8..64) {
            let ring = ring(&[1]);
            let token = ring.seal(Kind::Refresh, &claims);
            let mut bytes = URL_SAFE_NO_PAD.decode(&token[3..]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert_eq!(ring.open(Kind::Refresh, &format!("rt-{}", URL_SAFE_NO_PAD.encode(&bytes))), None);
        }

        #[test]
        fn anything_else_is_refused_without_harm(text in "\\PC{0,600}", bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let ring = ring(&[1]);
            prop_assert_eq!(ring.open(Kind::Access, &text), None);
            prop_assert_eq!(ring.open(Kind::Access, &format!("at-{}", URL_SAFE_NO_PAD.encode(bytes))), None);
        }
    }

    #[test]
    fn the_key_before_is_believed_and_an_older_one_is_not() {
        let claims = Claims { user: 1, issued_at_ms: 0, expires_at_ms: 9, family: 0, generation: 0, device_id: "device-1".into() };
        let token = ring(&[1]).seal(Kind::Access, &claims);
        assert!(ring(&[1, 2]).open(Kind::Access, &token).is_some());
        assert!(ring(&[2, 3]).open(Kind::Access, &token).is_none());
        assert!(ring(&[1]).open(Kind::Access, &ring(&[1, 2]).seal(Kind::Access, &claims)).is_none(), "the newest signs");
    }
}
