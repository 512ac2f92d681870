//! A server of its own for each test, and clients that can be cut.

mod client;
mod server;

pub use client::{Client, text_message, text_of};
pub use server::{DEMO_PASSWORD, Server};

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for something that should come; long, because machines are slow when many tests run.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again until the answer is there.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
