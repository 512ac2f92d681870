//! Whether the store answers: calls fail at once while it does not, and a probe brings it back.

use crate::error::Error;
use crate::metrics;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::watch;

/// Calls in a row that ran out of time before the store is taken for gone. One may be a pause of the server's memory
/// management; a store that hangs makes a few callers wait, not everybody.
const TIMEOUTS_IN_A_ROW: u32 = 3;

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No node can be reached.
    Gone,
    /// No answer within the time limit.
    Slow,
    /// A node answered that it cannot do it now: too few copies are there, or it is overloaded.
    Refused,
    /// The statement is not one that this store takes.
    Wrong,
}

impl Failure {
    pub(super) fn of(error: &ExecutionError) -> Self {
        match error {
            ExecutionError::ConnectionPoolError(_)
            | ExecutionError::EmptyPlan
            | ExecutionError::PrepareError(PrepareError::ConnectionPoolError(_)) => Self::Gone,
            ExecutionError::RequestTimeout(_) => Self::Slow,
            ExecutionError::LastAttemptError(attempt)
            | ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt: attempt }) => Self::of_attempt(attempt),
            _ => Self::Wrong,
        }
    }

    fn of_attempt(attempt: &RequestAttemptError) -> Self {
        match attempt {
            RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => Self::Gone,
            RequestAttemptError::DbError(DbError::SyntaxError | DbError::Invalid | DbError::Unauthorized | DbError::ConfigError, _) => {
                Self::Wrong
            }
            RequestAttemptError::DbError(..) => Self::Refused,
            _ => Self::Wrong,
        }
    }
}

/// The state of the store as this node sees it.
pub(super) struct Health {
    up: watch::Sender<bool>,
    slow: AtomicU32,
}

impl Health {
    pub(super) fn new() -> Self {
        metrics::CQL_UP.set(1);
        Self { up: watch::Sender::new(true), slow: AtomicU32::new(0) }
    }

    pub(super) fn up(&self) -> bool {
        *self.up.borrow()
    }

    /// Refuses a call at once while the store does not answer.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.up() { Ok(()) } else { Err(Error::storage("the store of the cluster cannot be reached")) }
    }

    /// Resolves when the store does not answer any more: who waits for it need not wait for the time limit.
    pub(super) async fn gone(&self) {
        // The sender is this one, so waiting does not fail.
        let _ = self.up.subscribe().wait_for(|up| !*up).await;
    }

    /// An answer came.
    pub(super) fn answered(&self) {
        self.slow.store(0, Ordering::Relaxed);
    }

    /// The probe got its answer. True when it had been away.
    pub(super) fn back(&self) -> bool {
        self.answered();
        let was_away = !self.up.send_replace(true);
        if was_away {
            metrics::CQL_UP.set(1);
            tracing::info!("the store of the cluster answers again");
        }
        was_away
    }

    /// A call failed.
    pub(super) fn failed(&self, failure: Failure) {
        let gone = match failure {
            Failure::Gone => true,
            Failure::Slow => self.slow.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_IN_A_ROW,
            Failure::Refused | Failure::Wrong => false,
        };
        if gone && self.up.send_replace(false) {
            metrics::CQL_UP.set(0);
            tracing::error!("the store of the cluster does not answer; its callers are told to come back until it does");
        }
    }
}
