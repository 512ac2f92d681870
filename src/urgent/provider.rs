//! The providers that reach people outside: one signed call for each person and step. `PROVIDERS.md` is the contract.
//!
//! Never: what is said, to whom, or a number, in the log.

use crate::config::{CONSOLE, Config, Secret};
use crate::limits;
use hmac::{Hmac, KeyInit, Mac};
use protocol::urgent::UrgentWay;
use serde::Serialize;
use sha2::Sha256;
use std::time::Duration;

/// One call, as it goes out.
#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    /// `push`, `sms` or `phone`.
    pub way: &'a str,
    /// The same whenever this call is made again. Also in the header `Idempotency-Key`.
    pub idempotency_key: &'a str,
    /// Which urgent.
    pub urgent_id: String,
    /// Which step of its ladder, counted from 0 with every repeat.
    pub step: u32,
    /// Whom to reach.
    pub user_id: &'a str,
    /// Their name.
    pub name: &'a str,
    /// Their mobile number, where the organisation knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<&'a str>,
    /// Name of who has raised it.
    pub raised_by: &'a str,
    /// Name of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_name: Option<&'a str>,
    /// How the message begins.
    pub text: &'a str,
    /// When it was raised, ms since 1970.
    pub raised_at_ms: u64,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The provider has taken it.
    Reached,
    /// It never will, and why.
    Failed(String),
    /// It is to be asked again.
    Later,
}

enum Target {
    Console,
    Url(String),
}

/// One provider.
pub(super) struct Provider {
    /// What it does.
    pub way: UrgentWay,
    target: Target,
    secret: Option<Secret>,
    client: reqwest::Client,
}

/// The word of a way that somebody else goes.
pub(super) fn word(way: UrgentWay) -> Option<&'static str> {
    match way {
        UrgentWay::Push => Some("push"),
        UrgentWay::Sms => Some("sms"),
        UrgentWay::Phone => Some("phone"),
        UrgentWay::Remind | UrgentWay::Manager => None,
    }
}

impl Provider {
    /// The providers of the settings.
    pub fn of(config: &Config) -> Vec<Self> {
        let urls = [
            (UrgentWay::Push, &config.urgent_push_url),
            (UrgentWay::Sms, &config.urgent_sms_url),
            (UrgentWay::Phone, &config.urgent_phone_url),
        ];
        if urls.iter().all(|(_, url)| url.is_none()) {
            return Vec::new();
        }
        // One library of cryptography for everything; another one may be there for the store's driver.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(limits::PROVIDER_CALL_MS))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("the roots of this machine can be read");
        let target = |url: &String| if url == CONSOLE { Target::Console } else { Target::Url(url.clone()) };
        let there = urls.into_iter().filter_map(|(way, url)| Some((way, target(url.as_ref()?))));
        there.map(|(way, target)| Self { way, target, secret: config.urgent_provider_secret.clone(), client: client.clone() }).collect()
    }

    /// Makes a call. `now_s`: seconds since 1970, which the signature holds.
    pub async fn call(&self, call: &Call<'_>, now_s: u64) -> Outcome {
        let url = match &self.target {
            Target::Console => {
                tracing::info!(way = call.way, user_id = call.user_id, key = call.idempotency_key, "an urgent would go out");
                return Outcome::Reached;
            }
            Target::Url(url) => url,
        };
        let body = serde_json::to_vec(call).expect("a call is plain data");
        let mut request = self
            .client
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("idempotency-key", call.idempotency_key)
            .header("x-clarion-timestamp", now_s.to_string());
        if let Some(secret) = &self.secret {
            request = request.header("x-clarion-signature", signature(secret, now_s, &body));
        }
        match request.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Outcome::Reached,
            Ok(answer) => match answer.status().as_u16() {
                // Redirects are not followed: what goes out is for the address that the operator has set, and no other.
                408 | 425 | 429 | 500..=599 => Outcome::Later,
                status => Outcome::Failed(format!("the provider answered {status}")),
            },
            Err(_) => Outcome::Later,
        }
    }
}

/// HMAC-SHA256 over seconds, a point and the body, in hexadecimal.
fn signature(secret: &Secret, now_s: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("a key of any length will do");
    mac.update(format!("{now_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
