//! The session with the store: how it is made, its time limits, and how what it answers becomes ours.

use super::health::{Failure, Health};
use super::settings::CqlSettings;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::Table;
use protocol::error::ErrorCode;
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{ExecutionError, PrepareError};
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::response::PagingState;
use scylla::response::PagingStateResponse;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A change of the schema has to reach every node of the store.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(60);
/// What is asked to know whether the store answers.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How much somebody waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A person waits, and others behind: heads of chats, rights, sign-ins.
    Urgent,
    /// A person waits for a page.
    Normal,
    /// Nobody waits: what is written behind the log, whole tables, long scans.
    Bulk,
}

impl Lane {
    /// The lane of a table's single rows and pages.
    pub(super) fn of(table: Table) -> Self {
        match table {
            Table::Messages | Table::Changes | Table::Threads | Table::Audit | Table::Batches | Table::BatchMessages | Table::Cursors => {
                Self::Normal
            }
            _ => Self::Urgent,
        }
    }

    fn profile(self, settings: &CqlSettings) -> ExecutionProfileHandle {
        // A second node is asked when the first one is late. It costs a read more where a node is slow, so only where
        // somebody waits.
        let (timeout, ask_another_after) = match self {
            Self::Urgent => (Duration::from_secs(2), Some(Duration::from_millis(30))),
            Self::Normal => (Duration::from_secs(4), Some(Duration::from_millis(100))),
            Self::Bulk => (Duration::from_secs(10), None),
        };
        let mut balance = DefaultPolicy::builder().token_aware(true);
        if let Some(datacenter) = &settings.datacenter {
            balance = balance.prefer_datacenter(datacenter.clone()).permit_dc_failover(false);
        }
        ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .serial_consistency(Some(SerialConsistency::LocalSerial))
            .request_timeout(Some(timeout))
            .load_balancing_policy(balance.build())
            .speculative_execution_policy(
                ask_another_after
                    .map(|retry_interval| Arc::new(SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval }) as Arc<_>),
            )
            .build()
            .into_handle_with_label(format!("{self:?}"))
    }
}

/// The session with its three execution profiles and the state of the store.
pub(super) struct Link {
    session: Session,
    profiles: [ExecutionProfileHandle; 3],
    pub(super) health: Health,
}

impl Link {
    /// Connects. Fails at once when no address answers.
    pub(super) async fn connect(settings: &CqlSettings) -> std::result::Result<Self, String> {
        let profiles = [Lane::Urgent, Lane::Normal, Lane::Bulk].map(|lane| lane.profile(settings));
        let mut builder = SessionBuilder::new()
            .known_nodes(&settings.addresses)
            .default_execution_profile_handle(profiles[1].clone())
            .connection_timeout(Duration::from_secs(3))
            // A node that hangs is noticed within ten seconds, and others are asked meanwhile; one that only waits for its disk, as while
            // tables are made, keeps its connections.
            .keepalive_interval(Duration::from_secs(2))
            .keepalive_timeout(Duration::from_secs(8))
            .schema_agreement_timeout(SCHEMA_TIMEOUT);
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            builder = builder.user(user, password);
        }
        #[cfg(feature = "cql-tls")]
        if let Some(ca) = &settings.ca {
            builder = super::encryption::encrypted(builder, ca)?;
        }
        let session = builder.build().await.map_err(|error| error.to_string())?;
        Ok(Self { session, profiles, health: Health::new() })
    }

    /// A node of the store is connected.
    pub(super) fn connected(&self) -> bool {
        self.session.get_cluster_state().get_nodes_info().iter().any(|node| node.is_connected())
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn profile(&self, lane: Lane) -> ExecutionProfileHandle {
        self.profiles[lane as usize].clone()
    }

    /// Prepares a statement of a lane. All of them may be done twice without harm.
    pub(super) async fn prepare(&self, text: impl Into<Statement>, lane: Lane) -> std::result::Result<PreparedStatement, PrepareError> {
        let mut prepared = self.session.prepare(text).await?;
        prepared.set_is_idempotent(true);
        prepared.set_execution_profile_handle(Some(self.profile(lane)));
        prepared.set_use_cached_result_metadata(true);
        Ok(prepared)
    }

    /// Changes the schema, and waits until every node of the store knows.
    pub(super) async fn change_schema(&self, text: &str) -> std::result::Result<(), ExecutionError> {
        let mut statement = Statement::new(text);
        statement.set_request_timeout(Some(SCHEMA_TIMEOUT));
        self.session.query_unpaged(statement, &[]).await.map(drop)
    }

    /// Runs a statement whose answer is short.
    pub(super) async fn execute(
        &self,
        what: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult> {
        self.health.check()?;
        let started = Instant::now();
        let outcome = self.while_up(what, self.session.execute_unpaged(statement, values)).await?;
        self.observed(what, started, outcome)
    }

    /// Runs a statement and gives one page of its answer.
    pub(super) async fn page(
        &self,
        what: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        from: PagingState,
    ) -> Result<(QueryRowsResult, PagingStateResponse)> {
        self.health.check()?;
        let started = Instant::now();
        let outcome = self.while_up(what, self.session.execute_single_page(statement, values, from)).await?;
        let (page, next) = self.observed(what, started, outcome)?;
        Ok((rows(page)?, next))
    }

    /// Runs a batch.
    pub(super) async fn batch(&self, what: &'static str, batch: &Batch, values: impl BatchValues) -> Result<()> {
        self.health.check()?;
        let started = Instant::now();
        let outcome = self.while_up(what, self.session.batch(batch, values)).await?;
        self.observed(what, started, outcome).map(drop)
    }

    /// Waits for an answer for as long as the store is there.
    async fn while_up<T>(&self, what: &'static str, call: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            outcome = call => Ok(outcome),
            () = self.health.gone() => {
                metrics::CQL_ERRORS.with_label_values(&[what]).inc();
                Err(away(what, "the store of the cluster cannot be reached"))
            }
        }
    }

    fn observed<T>(&self, what: &'static str, started: Instant, outcome: std::result::Result<T, ExecutionError>) -> Result<T> {
        metrics::CQL_SECONDS.with_label_values(&[what]).observe(started.elapsed().as_secs_f64());
        match outcome {
            Ok(answer) => {
                self.health.answered();
                Ok(answer)
            }
            Err(error) => Err(self.failed(what, &error)),
        }
    }

    /// What a failed call is for whoever asked.
    pub(super) fn failed(&self, what: &'static str, error: &ExecutionError) -> Error {
        let failure = Failure::of(error);
        metrics::CQL_ERRORS.with_label_values(&[what]).inc();
        self.health.failed(failure);
        let why = match failure {
            Failure::Gone => "the store of the cluster cannot be reached",
            Failure::Slow => "the store of the cluster does not answer in time",
            Failure::Refused => "too few nodes of the cluster's store are there, or they have too much to do",
            Failure::Wrong => {
                tracing::error!(%error, what, "the store refused a statement");
                "the store of the cluster refused the request"
            }
        };
        if failure != Failure::Wrong {
            tracing::debug!(%error, what, "a call of the store failed");
        }
        away(what, why)
    }
}

/// The error of a call that got no good answer. What was to be written may have been written all the same.
fn away(what: &'static str, why: &str) -> Error {
    if !what.starts_with("write") {
        return Error::storage(why);
    }
    Error::new(
        ErrorCode::StorageUnavailable,
        "the storage does not answer now",
        why,
        "send the same command again; it is not known whether this one was done",
    )
    .retry_after(1000)
}

/// The rows of an answer that must have some.
pub(super) fn rows(answer: QueryResult) -> Result<QueryRowsResult> {
    answer.into_rows_result().map_err(|error| unreadable(&error))
}

/// An answer that is not what its statement promises.
pub(super) fn unreadable(error: &dyn std::error::Error) -> Error {
    tracing::error!(%error, "an answer of the store cannot be read");
    Error::storage("an answer of the store cannot be read")
}
