//! The log of one machine: the record and its rows in one transaction of [`SqliteStore`]'s writer.

use super::trim::{STEP, Trim};
use super::{Answer, Append, Appended, Audience, Committed, DedupeKey, Entry, Log, Position, Refused};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::SqliteStore;
use crate::store::tables::{self, Table};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Committed batches that may wait for the followers. When they do not keep up, commits wait: nothing piles up.
const FOLLOW_BATCHES: usize = 64;
/// Chats whose last seq the writer remembers; of others it is read.
const TAILS_MAX: usize = 200_000;

/// Pause between two steps of trimming while there is more: at 250 records a step, 2,500 records a second.
const BETWEEN_STEPS: Duration = Duration::from_millis(100);
/// Pause when everything old is gone.
const BETWEEN_TRIMS: Duration = Duration::from_secs(10);

/// Where the writer believes a chat ends.
#[derive(Clone, Copy)]
struct Tail {
    seq: u64,
    /// Appends of an older load of the head are refused.
    epoch: u64,
}

/// What only the writer thread changes.
struct Writing {
    tails: HashMap<u64, Tail>,
    next_offset: u64,
    /// Appended in the commit that is being made.
    fresh: Vec<Committed>,
}

/// The log of one machine.
pub struct SqliteLog {
    store: SqliteStore,
    writing: Arc<Mutex<Writing>>,
    head: Arc<AtomicU64>,
    committed: Mutex<Option<mpsc::Receiver<Vec<Committed>>>>,
}

impl SqliteLog {
    /// Opens the log in the store's database.
    pub async fn open(store: SqliteStore) -> Result<Self> {
        struct MakeTable(Option<tokio::sync::oneshot::Sender<Result<()>>>);
        impl crate::store::Job for MakeTable {
            fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
                // `dedupe`: partition and row of the dedupe row that goes with the record.
                transaction.execute_batch(
                    "CREATE TABLE IF NOT EXISTS log (offset INTEGER PRIMARY KEY, chat INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, dedupe BLOB)",
                )
            }
            fn done(mut self: Box<Self>, outcome: std::result::Result<(), &Error>) {
                if let Some(done) = self.0.take() {
                    let _ = done.send(outcome.map_err(Clone::clone));
                }
            }
        }
        let (done, made) = tokio::sync::oneshot::channel();
        if store.submit(Box::new(MakeTable(Some(done)))).is_err() {
            return Err(Error::storage("the database is closed"));
        }
        made.await.map_err(|_| Error::storage("the writer has ended"))??;
        let last = store
            .read(|connection| connection.query_row("SELECT coalesce(max(offset), 0) FROM log", [], |row| row.get::<_, i64>(0)))
            .await? as u64;

        let (followers, committed) = mpsc::channel(FOLLOW_BATCHES);
        let writing = Arc::new(Mutex::new(Writing { tails: HashMap::new(), next_offset: last + 1, fresh: Vec::new() }));
        let head = Arc::new(AtomicU64::new(last));
        store.after_commit(Box::new({
            let (writing, head) = (writing.clone(), head.clone());
            move |committed| {
                let mut writing = writing.lock();
                let fresh = std::mem::take(&mut writing.fresh);
                if !committed {
                    // What the commit would have appended is undone; the tails are read anew.
                    writing.tails.values_mut().for_each(|tail| tail.seq = UNKNOWN);
                    writing.next_offset = head.load(Ordering::Acquire) + 1;
                    return;
                }
                let Some(last) = fresh.last() else { return };
                metrics::APPENDS.inc_by(fresh.len() as u64);
                head.store(last.offset, Ordering::Release);
                drop(writing);
                if followers.blocking_send(fresh).is_err() {
                    tracing::debug!("nobody follows the log any more");
                }
            }
        }));
        Ok(Self { store, writing, head, committed: Mutex::new(Some(committed)) })
    }

    /// Takes away what is older than `keep`, a little at a time, now and then. It never ends by itself.
    pub async fn keep_trimmed(self: Arc<Self>, clock: Clock, keep: Duration) {
        loop {
            let before_ms = clock.now_ms().saturating_sub(keep.as_millis() as u64);
            let pause = match self.trim(before_ms).await {
                Ok(STEP) => BETWEEN_STEPS,
                Ok(_) => BETWEEN_TRIMS,
                Err(error) => {
                    tracing::warn!(%error, "the log could not be trimmed; it is tried again");
                    BETWEEN_TRIMS
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One step of trimming; how many records it took away.
    async fn trim(&self, before_ms: u64) -> Result<usize> {
        let (done, trimmed) = tokio::sync::oneshot::channel();
        self.store.submit(Box::new(Trim::new(before_ms, done))).map_err(|_| Error::busy("the disk has more to write than it can"))?;
        let count = trimmed.await.map_err(|_| Error::storage("the writer has ended"))??;
        metrics::LOG_TRIMMED.inc_by(count as u64);
        Ok(count)
    }
}

/// A tail whose seq must be read before it is compared.
const UNKNOWN: u64 = u64::MAX;

struct AppendJob {
    append: Append,
    body: Vec<u8>,
    outcome: std::result::Result<Appended, Refused>,
    writing: Arc<Mutex<Writing>>,
}

impl crate::store::Job for AppendJob {
    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        let record = &self.append.record;
        let mut writing = self.writing.lock();
        if let Some(key) = &self.append.dedupe
            && let Some((chat, seq)) = earlier(transaction, key)?
        {
            metrics::DUPLICATES.inc();
            self.outcome = Ok(Appended::Duplicate { chat, seq });
            // What the same head has put behind this one cannot stand: its places are off by one.
            let tail = writing.tails.entry(record.chat).or_insert(Tail { seq: UNKNOWN, epoch: 0 });
            tail.epoch = tail.epoch.max(self.append.epoch + 1);
            return Ok(());
        }
        if writing.tails.len() > TAILS_MAX {
            writing.tails.retain(|_, tail| tail.epoch > 0);
            if writing.tails.len() > TAILS_MAX / 2 {
                writing.tails.clear();
            }
        }
        let known = writing.tails.get(&record.chat).copied().unwrap_or(Tail { seq: UNKNOWN, epoch: 0 });
        let last = if known.seq == UNKNOWN { last_seq(transaction, record.chat)? } else { known.seq };
        if self.append.epoch < known.epoch || record.seq != last + 1 {
            metrics::CONFLICTS.inc();
            self.outcome = Err(Refused::Conflict);
            writing.tails.insert(record.chat, Tail { seq: last, epoch: known.epoch.max(self.append.epoch + 1) });
            return Ok(());
        }
        let offset = writing.next_offset;
        transaction.prepare_cached("INSERT INTO log (offset, chat, seq, body, dedupe) VALUES (?, ?, ?, ?, ?)")?.execute((
            offset as i64,
            record.chat as i64,
            record.seq as i64,
            self.body.as_slice(),
            self.append.dedupe.map(|key| tables::KeyMaker::default().u32(key.sender).bytes(&key.hash).done().to_vec()),
        ))?;
        let mut value = Vec::with_capacity(8 + self.body.len());
        value.extend_from_slice(&offset.to_be_bytes());
        value.extend_from_slice(&self.body);
        put(transaction, Table::Messages, &tables::bucket_key(record.chat, record.seq), &tables::u64_key(record.seq), &value)?;
        if let Some(target) = record.target() {
            let row = tables::KeyMaker::default().u64(target).u64(record.seq).done();
            put(transaction, Table::Changes, &tables::bucket_key(record.chat, target), &row, &value)?;
        }
        if let Some(key) = &self.append.dedupe {
            let made = tables::KeyMaker::default().u64(record.chat).u64(record.seq).done();
            put(transaction, Table::Dedupe, &tables::u32_key(key.sender), &key.hash, &made)?;
        }
        crate::store::apply(transaction, &self.append.writes)?;
        writing.tails.insert(record.chat, Tail { seq: record.seq, epoch: known.epoch });
        writing.next_offset = offset + 1;
        let Audience { members, moved } = std::mem::take(&mut self.append.audience);
        writing.fresh.push(Committed {
            group: 0,
            offset,
            record: record.clone(),
            members: Some(members),
            moved,
            own: true,
            rows: Vec::new(),
        });
        self.outcome = Ok(Appended::New);
        Ok(())
    }

    fn done(self: Box<Self>, committed: std::result::Result<(), &Error>) {
        let outcome = match committed {
            Ok(()) => self.outcome,
            Err(error) => {
                // Everything that this head has assigned is gone with the commit.
                let mut writing = self.writing.lock();
                let tail = writing.tails.entry(self.append.record.chat).or_insert(Tail { seq: UNKNOWN, epoch: 0 });
                tail.seq = UNKNOWN;
                tail.epoch = tail.epoch.max(self.append.epoch + 1);
                Err(Refused::Unavailable(error.clone()))
            }
        };
        // The sender may have gone; the record stands all the same.
        let _ = self.append.done.send(outcome);
    }
}

fn put(transaction: &Connection, table: Table, partition: &[u8], row: &[u8], value: &[u8]) -> rusqlite::Result<()> {
    transaction.prepare_cached(table.put_sql())?.execute((partition, row, value)).map(drop)
}

fn earlier(transaction: &Connection, key: &DedupeKey) -> rusqlite::Result<Option<(u64, u64)>> {
    let made = crate::store::get(transaction, Table::Dedupe, &tables::u32_key(key.sender), &key.hash)?;
    Ok(made.and_then(|made| Some((tables::read_u64(&made, 0)?, tables::read_u64(&made, 8)?))))
}

/// The last seq of a chat, 0 when it has none. Partitions of a chat are buckets of seqs, so the last bucket holds it.
fn last_seq(connection: &Connection, chat: u64) -> rusqlite::Result<u64> {
    let row: Option<Vec<u8>> = connection
        .prepare_cached("SELECT row FROM messages WHERE partition >= ?1 AND partition <= ?2 ORDER BY partition DESC, row DESC LIMIT 1")?
        .query_row((tables::bucket_key(chat, 0).as_slice(), tables::KeyMaker::default().u64(chat).u32(u32::MAX).done().as_slice()), |row| {
            row.get(0)
        })
        .optional()?;
    Ok(row.and_then(|row| tables::read_u64(&row, 0)).unwrap_or(0))
}

impl Log for SqliteLog {
    fn append(&self, append: Append) -> Result<()> {
        let body = append.record.encode();
        let job = AppendJob { append, body, outcome: Err(Refused::Conflict), writing: self.writing.clone() };
        self.store.submit(Box::new(job)).map_err(|_| Error::busy("more messages are waiting than the disk can take"))
    }

    fn last(&self, chat: u64) -> Answer<'_, Option<Entry>> {
        Box::pin(async move {
            let row = self
                .store
                .read(move |connection| {
                    let seq = last_seq(connection, chat)?;
                    crate::store::get(connection, Table::Messages, &tables::bucket_key(chat, seq), &tables::u64_key(seq))
                })
                .await?;
            row.as_deref().map(super::entry).transpose()
        })
    }

    fn read(&self, chat: u64, from_seq: u64, to_seq: u64, limit: usize) -> Answer<'_, Vec<Entry>> {
        Box::pin(super::read_rows(&self.store, chat, from_seq, to_seq, limit))
    }

    fn group(&self, _chat: u64) -> usize {
        0
    }

    fn head(&self) -> Position {
        [self.head.load(Ordering::Acquire)].into_iter().collect()
    }

    fn may_have(&self, position: &Position) -> bool {
        position.within(&self.head())
    }

    fn follow(&self) -> Option<mpsc::Receiver<Vec<Committed>>> {
        self.committed.lock().take()
    }
}
