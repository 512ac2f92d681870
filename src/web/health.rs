//! What machines ask: is the process alive, may it be given work, what are its figures.

use crate::config::Networks;
use crate::metrics;
use crate::net::ClientAddress;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use prometheus::{Encoder, TextEncoder};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A check that has not answered by then has failed: who asks has a limit of its own, usually of a few seconds.
const CHECK_LIMIT: Duration = Duration::from_secs(2);

/// Something that must be well before work is given to this node.
pub struct Check {
    /// What it is, in a word.
    pub name: &'static str,
    /// Without it, work must go to another node. Otherwise it is only told: what all nodes share, and can do without for a while,
    /// must not take all of them out at once.
    pub needed: bool,
    /// Well, or why not.
    pub ask: Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// What the health routes need.
#[derive(Clone)]
pub struct Health {
    /// All that are needed must be well.
    pub checks: Arc<Vec<Check>>,
    /// Names of those that were not, when it was asked last.
    pub unwell: Arc<Mutex<HashSet<&'static str>>>,
    /// Who may read the metrics, beside the machine itself. They tell nothing of people, but how many there are.
    pub metrics_from: Networks,
}

impl Health {
    /// `/livez`, `/readyz`, `/metrics`.
    pub fn router(self) -> Router {
        metrics::register();
        Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(figures))
            .with_state(self)
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let (mut why_not, mut ready) = (String::new(), true);
    for check in health.checks.iter() {
        let outcome = tokio::time::timeout(CHECK_LIMIT, (check.ask)()).await.unwrap_or_else(|_| Err("it does not answer".into()));
        // Balancers ask every second or so: only what changes is worth a line.
        match outcome {
            Ok(()) => {
                if health.unwell.lock().remove(check.name) {
                    tracing::info!(check = check.name, "well again");
                }
            }
            Err(why) => {
                if health.unwell.lock().insert(check.name) {
                    tracing::warn!(check = check.name, why, "{}", if check.needed { "not ready" } else { "not well" });
                }
                why_not.push_str(&format!("{}: {why}\n", check.name));
                ready &= !check.needed;
            }
        }
    }
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    if ready {
        (no_store, format!("ready\n{why_not}")).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, no_store, why_not).into_response()
    }
}

async fn figures(State(health): State<Health>, client: Option<Extension<ClientAddress>>) -> Response {
    let allowed = client.is_some_and(|Extension(ClientAddress(address))| address.is_loopback() || health.metrics_from.contains(address));
    if !allowed {
        return (StatusCode::FORBIDDEN, "the metrics are for this machine, and for the addresses of the setting `metrics_from`\n")
            .into_response();
    }
    let mut text = Vec::new();
    match TextEncoder::new().encode(&metrics::REGISTRY.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be printed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
