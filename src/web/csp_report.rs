//! Browsers report what the content security policy has blocked: counted, and a few of them logged.

use crate::metrics;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use parking_lot::Mutex;
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a report. Browsers send about one KiB.
const REPORT_BYTES_MAX: usize = 16 << 10;
/// Reports that are logged in a minute. A page that goes wrong does so on everybody's screen at once.
const LOGGED_PER_MINUTE: u32 = 20;

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "csp-report")]
    report: Violation,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Violation {
    #[serde(default)]
    effective_directive: String,
    #[serde(default)]
    violated_directive: String,
    #[serde(default)]
    blocked_uri: String,
}

/// How many were logged in the minute that began then.
type Logged = Arc<Mutex<(Instant, u32)>>;

/// `POST /web/csp`.
pub fn router() -> Router {
    let logged: Logged = Arc::new(Mutex::new((Instant::now(), 0)));
    Router::new().route("/web/csp", post(report).layer(DefaultBodyLimit::max(REPORT_BYTES_MAX))).with_state(logged)
}

async fn report(State(logged): State<Logged>, body: Bytes) -> StatusCode {
    let Ok(Report { report }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    metrics::CSP_REPORTS.inc();
    let mut logged = logged.lock();
    if logged.0.elapsed() > Duration::from_secs(60) {
        *logged = (Instant::now(), 0);
    }
    logged.1 += 1;
    if logged.1 <= LOGGED_PER_MINUTE {
        let directive = if report.effective_directive.is_empty() { &report.violated_directive } else { &report.effective_directive };
        // Only the origin of what was blocked: the rest of an address may hold what is nobody's business.
        let blocked: String = report.blocked_uri.split('/').take(3).collect::<Vec<_>>().join("/");
        tracing::warn!(
            directive = crate::error::clip(directive),
            blocked = crate::error::clip(&blocked),
            "a browser has blocked something in our page"
        );
    }
    StatusCode::NO_CONTENT
}
