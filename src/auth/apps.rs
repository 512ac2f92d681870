//! Business systems that call the open API: their secrets and their tokens.

use super::token::{Claims, Kind, random};
use super::{AppEntry, Auth, Scopes, TenantTokenError, TenantTokenRefused};
use crate::directory::{PersonEntry, UserIndex};
use crate::error::{Error, Result};
use crate::limits::{APPS_MAX, TENANT_TOKEN_REUSE_SECONDS, TENANT_TOKEN_SECONDS};
use crate::store::{Store, Table, Write, tables};
use protocol::person::PersonKind;
use std::collections::HashMap;
use std::sync::Arc;

/// The fact that has another value after an operator changed an app.
pub const APPS_CHANGED: &str = "apps_changed";

/// All apps, and the newest token of each.
#[derive(Default)]
pub(super) struct Apps {
    by_id: HashMap<String, Arc<AppEntry>>,
    by_bot: HashMap<UserIndex, Arc<AppEntry>>,
    /// Token and when it ends, ms since 1970.
    tokens: HashMap<String, (String, u64)>,
}

impl Apps {
    pub async fn load(store: &dyn Store) -> Result<Self> {
        let mut apps = Self::default();
        for (_, _, value) in store.all(Table::Apps).await? {
            let app: AppEntry =
                serde_json::from_slice(&value).map_err(|error| Error::storage(format!("an app in the database is damaged: {error}")))?;
            apps.add(Arc::new(app));
        }
        Ok(apps)
    }

    /// The same apps as they are kept now; tokens that were given stay good.
    fn renewed(&mut self, now: Self) {
        self.by_id = now.by_id;
        self.by_bot = now.by_bot;
    }

    fn add(&mut self, app: Arc<AppEntry>) {
        self.by_bot.insert(app.bot, app.clone());
        self.by_id.insert(app.app_id.clone(), app);
    }
}

/// Hash of an app's secret. One fast keyed hash is enough: a secret of 128 random bits cannot be guessed, however fast
/// guesses are checked, and each call of the open API's token route must be cheap. The key is the app's own, so that the
/// same secret of two apps has two hashes.
fn hash_secret(app_id: &str, secret: &str) -> blake3::Hash {
    blake3::keyed_hash(&blake3::derive_key("clarion 2026 secret of an app", app_id.as_bytes()), secret.as_bytes())
}

/// Whether a text can be an app's id: `cli_` and 16 hexadecimal digits, as the official SDKs want it.
fn is_app_id(text: &str) -> bool {
    text.strip_prefix("cli_")
        .is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit)))
}

impl Auth {
    /// An app.
    pub fn app(&self, app_id: &str) -> Option<Arc<AppEntry>> {
        self.0.apps.read().by_id.get(app_id).cloned()
    }

    /// The app that a bot belongs to.
    pub fn app_of_bot(&self, bot: UserIndex) -> Option<Arc<AppEntry>> {
        self.0.apps.read().by_bot.get(&bot).cloned()
    }

    /// Makes an app and its bot. The secret is given once: only its hash is kept.
    ///
    /// # Errors
    /// `InvalidValue` when the name cannot be taken; `TooLarge` when there are too many apps.
    pub async fn create_app(&self, name: &str, scopes: Scopes) -> Result<(AppEntry, String)> {
        let app_id = format!("cli_{}", hex::encode(random::<8>()?));
        let secret = hex::encode(random::<16>()?);
        let app = self.put_app(&app_id, name, &secret, scopes).await?;
        Ok((app, secret))
    }

    /// Makes an app with an id and a secret that are known before.
    ///
    /// # Errors
    /// As [`Auth::create_app`].
    pub async fn put_app(&self, app_id: &str, name: &str, secret: &str, scopes: Scopes) -> Result<AppEntry> {
        if !is_app_id(app_id) {
            return Err(Error::invalid("app_id", "it must be `cli_` and 16 hexadecimal digits"));
        }
        let count = self.0.apps.read().by_id.len();
        if count >= APPS_MAX {
            return Err(Error::too_large("the list of apps", count as u64 + 1, APPS_MAX as u64, "apps"));
        }
        // The bot first: a bot without an app does nothing, an app without a bot could not be understood.
        self.0.directory.upsert_people(vec![PersonEntry::new(app_id, name, PersonKind::Bot)]).await?;
        let bot = self.0.directory.index(app_id).ok_or_else(|| Error::storage("the bot was not written"))?;
        let app = AppEntry {
            app_id: app_id.to_owned(),
            name: name.to_owned(),
            bot,
            secret_hash: hash_secret(app_id, secret).to_hex().to_string(),
            disabled: false,
            created_at_ms: self.0.clock.now_ms(),
            scopes,
            range: None,
        };
        let value = serde_json::to_vec(&app).map_err(|error| Error::storage(format!("an app could not be written down: {error}")))?;
        self.0.store.write(vec![Write::Put(Table::Apps, tables::none(), tables::text_key(app_id), value)]).await?;
        self.0.apps.write().add(Arc::new(app.clone()));
        Ok(app)
    }

    /// Looks every second whether an operator changed an app, and takes it as it is then. Never returns; run it as one
    /// task.
    pub async fn follow_apps(&self) {
        let mut seen = None;
        loop {
            tokio::time::sleep(super::LOOKED_AT_EVERY).await;
            match self.changed().await {
                Ok(mark) if mark != seen => match Apps::load(&*self.0.store).await {
                    Ok(apps) => {
                        self.0.apps.write().renewed(apps);
                        seen = mark;
                        tracing::info!("the apps were read anew");
                    }
                    Err(error) => tracing::warn!(%error, "the apps could not be read; it is tried again"),
                },
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "it could not be read whether an app was changed; it is tried again"),
            }
        }
    }

    async fn changed(&self) -> Result<Option<Vec<u8>>> {
        self.0.store.get(Table::Facts, tables::none(), tables::text_key(APPS_CHANGED)).await
    }

    /// A token for an app and how many seconds it is good for. While it is good for half an hour more it is the same one
    /// again; then there is a new one, and both are good.
    ///
    /// # Errors
    /// The app does not exist, is disabled, or has another secret.
    pub fn tenant_token(&self, app_id: &str, app_secret: &str) -> std::result::Result<(String, u64), TenantTokenRefused> {
        let app = self.app(app_id).ok_or(TenantTokenRefused::AppNotFound)?;
        let kept = blake3::Hash::from_hex(&app.secret_hash).map_err(|_| TenantTokenRefused::WrongSecret)?;
        // Compares in constant time.
        if hash_secret(app_id, app_secret) != kept {
            return Err(TenantTokenRefused::WrongSecret);
        }
        if app.disabled {
            return Err(TenantTokenRefused::AppDisabled);
        }
        let now = self.0.clock.now_ms();
        let mut apps = self.0.apps.write();
        if let Some((token, ends_at_ms)) = apps.tokens.get(app_id)
            && *ends_at_ms >= now + TENANT_TOKEN_REUSE_SECONDS * 1000
        {
            return Ok((token.clone(), (ends_at_ms - now) / 1000));
        }
        let ends_at_ms = now + TENANT_TOKEN_SECONDS * 1000;
        let claims =
            Claims { user: app.bot, issued_at_ms: now, expires_at_ms: ends_at_ms, family: 0, generation: 0, device_id: String::new() };
        let token = self.0.ring.load().seal(Kind::Tenant, &claims);
        apps.tokens.insert(app_id.to_owned(), (token.clone(), ends_at_ms));
        Ok((token, TENANT_TOKEN_SECONDS))
    }

    /// The app of a token.
    ///
    /// # Errors
    /// The token is not one of ours, is too old, or its app is disabled.
    pub fn verify_tenant(&self, token: &str) -> std::result::Result<Arc<AppEntry>, TenantTokenError> {
        let claims = self.0.ring.load().open(Kind::Tenant, token).ok_or(TenantTokenError::Invalid)?;
        if self.0.clock.now_ms() >= claims.expires_at_ms {
            return Err(TenantTokenError::Expired);
        }
        let app = self.app_of_bot(claims.user).ok_or(TenantTokenError::Invalid)?;
        if app.disabled { Err(TenantTokenError::AppDisabled) } else { Ok(app) }
    }
}
