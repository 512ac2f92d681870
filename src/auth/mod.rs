//! Who may: sign-in, tokens of devices and apps, and what was revoked.
//!
//! Promise: a token is checked without a read of the store; what was signed out is refused at once. Passwords, secrets
//! and tokens are neither kept nor logged in clear.
//! Never: no rule of a chat, no HTTP.

mod apps;
mod attempts;
mod devices;
mod grant;
mod login;
pub mod password;
mod range;
mod revoked;
mod scopes;
mod token;

pub use apps::APPS_CHANGED;
pub use devices::is_device_id;
pub use grant::{AppEntry, DeviceEntry, Principal, SignInRefused, TenantTokenError, TenantTokenRefused, Tokens};
pub use login::{Checked, LoginModule, LoginRefused};
pub use range::AppRange;
pub use revoked::EVERY_DEVICE;
pub use scopes::{Scopes, is_reserved};
pub use token::KeyRing;

use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{Directory, UserIndex};
use crate::error::Result;
use crate::limits::REVOCATIONS_WAITING_MAX;
use crate::store::Store;
use apps::Apps;
use arc_swap::ArcSwap;
use attempts::Attempts;
use devices::Touched;
use parking_lot::{Mutex, RwLock};
use revoked::Revoked;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// Sign-in and tokens of one organisation. Clones are the same one.
#[derive(Clone)]
pub struct Auth(Arc<Inside>);

struct Inside {
    store: Arc<dyn Store>,
    directory: Directory,
    clock: Clock,
    access_token_minutes: u64,
    refresh_token_days: u64,
    key_rotation_days: u64,
    ring: ArcSwap<KeyRing>,
    login: Box<dyn LoginModule>,
    attempts: Attempts,
    revoked: Revoked,
    revocations: broadcast::Sender<(UserIndex, String)>,
    touched: Mutex<HashMap<(UserIndex, String), Touched>>,
    apps: RwLock<Apps>,
    /// A device's row is read and written under the lock of its person.
    changing: Vec<tokio::sync::Mutex<()>>,
}

/// Locks for the changes of devices; people share them by index.
const CHANGING: usize = 64;
/// How often a node looks for what other nodes have changed.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// Sign-outs of other nodes are looked for so far back.
const SIGN_OUTS_LOOKED_BACK_MS: u64 = 60_000;
/// How often the task looks for what is to be written.
const ROUND: Duration = Duration::from_secs(5);
/// How often it looks for what is to be forgotten and renewed, in rounds: ten minutes.
const ROUNDS_TO_TIDY: u64 = 120;

impl Auth {
    /// Reads keys, apps and what was revoked lately; makes the first key. Signs in by staff number or e-mail and password.
    ///
    /// # Errors
    /// `StorageUnavailable` when something cannot be read, or is damaged.
    pub async fn load(store: Arc<dyn Store>, directory: Directory, clock: Clock, config: &Config) -> Result<Self> {
        let login = password::PasswordLogin::new(store.clone(), directory.clone(), config.password_checks_at_once);
        Self::load_with(store, directory, clock, config, Box::new(login)).await
    }

    /// The same with another way to find out who somebody is.
    ///
    /// # Errors
    /// As [`Auth::load`].
    pub async fn load_with(
        store: Arc<dyn Store>,
        directory: Directory,
        clock: Clock,
        config: &Config,
        login: Box<dyn LoginModule>,
    ) -> Result<Self> {
        let ring = KeyRing::load(&*store, &clock).await?;
        let apps = Apps::load(&*store).await?;
        let revoked = Revoked::load(&*store, clock.now_ms()).await?;
        Ok(Self(Arc::new(Inside {
            access_token_minutes: config.access_token_minutes,
            refresh_token_days: config.refresh_token_days,
            key_rotation_days: config.key_rotation_days,
            ring: ArcSwap::from_pointee(ring),
            login,
            attempts: Attempts::new(
                clock.clone(),
                config.sign_in_window_minutes,
                config.sign_in_attempts_per_account,
                config.sign_in_attempts_per_address,
            ),
            revoked,
            revocations: broadcast::channel(REVOCATIONS_WAITING_MAX).0,
            touched: Mutex::default(),
            apps: RwLock::new(apps),
            changing: (0..CHANGING).map(|_| tokio::sync::Mutex::default()).collect(),
            store,
            directory,
            clock,
        })))
    }

    /// Tells each device that is signed out, so that its sockets are closed; [`EVERY_DEVICE`] means all of a person. Who lags behind must look at all its
    /// sessions with [`Auth::still_signed_in`].
    pub fn revocations(&self) -> broadcast::Receiver<(UserIndex, String)> {
        self.0.revocations.subscribe()
    }

    /// Whether a session may go on whose token was given then.
    pub fn still_signed_in(&self, user: UserIndex, device_id: &str, since_ms: u64) -> bool {
        !self.0.directory.barred(user) && self.0.revoked.check(user, device_id, since_ms).is_ok()
    }

    /// Gives somebody a password.
    ///
    /// # Errors
    /// `InvalidValue`, `TooLarge` for a password that cannot be taken; `StorageUnavailable`.
    pub async fn set_password(&self, user: UserIndex, password: String) -> Result<()> {
        let hash = tokio::task::spawn_blocking(move || password::hash(&password)).await;
        let hash = hash.map_err(|_| crate::error::Error::storage("the password could not be hashed"))??;
        self.0.store.write(vec![password::put_hash(user, &hash)]).await
    }

    /// Writes what was touched, forgets what is over, renews the key when it is due. Never returns; run it as one task.
    pub async fn keep(&self) {
        for round in 0u64.. {
            tokio::time::sleep(ROUND).await;
            if let Err(error) = self.write_touched(false).await {
                tracing::warn!(%error, "the last sight of devices was not written; it is tried again");
            }
            if round % ROUNDS_TO_TIDY == 0
                && let Err(error) = self.tidy().await
            {
                tracing::warn!(%error, "old sign-outs were not forgotten, or the signing key not renewed; it is tried again");
            }
        }
    }

    /// Follows sign-outs and signing keys of other nodes, where the store is shared, for as long as it is polled.
    pub async fn follow_others(&self) {
        if !self.0.store.shared() {
            return;
        }
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            if let Err(error) = self.look_at_others().await {
                tracing::warn!(%error, "sign-outs of other nodes could not be read; it is tried again");
            }
        }
    }

    async fn look_at_others(&self) -> Result<()> {
        // The clocks of nodes differ, and what was written late has an earlier time.
        let since_ms = self.0.clock.now_ms().saturating_sub(SIGN_OUTS_LOOKED_BACK_MS);
        for (user, device_id, at_ms) in self.0.revoked.made_elsewhere(&*self.0.store, since_ms).await? {
            self.0.signed_out(user, device_id, at_ms);
        }
        self.0.ring.store(Arc::new(KeyRing::load(&*self.0.store, &self.0.clock).await?));
        Ok(())
    }

    /// Forgets sign-outs that no token outlives, and renews the signing key when it is due.
    async fn tidy(&self) -> Result<()> {
        self.0.revoked.forget(&*self.0.store, self.0.clock.now_ms()).await?;
        let renewed = self.0.ring.load().renewed(&*self.0.store, &self.0.clock, self.0.key_rotation_days * 86_400_000).await?;
        if let Some(ring) = renewed {
            self.0.ring.store(Arc::new(ring));
            tracing::info!("a new key signs tokens from now on; the one before stays good");
        }
        Ok(())
    }

    /// Writes what waits; for the end of the process.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn flush(&self) -> Result<()> {
        self.write_touched(true).await
    }
}

impl Inside {
    fn changing(&self, user: UserIndex) -> &tokio::sync::Mutex<()> {
        &self.changing[user as usize % CHANGING]
    }
}

/// An access token made with the keys of a database that is only read; for `clarion token`.
pub fn issue_with(ring: &KeyRing, clock: &Clock, user: UserIndex, device_id: &str, minutes: u64) -> String {
    devices::seal_access(ring, user, device_id, clock.now_ms(), minutes)
}

#[cfg(test)]
mod tests;
