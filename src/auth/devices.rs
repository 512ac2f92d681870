//! Devices of people: signed in, renewed, seen, signed out.

use super::token::{Claims, Kind, random};
use super::{Auth, DeviceEntry, Principal, SignInRefused, Tokens, login::LoginRefused, revoked};
use crate::directory::UserIndex;
use crate::error::{Error, Result, clip};
use crate::limits::{
    DEVICE_ID_BYTES_MAX, DEVICE_NAME_BYTES_MAX, DEVICES_MAX, REFRESH_GRACE_MS, TOUCH_EVERY_MS, TOUCHED_MAX, TOUCHED_PER_ROUND_MAX,
};
use crate::store::{Range, Table, Write, tables};
use protocol::command::SignIn;
use protocol::error::{CloseCode, ErrorCode};
use std::net::IpAddr;

type SignedIn = std::result::Result<(UserIndex, Tokens), SignInRefused>;

/// What is to be written of a device that was seen.
pub(super) struct Touched {
    seen_at_ms: u64,
    address: IpAddr,
    written_at_ms: u64,
    dirty: bool,
}

/// Whether a text can be a device's id: 8 to 64 letters, digits, `-` and `_`.
pub fn is_device_id(text: &str) -> bool {
    (8..=DEVICE_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

impl Auth {
    /// Signs a device in by login and password.
    ///
    /// # Errors
    /// Why not, and when to try again.
    pub async fn sign_in(&self, sign_in: SignIn, address: IpAddr) -> SignedIn {
        if !is_device_id(&sign_in.device_id) {
            return Err(SignInRefused::InvalidDevice("the device_id must have 8 to 64 letters, digits, `-` or `_`"));
        }
        let attempt =
            self.0.attempts.begin(&sign_in.login, address).map_err(|retry_after_ms| SignInRefused::TooManyAttempts { retry_after_ms })?;
        let user = match self.0.login.check(&sign_in.login, &sign_in.password).await {
            Ok(user) => user,
            Err(LoginRefused::Wrong) => return Err(SignInRefused::WrongLogin),
            Err(refused) => {
                // Not a guess that failed.
                self.0.attempts.succeeded(attempt);
                return Err(match refused {
                    LoginRefused::Storage(error) => SignInRefused::Storage(error),
                    _ => SignInRefused::Busy { retry_after_ms: 2_000 },
                });
            }
        };
        self.0.attempts.succeeded(attempt);
        if self.0.directory.barred(user) {
            return Err(SignInRefused::PersonDisabled);
        }
        let _one = self.0.changing(user).lock().await;
        let now = self.0.clock.now_ms();
        let before = self.0.device(user, &sign_in.device_id).await?;
        let mut writes = Vec::new();
        let mut dropped = None;
        if before.is_none() {
            let devices = self.devices(user).await?;
            if devices.len() >= DEVICES_MAX
                && let Some(oldest) = devices.last()
            {
                writes.extend(self.0.sign_out_writes(user, &oldest.device_id, now));
                dropped = Some(oldest.device_id.clone());
            }
        }
        let mut name: String = sign_in.device_name.chars().filter(|letter| !letter.is_control()).collect();
        while name.len() > DEVICE_NAME_BYTES_MAX {
            name.pop();
        }
        let entry = DeviceEntry {
            device_id: sign_in.device_id,
            kind: sign_in.device_kind,
            name,
            signed_in_at_ms: before.map_or(now, |before| before.signed_in_at_ms),
            last_seen_ms: now,
            address: Some(address.to_canonical().to_string()),
            family: u64::from_be_bytes(random()?),
            generation: 0,
            renewed_at_ms: now,
        };
        writes.push(put(user, &entry)?);
        self.0.store.write(writes).await?;
        if let Some(device_id) = dropped {
            self.0.signed_out(user, device_id, now);
        }
        Ok((user, self.tokens(user, &entry)))
    }

    /// New tokens for a refresh token. The one before is good for a minute more and gives the same refresh token again,
    /// so that a lost answer does not sign anybody out; used later, it signs the device out.
    ///
    /// # Errors
    /// `TokenInvalid`, `TokenExpired`, `PersonDisabled`, `DeviceRevoked`, `Storage`.
    pub async fn refresh(&self, refresh_token: &str, address: IpAddr) -> SignedIn {
        let claims = self.0.ring.load().open(Kind::Refresh, refresh_token).ok_or(SignInRefused::TokenInvalid)?;
        let (user, now) = (claims.user, self.0.clock.now_ms());
        if now >= claims.expires_at_ms {
            return Err(SignInRefused::TokenExpired);
        }
        if self.0.directory.barred(user) {
            return Err(SignInRefused::PersonDisabled);
        }
        let _one = self.0.changing(user).lock().await;
        let Some(mut entry) = self.0.device(user, &claims.device_id).await?.filter(|entry| entry.family == claims.family) else {
            return Err(SignInRefused::DeviceRevoked);
        };
        if claims.generation == entry.generation {
            entry.generation += 1;
            entry.renewed_at_ms = now;
            entry.last_seen_ms = now;
            entry.address = Some(address.to_canonical().to_string());
            self.0.store.write(vec![put(user, &entry)?]).await?;
        } else if claims.generation + 1 != entry.generation || now >= entry.renewed_at_ms + REFRESH_GRACE_MS {
            // Somebody has a copy of it. Who of the two is the thief cannot be known, so both must sign in.
            tracing::warn!(user_id = &*self.0.directory.user_id(user), device_id = entry.device_id, %address, "an old refresh token was used again; the device is signed out");
            self.0.store.write(self.0.sign_out_writes(user, &entry.device_id, now)).await?;
            self.0.signed_out(user, entry.device_id, now);
            return Err(SignInRefused::DeviceRevoked);
        }
        Ok((user, self.tokens(user, &entry)))
    }

    /// Tokens of a device as it stands; the same refresh token each time.
    fn tokens(&self, user: UserIndex, entry: &DeviceEntry) -> Tokens {
        let refresh_ms = self.0.refresh_token_days * 86_400_000;
        let claims = Claims {
            user,
            issued_at_ms: entry.renewed_at_ms,
            expires_at_ms: entry.renewed_at_ms + refresh_ms,
            family: entry.family,
            generation: entry.generation,
            device_id: entry.device_id.clone(),
        };
        Tokens {
            access_token: self.issue(user, &entry.device_id, self.0.access_token_minutes),
            access_expires_in: self.0.access_token_minutes * 60,
            refresh_token: self.0.ring.load().seal(Kind::Refresh, &claims),
            refresh_expires_in: refresh_ms / 1000,
        }
    }

    /// An access token without a sign-in, for tools and load tests.
    pub fn issue(&self, user: UserIndex, device_id: &str, minutes: u64) -> String {
        let issued_at_ms = self.0.clock.now_ms().max(self.0.revoked.good_from_ms(user, device_id));
        seal_access(&self.0.ring.load(), user, device_id, issued_at_ms, minutes)
    }

    /// Who asks. Reads no store.
    ///
    /// # Errors
    /// `TokenInvalid`, `TokenExpired`, `DeviceRevoked`, `PersonDisabled`.
    pub fn verify(&self, access_token: &str) -> std::result::Result<Principal, CloseCode> {
        let claims = self.0.ring.load().open(Kind::Access, access_token).ok_or(CloseCode::TokenInvalid)?;
        if claims.user >= self.0.directory.len() {
            return Err(CloseCode::TokenInvalid);
        }
        if self.0.clock.now_ms() >= claims.expires_at_ms {
            return Err(CloseCode::TokenExpired);
        }
        if self.0.directory.barred(claims.user) {
            return Err(CloseCode::PersonDisabled);
        }
        self.0.revoked.check(claims.user, &claims.device_id, claims.issued_at_ms).map_err(|refused| match refused {
            revoked::Refused::Device => CloseCode::DeviceRevoked,
            revoked::Refused::TooOld => CloseCode::TokenExpired,
        })?;
        Ok(Principal { user: claims.user, device_id: claims.device_id, expires_at_ms: claims.expires_at_ms })
    }

    /// Devices of a person, the last seen first.
    pub async fn devices(&self, user: UserIndex) -> Result<Vec<DeviceEntry>> {
        let rows = self.0.store.scan(Table::Devices, tables::u32_key(user), Range::first(DEVICES_MAX * 2)).await?;
        let mut devices = Vec::with_capacity(rows.len());
        for (_, value) in rows {
            let mut entry = parse(&value)?;
            if let Some(touched) = self.0.touched.lock().get(&(user, entry.device_id.clone())) {
                entry.last_seen_ms = entry.last_seen_ms.max(touched.seen_at_ms);
                entry.address = Some(touched.address.to_string());
            }
            devices.push(entry);
        }
        devices.sort_by(|a, b| (b.last_seen_ms, &b.device_id).cmp(&(a.last_seen_ms, &a.device_id)));
        Ok(devices)
    }

    /// Signs a device out: its tokens are refused from now on.
    ///
    /// # Errors
    /// `DeviceNotFound`; `StorageUnavailable`, and then it is still signed in.
    pub async fn sign_out(&self, user: UserIndex, device_id: &str) -> Result<()> {
        let _one = self.0.changing(user).lock().await;
        if self.0.device(user, device_id).await?.is_none() {
            return Err(Error::new(
                ErrorCode::DeviceNotFound,
                "there is no such device of yours",
                format!("none of your devices has the id `{}`", clip(device_id)),
                "list your devices again",
            ));
        }
        let now = self.0.clock.now_ms();
        self.0.store.write(self.0.sign_out_writes(user, device_id, now)).await?;
        self.0.signed_out(user, device_id.to_owned(), now);
        Ok(())
    }

    /// Signs all devices of somebody out: every token that was given until now is refused.
    ///
    /// # Errors
    /// `StorageUnavailable`, and then they are still signed in.
    pub async fn sign_out_everywhere(&self, user: UserIndex) -> Result<()> {
        let _one = self.0.changing(user).lock().await;
        let now = self.0.clock.now_ms();
        let rows = self.0.store.scan(Table::Devices, tables::u32_key(user), Range::first(DEVICES_MAX * 2)).await?;
        let mut writes = vec![revoked::Revoked::write(user, revoked::EVERY_DEVICE, now)];
        writes.extend(rows.into_iter().map(|(row, _)| Write::Delete(Table::Devices, tables::u32_key(user), row)));
        self.0.store.write(writes).await?;
        self.0.touched.lock().retain(|(other, _), _| *other != user);
        self.0.signed_out(user, revoked::EVERY_DEVICE.to_owned(), now);
        Ok(())
    }

    /// A device was seen. Costs a look into a map; written at most once a minute for a device.
    pub fn touch(&self, user: UserIndex, device_id: &str, address: IpAddr) {
        let (now, address) = (self.0.clock.now_ms(), address.to_canonical());
        let mut touched = self.0.touched.lock();
        if let Some(known) = touched.get_mut(&(user, device_id.to_owned())) {
            (known.seen_at_ms, known.address, known.dirty) = (now, address, true);
        } else if touched.len() < TOUCHED_MAX {
            touched.insert((user, device_id.to_owned()), Touched { seen_at_ms: now, address, written_at_ms: 0, dirty: true });
        }
    }

    /// Writes when devices were seen; those not written for a minute, or all of them.
    pub(super) async fn write_touched(&self, all: bool) -> Result<()> {
        let now = self.0.clock.now_ms();
        let due: Vec<(UserIndex, String)> = {
            let mut touched = self.0.touched.lock();
            touched.retain(|_, touched| touched.dirty || now < touched.written_at_ms + TOUCH_EVERY_MS);
            let due = touched.iter().filter(|(_, touched)| touched.dirty && (all || now >= touched.written_at_ms + TOUCH_EVERY_MS));
            due.map(|(key, _)| key.clone()).take(if all { TOUCHED_MAX } else { TOUCHED_PER_ROUND_MAX }).collect()
        };
        for (user, device_id) in due {
            let _one = self.0.changing(user).lock().await;
            let entry = self.0.device(user, &device_id).await?;
            let seen = {
                let mut touched = self.0.touched.lock();
                let Some(seen) = touched.get_mut(&(user, device_id.clone())) else { continue };
                (seen.dirty, seen.written_at_ms) = (false, now);
                (seen.seen_at_ms, seen.address)
            };
            // A tool with a token of `clarion token` has no row.
            let Some(mut entry) = entry else { continue };
            (entry.last_seen_ms, entry.address) = (seen.0, Some(seen.1.to_string()));
            self.0.store.write(vec![put(user, &entry)?]).await?;
        }
        Ok(())
    }
}

impl super::Inside {
    async fn device(&self, user: UserIndex, device_id: &str) -> Result<Option<DeviceEntry>> {
        let kept = self.store.get(Table::Devices, tables::u32_key(user), tables::text_key(device_id)).await?;
        kept.as_deref().map(parse).transpose()
    }

    #[cfg(test)]
    pub(super) async fn device_for_tests(&self, user: UserIndex, device_id: &str) -> DeviceEntry {
        self.device(user, device_id).await.unwrap().unwrap()
    }

    fn sign_out_writes(&self, user: UserIndex, device_id: &str, now_ms: u64) -> Vec<Write> {
        vec![
            Write::Delete(Table::Devices, tables::u32_key(user), tables::text_key(device_id)),
            revoked::Revoked::write(user, device_id, now_ms),
        ]
    }

    /// A sign-out is durable: refuse its tokens, and tell the gateway.
    pub(super) fn signed_out(&self, user: UserIndex, device_id: String, now_ms: u64) {
        self.revoked.add(user, &device_id, now_ms);
        self.touched.lock().remove(&(user, device_id.clone()));
        // Nobody may be listening yet.
        let _ = self.revocations.send((user, device_id));
    }
}

/// An access token.
pub(super) fn seal_access(ring: &super::KeyRing, user: UserIndex, device_id: &str, issued_at_ms: u64, minutes: u64) -> String {
    let expires_at_ms = issued_at_ms + minutes * 60_000;
    ring.seal(Kind::Access, &Claims { user, issued_at_ms, expires_at_ms, family: 0, generation: 0, device_id: device_id.to_owned() })
}

fn put(user: UserIndex, entry: &DeviceEntry) -> Result<Write> {
    let value = serde_json::to_vec(entry).map_err(|error| Error::storage(format!("a device could not be written down: {error}")))?;
    Ok(Write::Put(Table::Devices, tables::u32_key(user), tables::text_key(&entry.device_id), value))
}

fn parse(value: &[u8]) -> Result<DeviceEntry> {
    serde_json::from_slice(value).map_err(|error| Error::storage(format!("a device in the database is damaged: {error}")))
}
