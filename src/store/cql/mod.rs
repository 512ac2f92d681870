//! The engine of a cluster: ScyllaDB or Apache Cassandra over CQL.
//!
//! Promise: as [`Store`]; and while the store does not answer, calls fail at once with an error that says when to come
//! back. Writes carry their own timestamps, so each may be made any number of times. A read may be as old as
//! [`JOIN_WITHIN`] where other nodes write; what this node has written it sees.
//! Never: a lightweight transaction (but for turns: at the schema, at the directory), a row per member and message, a rule of a chat.
//!
//! Every table is (partition, row) with one value, but for these: records are cut by class and period (`period.rs`), cursors
//! have two cells whose timestamps are their seqs (`statements.rs`), and the rows of dedupe expire (`dialect.rs`). The members
//! of a chat are one row although design and literature advise to spread them: as a bitmap everybody's chat has 46 KB,
//! which is one read of a millisecond, where 128 partitions with a row a member would be 128 reads of 371,000 rows for each
//! head that is loaded, and a write of that size for a group of everybody.
//!
//! Its one task asks every now and then whether the store answers; it ends with the last clone of the store.

mod compare;
mod dialect;
#[cfg(feature = "cql-tls")]
mod encryption;
mod entries;
mod health;
mod link;
mod period;
mod periods;
mod reads;
mod schema;
mod settings;
mod shared_read;
mod stamp;
mod statements;
mod writes;

pub use compare::Differs;
pub use dialect::Dialect;
pub use entries::{EntryRow, StoredEntry};
pub use schema::{newest, printed};
pub use settings::CqlSettings;
pub use shared_read::JOIN_WITHIN;

use super::{Answer, Key, Range, Row, Store, Table, Turn, Write};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::patience::Patience;
use futures_util::{StreamExt as _, TryStreamExt as _};
use health::Failure;
use link::{Lane, Link, PROBE_TIMEOUT};
use periods::Periods;
use schema::Schema;
use scylla::errors::ExecutionError;
use scylla::statement::prepared::PreparedStatement;
use shared_read::{Question, SharedReads};
use stamp::Stamps;
use statements::Statements;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the store is asked whether it is there, while it is.
const BETWEEN_PROBES: Duration = Duration::from_secs(2);
/// The same while it is not.
const BETWEEN_PROBES_AWAY: Duration = Duration::from_millis(250);
/// How often tables of the next period are looked for.
const BETWEEN_PERIODS: Duration = Duration::from_secs(3_600);
/// How long a turn is waited for; one that was not ended by a node that died ends by itself later.
const TURN_WITHIN: Duration = Duration::from_secs(20);
/// Turns that this process has asked for.
static TURNS: AtomicU64 = AtomicU64::new(1);
/// Name of the turn to change the schema.
const SCHEMA: &str = "schema";
/// Statements that are prepared at the same time.
const PREPARED_AT_ONCE: usize = 16;

/// The store of a cluster. Clones are the same store.
#[derive(Clone)]
pub struct CqlStore {
    inner: Arc<Inner>,
    _watch: Arc<Watch>,
}

/// Ends the task that asks whether the store answers.
struct Watch(tokio::task::AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Inner {
    link: Link,
    settings: CqlSettings,
    dialect: Dialect,
    clock: Clock,
    holder: String,
    /// By number of the table; none for those that are cut by period.
    tables: Vec<Option<Arc<Statements>>>,
    periods: Periods,
    shared: SharedReads,
    stamps: Stamps,
    probe: PreparedStatement,
    reads: AtomicU64,
}

impl CqlStore {
    /// Connects, brings the schema up to date, and prepares every statement. A store that does not answer is waited for,
    /// for as long as it takes; who does not want to wait lets go of the future.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn open(settings: CqlSettings, clock: Clock) -> std::result::Result<Self, String> {
        Self::open_telling(settings, clock, |_| {}).await
    }

    /// The same, and tells of each try that failed, and why.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn open_telling(settings: CqlSettings, clock: Clock, waits: impl Fn(&str)) -> std::result::Result<Self, String> {
        settings.check()?;
        let mut waiting = Patience::with("the store of the cluster");
        loop {
            match Self::connect(&settings, &clock).await {
                Ok(store) => return Ok(store),
                Err(why) => waiting.once_more(&format!("{} does not answer: {why}", settings.addresses.join(", ")), &waits).await,
            }
        }
    }

    /// Connects once.
    ///
    /// # Errors
    /// One sentence: what does not answer, or is not as it should be.
    pub async fn connect(settings: &CqlSettings, clock: &Clock) -> std::result::Result<Self, String> {
        settings.check()?;
        let link = Link::connect(settings).await?;
        let dialect = Dialect::of(link.session()).await.map_err(|error| error.to_string())?;
        let holder = holder(clock);
        Schema { link: &link, settings, dialect, clock, holder: &holder, turn: SCHEMA }.migrate().await?;
        let inner = Inner::prepare(link, settings.clone(), dialect, clock.clone(), holder).await?;
        inner.periods.make_due(&inner.schema(), clock).await.map_err(|error| error.to_string())?;
        let inner = Arc::new(inner);
        let watching = tokio::spawn(inner.clone().watch()).abort_handle();
        Ok(Self { inner, _watch: Arc::new(Watch(watching)) })
    }

    /// Applies what is missing of the schema, and says which versions that were, and which one is there.
    ///
    /// # Errors
    /// One sentence: the store does not answer, or refuses a statement.
    pub async fn migrate(settings: &CqlSettings, clock: &Clock) -> std::result::Result<(Vec<i32>, i32), String> {
        settings.check()?;
        let link = Link::connect(settings).await?;
        let dialect = Dialect::of(link.session()).await.map_err(|error| error.to_string())?;
        let holder = holder(clock);
        let schema = Schema { link: &link, settings, dialect, clock, holder: &holder, turn: SCHEMA };
        let applied = schema.migrate().await?;
        let version = schema.version().await?;
        Ok((applied, version))
    }

    /// The store answers.
    pub fn healthy(&self) -> bool {
        self.inner.link.health.up() && self.inner.link.connected()
    }

    /// Which server it is.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Requests that reads have cost so far. Fewer than there were reads: those of the same page share one.
    pub fn reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }
}

/// A name of this process for the turn to change the schema.
fn holder(clock: &Clock) -> String {
    format!("{}-{}-{:08x}", std::process::id(), clock.now_ms(), rand::random::<u32>())
}

impl Inner {
    async fn prepare(
        link: Link,
        settings: CqlSettings,
        dialect: Dialect,
        clock: Clock,
        holder: String,
    ) -> std::result::Result<Self, String> {
        let failed = |error: scylla::errors::PrepareError| format!("a statement cannot be prepared: {error}");
        let (of_link, keyspace) = (&link, settings.keyspace.as_str());
        let whole: Vec<Table> = Table::ALL.iter().copied().filter(|table| period::Family::of(*table).is_none()).collect();
        let tables: Vec<(usize, Arc<Statements>)> = futures_util::stream::iter(whole)
            .map(|table| async move {
                let statements = Statements::prepare(of_link, keyspace, table.name(), schema::shape(table), Lane::of(table)).await?;
                Ok((table as usize, Arc::new(statements)))
            })
            .buffer_unordered(PREPARED_AT_ONCE)
            .try_collect()
            .await
            .map_err(failed)?;
        let mut by_number = vec![None; Table::ALL.len()];
        for (number, statements) in tables {
            by_number[number] = Some(statements);
        }
        let periods = Periods::prepare(&link, keyspace).await.map_err(failed)?;
        let mut probe =
            link.prepare(format!("SELECT row FROM {keyspace}.facts WHERE partition = 0x00 LIMIT 1"), Lane::Urgent).await.map_err(failed)?;
        probe.set_request_timeout(Some(PROBE_TIMEOUT));
        Ok(Self {
            link,
            settings,
            dialect,
            stamps: Stamps::new(clock.clone()),
            clock,
            holder,
            tables: by_number,
            periods,
            shared: SharedReads::default(),
            probe,
            reads: AtomicU64::new(0),
        })
    }

    fn schema(&self) -> Schema<'_> {
        Schema { link: &self.link, settings: &self.settings, dialect: self.dialect, clock: &self.clock, holder: &self.holder, turn: SCHEMA }
    }

    /// The statements of a table that is not cut by period.
    fn table(&self, table: Table) -> Result<&Arc<Statements>> {
        self.tables[table as usize].as_ref().ok_or_else(|| Error::storage("this table is cut by period"))
    }

    /// Asks whether the store answers, until the task is ended.
    async fn watch(self: Arc<Self>) {
        let mut periods_at = Instant::now();
        loop {
            tokio::time::sleep(if self.link.health.up() { BETWEEN_PROBES } else { BETWEEN_PROBES_AWAY }).await;
            self.shared.sweep();
            match self.link.session().execute_unpaged(&self.probe, ()).await {
                Ok(_) => {
                    if self.link.health.back() {
                        self.periods.forget();
                    }
                }
                Err(error) => {
                    // Too few copies are no reason to refuse everybody: other rows may have enough of them.
                    self.link.health.failed(Failure::of(&error));
                    if matches!(error, ExecutionError::LastAttemptError(_)) {
                        tracing::debug!(%error, "the store was asked whether it is there");
                    }
                }
            }
            if periods_at.elapsed() >= BETWEEN_PERIODS && self.link.health.up() {
                periods_at = Instant::now();
                if let Err(error) = self.periods.make_due(&self.schema(), &self.clock).await {
                    tracing::warn!(%error, "the tables of the next period could not be made; it is tried again");
                }
            }
        }
    }
}

impl Store for CqlStore {
    fn shared(&self) -> bool {
        true
    }

    fn turn(&self, name: &'static str) -> Answer<'_, Option<Turn>> {
        Box::pin(async move {
            // Each turn has a holder of its own: the end of one cannot end the next.
            let holder = format!("{}-{}", self.inner.holder, TURNS.fetch_add(1, Ordering::Relaxed));
            let schema = Schema { turn: name, holder: &holder, ..self.inner.schema() };
            match tokio::time::timeout(TURN_WITHIN, schema.take_turn(|_| false)).await {
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return Err(Error::storage(why.to_string())),
                Err(_) => return Err(Error::busy(format!("another node has the turn to change what `{name}` stands for"))),
            }
            let inner = self.inner.clone();
            Ok(Some(Turn::ended_by(async move {
                let schema = Schema { turn: name, holder: &holder, ..inner.schema() };
                if let Err(why) = schema.end_turn().await {
                    tracing::warn!(%why, name, "a turn could not be ended; it ends by itself");
                }
            })))
        })
    }

    fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            let rows = self.inner.read(table, partition, Question::Get(row)).await?;
            Ok(match Arc::try_unwrap(rows) {
                Ok(mut rows) => rows.pop().map(|(_, value)| value),
                Err(rows) => rows.last().map(|(_, value)| value.clone()),
            })
        })
    }

    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
        Box::pin(async move {
            let rows = self.inner.read(table, partition, Question::Scan(range)).await?;
            Ok(Arc::unwrap_or_clone(rows))
        })
    }

    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
        Box::pin(self.inner.read_all(table))
    }

    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.write(&writes).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles only when all of it can be given to a task.
    #[expect(dead_code, reason = "only its types are checked")]
    fn calls_can_be_given_to_a_task(store: &CqlStore) {
        fn can<T: Send>(_: T) {}
        can(CqlStore::open(CqlSettings::default(), Clock::default()));
        can(CqlStore::migrate(&CqlSettings::default(), &Clock::default()));
        can(store.write_entries(&[]));
    }
}
