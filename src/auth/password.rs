//! Passwords: argon2id, checked off the runtime's threads, a few at a time.

use super::login::{Checked, LoginModule, LoginRefused};
use crate::directory::{Directory, UserIndex};
use crate::error::{Error, Result};
use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHECKS_WAITING_MAX};
use crate::store::{Store, Table, Write, tables};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use protocol::person::PersonKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// A hash of nothing that anybody has. Who is not known, or has no password, is checked against it, so that the time of
/// the answer tells nothing.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// The hash of a password, as a PHC string: argon2id with 19 MiB, two passes and a salt of its own.
///
/// # Errors
/// `TooLarge` or `InvalidValue` for a password that cannot be taken.
pub fn hash(password: &str) -> Result<String> {
    check_password(password)?;
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|error| Error::storage(format!("the password could not be hashed: {error}")))
}

/// Whether a text can be somebody's password.
fn check_password(password: &str) -> Result<()> {
    if password.is_empty() {
        return Err(Error::invalid("password", "it is empty"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Error::too_large("the password", password.len() as u64, PASSWORD_BYTES_MAX as u64, "bytes"));
    }
    Ok(())
}

/// Whether a text is a hash that [`matches()`] can check.
pub fn is_hash(text: &str) -> bool {
    text.starts_with("$argon2") && PasswordHash::new(text).is_ok()
}

/// Whether a password has this hash. Takes tens of milliseconds.
pub fn matches(password: &str, hash: &str) -> bool {
    password.len() <= PASSWORD_BYTES_MAX
        && PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// The change that gives somebody a password, by its hash.
pub fn put_hash(user: UserIndex, hash: &str) -> Write {
    Write::Put(Table::Passwords, tables::u32_key(user), tables::none(), hash.as_bytes().to_vec())
}

/// The built-in login: staff number or e-mail, and password.
pub(super) struct PasswordLogin {
    store: Arc<dyn Store>,
    directory: Directory,
    checks: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// One that waits for its check; not any more when it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PasswordLogin {
    pub fn new(store: Arc<dyn Store>, directory: Directory, checks_at_once: u64) -> Self {
        let checks = Arc::new(Semaphore::new(checks_at_once.clamp(1, 256) as usize));
        Self { store, directory, checks, waiting: Arc::default() }
    }

    async fn check_password(&self, login: &str, password: &str) -> Checked {
        let waiting = Waiting(self.waiting.clone());
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= PASSWORD_CHECKS_WAITING_MAX {
            return Err(LoginRefused::Busy);
        }
        let login = login.trim();
        let user = self
            .directory
            .index(login)
            .or_else(|| if login.contains('@') { self.directory.by_email(login) } else { None })
            .filter(|user| self.directory.kind(*user) == PersonKind::Person);
        let kept = match user {
            Some(user) => self.store.get(Table::Passwords, tables::u32_key(user), tables::none()).await.map_err(LoginRefused::Storage)?,
            None => None,
        };
        let known = kept.is_some();
        let hash = kept.and_then(|bytes| String::from_utf8(bytes).ok());
        let password = password.to_owned();
        let permit = self.checks.clone().acquire_owned().await.map_err(|_| LoginRefused::Busy)?;
        let right = tokio::task::spawn_blocking(move || {
            let right = matches(&password, hash.as_deref().unwrap_or(&NOBODY));
            drop((permit, waiting));
            right
        })
        .await
        .map_err(|_| LoginRefused::Storage(Error::storage("the password could not be checked")))?;
        match user {
            Some(user) if right && known => Ok(user),
            _ => Err(LoginRefused::Wrong),
        }
    }
}

impl LoginModule for PasswordLogin {
    fn check<'a>(&'a self, login: &'a str, password: &'a str) -> std::pin::Pin<Box<dyn Future<Output = Checked> + Send + 'a>> {
        Box::pin(self.check_password(login, password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only_and_is_not_in_it() {
        let hashed = hash("correct horse").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hashed.contains("horse"), "{hashed}");
        assert!(is_hash(&hashed) && matches("correct horse", &hashed) && !matches("correct horsf", &hashed));
        assert_ne!(hash("correct horse").unwrap(), hashed, "each has a salt of its own");
        assert!(!is_hash("demo") && !is_hash("$argon2id$broken") && !matches("x", "not a hash"));
        assert!(hash("").is_err() && hash(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
    }
}
