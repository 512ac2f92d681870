//! The engines of log and store: one database on one machine, or NATS and ScyllaDB in a cluster.

use crate::clock::Clock;
use crate::config::Config;
use crate::log::{JetStreamLog, JetStreamSettings, Log, SqliteLog};
use crate::patience::Patience;
use crate::peers::{PeerSettings, Peers};
use crate::store::cql::{CqlSettings, CqlStore};
use crate::store::tables::{self, Table};
use crate::store::{SqliteStore, Store, Turn};
use crate::web::starting::Told;
use crate::web::{Check, Starting};
use futures_util::future::BoxFuture;
use protocol::error::ErrorCode;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Pause between two comparisons of the whole log with the store.
const BETWEEN_AUDITS: Duration = Duration::from_secs(3_600);

/// Log and store of this node, opened.
pub struct Engines {
    /// The log.
    pub log: Arc<dyn Log>,
    /// The store, with everything in it that the log has committed.
    pub store: Arc<dyn Store>,
    kind: Kind,
}

enum Kind {
    Embedded { store: SqliteStore, log: Arc<SqliteLog> },
    Cluster { store: CqlStore, log: Arc<JetStreamLog> },
}

impl Engines {
    /// Opens those that the settings name. Servers of a cluster that do not answer are waited for, and told of. `urgents`: the runtime on
    /// which urgents are followed.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn open(config: &Config, clock: &Clock, starting: &Starting, urgents: &Handle) -> Result<Self, String> {
        match (config.nats.is_empty(), config.scylla.is_empty()) {
            (true, true) => Self::embedded(config).await,
            (false, false) => Self::cluster(config, clock, starting, urgents).await,
            _ => Err("nats and scylla belong together: set both for a cluster, or neither for one machine".into()),
        }
    }

    async fn embedded(config: &Config) -> Result<Self, String> {
        let folder = config.data.clone();
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&folder))
            .await
            .map_err(|error| format!("the database could not be opened: {error}"))??;
        let log = SqliteLog::open(store.clone()).await.map_err(|error| format!("the server cannot start: {error}"))?;
        let log = Arc::new(log);
        Ok(Self { log: log.clone(), store: Arc::new(store.clone()), kind: Kind::Embedded { store, log } })
    }

    async fn cluster(config: &Config, clock: &Clock, starting: &Starting, urgents: &Handle) -> Result<Self, String> {
        let settings = JetStreamSettings {
            servers: config.nats.list().to_vec(),
            user: config.nats_user.clone().zip(config.nats_password.clone()),
            token: config.nats_token.clone(),
            ca: config.nats_ca.clone(),
            prefix: config.nats_prefix.clone(),
            groups: config.log_groups as usize,
            replicas: config.log_replicas as usize,
            keep: Duration::from_secs(config.log_keep_days * 24 * 3_600),
            ack_stored: config.ack == crate::config::Ack::LogAndStore,
            audit_rows_per_second: config.audit_rows_per_second,
            audit_every: BETWEEN_AUDITS,
            urgents: urgents.clone(),
        };
        let waiting_max = config.store_waiting_bytes_max as usize;
        // Both at once, so that it is told of each of them whether it answers.
        let (store, streams) = tokio::try_join!(
            starting.waits_for("cluster store", |told| CqlStore::open_telling(CqlSettings::of(config), clock.clone(), move |why| told
                .waits(why))),
            starting.waits_for("log", |told| JetStreamLog::reach(&settings, move |why| told.waits(why))),
        )?;
        let below = Arc::new(store.clone());
        let began = |told: Told| JetStreamLog::begin(settings, streams, below, waiting_max, clock.clone(), move |why| told.waits(why));
        let log = starting.waits_for("log", began).await?;
        let log = Arc::new(log);
        Ok(Self { log: log.clone(), store: log.store(), kind: Kind::Cluster { store, log } })
    }

    /// Waits for the turn to make what an organisation has from its first start on: keys, the demo. Of several nodes that start
    /// at once, one makes it, and the others find it.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn first_start(&self) -> crate::error::Result<Option<Turn>> {
        first_start(&*self.store).await
    }

    /// Does what needs the store when the server starts. A store of a cluster that goes away meanwhile is waited for, and told of;
    /// then all of `work` is done again.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn patiently<T, F>(&self, starting: &Starting, work: impl Fn() -> F) -> Result<T, String>
    where
        F: Future<Output = crate::error::Result<T>>,
    {
        let waits = matches!(self.kind, Kind::Cluster { .. });
        let trying = |told: Told| async move {
            let mut waiting = Patience::with("what is kept in the store of the cluster");
            loop {
                match work().await {
                    Err(error) if waits && error.is_unavailable() => {
                        waiting.once_more(&error.to_string(), |why| told.waits(why)).await;
                    }
                    outcome => return outcome.map_err(|error| format!("the server cannot start: {error}")),
                }
            }
        };
        starting.waits_for("cluster store", trying).await
    }

    /// The other nodes.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn peers(&self, config: &Config) -> Result<Arc<Peers>, String> {
        match &self.kind {
            Kind::Embedded { .. } => Ok(Peers::alone()),
            Kind::Cluster { log, .. } => {
                let settings = PeerSettings { prefix: config.nats_prefix.clone(), name: config.node.clone().unwrap_or_default() };
                Peers::join(log.client(), settings).await
            }
        }
    }

    /// Keeps log and store in step, and lets go what is old. It never ends by itself.
    pub fn keep(&self, config: &Config, clock: &Clock) -> BoxFuture<'static, ()> {
        match &self.kind {
            Kind::Embedded { log, .. } => {
                let keep = Duration::from_secs(config.log_keep_days * 24 * 3_600);
                Box::pin(log.clone().keep_trimmed(clock.clone(), keep))
            }
            Kind::Cluster { log, .. } => {
                let log = log.clone();
                Box::pin(async move { log.keep().await })
            }
        }
    }

    /// What a load balancer asks before it sends anybody here.
    pub fn checks(&self) -> Vec<Check> {
        let away = |answers: bool, what: &str| std::future::ready(if answers { Ok(()) } else { Err(format!("{what} does not answer")) });
        match &self.kind {
            Kind::Embedded { .. } => {
                let store = self.store.clone();
                let read = move || -> BoxFuture<'static, Result<(), String>> {
                    let store = store.clone();
                    Box::pin(async move {
                        let fact = store.get(Table::Facts, tables::none(), tables::text_key("readiness")).await;
                        fact.map(drop).map_err(|error| error.to_string())
                    })
                };
                vec![Check { name: "store", needed: true, ask: Box::new(read) }]
            }
            Kind::Cluster { store, log } => {
                let (store, log) = (store.clone(), log.clone());
                vec![
                    Check { name: "log", needed: true, ask: Box::new(move || Box::pin(away(log.healthy(), "the log"))) },
                    // All nodes have the same one, and people chat on without it.
                    Check { name: "cluster store", needed: false, ask: Box::new(move || Box::pin(away(store.healthy(), "the store"))) },
                ]
            }
        }
    }

    /// Ends what was opened; everything that was accepted is on disk then.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn close(self) -> Result<(), String> {
        match self.kind {
            Kind::Embedded { store, .. } => tokio::task::spawn_blocking(move || store.close())
                .await
                .map_err(|error| format!("the database could not be closed: {error}")),
            Kind::Cluster { .. } => Ok(()),
        }
    }
}

/// The turn in which keys are made: nodes and commands that start at once make them once.
///
/// # Errors
/// `StorageUnavailable`.
pub async fn first_start(store: &dyn Store) -> crate::error::Result<Option<Turn>> {
    loop {
        match store.turn("first start").await {
            Err(error) if error.code == ErrorCode::Busy => {}
            turn => return turn,
        }
    }
}
