//! The rules of a chat: sending, changing, members, configuration, history, the list of chats, receipts.
//!
//! Promise: every door comes here for every act, and what is allowed is decided here, once. What is acknowledged is
//! durable and has its place. A stranger learns nothing, not even that a chat exists.
//! Never: a socket, HTTP, an encoding, an engine.

mod amend;
mod announcement;
mod batch;
mod bound;
mod by_person;
mod card;
mod card_content;
mod card_token;
mod configure;
mod content;
mod custom_bot;
mod elsewhere;
pub mod emoji;
mod ephemeral;
mod follow;
mod follow_up;
mod forward;
mod group;
mod group_names;
mod group_search;
mod head;
mod history;
mod home;
mod hook;
mod inbox;
mod join;
mod last_page;
mod lately;
mod leaver;
mod member;
pub mod members;
mod menu;
mod moderation;
mod number;
mod own_settings;
mod parts;
mod permission;
mod pin;
mod profile;
mod reaction;
mod reader;
mod receipt;
mod restricted;
mod send;
mod shape;
mod share_link;
mod standby;
mod sync;
mod tabs;
mod top_notice;
mod urging;

pub use announcement::{KeptAnnouncement, SeenRevision};
pub use batch::{BatchState, NewBatch};
pub use bound::{Bound, BoundNow};
pub use card::CardEdit;
pub use configure::{GroupChange, GroupChanged};
pub use content::preview;
pub use ephemeral::Aside;
pub use forward::{MergedOn, Target};
pub use group::NewGroup;
pub use group_search::{GroupSearch, GroupsFound};
pub use head::{Head, State, next_epoch};
pub use hook::{Asked, HookRefused, Hooked};
pub use inbox::ChatPlace;
pub use join::{JoinDecision, JoinTold, Joining};
pub use member::Moved;
pub use pin::PinEntry;
pub use profile::{Actor, ChatProfile};
pub use reaction::{Reaction, ReactionPage};
pub use reader::{ReadBy, ReadCounts};
pub use receipt::ReceiptTold;
pub use send::SentRecord;
pub use sync::SyncCursor;
pub use tabs::TabChange;
pub use top_notice::OnTop;
pub use urging::{UrgentGround, Urging};

use crate::attachment::Attachments;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::ids::{ChatKey, Seal};
use crate::limits;
use crate::log::{Log, Reached};
use crate::metrics;
use crate::peers::Peers;
use crate::store::tables::{self, Table};
use crate::store::{Range, Store};
use dashmap::DashMap;
use head::{Extra, OnItsWay, Outcome, Recent};
use parking_lot::{Mutex, RwLock};
use protocol::ids::{ChatId, MessageId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OnceCell, mpsc};

/// Something that is durable a moment later.
pub type Waiting<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// How often an act is tried again when the chat moves on under it.
const TRIES: usize = 64;

/// Where a head is, or is being loaded.
#[derive(Default)]
struct HeadCell {
    head: OnceCell<Arc<Head>>,
    /// The last seq of the chat that was followed since.
    came: AtomicU64,
}

/// Every chat of the organisation.
pub struct Chats {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) store: Arc<dyn Store>,
    /// The people.
    pub directory: Directory,
    /// Makes identifiers.
    pub seal: Seal,
    /// The clock.
    pub clock: Clock,
    pub(crate) config: Arc<Config>,
    attachments: Arc<Attachments>,
    pub(crate) peers: Arc<Peers>,
    homes: home::Homes,
    heads: DashMap<ChatKey, Arc<HeadCell>>,
    large: RwLock<HashSet<ChatKey>>,
    receipts: receipt::Receipts,
    names: group_names::GroupNames,
    joins_told: mpsc::Sender<JoinTold>,
    joins_followed: Mutex<Option<mpsc::Receiver<JoinTold>>>,
    bound: bound::BoundGroups,
    custom_bots_changing: custom_bot::Changing,
    hook_paces: hook::Paces,
    ephemerals: ephemeral::Ephemerals,
    batches: batch::Batches,
    card_tokens: card_token::CardTokens,
    /// How far `committed` has noted the log. A cursor that is given out is not beyond it: `sync` knows of nothing later.
    noted: Reached,
    lately: lately::Lately,
    /// When members of chats could not be read for it, ms since 1970; held by who reads them.
    lately_reading: tokio::sync::Mutex<u64>,
    own_notes: own_settings::OwnNotes,
    last_pages: last_page::LastPages,
    /// Chats whose heads are to be at hand.
    wanted: mpsc::Sender<ChatKey>,
    wanted_here: Mutex<Option<mpsc::Receiver<ChatKey>>>,
}

/// Since when somebody is in a chat, or until when. Kept as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Membership {
    /// Seq of the record with which they left; 0: they are in it.
    #[serde(default)]
    left_seq: u64,
    /// When they left.
    #[serde(default)]
    left_at_ms: u64,
}

/// One's own settings of a chat. Kept as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Personal {
    pinned: bool,
    muted: bool,
    /// Hidden until there are more messages than this; 0: not hidden.
    hidden_position: u64,
    hidden: bool,
    /// When one of these changed.
    changed_at_ms: u64,
}

impl Chats {
    /// The chats of this log and store.
    #[allow(clippy::too_many_arguments)]
    pub async fn load(
        log: Arc<dyn Log>,
        store: Arc<dyn Store>,
        directory: Directory,
        attachments: Arc<Attachments>,
        peers: Arc<Peers>,
        seal: Seal,
        clock: Clock,
        config: Arc<Config>,
    ) -> Result<Arc<Self>> {
        let mut large = HashSet::new();
        for (_, row, _) in store.all(Table::LargeChats).await? {
            large.extend(tables::read_u64(&row, 0).map(ChatKey));
        }
        let names = group_names::GroupNames::load(&*store).await?;
        let (joins_told, joins_followed) = mpsc::channel(limits::JOIN_NOTICES_WAITING);
        let (wanted, wanted_here) = mpsc::channel(limits::HEADS_WANTED);
        let ephemerals = ephemeral::Ephemerals::load(&*store).await?;
        let batches = batch::Batches::load(&*store).await?;
        let bound = bound::BoundGroups::of(store.all(Table::BoundGroups).await?)?;
        // Everybody comes back after a start, and asks for what was said meanwhile. The head is taken first: what stands up to it is then read, and
        // what stands behind it is followed.
        let head = log.head();
        let groups = head.groups();
        let since_ms = clock.now_ms().saturating_sub(limits::LATELY_READ_MS);
        let ends = (0..groups).map(|group| log.end(group, since_ms, limits::LATELY_READ_BYTES_MAX / groups));
        let ends = futures_util::future::try_join_all(ends).await?;
        Ok(Arc::new(Self {
            names,
            joins_told,
            joins_followed: Mutex::new(Some(joins_followed)),
            ephemerals,
            batches,
            card_tokens: card_token::CardTokens::default(),
            noted: Reached::from(&head),
            lately: lately::Lately::of(ends),
            lately_reading: tokio::sync::Mutex::default(),
            own_notes: own_settings::OwnNotes::default(),
            last_pages: last_page::LastPages::default(),
            wanted,
            wanted_here: Mutex::new(Some(wanted_here)),
            log,
            store,
            directory,
            seal,
            clock,
            config,
            attachments,
            peers,
            homes: home::Homes::default(),
            heads: DashMap::new(),
            large: RwLock::new(large),
            receipts: receipt::Receipts::default(),
            bound,
            custom_bots_changing: custom_bot::Changing::default(),
            hook_paces: hook::Paces::default(),
        }))
    }

    /// The chat of an identifier; one that was not made here is a chat that does not exist.
    pub fn key(&self, id: ChatId) -> Result<ChatKey> {
        self.seal.chat(id).ok_or_else(Error::chat_not_found)
    }

    /// Chat and seq of a message's identifier.
    pub fn place(&self, id: MessageId) -> Result<(ChatKey, u64)> {
        self.seal.message(id).ok_or_else(Error::message_not_found)
    }

    /// The head of a chat, from memory or loaded.
    pub async fn head(&self, key: ChatKey) -> Result<Arc<Head>> {
        loop {
            let cell = self.heads.entry(key).or_default().clone();
            let loading = cell.head.get().is_none();
            let head = cell.head.get_or_try_init(|| async { Head::load(key, &*self.log, &*self.store).await.map(Arc::new) }).await?.clone();
            if loading && cell.came.load(Ordering::SeqCst) > head.committed_seq.load(Ordering::Acquire) {
                // It came while the head was read, and the head does not have it.
                head.outdated();
            }
            if !head.broken() {
                head.used_at_ms.store(self.clock.now_ms(), Ordering::Relaxed);
                return Ok(head);
            }
            self.forget(key, &cell);
        }
    }

    /// The head of a chat when it is in memory.
    pub fn head_in_memory(&self, key: ChatKey) -> Option<Arc<Head>> {
        self.heads.get(&key)?.head.get().filter(|head| !head.broken()).cloned()
    }

    /// The same for a record of the chat that was committed; a head that is being loaded is told of it.
    fn head_that_follows(&self, key: ChatKey, seq: u64) -> Option<Arc<Head>> {
        let cell = self.heads.get(&key)?;
        cell.came.fetch_max(seq, Ordering::SeqCst);
        cell.head.get().filter(|head| !head.broken()).cloned()
    }

    fn forget(&self, key: ChatKey, cell: &Arc<HeadCell>) {
        self.heads.remove_if(&key, |_, now| Arc::ptr_eq(now, cell));
    }

    /// Lets go of a head that nobody holds and whose records are all noted.
    fn let_go_of_head(&self, key: ChatKey) {
        self.heads.remove_if(&key, |_, cell| {
            let unused = |head: &Arc<Head>| {
                Arc::strong_count(cell) == 1
                    && Arc::strong_count(head) == 1
                    && head.committed_seq.load(Ordering::Acquire) >= head.lock().seq
            };
            cell.head.get().is_some_and(unused)
        });
    }

    /// Lets go of heads that nobody has asked for lately, when there are many. Called now and then.
    pub fn sweep_heads(&self) {
        metrics::HEADS.set(self.heads.len() as i64);
        if self.heads.len() <= limits::HEADS_MAX {
            return;
        }
        let old = self.clock.now_ms().saturating_sub(limits::HEAD_IDLE_MS);
        // Nobody else may hold the head: its state is ahead of the disk while an append is on its way.
        self.heads.retain(|_, cell| match cell.head.get() {
            Some(head) => head.used_at_ms.load(Ordering::Relaxed) > old || Arc::strong_count(cell) > 1 || Arc::strong_count(head) > 1,
            None => true,
        });
    }

    /// Lets go of what is too old, now and then, for as long as it is polled.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(limits::KEPT_EVERY_MS)).await;
            self.last_pages.sweep();
            for swept in [self.sweep_ephemerals().await, self.sweep_card_tokens().await, self.sweep_batches().await] {
                if let Err(error) = swept {
                    tracing::warn!(%error, "what is too old could not be let go; it is tried again");
                }
            }
        }
    }

    /// Does an act on a chat until it is durable: loads the head, lets `act` decide and append, and does it again when
    /// the chat has moved on meanwhile. `act` gives either an append or, when nothing has to change, the answer.
    pub(crate) async fn act<T>(
        &self,
        key: ChatKey,
        mut act: impl FnMut(&Arc<Head>, &mut State) -> Result<Decided<T>>,
        done: impl Fn(&crate::log::Record) -> T,
    ) -> Result<T> {
        for _ in 0..TRIES {
            let head = self.head(key).await?;
            let (decided, seq) = {
                let mut state = head.lock();
                if head.broken() {
                    continue;
                }
                let seq = state.seq;
                (act(&head, &mut state)?, seq)
            };
            let on_its_way = match decided {
                // The head is ahead of the log: what is so already may still be refused there.
                Decided::Already(answer) if head.durable(seq).await => return Ok(answer),
                Decided::Already(_) => continue,
                Decided::Append(on_its_way) => on_its_way,
            };
            match head.outcome(on_its_way).await? {
                Outcome::Committed(record) => return Ok(done(&record)),
                Outcome::Earlier { chat, seq } => return Ok(done(&self.entry(chat, seq).await?.record)),
                Outcome::Again => {}
            }
        }
        Err(Error::busy("the chat changes faster than this could be done"))
    }

    /// One record by its place.
    pub(crate) async fn entry(&self, chat: ChatKey, seq: u64) -> Result<crate::log::Entry> {
        self.log.read(chat.0, seq, seq, 1).await?.pop().ok_or_else(Error::message_not_found)
    }

    /// Chats that somebody is in, and those left.
    pub(crate) async fn memberships(&self, user: u32) -> Result<(Vec<ChatKey>, Vec<(ChatKey, Membership)>)> {
        let (mut inside, mut left) = (Vec::new(), Vec::new());
        let mut range = Range::first(1_000);
        loop {
            let rows = self.store.scan(Table::Memberships, tables::u32_key(user), range).await?;
            for (row, value) in &rows {
                let Some(key) = tables::read_u64(row, 0).map(ChatKey) else { continue };
                let membership: Membership = serde_json::from_slice(value).unwrap_or_default();
                if membership.left_seq == 0 { inside.push(key) } else { left.push((key, membership)) }
            }
            match rows.last() {
                Some((row, _)) if rows.len() == 1_000 && inside.len() < limits::CHATS_OF_A_PERSON_MAX => {
                    range = Range::after(row.clone(), 1_000)
                }
                _ => break,
            }
        }
        let large: Vec<ChatKey> = self.large.read().iter().copied().collect();
        for key in large {
            if self.head(key).await?.lock().members.contains(user) {
                inside.push(key);
            }
        }
        inside.sort_unstable();
        inside.dedup();
        Ok((inside, left))
    }
}

/// What an act on a chat decided.
pub(crate) enum Decided<T> {
    /// This is to be appended.
    Append(OnItsWay),
    /// Nothing has to change; this is the answer.
    Already(T),
}

impl<T> Decided<T> {
    /// The same with another answer.
    fn map<U>(self, answer: impl FnOnce(T) -> U) -> Decided<U> {
        match self {
            Self::Append(on_its_way) => Decided::Append(on_its_way),
            Self::Already(already) => Decided::Already(answer(already)),
        }
    }
}
