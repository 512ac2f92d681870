//! The truth: every change of a chat is one record appended to the chat's log.
//!
//! Promise: an append is acknowledged when it is durable and stands at the place that was expected; what was appended is
//! handed to the followers in the order of its group, once in the life of a process. A dedupe key that was seen within
//! seven days is answered with the record that it had made.
//! Never: no rule of a chat, no right, no socket.

pub mod check;
mod jetstream;
mod position;
pub mod record;
mod sqlite;
mod trim;
pub mod urgent;

pub use jetstream::{JetStreamLog, JetStreamSettings};
pub use position::{Position, Reached};
pub use record::Record;
pub use sqlite::SqliteLog;

use crate::error::{Error, Result};
use crate::store::tables::{self, Table};
use crate::store::{Answer, Range, Store, Write};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Makes trying again harmless: who sends, and a hash of the client_message_id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// Index of the sender.
    pub sender: u32,
    /// First half of the BLAKE3 hash of the client_message_id.
    pub hash: [u8; 16],
}

impl DedupeKey {
    /// The key of a sender's client_message_id.
    pub fn new(sender: u32, client_message_id: &str) -> Self {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(client_message_id.as_bytes()).as_bytes()[..16]);
        Self { sender, hash }
    }
}

/// Who is told of a record.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// Members when the record was made.
    pub members: Arc<RoaringBitmap>,
    /// Members who came or went with this record.
    pub moved: Option<Arc<RoaringBitmap>>,
}

/// A record to be appended.
pub struct Append {
    /// The record; its `seq` says which one of the chat it expects to be the last.
    pub record: Arc<Record>,
    /// Which load of the chat's head made it. After a refusal, everything of that load is refused.
    pub epoch: u64,
    /// Who is told.
    pub audience: Audience,
    /// Rows that are written with it.
    pub writes: Vec<Write>,
    /// Makes trying again harmless.
    pub dedupe: Option<DedupeKey>,
    /// Told the outcome.
    pub done: oneshot::Sender<std::result::Result<Appended, Refused>>,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is durable at its place.
    New,
    /// It had been appended before, as this record.
    Duplicate {
        /// The chat of the earlier record.
        chat: u64,
        /// Its seq.
        seq: u64,
    },
}

/// Why a record was not appended.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The chat's last record is another one than expected: load the head again.
    Conflict,
    /// The log cannot be written now; nothing was changed.
    Unavailable(Error),
}

/// A record that is durable, with its place in the whole log.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Which group of the log it stands in.
    pub group: usize,
    /// Grows with every record of the group.
    pub offset: u64,
    /// The record.
    pub record: Arc<Record>,
    /// Members when it was made; none: it was made on another node, in a chat with many.
    pub members: Option<Arc<RoaringBitmap>>,
    /// Members who came or went with it.
    pub moved: Option<Arc<RoaringBitmap>>,
    /// This node has appended it.
    pub own: bool,
    /// Bytes of the record as it is kept.
    pub bytes: usize,
    /// Records of its group before it were not followed: they are gone, or cannot be read.
    pub behind_hole: bool,
    /// Rows that came with it from another node. They are in the store already, for whoever asks it.
    pub rows: Vec<Write>,
}

/// A record as it is read back.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place in the order of its group.
    pub offset: u64,
    /// The record.
    pub record: Arc<Record>,
}

/// The end of a group of the log.
#[derive(Debug, Default)]
pub struct LogEnd {
    /// Every record of the group behind this place is here.
    pub behind: u64,
    /// In their order.
    pub records: Vec<EndRecord>,
}

/// One record of it.
#[derive(Debug)]
pub struct EndRecord {
    /// The record and its place.
    pub entry: Entry,
    /// Bytes of the record as it is kept.
    pub bytes: usize,
    /// Members when it was made, where the log has them beside it.
    pub members: Option<Arc<RoaringBitmap>>,
}

/// The log. Engines: SQLite on one machine; JetStream in a cluster.
pub trait Log: Send + Sync {
    /// Appends; the outcome comes by `done`. An error means that too much is waiting, and nothing was done.
    fn append(&self, append: Append) -> Result<()>;

    /// The last record of a chat.
    fn last(&self, chat: u64) -> Answer<'_, Option<Entry>>;

    /// Records of a chat from one seq to another, both included, at most `limit`, oldest first.
    fn read(&self, chat: u64, from_seq: u64, to_seq: u64, limit: usize) -> Answer<'_, Vec<Entry>>;

    /// Which group of the log a chat's records stand in; those of urgents are in none that a position has.
    fn group(&self, chat: u64) -> usize;

    /// The end of a group, not much farther back than a time, in ms since 1970, and about so many bytes at most.
    fn end(&self, group: usize, since_ms: u64, bytes: usize) -> Answer<'_, LogEnd>;

    /// Offsets of the last committed records.
    fn head(&self) -> Position;

    /// Could a position have been given out by this log, if by another node of it? One that could not is of a log that was
    /// there before, or elsewhere.
    fn may_have(&self, position: &Position) -> bool;

    /// Takes the stream of committed records of chats, in order, in batches. Only one can take it.
    fn follow(&self) -> Option<mpsc::Receiver<Vec<Committed>>>;

    /// The same with records of urgents: they wait for none of a chat.
    fn follow_urgents(&self) -> Option<mpsc::Receiver<Vec<Committed>>>;
}

/// The two streams of what was committed, as whoever follows takes them.
struct Followed {
    chats: Mutex<Option<mpsc::Receiver<Vec<Committed>>>>,
    urgents: Mutex<Option<mpsc::Receiver<Vec<Committed>>>>,
}

/// Their other ends.
#[derive(Clone)]
struct Followers {
    chats: mpsc::Sender<Vec<Committed>>,
    urgents: mpsc::Sender<Vec<Committed>>,
}

/// Both, with room for so many batches each.
fn followed(batches: usize) -> (Followers, Followed) {
    let (chats, chats_followed) = mpsc::channel(batches);
    let (urgents, urgents_followed) = mpsc::channel(batches);
    (Followers { chats, urgents }, Followed { chats: Mutex::new(Some(chats_followed)), urgents: Mutex::new(Some(urgents_followed)) })
}

/// Is it a record of an urgent?
fn of_urgent(record: &Record) -> bool {
    crate::ids::ChatKey(record.chat).is_urgent()
}

/// Reads records of a chat from the rows of a store.
async fn read_rows(store: &dyn Store, chat: u64, from_seq: u64, to_seq: u64, limit: usize) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut bucket = from_seq / tables::BUCKET_SEQS;
    while bucket <= to_seq / tables::BUCKET_SEQS && entries.len() < limit {
        // Not beyond the bucket: rows that wait for a store that is away are then known to be all of them.
        let (first, last) = (bucket * tables::BUCKET_SEQS, (bucket + 1) * tables::BUCKET_SEQS - 1);
        let (from, to) = (from_seq.max(first), to_seq.min(last));
        let range = Range::between(tables::u64_key(from), tables::u64_key(to), limit - entries.len());
        let rows = store.scan(Table::Messages, tables::bucket_key(chat, first), range).await?;
        for (_, value) in rows {
            entries.push(entry(&value)?);
        }
        bucket += 1;
    }
    Ok(entries)
}

/// Reads a row of `Messages` or `Changes`.
fn entry(value: &[u8]) -> Result<Entry> {
    let damaged = |why: String| {
        tracing::error!(why, "a kept record is damaged");
        Error::storage("a kept record is damaged; `clarion check` says which")
    };
    let offset = tables::read_u64(value, 0).ok_or_else(|| damaged("it is too short".into()))?;
    let record = Record::decode(&value[8..]).map_err(|why| damaged(why.to_string()))?;
    Ok(Entry { offset, record: Arc::new(record) })
}
