//! The database follows the journal: one transaction for everything that was committed within half a second.
//!
//! So a page of the database is written once for many commits, and nobody waits for it. The thread sleeps while there is
//! nothing to take.

use super::Shared;
use super::layer::Generation;
use super::view;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::Write;
use crate::store::tables::{self, Table};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the database lets commits come together.
const BETWEEN_STORINGS: Duration = Duration::from_millis(500);
/// It begins at once when as much waits.
const STORED_AT_ONCE: usize = 8 << 20;
/// Commits wait when as much waits: the database does not keep up.
const WAITING_MAX: usize = 64 << 20;
/// Pause after the database could not take something: a full disk does not get better at once.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The write-ahead log is copied into the database when it is larger than this.
const CHECKPOINT_BYTES: u64 = 16 << 20;

/// Name of the fact that holds the number of the last commit that the database has.
pub(super) const APPLIED: &str = "journal_applied";

type Chore = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Default)]
struct State {
    /// Something was committed since the last turn.
    something: bool,
    /// Do not wait for more to come together.
    at_once: bool,
    chores: Vec<Chore>,
    /// No more commits come.
    ended: bool,
    /// Why the last try failed.
    failure: Option<Error>,
}

/// What the writer and the database tell each other.
#[derive(Default)]
pub(super) struct Storing {
    state: Mutex<State>,
    /// For the database: there is something to do.
    wanted: Condvar,
    /// For the writer: the database has taken something, or could not.
    tried: Condvar,
}

impl Storing {
    /// Something was committed, and now this much waits.
    pub fn committed(&self, waiting_bytes: usize) {
        let mut state = self.state.lock();
        let at_once = waiting_bytes > STORED_AT_ONCE;
        if !state.something || at_once && !state.at_once {
            state.something = true;
            state.at_once |= at_once;
            self.wanted.notify_one();
        }
    }

    /// Waits until more may wait.
    ///
    /// # Errors
    /// The database could not take what waits.
    pub fn wait_while_full(&self, waiting_bytes: impl Fn() -> usize) -> Result<()> {
        if waiting_bytes() <= WAITING_MAX {
            return Ok(());
        }
        let mut state = self.state.lock();
        while waiting_bytes() > WAITING_MAX {
            if let Some(error) = &state.failure {
                return Err(error.clone());
            }
            state.at_once = true;
            self.wanted.notify_one();
            self.tried.wait_for(&mut state, BETWEEN_STORINGS);
        }
        Ok(())
    }

    /// Gives the database something to do between two storings.
    pub fn chore(&self, chore: Chore) -> Result<()> {
        let mut state = self.state.lock();
        if state.ended {
            return Err(Error::storage("the database is closed"));
        }
        state.chores.push(chore);
        self.wanted.notify_one();
        Ok(())
    }

    /// No more commits come: what waits is taken, and the thread ends.
    pub fn end(&self) {
        self.state.lock().ended = true;
        self.wanted.notify_one();
    }

    /// Waits until there is something to do; true when it is the last time.
    fn next(&self) -> (bool, Vec<Chore>) {
        let mut state = self.state.lock();
        while !(state.something || state.ended || !state.chores.is_empty()) {
            self.wanted.wait(&mut state);
        }
        let until = Instant::now() + BETWEEN_STORINGS;
        while state.something && !state.at_once && !state.ended && state.chores.is_empty() {
            if self.wanted.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        (state.something, state.at_once) = (false, false);
        (state.ended, std::mem::take(&mut state.chores))
    }

    /// Notes what became of a try, and waits a moment after a failure. True: nobody tries again.
    fn tried(&self, failure: Option<Error>) -> bool {
        let mut state = self.state.lock();
        let failed = failure.is_some();
        state.failure = failure;
        self.tried.notify_all();
        if failed && !state.ended {
            self.wanted.wait_for(&mut state, AFTER_FAILURE);
        }
        failed && state.ended
    }
}

/// Takes what is committed until no more comes; leaves a database without journal and write-ahead log.
pub(super) fn store_until_ended(shared: &Shared, mut connection: Connection, folder: &Path) {
    loop {
        let (ended, chores) = shared.storing.next();
        let (generation, last) = {
            // No commit is between its file and the layer then.
            let mut journal = shared.journal.lock();
            (shared.layer.turn(), journal.turn())
        };
        if !generation.is_empty() && !store_in_the_end(shared, &mut connection, &generation, last) {
            tracing::error!("the database could not take what the journal has; it is taken at the next start");
            return;
        }
        chores.into_iter().for_each(|chore| chore(&mut connection));
        checkpoint_when_large(&connection, &shared.file);
        if ended {
            break;
        }
    }
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the last checkpoint failed; it is done at the next start");
    }
    if let Err(error) = super::journal::Journal::remove(folder) {
        tracing::warn!(%error, "the journal could not be removed; the database has everything that is in it");
    }
}

/// Tries until the database has the generation. False: it could not, and the end has come.
fn store_in_the_end(shared: &Shared, connection: &mut Connection, generation: &Arc<Generation>, last: u64) -> bool {
    loop {
        let started = Instant::now();
        let error = match take(connection, generation, last) {
            Ok(()) => {
                metrics::STORING_SECONDS.observe(started.elapsed().as_secs_f64());
                shared.layer.let_go();
                None
            }
            Err(error) => {
                metrics::STORING_FAILURES.inc();
                tracing::error!(%error, "the database could not take what was committed; it is tried again");
                Some(Error::storage(format!("the database could not be written ({error})")))
            }
        };
        let stored = error.is_none();
        if shared.storing.tried(error) || stored {
            return stored;
        }
    }
}

/// Takes a generation, up to this commit, in one transaction.
pub(super) fn take(connection: &mut Connection, generation: &Generation, last: u64) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut log = transaction.prepare_cached("INSERT INTO log (offset, chat, seq, body, dedupe) VALUES (?, ?, ?, ?, ?)")?;
        for entry in &generation.entries {
            log.execute((entry.offset as i64, entry.chat as i64, entry.seq as i64, entry.body(), entry.dedupe_key().as_deref()))?;
        }
        for (table, rows) in generation.tables() {
            let (mut put, mut delete) = (transaction.prepare_cached(&put_sql(table))?, transaction.prepare_cached(&delete_sql(table))?);
            for ((partition, row), value) in rows {
                match value {
                    Some(value) => put.execute((partition.as_slice(), row.as_slice(), &value[..]))?,
                    None => delete.execute((partition.as_slice(), row.as_slice()))?,
                };
            }
        }
        put_fact(&transaction, APPLIED, last)?;
    }
    transaction.commit()
}

fn put_sql(table: Table) -> String {
    format!(
        "INSERT INTO {} (partition, row, value) VALUES (?, ?, ?) ON CONFLICT (partition, row) DO UPDATE SET value = excluded.value",
        table.name()
    )
}

fn delete_sql(table: Table) -> String {
    format!("DELETE FROM {} WHERE partition = ? AND row = ?", table.name())
}

/// Makes changes in the database itself, past the journal: for a command beside a server, and for chores.
pub fn apply(transaction: &Connection, writes: &[Write]) -> rusqlite::Result<()> {
    for write in writes {
        match write {
            Write::Put(table, partition, row, value) => {
                transaction.prepare_cached(&put_sql(*table))?.execute((partition.as_slice(), row.as_slice(), value.as_slice()))?
            }
            Write::Delete(table, partition, row) => {
                transaction.prepare_cached(&delete_sql(*table))?.execute((partition.as_slice(), row.as_slice()))?
            }
        };
    }
    Ok(())
}

/// Sets a number among the facts.
pub(super) fn put_fact(connection: &Connection, name: &str, number: u64) -> rusqlite::Result<()> {
    apply(connection, &[Write::Put(Table::Facts, tables::none(), tables::text_key(name), number.to_be_bytes().to_vec())])
}

/// Reads a number among the facts.
pub(super) fn fact(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let kept = view::get(connection, Table::Facts, &[], name.as_bytes())?;
    Ok(kept.and_then(|bytes| tables::read_u64(&bytes, 0)))
}

fn checkpoint_when_large(connection: &Connection, file: &Path) {
    let wal = file.with_extension("db-wal");
    let size = std::fs::metadata(wal).map_or(0, |metadata| metadata.len());
    metrics::WAL_BYTES.set(size as i64);
    if size > CHECKPOINT_BYTES
        && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, "a checkpoint failed; it is tried again");
    }
}
