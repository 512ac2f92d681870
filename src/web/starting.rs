//! What is answered while the server waits for the servers that it needs: alive, not ready and why, come back.

use super::answer::Refusal;
use super::headers;
use super::health::{Check, Health};
use crate::config::Networks;
use crate::error::Error;
use axum::Router;
use axum::extract::Request;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use protocol::error::ErrorCode;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;
use tower::Service as _;

/// Whoever is sent away comes back after so many seconds at the least.
const COME_BACK_SECONDS_MIN: u64 = 2;
/// At the most, so that they do not all come back together.
const COME_BACK_SECONDS_MAX: u64 = 10;

/// A server that is starting. Clones are the same.
#[derive(Clone)]
pub struct Starting(Arc<Inside>);

struct Inside {
    metrics_from: Networks,
    /// What does not answer, by its name, and why.
    waiting: Mutex<BTreeMap<&'static str, String>>,
    /// Somebody has something to be told: a wait has begun, or the start is over.
    wanted: watch::Sender<bool>,
    /// Everything, once it is there.
    whole: OnceLock<Router>,
}

impl Starting {
    /// Nothing is waited for yet.
    pub fn new(metrics_from: Networks) -> Self {
        Self(Arc::new(Inside { metrics_from, waiting: Mutex::default(), wanted: watch::Sender::new(false), whole: OnceLock::new() }))
    }

    /// Runs what may have to wait for a server; it is given whom to tell of each try that failed. What was told stands in
    /// `/readyz` until the work is done.
    pub async fn waits_for<T, F: Future<Output = T>>(&self, what: &'static str, work: impl FnOnce(Told) -> F) -> T {
        let outcome = work(Told { starting: self.clone(), what }).await;
        self.0.waiting.lock().remove(what);
        outcome
    }

    /// The start is over, and these routes are served from now on.
    pub fn started(&self, router: Router) {
        if self.0.whole.set(router).is_err() {
            tracing::error!("a server starts once");
        }
        self.0.wanted.send_replace(true);
    }

    /// Resolves when there is something to be served. Until then whoever connects waits in the kernel, so that nobody is
    /// sent away by a start that does not wait for anything.
    pub async fn wanted(&self) {
        // The sender is this one, so waiting does not fail.
        let _ = self.0.wanted.subscribe().wait_for(|wanted| *wanted).await;
    }

    /// Serves what there is: everything once the server has started, and until then that it waits.
    pub fn router(&self) -> Router {
        let starting = self.clone();
        let servers = Check { name: "start", needed: true, ask: Box::new(move || Box::pin(std::future::ready(Err(starting.why())))) };
        let health = Health { checks: Arc::new(vec![servers]), unwell: Arc::default(), metrics_from: self.0.metrics_from.clone() };
        let waiting: Router = Router::new().merge(health.router()).fallback(come_back).layer(map_response(headers::everywhere));
        let starting = self.clone();
        Router::new().fallback(move |request: Request| {
            let mut router = starting.0.whole.get().unwrap_or(&waiting).clone();
            async move {
                match router.call(request).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                }
            }
        })
    }

    /// Which servers do not answer.
    fn why(&self) -> String {
        let waiting = self.0.waiting.lock();
        if waiting.is_empty() {
            return "what is kept is being read".into();
        }
        let each: Vec<String> = waiting.iter().map(|(what, why)| format!("the {what} is waited for: {why}")).collect();
        each.join("; ")
    }
}

/// Whom to tell that a server does not answer.
pub struct Told {
    starting: Starting,
    what: &'static str,
}

impl Told {
    /// It does not answer, for this reason. The last one counts.
    pub fn waits(&self, why: &str) {
        self.starting.0.waiting.lock().insert(self.what, why.replace('\n', " "));
        self.starting.0.wanted.send_replace(true);
    }
}

async fn come_back() -> Response {
    let seconds = rand::random_range(COME_BACK_SECONDS_MIN..=COME_BACK_SECONDS_MAX);
    let error = Error::new(
        ErrorCode::StorageUnavailable,
        "this server is starting",
        "it waits for the servers that it needs",
        "come back in a few seconds, or ask another node",
    );
    Refusal::from(error.retry_after(seconds * 1_000)).into_response()
}
