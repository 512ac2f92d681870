//! Who may: sign-in, tokens of devices and apps, and what was revoked.
//!
//! Promise: a token is checked without a read of the store; what was signed out is refused at once. Passwords, secrets
//! and tokens are neither kept nor logged in clear.
//! Never: no rule of a chat, no HTTP.

mod types;

pub use types::{AppEntry, DeviceEntry, Principal, SignInRefused, TenantTokenError, TenantTokenRefused, Tokens};

use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{Directory, UserIndex};
use crate::error::Result;
use crate::store::Store;
use protocol::command::SignIn;
use protocol::error::CloseCode;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Sign-in and tokens of one organisation. Clones are the same one.
#[derive(Clone)]
pub struct Auth {}

#[allow(unused_variables)]
impl Auth {
    /// Reads keys, apps and what was revoked lately; makes the first key.
    pub async fn load(store: Arc<dyn Store>, directory: Directory, clock: Clock, config: &Config) -> Result<Self> {
        Ok(Self {})
    }

    /// Signs a device in by login and password.
    pub async fn sign_in(&self, sign_in: SignIn, address: IpAddr) -> std::result::Result<(UserIndex, Tokens), SignInRefused> {
        unimplemented!()
    }

    /// New tokens for a refresh token. The one before is good for a minute more and gives the same refresh token again,
    /// so that a lost answer does not sign anybody out; used later, it signs the device out.
    pub async fn refresh(&self, refresh_token: &str, address: IpAddr) -> std::result::Result<(UserIndex, Tokens), SignInRefused> {
        unimplemented!()
    }

    /// Who asks. Reads no store.
    ///
    /// # Errors
    /// `TokenInvalid`, `TokenExpired`, `DeviceRevoked`, `PersonDisabled`.
    pub fn verify(&self, access_token: &str) -> std::result::Result<Principal, CloseCode> {
        unimplemented!()
    }

    /// An access token without a sign-in, for tools and load tests.
    pub fn issue(&self, user: UserIndex, device_id: &str, minutes: u64) -> String {
        unimplemented!()
    }

    /// Devices of a person, the last seen first.
    pub async fn devices(&self, user: UserIndex) -> Result<Vec<DeviceEntry>> {
        unimplemented!()
    }

    /// Signs a device out: its tokens are refused from now on.
    ///
    /// # Errors
    /// `DeviceNotFound`; `StorageUnavailable`, and then it is still signed in.
    pub async fn sign_out(&self, user: UserIndex, device_id: &str) -> Result<()> {
        unimplemented!()
    }

    /// Tells each device that is signed out, so that its sockets are closed. Who lags behind must verify its sessions anew.
    pub fn revocations(&self) -> broadcast::Receiver<(UserIndex, String)> {
        unimplemented!()
    }

    /// A device was seen. Costs a look into a map; written at most once a minute for a device.
    pub fn touch(&self, user: UserIndex, device_id: &str, address: IpAddr) {
        unimplemented!()
    }

    /// Writes what was touched, forgets what is over, renews the key when it is due. Never returns; run it as one task.
    pub async fn keep(&self) {
        unimplemented!()
    }

    /// An app.
    pub fn app(&self, app_id: &str) -> Option<Arc<AppEntry>> {
        unimplemented!()
    }

    /// The app that a bot belongs to.
    pub fn app_of_bot(&self, bot: UserIndex) -> Option<Arc<AppEntry>> {
        unimplemented!()
    }

    /// Makes an app and its bot. The secret is given once.
    pub async fn create_app(&self, name: &str) -> Result<(AppEntry, String)> {
        unimplemented!()
    }

    /// A token for an app and how many seconds it is good for. While it is good for half an hour more it is the same one
    /// again; then there is a new one, and both are good.
    pub fn tenant_token(&self, app_id: &str, app_secret: &str) -> std::result::Result<(String, u64), TenantTokenRefused> {
        unimplemented!()
    }

    /// The app of a token.
    pub fn verify_tenant(&self, token: &str) -> std::result::Result<Arc<AppEntry>, TenantTokenError> {
        unimplemented!()
    }
}
