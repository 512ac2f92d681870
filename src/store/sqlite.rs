//! The engine of one machine: SQLite in WAL mode, one writer thread, group commit over everything that waits.
//!
//! Every write that waits when a commit begins goes into that commit: one `fsync` for many. Reads run on connections of
//! their own. The log of one machine ([`crate::log`]) hands its appends to the same writer, so that a record and its
//! rows are in one transaction.

use super::readers::Readers;
use super::tables::{Key, Table};
use super::{Answer, Range, Row, Store, Write};
use crate::error::{Error, Result};
use crate::metrics;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::collections::VecDeque;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Jobs that may wait for the writer. At 20,000 appends a second this is under a second; more means that the disk does
/// not keep up, and senders are told to come back.
const WAITING_JOBS_MAX: usize = 16_384;
/// Jobs in one commit: enough to share the `fsync`, few enough that the first one does not wait long for the last.
const COMMIT_JOBS_MAX: usize = 1_024;
/// Read connections; each has a page cache of its own.
const READERS: usize = 4;
/// The write-ahead log is copied into the database when it is larger than this.
const CHECKPOINT_BYTES: u64 = 16 << 20;
/// How often its size is looked at.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_millis(500);

/// Work for the writer thread, done inside its transaction.
pub trait Job: Send {
    /// Does the work. An error undoes the whole commit, and every job in it is told so.
    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()>;
    /// The commit is on disk, or it failed with this error.
    fn done(self: Box<Self>, outcome: std::result::Result<(), &Error>);
}

struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    something: Condvar,
    /// Told when the store closes, for the checkpoint thread.
    closing: Condvar,
    readers: Readers,
    file: PathBuf,
    after_commit: Mutex<Option<AfterCommit>>,
}

/// Called by the writer thread after each batch was told its outcome.
pub type AfterCommit = Box<dyn FnMut(bool) + Send>;

/// The store of one machine. Clones are the same store.
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<std::thread::JoinHandle<()>>>>,
}

impl SqliteStore {
    /// Opens or makes the database in this folder. `blocking`: call it outside the runtime's own threads.
    pub fn open(folder: &Path) -> std::result::Result<Self, String> {
        let file = folder.join("clarion.db");
        let open_error = |error: rusqlite::Error| format!("the database {} cannot be opened: {error}", file.display());
        leave_memory_uncounted();
        let writer = Connection::open(&file).map_err(open_error)?;
        prepare(&writer, true).map_err(open_error)?;
        for table in Table::ALL {
            writer
                .execute_batch(&format!(
                    "CREATE TABLE IF NOT EXISTS {} (partition BLOB NOT NULL, row BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (partition, row)) WITHOUT ROWID",
                    table.name()
                ))
                .map_err(open_error)?;
        }
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            readers.push(open_reader(&file).map_err(open_error)?);
        }
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting { jobs: VecDeque::new(), closed: false }),
            something: Condvar::new(),
            closing: Condvar::new(),
            readers: Readers::start(readers).map_err(|error| format!("the reading threads cannot be started: {error}"))?,
            file: file.clone(),
            after_commit: Mutex::new(None),
        });
        let writing = std::thread::Builder::new()
            .name("writer".into())
            .spawn({
                let shared = shared.clone();
                move || write_until_closed(&shared, &writer)
            })
            .map_err(|error| format!("the writer thread cannot be started: {error}"))?;
        let checkpoints = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn({
                let shared = shared.clone();
                move || checkpoint_while_open(&shared)
            })
            .map_err(|error| format!("the checkpoint thread cannot be started: {error}"))?;
        // In the order in which they are waited for: the writer's connection closes last, and takes the files away.
        Ok(Self { shared, threads: Arc::new(Mutex::new(vec![checkpoints, writing])) })
    }

    /// Gives the writer a job; `Err` hands it back when too much is waiting or the store is closed.
    pub fn submit(&self, job: Box<dyn Job>) -> std::result::Result<(), Box<dyn Job>> {
        let mut waiting = self.shared.waiting.lock();
        if waiting.closed || waiting.jobs.len() >= WAITING_JOBS_MAX {
            return Err(job);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.shared.something.notify_one();
        Ok(())
    }

    /// Sets what the writer thread calls after each commit; the log uses it to hand on what is committed.
    pub fn after_commit(&self, call: AfterCommit) {
        *self.shared.after_commit.lock() = Some(call);
    }

    /// Asks a read connection, off the runtime's threads.
    pub async fn read<T: Send + 'static>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> Result<T> {
        self.shared.readers.ask(query).await
    }

    /// Commits what waits, ends the writer, and leaves a database without a write-ahead log.
    pub fn close(&self) {
        self.shared.waiting.lock().closed = true;
        self.shared.something.notify_all();
        self.shared.closing.notify_all();
        self.shared.readers.close();
        for thread in self.threads.lock().drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!(name, "a thread of the database had panicked");
            }
        }
        *self.shared.after_commit.lock() = None;
    }
}

/// SQLite counts the memory that it uses, for nobody here, under a lock that all its threads share. It can be told not to before it
/// is first used; later it refuses, which does no harm.
fn leave_memory_uncounted() {
    // SAFETY: the option takes an int, and the call changes nothing else. SQLite itself refuses it once it is in use.
    unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0) };
}

fn prepare(connection: &Connection, writer: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    if writer {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // FULL: the write-ahead log is synced at each commit; an acknowledged record survives a loss of power.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // The checkpoint thread copies the write-ahead log, so that no commit waits for it.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection, false)?;
    Ok(connection)
}

fn write_until_closed(shared: &Shared, connection: &Connection) {
    let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(COMMIT_JOBS_MAX);
    loop {
        {
            let mut waiting = shared.waiting.lock();
            while waiting.jobs.is_empty() && !waiting.closed {
                shared.something.wait(&mut waiting);
            }
            if waiting.jobs.is_empty() {
                break;
            }
            let count = waiting.jobs.len().min(COMMIT_JOBS_MAX);
            batch.extend(waiting.jobs.drain(..count));
        }
        let started = Instant::now();
        let outcome = commit(connection, &mut batch);
        metrics::COMMIT_SECONDS.observe(started.elapsed().as_secs_f64());
        metrics::COMMIT_JOBS.observe(batch.len() as f64);
        let error = outcome.as_ref().err().map(|error| {
            metrics::COMMIT_FAILURES.inc();
            tracing::error!(%error, jobs = batch.len(), "a commit failed and was undone");
            Error::storage(format!("the database could not be written ({error})"))
        });
        for job in batch.drain(..) {
            job.done(error.as_ref().map_or(Ok(()), Err));
        }
        if let Some(call) = shared.after_commit.lock().as_mut() {
            call(error.is_none());
        }
        if error.is_some() {
            // A full disk does not get better within a microsecond.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the last checkpoint failed; it is done at the next start");
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written =
        batch.iter_mut().try_for_each(|job| job.run(connection)).and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    if written.is_err()
        && !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a failed commit could not be undone");
    }
    written
}

fn checkpoint_while_open(shared: &Shared) {
    let wal = shared.file.with_extension("db-wal");
    let Ok(connection) = Connection::open(&shared.file) else { return };
    if connection.busy_timeout(Duration::from_secs(5)).is_err() {
        return;
    }
    loop {
        {
            let mut waiting = shared.waiting.lock();
            if !waiting.closed {
                shared.closing.wait_for(&mut waiting, BETWEEN_CHECKPOINTS);
            }
            if waiting.closed {
                return;
            }
        }
        let size = std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
        metrics::WAL_BYTES.set(size as i64);
        if size > CHECKPOINT_BYTES
            && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "a checkpoint failed; it is tried again");
        }
    }
}

/// Makes the changes of a store's write inside a transaction.
pub fn apply(transaction: &Connection, writes: &[Write]) -> rusqlite::Result<()> {
    for write in writes {
        match write {
            Write::Put(table, partition, row, value) => {
                transaction.prepare_cached(table.put_sql())?.execute((partition.as_slice(), row.as_slice(), value.as_slice()))?;
            }
            Write::Delete(table, partition, row) => {
                transaction
                    .prepare_cached(&format!("DELETE FROM {} WHERE partition = ? AND row = ?", table.name()))?
                    .execute((partition.as_slice(), row.as_slice()))?;
            }
        }
    }
    Ok(())
}

/// One row, inside a transaction or on a read connection.
pub fn get(connection: &Connection, table: Table, partition: &[u8], row: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(&format!("SELECT value FROM {} WHERE partition = ? AND row = ?", table.name()))?
        .query_row((partition, row), |found| found.get(0))
        .optional()
}

struct WriteJob {
    writes: Vec<Write>,
    done: Option<tokio::sync::oneshot::Sender<Result<()>>>,
}

impl Job for WriteJob {
    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        apply(transaction, &self.writes)
    }

    fn done(mut self: Box<Self>, outcome: std::result::Result<(), &Error>) {
        if let Some(done) = self.done.take() {
            // The one who asked may have gone; the write stands all the same.
            let _ = done.send(outcome.map_err(Clone::clone));
        }
    }
}

impl Store for SqliteStore {
    fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>> {
        Box::pin(self.read(move |connection| get(connection, table, &partition, &row)))
    }

    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
        Box::pin(self.read(move |connection| {
            let mut sql = format!("SELECT row, value FROM {} WHERE partition = ?1", table.name());
            let from = bound(&range.from, &mut sql, "> ?2", ">= ?2");
            let to = bound(&range.to, &mut sql, "< ?3", "<= ?3");
            sql.push_str(if range.backward { " ORDER BY row DESC LIMIT ?4" } else { " ORDER BY row LIMIT ?4" });
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((partition.as_slice(), from, to, range.limit as i64), |row| {
                Ok((Key::from_slice(row.get_ref(0)?.as_blob()?), row.get(1)?))
            })?;
            rows.collect()
        }))
    }

    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
        Box::pin(self.read(move |connection| {
            let mut statement =
                connection.prepare(&format!("SELECT partition, row, value FROM {} ORDER BY partition, row", table.name()))?;
            let rows = statement.query_map([], |row| {
                Ok((Key::from_slice(row.get_ref(0)?.as_blob()?), Key::from_slice(row.get_ref(1)?.as_blob()?), row.get(2)?))
            })?;
            rows.collect()
        }))
    }

    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        Box::pin(async move {
            let (done, outcome) = tokio::sync::oneshot::channel();
            if self.submit(Box::new(WriteJob { writes, done: Some(done) })).is_err() {
                return Err(Error::busy("more writes are waiting than the disk can take"));
            }
            outcome.await.map_err(|_| Error::storage("the writer has ended"))?
        })
    }
}

/// Adds a bound to the statement. An unbounded side leaves its parameter unused but numbered, so it is bound to null.
fn bound(bound: &Bound<Key>, sql: &mut String, excluded: &str, included: &str) -> Option<Vec<u8>> {
    let (condition, key) = match bound {
        Bound::Unbounded => return None,
        Bound::Excluded(key) => (excluded, key),
        Bound::Included(key) => (included, key),
    };
    sql.push_str(" AND row ");
    sql.push_str(condition);
    Some(key.to_vec())
}
