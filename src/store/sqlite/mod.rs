//! The engine of one machine: a journal that commits, and an SQLite database that follows it.
//!
//! Every write that waits when a commit begins goes into that commit: one `fdatasync` of the [`journal`] for many. What is
//! committed lies over the database ([`layer`]) until the database has taken it ([`storing`]). Reads run on threads of
//! their own ([`readers`]). The log of one machine ([`crate::log`]) hands its appends to the same writer, so that a
//! record and its rows are one commit.

mod change;
mod journal;
mod layer;
mod readers;
mod storing;
mod view;

pub use change::{Change, LogEntry};
pub use storing::apply;
pub use view::{View, get};

use self::journal::Journal;
use self::layer::{Generation, Layer};
use self::readers::Readers;
use self::storing::Storing;
use super::tables::{Key, Table};
use super::{Answer, Range, Row, Store, Write};
use crate::error::{Error, Result};
use crate::metrics;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Jobs that may wait for the writer. At 20,000 appends a second this is under a second; more means that the disk does
/// not keep up, and senders are told to come back.
const WAITING_JOBS_MAX: usize = 16_384;
/// Jobs in one commit: enough to share the sync, few enough that the first one does not wait long for the last.
const COMMIT_JOBS_MAX: usize = 1_024;
/// Bytes of a row, far above what anybody writes: what the journal has taken, the database must be able to take.
const ROW_BYTES_MAX: usize = 64 << 20;
/// Read connections; each has a page cache of its own.
const READERS: usize = 4;
/// Pause of the writer after a commit that failed: a full disk does not get better within a microsecond.
const AFTER_FAILURE: Duration = Duration::from_millis(20);
/// Name of the fact that holds the number by which a journal knows its database.
const JOURNAL_ID: &str = "journal_id";

/// Work for the writer thread: part of the commit that is being made.
pub trait Job: Send {
    /// Adds what it changes. It sees what was committed before, and not what other jobs of the same commit add. An error fails
    /// the whole commit, and every job in it is told so.
    fn run(&mut self, view: &View<'_>, changes: &mut Vec<Change>) -> rusqlite::Result<()>;
    /// The commit is on disk, or it failed with this error.
    fn done(self: Box<Self>, outcome: std::result::Result<(), &Error>);
}

struct Waiting {
    ahead: VecDeque<Box<dyn Job>>,
    behind: VecDeque<Box<dyn Job>>,
    closed: bool,
}

impl Waiting {
    fn len(&self) -> usize {
        self.ahead.len() + self.behind.len()
    }

    /// Takes what the next commit holds.
    fn take(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let ahead = self.ahead.len().min(COMMIT_JOBS_MAX);
        let behind = self.behind.len().min(COMMIT_JOBS_MAX - ahead);
        batch.extend(self.ahead.drain(..ahead));
        batch.extend(self.behind.drain(..behind));
    }
}

struct Shared {
    waiting: Mutex<Waiting>,
    something: Condvar,
    /// Held while a commit goes into its file and from there into the layer.
    journal: Mutex<Journal>,
    layer: Layer,
    storing: Storing,
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
    /// In the order in which they end.
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl SqliteStore {
    /// Opens or makes the database in this folder, and takes in what a crash has left in its journal. `blocking`: call it
    /// outside the runtime's own threads.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn open(folder: &Path) -> std::result::Result<Self, String> {
        let file = folder.join("clarion.db");
        let open_error = |error: rusqlite::Error| format!("the database {} cannot be opened: {error}", file.display());
        leave_memory_uncounted();
        let (connection, journal) = open_database(folder, &file)?;
        let mut readers = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            readers.push(open_reader(&file).map_err(open_error)?);
        }
        let writer = open_reader(&file).map_err(open_error)?;
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting { ahead: VecDeque::new(), behind: VecDeque::new(), closed: false }),
            something: Condvar::new(),
            journal: Mutex::new(journal),
            layer: Layer::default(),
            storing: Storing::default(),
            readers: Readers::start(readers).map_err(|error| format!("the reading threads cannot be started: {error}"))?,
            file,
            after_commit: Mutex::new(None),
        });
        let start = |name: &str, work: Box<dyn FnOnce(&Shared) + Send>| {
            let shared = shared.clone();
            let started = std::thread::Builder::new().name(name.into()).spawn(move || work(&shared));
            started.map_err(|error| format!("the thread `{name}` cannot be started: {error}"))
        };
        let folder = folder.to_owned();
        let writing = start("writer", Box::new(move |shared| write_until_closed(shared, &writer)))?;
        // Its connection closes last, and takes the write-ahead log away.
        let storing = start("database", Box::new(move |shared| storing::store_until_ended(shared, connection, &folder)))?;
        Ok(Self { shared, threads: Arc::new(Mutex::new(vec![writing, storing])) })
    }

    /// Is there a journal in this folder, so that the database may not have everything?
    pub fn has_journal(folder: &Path) -> bool {
        Journal::is_in(folder)
    }

    /// Gives the writer a job; `Err` hands it back when too much is waiting or the store is closed.
    pub fn submit(&self, job: Box<dyn Job>) -> std::result::Result<(), Box<dyn Job>> {
        self.enqueue(job, |waiting| &mut waiting.behind)
    }

    /// The same; the job is in the next commit, whatever else waits for one.
    pub fn submit_ahead(&self, job: Box<dyn Job>) -> std::result::Result<(), Box<dyn Job>> {
        self.enqueue(job, |waiting| &mut waiting.ahead)
    }

    fn enqueue(
        &self,
        job: Box<dyn Job>,
        queue: impl Fn(&mut Waiting) -> &mut VecDeque<Box<dyn Job>>,
    ) -> std::result::Result<(), Box<dyn Job>> {
        let mut waiting = self.shared.waiting.lock();
        if waiting.closed || waiting.len() >= WAITING_JOBS_MAX {
            return Err(job);
        }
        queue(&mut waiting).push_back(job);
        drop(waiting);
        self.shared.something.notify_one();
        Ok(())
    }

    /// Sets what the writer thread calls after each commit; the log uses it to hand on what is committed.
    pub fn after_commit(&self, call: AfterCommit) {
        *self.shared.after_commit.lock() = Some(call);
    }

    /// Asks off the runtime's threads.
    pub async fn read<T: Send + 'static>(&self, query: impl FnOnce(&View<'_>) -> rusqlite::Result<T> + Send + 'static) -> Result<T> {
        let shared = self.shared.clone();
        self.shared.readers.ask(move |connection| query(&View { layer: &shared.layer, connection })).await
    }

    /// Does something in the database itself, in a transaction of its own, after everything that was committed until now. For
    /// what is looked after in the background.
    ///
    /// # Errors
    /// `StorageUnavailable`; then nothing was done.
    pub async fn chore<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> Result<T> {
        let (done, outcome) = tokio::sync::oneshot::channel();
        self.shared.storing.chore(Box::new(move |connection| {
            let worked = connection.transaction().and_then(|transaction| {
                let result = work(&transaction)?;
                transaction.commit().map(|()| result)
            });
            // Nobody waits when the server ends; what was done stands all the same.
            let _ = done.send(worked);
        }))?;
        let outcome = outcome.await.map_err(|_| Error::storage("the database thread has ended"))?;
        outcome.map_err(|error| Error::storage(format!("the database could not be written ({error})")))
    }

    /// Commits what waits, and leaves a database that has everything, without a journal.
    pub fn close(&self) {
        self.shared.waiting.lock().closed = true;
        self.shared.something.notify_all();
        self.shared.readers.close();
        for thread in self.threads.lock().drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!(name, "a thread of the database had panicked");
            }
            // The writer was the first.
            self.shared.storing.end();
        }
        *self.shared.after_commit.lock() = None;
    }
}

/// The database, with everything in it that its journal had, and a journal to go on with.
fn open_database(folder: &Path, file: &Path) -> std::result::Result<(Connection, Journal), String> {
    let open_error = |error: rusqlite::Error| format!("the database {} cannot be opened: {error}", file.display());
    let mut connection = Connection::open(file).map_err(open_error)?;
    let prepared = prepare(&connection, true).and_then(|()| make_tables(&connection));
    prepared.map_err(open_error)?;
    let known = storing::fact(&connection, JOURNAL_ID).and_then(|id| Ok((id, storing::fact(&connection, storing::APPLIED)?)));
    let (id, applied) = known.map_err(open_error)?;
    let id = match id {
        Some(id) => id,
        None => {
            let id = rand::random();
            storing::put_fact(&connection, JOURNAL_ID, id).map_err(open_error)?;
            id
        }
    };
    let left = Journal::left(folder, id, applied.unwrap_or(0))?;
    if !left.changes.is_empty() {
        tracing::info!(changes = left.changes.len(), "the database takes what the journal still had");
        let mut generation = Generation::default();
        generation.lay(left.changes);
        storing::take(&mut connection, &generation, left.last).map_err(open_error)?;
    }
    let journal =
        Journal::open(folder, id, left.last).map_err(|error| format!("the journal in {} cannot be opened: {error}", folder.display()))?;
    Ok((connection, journal))
}

fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    for table in Table::ALL {
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {} (partition BLOB NOT NULL, row BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (partition, row)) WITHOUT ROWID",
            table.name()
        ))?;
    }
    // `dedupe`: partition and row of the dedupe row that goes with the record.
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS log (offset INTEGER PRIMARY KEY, chat INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, dedupe BLOB)",
    )
}

/// SQLite counts the memory that it uses, for nobody here, under a lock that all its threads share. It can be told not to before it
/// is first used; later it refuses, which does no harm.
fn leave_memory_uncounted() {
    // SAFETY: the option takes an int, and the call changes nothing else. SQLite itself refuses it once it is in use.
    unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0) };
}

fn prepare(connection: &Connection, writes: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(128);
    if writes {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // FULL: what the database has taken is on disk when the journal's file is written over.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // The write-ahead log is copied between two storings.
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
    let view = View { layer: &shared.layer, connection };
    let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(COMMIT_JOBS_MAX);
    loop {
        {
            let mut waiting = shared.waiting.lock();
            while waiting.len() == 0 && !waiting.closed {
                shared.something.wait(&mut waiting);
            }
            if waiting.len() == 0 {
                return;
            }
            waiting.take(&mut batch);
        }
        let started = Instant::now();
        let outcome = commit(shared, &view, &mut batch);
        metrics::COMMIT_SECONDS.observe(started.elapsed().as_secs_f64());
        metrics::COMMIT_JOBS.observe(batch.len() as f64);
        let error = outcome.err();
        if let Some(error) = &error {
            metrics::COMMIT_FAILURES.inc();
            tracing::error!(%error, jobs = batch.len(), "a commit failed and was undone");
        }
        for job in batch.drain(..) {
            job.done(error.as_ref().map_or(Ok(()), Err));
        }
        if let Some(call) = shared.after_commit.lock().as_mut() {
            call(error.is_none());
        }
        if error.is_some() {
            std::thread::sleep(AFTER_FAILURE);
        }
    }
}

fn commit(shared: &Shared, view: &View<'_>, batch: &mut [Box<dyn Job>]) -> Result<()> {
    shared.storing.wait_while_full(|| shared.layer.young_bytes())?;
    let mut changes = Vec::new();
    let run = batch.iter_mut().try_for_each(|job| job.run(view, &mut changes));
    run.map_err(|error| Error::storage(format!("the database could not be read ({error})")))?;
    if changes.is_empty() {
        return Ok(());
    }
    let waiting_bytes = {
        let mut journal = shared.journal.lock();
        journal.append(&changes).map_err(|error| Error::storage(format!("the journal could not be written ({error})")))?;
        shared.layer.lay(changes)
    };
    shared.storing.committed(waiting_bytes);
    Ok(())
}

struct WriteJob {
    writes: Vec<Write>,
    done: Option<tokio::sync::oneshot::Sender<Result<()>>>,
}

impl Job for WriteJob {
    fn run(&mut self, _: &View<'_>, changes: &mut Vec<Change>) -> rusqlite::Result<()> {
        changes.extend(std::mem::take(&mut self.writes).into_iter().map(Change::from));
        Ok(())
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
        if let Some(value) = self.shared.layer.get(table, &partition, &row) {
            return Box::pin(std::future::ready(Ok(value.map(|value| value.to_vec()))));
        }
        metrics::STORE_READS.with_label_values(&[table.name()]).inc();
        Box::pin(self.read(move |view| view.get(table, &partition, &row)))
    }

    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
        metrics::STORE_READS.with_label_values(&[table.name()]).inc();
        Box::pin(self.read(move |view| view.scan(table, &partition, &range)))
    }

    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
        Box::pin(self.read(move |view| view.all(table)))
    }

    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        Box::pin(async move {
            let bytes = |write: &Write| if let Write::Put(.., value) = write { value.len() } else { 0 };
            if writes.iter().any(|write| bytes(write) > ROW_BYTES_MAX) {
                return Err(Error::storage(format!("a row of more than {ROW_BYTES_MAX} bytes cannot be kept")));
            }
            let (done, outcome) = tokio::sync::oneshot::channel();
            if self.submit(Box::new(WriteJob { writes, done: Some(done) })).is_err() {
                return Err(Error::busy("more writes are waiting than the disk can take"));
            }
            outcome.await.map_err(|_| Error::storage("the writer has ended"))?
        })
    }
}

#[cfg(test)]
mod tests;
