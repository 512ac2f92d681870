//! The log of a cluster: NATS JetStream.
//!
//! Chats are spread over groups; each group is a stream, each chat a subject in it. An append names the message that it
//! expects to be the chat's last, so that the streams, and no lock, decide who was first. The streams publish every
//! committed message again, and each node follows all groups: it lays the rows of what was committed over the store
//! ([`crate::store::Overlay`]), and hands the records to delivery. One durable reader a group, shared by the nodes, writes
//! the rows into the store. Urgents are a group of their own, with a connection of its own. So the number of subscriptions and readers is that of the groups, whatever the number of chats.

mod appender;
mod audit;
mod end;
mod envelope;
mod follower;
mod keeper;
mod recent;
mod rows;
mod streams;
mod tail;
mod turn;

pub use streams::JetStreamSettings;

use super::{Answer, Append, Audience, Committed, Entry, Followed, Followers, Log, LogEnd, Position, Reached, followed};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::patience::Patience;
use crate::store::{EntryStore, Overlay};
use appender::Lane;
use dashmap::DashMap;
use recent::Recent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use streams::Streams;
use tokio::sync::{Notify, mpsc, watch};

/// Bits of an offset for the place of a record in its message.
const ENTRY_BITS: u32 = 8;
/// Committed batches that may wait for the followers. When they do not keep up, the node follows the log more slowly.
const FOLLOW_BATCHES: usize = 64;
/// A session may come from a node that is ahead of this one by so many messages of a group.
const AHEAD_MAX: u64 = 100_000;

/// Offset of a record: the number of its message, and its place in it.
fn offset_of(sequence: u64, index: usize) -> u64 {
    (sequence << ENTRY_BITS) | index as u64
}

/// The log of a cluster, as one node has it.
pub struct JetStreamLog {
    inner: Arc<Inner>,
    followed: Followed,
}

/// The streams of the log, reached.
pub struct ReachedStreams(Streams);

struct Inner {
    settings: JetStreamSettings,
    streams: Streams,
    overlay: Arc<Overlay>,
    overlay_bytes_max: usize,
    clock: Clock,
    lanes: DashMap<u64, Lane>,
    waiting: AtomicUsize,
    /// Audiences of what this node has appended and not followed yet, by group and number of the message.
    own: DashMap<(usize, u64), Vec<Audience>>,
    recent: Recent,
    /// Numbers of the messages up to which this node has followed.
    followed: Reached,
    followed_more: Vec<watch::Sender<u64>>,
    /// Held by who reads a chat's last records from the log, by group.
    tails: Vec<tokio::sync::Mutex<()>>,
    /// Messages of a group were passed over, and whoever follows is to know it, by group.
    holes: Vec<AtomicBool>,
    /// Asks a group's follower to read what it has not got.
    look: Vec<Notify>,
    followers: Followers,
    writer: u64,
    number: AtomicU64,
}

impl JetStreamLog {
    /// Connects, makes streams that are missing, and lays what the store has not got yet over it. Servers that do not
    /// answer are waited for.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn open(
        settings: JetStreamSettings,
        store: Arc<dyn EntryStore>,
        overlay_bytes_max: usize,
        clock: Clock,
    ) -> std::result::Result<Self, String> {
        let reached = Self::reach(&settings, |_| {}).await?;
        Self::begin(settings, reached, store, overlay_bytes_max, clock, |_| {}).await
    }

    /// The first half of that: connects, and makes streams that are missing. Tells of each try that failed, and why.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn reach(settings: &JetStreamSettings, waits: impl Fn(&str)) -> std::result::Result<ReachedStreams, String> {
        Streams::open(settings, waits).await.map(ReachedStreams)
    }

    /// The second half: lays what the store has not got yet over it, and begins to follow. Tells of each try that failed, and why.
    ///
    /// # Errors
    /// One sentence: the settings cannot be right.
    pub async fn begin(
        settings: JetStreamSettings,
        ReachedStreams(streams): ReachedStreams,
        store: Arc<dyn EntryStore>,
        overlay_bytes_max: usize,
        clock: Clock,
        waits: impl Fn(&str),
    ) -> std::result::Result<Self, String> {
        let groups = streams.groups();
        let (followers, followed_batches) = followed(FOLLOW_BATCHES);
        let nowhere: Position = (0..groups).map(|_| 0).collect();
        let inner = Arc::new(Inner {
            settings,
            streams,
            overlay: Arc::new(Overlay::new(store)),
            overlay_bytes_max,
            clock,
            lanes: DashMap::new(),
            waiting: AtomicUsize::new(0),
            own: DashMap::new(),
            recent: Recent::default(),
            followed: Reached::from(&nowhere),
            followed_more: (0..groups).map(|_| watch::channel(0).0).collect(),
            tails: (0..groups).map(|_| tokio::sync::Mutex::default()).collect(),
            holes: (0..groups).map(|_| AtomicBool::new(false)).collect(),
            look: (0..groups).map(|_| Notify::new()).collect(),
            followers,
            writer: rand::random(),
            number: AtomicU64::new(1),
        });
        let mut waiting = Patience::with("the log of the cluster");
        for group in 0..groups {
            // A server that goes away in the middle of it is waited for, too.
            while let Err(error) = inner.clone().begin(group).await {
                waiting.once_more(&format!("it cannot be read: {}", error.why), &waits).await;
            }
        }
        Ok(Self { inner, followed: followed_batches })
    }

    /// The store with what was committed and is not in it yet laid over it.
    pub fn store(&self) -> Arc<Overlay> {
        self.inner.overlay.clone()
    }

    /// The connection, for what nodes say to each other.
    pub fn client(&self) -> async_nats::Client {
        self.inner.streams.client(0).clone()
    }

    /// Does the log answer now?
    pub fn healthy(&self) -> bool {
        let connected = |group| self.inner.streams.client(group).connection_state() == async_nats::connection::State::Connected;
        connected(0) && connected(self.inner.settings.groups)
    }

    /// Writes what is committed into the store, together with the other nodes, and lets go what is old. It never ends by itself.
    pub async fn keep(&self) {
        self.inner.clone().keep().await;
    }
}

impl Inner {
    fn group_of(&self, chat: u64) -> usize {
        if ChatKey(chat).is_urgent() {
            return self.settings.groups;
        }
        // Keys of chats may be close together; neighbours go to different groups.
        let mixed = (chat ^ (chat >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed >> 33) % self.settings.groups as u64) as usize
    }
}

impl Log for JetStreamLog {
    fn append(&self, append: Append) -> Result<()> {
        self.inner.enqueue(append)
    }

    fn last(&self, chat: u64) -> Answer<'_, Option<Entry>> {
        Box::pin(async move {
            let end = self.inner.end_of(chat).await?;
            if end.seq == 0 {
                return Ok(None);
            }
            // Whoever reads the rows after this finds all that was committed before it.
            self.inner.catch_up(self.inner.group_of(chat), end.sequence).await?;
            let found = self.read(chat, end.seq, end.seq, 1).await?;
            found.into_iter().next().map(Some).ok_or_else(|| Error::storage("the last record of a chat is not there yet"))
        })
    }

    fn read(&self, chat: u64, from_seq: u64, to_seq: u64, limit: usize) -> Answer<'_, Vec<Entry>> {
        Box::pin(async move {
            let read = || super::read_rows(&*self.inner.overlay, chat, from_seq, to_seq, limit);
            let (found, error) = match read().await {
                Ok(found) if self.inner.is_whole(chat, from_seq, to_seq, limit, &found).await? => return Ok(found),
                // The store has forgotten what it had; until the auditor has been there, the log fills the hole.
                Ok(found) => (found, None),
                // It is away: what was said lately is in the log, too.
                Err(error) if error.is_unavailable() => (Vec::new(), Some(error)),
                Err(error) => return Err(error),
            };
            match (self.inner.lay_tail(chat, from_seq, error.is_some()).await?, error) {
                (true, _) => read().await,
                // Neither of the two has it any more.
                (false, None) => Ok(found),
                (false, Some(error)) => Err(error),
            }
        })
    }

    fn end(&self, group: usize, since_ms: u64, bytes: usize) -> Answer<'_, LogEnd> {
        Box::pin(self.inner.read_end(group, since_ms, bytes))
    }

    fn group(&self, chat: u64) -> usize {
        self.inner.group_of(chat)
    }

    fn head(&self) -> Position {
        (0..self.inner.settings.groups).map(|group| offset_of(self.inner.followed.of(group) + 1, 0) - 1).collect()
    }

    fn may_have(&self, position: &Position) -> bool {
        let farthest: Position =
            (0..self.inner.settings.groups).map(|group| offset_of(self.inner.followed.of(group) + AHEAD_MAX, 0)).collect();
        position.within(&farthest)
    }

    fn follow(&self) -> Option<mpsc::Receiver<Vec<Committed>>> {
        self.followed.chats.lock().take()
    }

    fn follow_urgents(&self) -> Option<mpsc::Receiver<Vec<Committed>>> {
        self.followed.urgents.lock().take()
    }
}
