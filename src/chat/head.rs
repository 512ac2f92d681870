//! The head of a chat: where it ends, who is in it, how it is configured. Loaded when first asked for, kept while used.
//!
//! A head is ahead of the disk by what is being committed. When an append is refused, the head is thrown away and
//! loaded anew; the log sees to it that nothing of the old one gets in afterwards.

use super::members::MemberSet;
use super::permission;
use super::profile::{Actor, ChatProfile};
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::log::{Append, Appended, Audience, DedupeKey, Log, Record, Refused, record::Change};
use crate::store::tables::{self, Table};
use crate::store::{Range, Store, Write};
use parking_lot::{Mutex, MutexGuard};
use protocol::chat::{Rights, Role};
use roaring::{RoaringBitmap, RoaringTreemap};
use std::cmp::Ordering as Order;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::oneshot;

/// Records that are read back at once in search of the last message.
const LOOK_BACK: u64 = 64;
/// Older last messages than this many records are not shown in the list of chats.
const LOOK_BACK_MAX: u64 = 2_048;
/// Messages of which a head knows what made them. A client repeats what had no answer: fewer than may be in flight, of
/// as many people as write at the same time.
const RECENT: usize = 256;

/// Somebody who waits to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Who asked: the one who waits, or a member who had added that one.
    pub asker: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// How far somebody has got in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// A device has everything up to here.
    pub delivered_seq: u64,
    /// Read up to here.
    pub read_seq: u64,
    /// Messages up to there.
    pub read_position: u64,
    /// When the reading last moved on, ms since 1970; 0: not known.
    pub read_at_ms: u64,
}

impl Cursor {
    /// As it is kept.
    pub fn encode(self) -> Vec<u8> {
        [self.delivered_seq, self.read_seq, self.read_position, self.read_at_ms].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// Reads what is kept.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            delivered_seq: tables::read_u64(bytes, 0)?,
            read_seq: tables::read_u64(bytes, 8)?,
            read_position: tables::read_u64(bytes, 16)?,
            // Of receipts that an earlier version kept the time is not known.
            read_at_ms: tables::read_u64(bytes, 24).unwrap_or(0),
        })
    }

    /// The larger of both, in each respect.
    pub fn merge(self, other: Self) -> Self {
        Self {
            delivered_seq: self.delivered_seq.max(other.delivered_seq).max(other.read_seq),
            read_seq: self.read_seq.max(other.read_seq),
            read_position: self.read_position.max(other.read_position),
            read_at_ms: match self.read_seq.cmp(&other.read_seq) {
                Order::Greater => self.read_at_ms,
                Order::Less => other.read_at_ms,
                // Known twice, the first time counts.
                Order::Equal if self.read_at_ms > 0 && other.read_at_ms > 0 => self.read_at_ms.min(other.read_at_ms),
                Order::Equal => self.read_at_ms.max(other.read_at_ms),
            },
        }
    }
}

/// Cursors of a chat that are in memory.
#[derive(Default)]
pub struct Cursors {
    /// By user.
    pub known: HashMap<u32, Cursor>,
    /// Everybody's are.
    pub complete: bool,
}

/// What changes with every record.
pub struct State {
    /// Seq of the last record.
    pub seq: u64,
    /// Number of messages.
    pub position: u64,
    /// Time of the last record.
    pub at_ms: u64,
    /// What the chat is.
    pub info: Arc<ChatProfile>,
    /// Who is in it.
    pub members: MemberSet,
    /// Who waits to be let in.
    pub waiting: BTreeMap<u32, Waiting>,
    /// Positions of recalled messages.
    pub recalled_positions: RoaringTreemap,
    /// Their seqs.
    pub recalled_seqs: RoaringTreemap,
    /// The last message, when there is one not too far back.
    pub last_message: Option<Arc<Record>>,
    /// What made the last messages, so that one that is sent again is recognised before it takes a place.
    pub recent: VecDeque<Recent>,
    /// Records that this head has given a place, and that were not followed yet.
    on_their_way: VecDeque<Arc<Record>>,
}

/// What made a message.
#[derive(Debug, Clone, Copy)]
pub struct Recent {
    /// What makes trying again harmless.
    pub key: DedupeKey,
    /// The message's seq.
    pub seq: u64,
    /// Its position.
    pub position: u64,
}

/// The head of one chat.
pub struct Head {
    /// Which chat.
    pub key: ChatKey,
    epoch: u64,
    state: Mutex<State>,
    /// Cursors of its members.
    pub cursors: Mutex<Cursors>,
    /// Loads all cursors once, however many ask.
    pub cursors_loading: tokio::sync::Mutex<()>,
    /// Place in the whole log of the last committed record.
    pub last_offset: AtomicU64,
    /// Its seq.
    pub committed_seq: AtomicU64,
    /// When it was last asked for, ms since 1970.
    pub used_at_ms: AtomicU64,
    broken: AtomicBool,
}

/// What goes along with a record.
#[derive(Default)]
pub struct Extra {
    /// Rows of the same transaction.
    pub writes: Vec<Write>,
    /// Makes trying again harmless.
    pub dedupe: Option<DedupeKey>,
    /// People who come or go with it.
    pub moved: Option<Arc<RoaringBitmap>>,
}

/// An append on its way: its outcome, and the record as it will stand.
pub struct OnItsWay {
    /// The record.
    pub record: Arc<Record>,
    outcome: oneshot::Receiver<std::result::Result<Appended, Refused>>,
}

/// What became of an append.
pub enum Outcome {
    /// It is durable.
    Committed(Arc<Record>),
    /// An earlier try had made this record.
    Earlier {
        /// Its chat.
        chat: ChatKey,
        /// Its seq.
        seq: u64,
    },
    /// The chat had moved on: load it again and try again.
    Again,
}

static EPOCHS: AtomicU64 = AtomicU64::new(1);

/// The next epoch: a load of something that appends records.
pub fn next_epoch() -> u64 {
    EPOCHS.fetch_add(1, Ordering::Relaxed)
}

impl Head {
    /// Reads a chat's head. A chat in which nothing was said has one too.
    pub async fn load(key: ChatKey, log: &dyn Log, store: &dyn Store) -> Result<Self> {
        let epoch = next_epoch();
        let last = log.last(key.0).await?;
        let chat = tables::u64_key(key.0);
        let info = match store.get(Table::Chats, chat.clone(), tables::none()).await? {
            Some(json) => ChatProfile::read(&json)?,
            None => ChatProfile::default(),
        };
        let members = match key.pair() {
            Some((one, other)) => MemberSet::pair(one, other),
            None => match store.get(Table::Members, chat.clone(), tables::none()).await? {
                Some(bytes) => MemberSet::decode(&bytes).ok_or_else(|| damaged("members", "not a member set"))?,
                None => MemberSet::default(),
            },
        };
        let waiting = if key.pair().is_some() { BTreeMap::new() } else { super::join::waiting_of(store, key, &members).await? };
        let (mut recalled_positions, mut recalled_seqs) = (RoaringTreemap::new(), RoaringTreemap::new());
        let mut from = Range::first(10_000);
        loop {
            let rows = store.scan(Table::Recalled, chat.clone(), from.clone()).await?;
            recalled_positions.extend(rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)));
            recalled_seqs.extend(rows.iter().filter_map(|(_, value)| tables::read_u64(value, 0)));
            match rows.last() {
                Some((row, _)) if rows.len() == 10_000 => from = Range::after(row.clone(), 10_000),
                _ => break,
            }
        }
        let recent = match &last {
            Some(entry) => log.read(key.0, entry.record.seq.saturating_sub(RECENT as u64 - 1).max(1), entry.record.seq, RECENT).await?,
            None => Vec::new(),
        };
        let recent = recent.iter().filter_map(|entry| Recent::of(&entry.record)).collect();
        let (seq, position, at_ms, offset) =
            last.as_ref().map_or((0, 0, 0, 0), |entry| (entry.record.seq, entry.record.position, entry.record.at_ms, entry.offset));
        let last_message = match last {
            Some(entry) if entry.record.message().is_some() => Some(entry.record),
            Some(entry) if entry.record.position > 0 => look_back(key, entry.record.seq, log).await?,
            _ => None,
        };
        Ok(Self {
            key,
            epoch,
            state: Mutex::new(State {
                seq,
                position,
                at_ms,
                info: Arc::new(info),
                members,
                waiting,
                recalled_positions,
                recalled_seqs,
                last_message,
                recent,
                on_their_way: VecDeque::new(),
            }),
            cursors: Mutex::default(),
            cursors_loading: tokio::sync::Mutex::new(()),
            last_offset: AtomicU64::new(offset),
            committed_seq: AtomicU64::new(seq),
            used_at_ms: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        })
    }

    /// The state, for as long as the guard lives. Nothing may be awaited meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// An append of this head was refused: it must not be used any more.
    pub fn broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Another node has changed the chat: this head is not what it was.
    pub fn outdated(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Puts a record behind the last one. The state moves on at once, so that the next one stands behind it.
    pub fn append(&self, state: &mut State, log: &dyn Log, now_ms: u64, by: u32, change: Change, extra: Extra) -> Result<OnItsWay> {
        let message = matches!(change, Change::Message(_));
        let record = Arc::new(Record {
            chat: self.key.0,
            seq: state.seq + 1,
            position: state.position + u64::from(message),
            // The clock of a machine may be set back; the times of a chat only grow.
            at_ms: now_ms.max(state.at_ms),
            by,
            change,
        });
        let (done, outcome) = oneshot::channel();
        log.append(Append {
            record: record.clone(),
            epoch: self.epoch,
            audience: Audience { members: state.members.all().clone(), moved: extra.moved },
            writes: extra.writes,
            dedupe: extra.dedupe,
            done,
        })?;
        state.go_on(&record);
        state.on_their_way.push_back(record.clone());
        Ok(OnItsWay { record, outcome })
    }

    /// A record of this chat was committed. `false`: this head believed otherwise, and must not be used any more.
    pub fn follow(&self, record: &Arc<Record>) -> bool {
        let mut state = self.lock();
        let as_believed = if record.seq <= self.committed_seq.load(Ordering::Acquire) {
            true
        } else if record.seq <= state.seq {
            state.followed(record)
        } else if record.seq == state.seq + 1 && record.message().is_some() {
            state.go_on(record);
            true
        } else {
            false
        };
        if as_believed {
            self.committed_seq.fetch_max(record.seq, Ordering::AcqRel);
        } else {
            self.outdated();
        }
        as_believed
    }

    /// Waits until a record that was given a place is durable. `false`: it never will be, or that is not known here.
    pub async fn durable(&self, seq: u64) -> bool {
        // Rare: only a repeat that overtakes the answer to its first try comes here.
        while self.committed_seq.load(Ordering::Acquire) < seq {
            if self.broken() {
                return false;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // Another node's record at this place breaks the head before it counts.
        !self.broken()
    }

    /// Waits until the append is durable, or refused.
    pub async fn outcome(&self, on_its_way: OnItsWay) -> Result<Outcome> {
        let outcome = on_its_way.outcome.await.unwrap_or_else(|_| Err(Refused::Unavailable(Error::storage("the server is going away"))));
        match outcome {
            Ok(Appended::New) => Ok(Outcome::Committed(on_its_way.record)),
            Ok(Appended::Duplicate { chat, seq }) => {
                self.broken.store(true, Ordering::Release);
                Ok(Outcome::Earlier { chat: ChatKey(chat), seq })
            }
            Err(Refused::Conflict) => {
                self.broken.store(true, Ordering::Release);
                Ok(Outcome::Again)
            }
            Err(Refused::Unavailable(error)) => {
                self.broken.store(true, Ordering::Release);
                Err(error)
            }
        }
    }
}

pub(super) fn damaged(table: &str, why: &str) -> Error {
    tracing::error!(table, why, "a kept row is damaged");
    Error::storage(format!("a row of `{table}` is damaged"))
}

pub(super) async fn look_back(key: ChatKey, from_seq: u64, log: &dyn Log) -> Result<Option<Arc<Record>>> {
    let mut to = from_seq;
    while to > from_seq.saturating_sub(LOOK_BACK_MAX) && to > 0 {
        let from = to.saturating_sub(LOOK_BACK - 1).max(1);
        let entries = log.read(key.0, from, to, LOOK_BACK as usize).await?;
        if let Some(entry) = entries.into_iter().rev().find(|entry| entry.record.message().is_some()) {
            return Ok(Some(entry.record));
        }
        to = from - 1;
    }
    Ok(None)
}

impl Recent {
    fn of(record: &Record) -> Option<Self> {
        record.message().map(|message| Self::of_message(record, message))
    }

    fn of_message(record: &Record, message: &crate::log::record::Message) -> Self {
        let key = DedupeKey::new(record.by, &message.client_message_id);
        Self { key, seq: record.seq, position: record.position }
    }
}

impl State {
    /// A record was committed at a place that this head has given: is it the one that it was given to?
    fn followed(&mut self, record: &Arc<Record>) -> bool {
        while let Some(given) = self.on_their_way.pop_front() {
            if given.seq == record.seq {
                return Arc::ptr_eq(&given, record) || *given == **record;
            }
        }
        false
    }

    /// A record stands behind the last one; what it changes beside the messages is not noted here.
    pub fn go_on(&mut self, record: &Arc<Record>) {
        self.seq = record.seq;
        self.position = record.position;
        self.at_ms = record.at_ms;
        if let Some(message) = record.message() {
            self.last_message = Some(record.clone());
            if self.recent.len() >= RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Recent::of_message(record, message));
        }
    }

    /// How far somebody has got for certain: whoever writes has read what stands before.
    pub fn written_by(&self, user: u32) -> Cursor {
        let last = self.recent.iter().rev().find(|recent| recent.key.sender == user);
        last.map_or_else(Cursor::default, |last| Cursor {
            delivered_seq: last.seq,
            read_seq: last.seq,
            read_position: last.position,
            read_at_ms: 0,
        })
    }

    /// The role of somebody, or `None` for one who is not in it.
    pub fn role(&self, user: u32) -> Option<Role> {
        if !self.members.contains(user) {
            None
        } else if self.info.owner == Some(user) {
            Some(Role::Owner)
        } else if self.info.managers.contains(&user) {
            Some(Role::Manager)
        } else {
            Some(Role::Member)
        }
    }

    /// What a member may do; a stranger is told that there is no such chat.
    pub fn rights(&self, key: ChatKey, who: impl Into<Actor>) -> Result<(Role, Rights)> {
        let Actor { user, as_owner } = who.into();
        let own = self.role(user).ok_or_else(Error::chat_not_found)?;
        let group = key.pair().is_none();
        let role = if as_owner && group && self.info.creator == user { Role::Owner } else { own };
        let rights = permission::rights(group, role, &self.info.config, self.info.moderates(user), self.info.dissolved);
        // Who only acts as the owner can leave.
        Ok((role, Rights { leave: rights.leave || (group && own != Role::Owner), ..rights }))
    }

    /// Records with a smaller seq are not shown to this member.
    pub fn first_seq(&self, user: u32) -> u64 {
        match self.info.config.history {
            protocol::chat::HistoryFor::All => 1,
            protocol::chat::HistoryFor::SinceJoin => self.members.joined(user).seq.max(1),
        }
    }

    /// Messages after a position that were not recalled.
    pub fn unread(&self, read_position: u64) -> u32 {
        if read_position >= self.position {
            return 0;
        }
        let recalled = self.recalled_positions.rank(self.position) - self.recalled_positions.rank(read_position);
        u32::try_from(self.position - read_position - recalled).unwrap_or(u32::MAX)
    }
}
