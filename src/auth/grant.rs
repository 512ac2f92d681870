//! What the calls of this module take and give.

use super::{AppRange, Scopes};
use crate::directory::UserIndex;
use crate::error::Error;
use protocol::error::CloseCode;
use protocol::person::DeviceKind;
use serde::{Deserialize, Serialize};

/// Who asks, as a valid access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserIndex,
    /// The device that the token was given to.
    pub device_id: String,
    /// The token is good until then, ms since 1970.
    pub expires_at_ms: u64,
}

/// The tokens of one device.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For `hello` and `Authorization: Bearer`.
    pub access_token: String,
    /// Seconds until the access token must be refreshed.
    pub access_expires_in: u64,
    /// For the next refresh.
    pub refresh_token: String,
    /// Seconds until the device must sign in anew, if it is not refreshed before.
    pub refresh_expires_in: u64,
}

/// Says nothing of the tokens, so that they cannot get into a log.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.debug_struct("Tokens").field("access_expires_in", &self.access_expires_in).finish_non_exhaustive()
    }
}

/// Why somebody was not signed in.
#[derive(Debug, Clone, PartialEq)]
pub enum SignInRefused {
    /// There is no such person, or the password is another one; said alike.
    WrongLogin,
    /// The person has left the organisation.
    PersonDisabled,
    /// Too many failed attempts for this account or from this address.
    TooManyAttempts {
        /// Try again after this many ms.
        retry_after_ms: u64,
    },
    /// More people sign in at once than the server can check.
    Busy {
        /// Try again after this many ms.
        retry_after_ms: u64,
    },
    /// The device id or the device's name has a form that is not allowed.
    InvalidDevice(&'static str),
    /// The refresh token is not one of ours.
    TokenInvalid,
    /// The refresh token is too old.
    TokenExpired,
    /// The device was signed out, or its refresh token was used a second time.
    DeviceRevoked,
    /// The store cannot be read or written now.
    Storage(Error),
}

impl SignInRefused {
    /// When the same may succeed, in ms.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after_ms } | Self::Busy { retry_after_ms } => Some(*retry_after_ms),
            Self::Storage(error) => error.retry_after_ms,
            _ => None,
        }
    }

    /// The close code that says the same, where there is one.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::TokenInvalid => Some(CloseCode::TokenInvalid),
            Self::TokenExpired => Some(CloseCode::TokenExpired),
            Self::DeviceRevoked => Some(CloseCode::DeviceRevoked),
            Self::PersonDisabled => Some(CloseCode::PersonDisabled),
            _ => None,
        }
    }
}

impl std::fmt::Display for SignInRefused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::WrongLogin => formatter.write_str("staff number, e-mail or password is wrong"),
            Self::PersonDisabled => formatter.write_str("this person may not sign in any more"),
            Self::TooManyAttempts { retry_after_ms } => {
                write!(formatter, "too many failed attempts; try again in {} seconds", retry_after_ms.div_ceil(1000))
            }
            Self::Busy { .. } => formatter.write_str("very many people sign in just now; try again in a moment"),
            Self::InvalidDevice(why) => formatter.write_str(why),
            Self::TokenInvalid => formatter.write_str("the refresh token is not one of ours"),
            Self::TokenExpired => formatter.write_str("the refresh token is too old; sign in"),
            Self::DeviceRevoked => formatter.write_str("this device was signed out; sign in"),
            Self::Storage(error) => error.fmt(formatter),
        }
    }
}

impl From<Error> for SignInRefused {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

/// A signed-in device, as the table `Devices` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Chosen by the device, kept by it for ever.
    pub device_id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Name for people.
    pub name: String,
    /// First sign-in, ms since 1970.
    pub signed_in_at_ms: u64,
    /// Last time it was seen, ms since 1970.
    pub last_seen_ms: u64,
    /// Address it was last seen from.
    pub address: Option<String>,
    /// Drawn at each sign-in; refresh tokens of an earlier one are not its own.
    pub family: u64,
    /// How often its refresh token was renewed; only the token of this generation is good.
    pub generation: u32,
    /// When that was, ms since 1970.
    pub renewed_at_ms: u64,
}

/// A business system that may call the open API, as the table `Apps` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppEntry {
    /// `cli_` and 16 hexadecimal digits.
    pub app_id: String,
    /// Its name, which is also its bot's.
    pub name: String,
    /// Index of its bot.
    pub bot: UserIndex,
    /// Hash of its secret, in hexadecimal digits.
    pub secret_hash: String,
    /// It may not call any more.
    #[serde(default)]
    pub disabled: bool,
    /// When it was made, ms since 1970.
    #[serde(default)]
    pub created_at_ms: u64,
    /// What it may ask of the open API.
    #[serde(default)]
    pub scopes: Scopes,
    /// Whom it may see; none means everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<AppRange>,
}

/// Why an app was given no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantTokenRefused {
    /// There is no such app.
    AppNotFound,
    /// The secret is another one.
    WrongSecret,
    /// The app was disabled.
    AppDisabled,
}

/// Why a token of an app is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantTokenError {
    /// It is not one of ours.
    Invalid,
    /// It is too old.
    Expired,
    /// The app was disabled.
    AppDisabled,
}
