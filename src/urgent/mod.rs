//! Urgents: a message is brought before people at once, again and again, until each has confirmed it; with a report.
//!
//! Promise: what is acknowledged is a record of the log, and everything that an urgent is can be made anew from its records,
//! so timers survive every crash. Nobody is reminded after confirming, nobody is left out, and the counts sum up to the audience.
//! Never: a socket, HTTP, an encoding; a rule of a chat.
//!
//! An urgent has a key of its own, and its records stand in the log as those of a chat do. Every node follows them, and so
//! has every open urgent in memory: who confirms is checked, and who comes is told, without a question. Records are appended
//! by the node that is at home for the urgent; two that believe so do no harm, by compare-and-set.

mod audited;
mod index;
mod ladder;
mod moves;
mod paid;
mod person;
mod provider;
mod raise;
mod report;
mod rules;
mod show;
mod state;
mod times;

#[cfg(test)]
mod tests;

pub use raise::{Audience, NewUrgent, RaisedUrgent};
pub use show::{Tell, Told};
pub use state::{Counts, Moves, Urgent};

use crate::audit::AuditLog;
use crate::chat::Chats;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::record::Change;
use crate::log::urgent::UrgentChange;
use crate::log::{Append, Appended, Audience as LogAudience, Committed, DedupeKey, Record, Refused};
use crate::metrics;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use dashmap::{DashMap, DashSet};
use index::Index;
use moves::Waiting;
use parking_lot::Mutex;
use protocol::codec::Encoding;
use protocol::urgent::UrgentOverWhy;
use provider::Provider;
use roaring::RoaringBitmap;
use show::Shown;
use std::collections::{HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use times::Walks;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

/// How often a change is tried again when another node has changed the urgent.
const TRIES: usize = 16;
/// How long this node may take to follow what it has appended itself.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(10);
/// States of a row of `UrgentOrder`.
const OPEN: u8 = 0;
const OVER: u8 = 1;

/// One urgent in memory.
struct Cell {
    key: ChatKey,
    /// None: its first record was not followed yet.
    state: Mutex<Option<Urgent>>,
    /// Seq of the last record that was followed.
    followed: watch::Sender<u64>,
    /// Records of one urgent are appended one after the other.
    turn: tokio::sync::Mutex<()>,
    /// People who go on, until a record has them.
    waiting: Mutex<Waiting>,
    /// The message as it stood when it was last looked at.
    shown: Mutex<Option<Arc<Shown>>>,
    /// People of the audience by their manager, once it has come to that.
    by_manager: OnceLock<HashMap<u32, RoaringBitmap>>,
}

impl Cell {
    fn new(key: ChatKey, state: Option<Urgent>) -> Arc<Self> {
        let seq = state.as_ref().map_or(0, |urgent| urgent.seq);
        Arc::new(Self {
            key,
            state: Mutex::new(state),
            followed: watch::Sender::new(seq),
            turn: tokio::sync::Mutex::default(),
            waiting: Mutex::default(),
            shown: Mutex::default(),
            by_manager: OnceLock::new(),
        })
    }

    /// Asks something of the urgent.
    fn with<T>(&self, ask: impl FnOnce(&Urgent) -> T) -> Option<T> {
        self.state.lock().as_ref().map(ask)
    }

    async fn has_followed(&self, seq: u64) -> Result<()> {
        let mut followed = self.followed.subscribe();
        let waited = tokio::time::timeout(FOLLOWED_WITHIN, followed.wait_for(|followed| *followed >= seq)).await;
        waited.map(drop).map_err(|_| Error::storage("this node follows the log too slowly"))
    }
}

/// Every urgent that is open, and those that were not long ago.
pub struct Urgents {
    chats: Arc<Chats>,
    cells: DashMap<ChatKey, Arc<Cell>>,
    index: Index,
    tell: mpsc::Sender<Tell>,
    tells: Mutex<Option<mpsc::Receiver<Tell>>>,
    providers: Vec<Arc<Provider>>,
    /// Whose counts are to be told.
    counted: DashSet<ChatKey>,
    /// Where urgents are raised and ended: not behind everything else that this node does.
    runtime: Handle,
    walks: Walks,
    audit: Arc<AuditLog>,
}

impl Urgents {
    /// The urgents of this log and store.
    pub async fn load(chats: Arc<Chats>, audit: Arc<AuditLog>, runtime: Handle) -> Result<Arc<Self>> {
        let (tell, tells) = mpsc::channel(limits::URGENT_TELLS_WAITING);
        let urgents = Self {
            cells: DashMap::new(),
            index: Index::default(),
            tell,
            tells: Mutex::new(Some(tells)),
            counted: DashSet::new(),
            runtime,
            walks: Walks::new(),
            audit,
            providers: Provider::of(&chats.config).into_iter().map(Arc::new).collect(),
            chats,
        };
        // The longest deadline ends what is older.
        let oldest_ms = urgents.chats.clock.now_ms().saturating_sub(limits::URGENT_KEPT_MS);
        let mut from = Bound::Included(tables::u64_key(ChatKey::urgents_since(oldest_ms).0));
        loop {
            let range = Range { from: from.clone(), ..Range::first(limits::SWEEP_MAX) };
            let rows = urgents.chats.store.scan(Table::UrgentOrder, tables::none(), range).await?;
            for (row, _) in &rows {
                if let Some(key) = tables::read_u64(row, 0).map(ChatKey)
                    && let Some(urgent) = urgents.read(key).await?
                {
                    urgents.index.add(&urgent);
                    urgents.cells.insert(key, Cell::new(key, Some(urgent)));
                }
            }
            match rows.last() {
                Some((row, _)) if rows.len() == limits::SWEEP_MAX => from = Bound::Excluded(row.clone()),
                _ => break,
            }
        }
        Ok(Arc::new(urgents))
    }

    /// Reads an urgent: as it stood after one of its records, and what came since.
    async fn read(&self, key: ChatKey) -> Result<Option<Urgent>> {
        let kept = self.chats.store.get(Table::Urgents, tables::u64_key(key.0), tables::none()).await?;
        let kept = kept.map(|bytes| Encoding::Msgpack.decode::<Urgent>(&bytes)).transpose();
        let mut urgent = kept.map_err(|why| {
            tracing::error!(%why, "a kept urgent is damaged");
            Error::storage("a row of `urgents` is damaged")
        })?;
        loop {
            let after = urgent.as_ref().map_or(0, |urgent| urgent.seq);
            let entries =
                self.chats.log.read(key.0, after + 1, after + limits::URGENT_RECORDS_READ, limits::URGENT_RECORDS_READ as usize).await?;
            for entry in &entries {
                match &mut urgent {
                    Some(urgent) => drop(urgent.follow(&entry.record)),
                    None => urgent = Urgent::raised(&entry.record),
                }
            }
            if entries.len() < limits::URGENT_RECORDS_READ as usize {
                return Ok(urgent);
            }
        }
    }

    /// An urgent by its key, when it is in memory.
    fn in_memory(&self, key: ChatKey) -> Option<Arc<Cell>> {
        self.cells.get(&key).map(|cell| cell.clone())
    }

    /// An urgent by its key, from memory or, long after its end, from the store.
    async fn cell(&self, key: ChatKey) -> Result<Arc<Cell>> {
        if let Some(cell) = self.in_memory(key) {
            return Ok(cell);
        }
        self.read(key).await?.map(|urgent| Cell::new(key, Some(urgent))).ok_or_else(Error::urgent_not_found)
    }

    /// The urgent of an identifier.
    fn key(&self, id: protocol::ids::UrgentId) -> Result<ChatKey> {
        self.chats.seal.urgent(id).ok_or_else(Error::urgent_not_found)
    }

    /// Appends a record that `decide` makes of the urgent as it is; again when another node was faster. `false`: there was
    /// nothing to do.
    async fn change(&self, cell: &Cell, mut decide: impl FnMut(&Urgent) -> Result<Option<(u32, UrgentChange)>>) -> Result<bool> {
        let _turn = cell.turn.lock().await;
        for _ in 0..TRIES {
            let decided = cell.with(|urgent| decide(urgent).map(|decided| decided.map(|decided| (decided, urgent.clone()))));
            let Some(((by, change), mut urgent)) = decided.ok_or_else(Error::urgent_not_found)?? else { return Ok(false) };
            let record = urgent.next_record(self.chats.clock.now_ms(), by, change);
            urgent.follow(&record);
            let mut writes = Vec::new();
            let ends = matches!(record.change, Change::Urgent(UrgentChange::Over { .. }));
            if ends || record.seq.is_multiple_of(limits::URGENT_RECORDS_READ) {
                let kept = Encoding::Msgpack.encode(&urgent);
                writes.push(Write::Put(Table::Urgents, tables::u64_key(cell.key.0), tables::none(), kept));
            }
            if ends {
                writes.push(Write::Put(Table::UrgentOrder, tables::none(), tables::u64_key(cell.key.0), vec![OVER]));
            }
            match self.append(record, writes, None).await {
                Ok(_) => {
                    cell.has_followed(urgent.seq).await?;
                    return Ok(true);
                }
                Err(Refused::Unavailable(error)) => return Err(error),
                Err(Refused::Conflict) => {
                    let last = self.chats.log.last(cell.key.0).await?.map_or(0, |entry| entry.record.seq);
                    cell.has_followed(last).await?;
                }
            }
        }
        Err(Error::busy("the urgent changes faster than this could be done"))
    }

    /// Does something on the runtime of urgents.
    async fn first<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        self.runtime.spawn(work).await.unwrap_or_else(|_| Err(Error::storage("the server is going away")))
    }

    /// Appends one record.
    async fn append(&self, record: Record, writes: Vec<Write>, dedupe: Option<DedupeKey>) -> std::result::Result<Appended, Refused> {
        let (done, outcome) = oneshot::channel();
        let append =
            Append { record: Arc::new(record), epoch: crate::chat::next_epoch(), audience: LogAudience::default(), writes, dedupe, done };
        self.chats.log.append(append).map_err(Refused::Unavailable)?;
        outcome.await.unwrap_or_else(|_| Err(Refused::Unavailable(Error::storage("the server is going away"))))
    }

    /// Notes a committed record of an urgent; called in the order of the log, as far as urgents go.
    pub async fn committed(&self, committed: &Committed) {
        let record = &committed.record;
        let key = ChatKey(record.chat);
        let cell = self.cells.entry(key).or_insert_with(|| Cell::new(key, None)).clone();
        let tells = {
            let mut state = cell.state.lock();
            match &mut *state {
                None => match Urgent::raised(record) {
                    Some(urgent) => {
                        self.index.add(&urgent);
                        *state = Some(urgent);
                        vec![Tell::Raised(key)]
                    }
                    // It was raised before this node's memory begins: whoever asks reads it.
                    None => {
                        drop(state);
                        self.cells.remove(&key);
                        return;
                    }
                },
                // Something between was lost on the way: it is read anew.
                Some(urgent) if record.seq > urgent.seq + 1 => {
                    tracing::warn!(seq = record.seq, known = urgent.seq, "records of an urgent were missed; it is read again");
                    drop(state);
                    self.cells.remove(&key);
                    return;
                }
                Some(urgent) => self.follow(key, urgent, record),
            }
        };
        cell.followed.send_modify(|followed| *followed = (*followed).max(record.seq));
        self.counted.insert(key);
        for tell in tells {
            if self.tell.send(tell).await.is_err() {
                tracing::debug!("an urgent was followed after the telling had ended");
            }
        }
    }

    /// Goes on by a record; gives what is to be told.
    fn follow(&self, key: ChatKey, urgent: &mut Urgent, record: &Record) -> Vec<Tell> {
        let before = urgent.seq;
        let asked = match &record.change {
            Change::Urgent(UrgentChange::Over { .. }) => urgent.open_people() | urgent.open_managers(),
            _ => Default::default(),
        };
        let moved = urgent.follow(record);
        if urgent.seq == before {
            return Vec::new();
        }
        metrics::URGENT_CONFIRMED.inc_by(moved.confirmed.len());
        match &record.change {
            Change::Urgent(UrgentChange::Step { step, .. }) => {
                if let Some(attempt) = urgent.attempts.get(step) {
                    self.index.add_people(key, &attempt.people);
                }
                vec![Tell::Step(key, *step)]
            }
            Change::Urgent(UrgentChange::Over { why }) => {
                self.index.remove(urgent);
                vec![Tell::Over(key, asked, *why)]
            }
            _ => [(&moved.confirmed | &moved.managers, UrgentOverWhy::Confirmed), (moved.left, UrgentOverWhy::Left)]
                .into_iter()
                .filter(|(people, _)| !people.is_empty())
                .map(|(people, why)| Tell::Over(key, people, why))
                .collect(),
        }
    }

    /// A record of a chat was committed: urgents on its messages may have to go on.
    pub fn chat_changed(&self, committed: &Committed) {
        let record = &committed.record;
        let keys = self.index.of_chat(ChatKey(record.chat));
        if keys.is_empty() {
            return;
        }
        let looked_at = matches!(record.change, Change::Recalled { .. } | Change::Dissolved | Change::MembersRemoved { .. });
        let edited = record.target();
        for key in keys {
            let Some(cell) = self.in_memory(key) else { continue };
            if edited.is_some() && edited == cell.with(|urgent| urgent.target) {
                *cell.shown.lock() = None;
            }
            if looked_at {
                self.index.look_at(key);
            }
        }
    }

    /// Lets go of urgents that ended long ago.
    fn sweep(&self) {
        let old = self.chats.clock.now_ms().saturating_sub(limits::URGENT_KEPT_MS);
        let surplus = self.cells.len().saturating_sub(limits::URGENTS_KEPT_MAX);
        let ended = |cell: &Cell| cell.with(|urgent| urgent.over.map(|(_, at_ms)| at_ms)).flatten();
        let mut over: VecDeque<(u64, ChatKey)> = self.cells.iter().filter_map(|cell| Some((ended(&cell)?, cell.key))).collect();
        over.make_contiguous().sort_unstable();
        let gone = over.iter().enumerate().take_while(|(at, (ended_ms, _))| *at < surplus || *ended_ms < old);
        let gone: Vec<ChatKey> = gone.map(|(_, (_, key))| *key).collect();
        gone.iter().for_each(|key| drop(self.cells.remove(key)));
        self.walks.sweep();
        metrics::URGENTS_OPEN.set(self.index.open().len() as i64);
    }
}
