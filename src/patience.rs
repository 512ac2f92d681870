//! Waiting at the start for a server that does not answer: it is tried again and again, and said now and then.

use std::time::{Duration, Instant};

/// Pause between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// How often it is said that something is waited for.
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(10);

/// Tries that failed.
pub struct Patience {
    what: &'static str,
    complained: Option<Instant>,
}

impl Patience {
    /// To wait for this.
    pub fn with(what: &'static str) -> Self {
        Self { what, complained: None }
    }

    /// A try has failed, for this reason, which `waits` is told each time; returns when the next one may be made.
    pub async fn once_more(&mut self, why: &str, waits: impl Fn(&str)) {
        if self.complained.is_none_or(|at| at.elapsed() >= BETWEEN_COMPLAINTS) {
            tracing::warn!(why, "{} is waited for", self.what);
            self.complained = Some(Instant::now());
        }
        waits(why);
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}
