//! The log of one machine: the record and its rows are one commit of [`SqliteStore`]'s journal.

use super::trim::{STEP, trim};
use super::{
    Answer, Append, Appended, Audience, Committed, DedupeKey, EndRecord, Entry, Followed, Log, LogEnd, Position, Record, Refused, followed,
    of_urgent,
};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::tables::{self, Table};
use crate::store::{Change, LogEntry, SqliteStore, View};
use parking_lot::Mutex;
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
    /// By what these are recognised when they come again.
    recognised: HashMap<DedupeKey, (u64, u64)>,
}

/// The log of one machine.
pub struct SqliteLog {
    store: SqliteStore,
    writing: Arc<Mutex<Writing>>,
    head: Arc<AtomicU64>,
    followed: Followed,
}

impl SqliteLog {
    /// Opens the log in the store's database.
    pub async fn open(store: SqliteStore) -> Result<Self> {
        // The database has everything that was committed before, and no append has come yet.
        let last = store
            .chore(|connection| connection.query_row("SELECT coalesce(max(offset), 0) FROM log", [], |row| row.get::<_, i64>(0)))
            .await? as u64;

        let (followers, followed) = followed(FOLLOW_BATCHES);
        let writing =
            Arc::new(Mutex::new(Writing { tails: HashMap::new(), next_offset: last + 1, fresh: Vec::new(), recognised: HashMap::new() }));
        let head = Arc::new(AtomicU64::new(last));
        store.after_commit(Box::new({
            let (writing, head) = (writing.clone(), head.clone());
            move |committed| {
                let mut writing = writing.lock();
                let fresh = std::mem::take(&mut writing.fresh);
                writing.recognised.clear();
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
                let (urgents, chats): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|committed| of_urgent(&committed.record));
                for (followers, fresh) in [(&followers.urgents, urgents), (&followers.chats, chats)] {
                    if !fresh.is_empty() && followers.blocking_send(fresh).is_err() {
                        tracing::debug!("nobody follows the log any more");
                    }
                }
            }
        }));
        Ok(Self { store, writing, head, followed })
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
        let count = self.store.chore(move |connection| trim(connection, before_ms)).await?;
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
    fn run(&mut self, view: &View<'_>, changes: &mut Vec<Change>) -> rusqlite::Result<()> {
        let record = &self.append.record;
        let mut writing = self.writing.lock();
        if let Some(key) = &self.append.dedupe
            && let Some((chat, seq)) = writing.recognised.get(key).copied().map_or_else(|| earlier(view, key), |made| Ok(Some(made)))?
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
        let last = if known.seq == UNKNOWN { last_seq(view, record.chat)? } else { known.seq };
        if self.append.epoch < known.epoch || record.seq != last + 1 {
            metrics::CONFLICTS.inc();
            self.outcome = Err(Refused::Conflict);
            writing.tails.insert(record.chat, Tail { seq: last, epoch: known.epoch.max(self.append.epoch + 1) });
            return Ok(());
        }
        let offset = writing.next_offset;
        changes.push(Change::Entry(LogEntry {
            target: record.target(),
            dedupe: self.append.dedupe.map(|key| (key.sender, key.hash)),
            ..LogEntry::new(offset, (record.chat, record.seq), &self.body)
        }));
        changes.extend(std::mem::take(&mut self.append.writes).into_iter().map(Change::from));
        if let Some(key) = self.append.dedupe {
            writing.recognised.insert(key, (record.chat, record.seq));
        }
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
            bytes: self.body.len(),
            behind_hole: false,
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

fn earlier(view: &View<'_>, key: &DedupeKey) -> rusqlite::Result<Option<(u64, u64)>> {
    let made = view.get(Table::Dedupe, &tables::u32_key(key.sender), &tables::KeyMaker::default().bytes(&key.hash).done())?;
    Ok(made.and_then(|made| Some((tables::read_u64(&made, 0)?, tables::read_u64(&made, 8)?))))
}

/// The last seq of a chat, 0 when it has none. Partitions of a chat are buckets of seqs, so the last bucket holds it.
fn last_seq(view: &View<'_>, chat: u64) -> rusqlite::Result<u64> {
    let last_bucket = tables::KeyMaker::default().u64(chat).u32(u32::MAX).done();
    let row = view.last_row(Table::Messages, &tables::bucket_key(chat, 0), &last_bucket)?;
    Ok(row.and_then(|row| tables::read_u64(&row, 0)).unwrap_or(0))
}

fn read_end(connection: &rusqlite::Connection, since_ms: u64, bytes: usize) -> rusqlite::Result<LogEnd> {
    let mut statement = connection.prepare("SELECT offset, body FROM log ORDER BY offset DESC")?;
    let mut rows = statement.query([])?;
    let (mut end, mut read) = (LogEnd::default(), 0);
    while let Some(row) = rows.next()? {
        let (offset, body) = (row.get::<_, i64>(0)? as u64, row.get_ref(1)?.as_blob()?);
        read += body.len();
        // The audit tells of one that is damaged; nothing before it is known here.
        let record = Record::decode(body).ok().filter(|record| record.at_ms >= since_ms && read <= bytes);
        let Some(record) = record else {
            end.behind = offset;
            break;
        };
        end.behind = offset - 1;
        end.records.push(EndRecord { entry: Entry { offset, record: Arc::new(record) }, bytes: body.len(), members: None });
    }
    end.records.reverse();
    Ok(end)
}

impl Log for SqliteLog {
    fn append(&self, append: Append) -> Result<()> {
        let body = append.record.encode();
        let job = AppendJob { append, body, outcome: Err(Refused::Conflict), writing: self.writing.clone() };
        let urgent = of_urgent(&job.append.record);
        let job = Box::new(job);
        let submitted = if urgent { self.store.submit_ahead(job) } else { self.store.submit(job) };
        submitted.map_err(|_| Error::busy("more messages are waiting than the disk can take"))
    }

    fn last(&self, chat: u64) -> Answer<'_, Option<Entry>> {
        Box::pin(async move {
            let row = self
                .store
                .read(move |view| {
                    let seq = last_seq(view, chat)?;
                    view.get(Table::Messages, &tables::bucket_key(chat, seq), &tables::u64_key(seq))
                })
                .await?;
            row.as_deref().map(super::entry).transpose()
        })
    }

    fn read(&self, chat: u64, from_seq: u64, to_seq: u64, limit: usize) -> Answer<'_, Vec<Entry>> {
        Box::pin(super::read_rows(&self.store, chat, from_seq, to_seq, limit))
    }

    fn end(&self, _group: usize, since_ms: u64, bytes: usize) -> Answer<'_, LogEnd> {
        Box::pin(async move { self.store.chore(move |connection| read_end(connection, since_ms, bytes)).await })
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
        self.followed.chats.lock().take()
    }

    fn follow_urgents(&self) -> Option<mpsc::Receiver<Vec<Committed>>> {
        self.followed.urgents.lock().take()
    }
}
