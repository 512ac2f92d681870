//! Events out: every committed record to the sessions of its audience that are here.
//!
//! Promise: records of one chat reach a session in their order; a record is encoded once for each encoding; a huge
//! audience does not hold up others; the cursor that sessions are given never passes a record that was not handed out.
//! Never: who may do what, what a record means, the disk.

mod aimed;
mod fanout;
mod late;
mod progress;
mod urgent;

pub use progress::Progress;

use crate::chat::{Aside, Chats, JoinTold, ReceiptTold};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::record::Change;
use crate::log::{Committed, Record};
use crate::metrics;
use crate::peers::Peers;
use crate::session::elsewhere::Elsewhere;
use crate::session::{EventFrame, Lane, LatestKey, Registry};
use crate::urgent::Urgents;
use fanout::{BigJob, Fanout};
use late::{Late, Queued};
use protocol::event::{ChatLeft, Event, InboxChanged, ReadCount, Receipt, Typing};
use protocol::record as wire;
use roaring::RoaringBitmap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The way out of this node.
pub struct Delivery {
    registry: Arc<Registry>,
    elsewhere: Arc<Elsewhere>,
    peers: Arc<Peers>,
    chats: Arc<Chats>,
    urgents: Arc<Urgents>,
    fanout: Fanout,
    /// How far everything was handed out.
    pub progress: Arc<Progress>,
    late: Late,
}

impl Delivery {
    /// Delivery to the sessions of a registry, and by way of other nodes to those elsewhere. Gives the work of its shards too; the
    /// caller runs them.
    pub fn new(
        registry: Arc<Registry>,
        elsewhere: Arc<Elsewhere>,
        peers: Arc<Peers>,
        chats: Arc<Chats>,
        urgents: Arc<Urgents>,
    ) -> (Arc<Self>, Vec<fanout::Worker>) {
        let progress = Arc::new(Progress::new(&chats.cursor_now().position));
        let (fanout, workers) = Fanout::new(registry.clone(), progress.clone());
        (Arc::new(Self { registry, elsewhere, peers, chats, urgents, fanout, progress, late: Late::default() }), workers)
    }

    /// Follows the log until it ends.
    pub async fn follow(self: Arc<Self>, mut committed: mpsc::Receiver<Vec<Committed>>) {
        let mut asides = self.chats.asides();
        loop {
            let aside = async {
                match &mut asides {
                    Some(asides) => asides.recv().await,
                    None => None,
                }
            };
            let batch = tokio::select! {
                batch = committed.recv() => match batch {
                    Some(batch) => batch,
                    None => return,
                },
                Some(Aside { user, event }) = aside => {
                    self.aim(&only(user), None, event, 0);
                    continue;
                }
            };
            let started = Instant::now();
            for committed in batch {
                let (group, offset) = (committed.group, committed.offset);
                self.chats.committed(&committed);
                self.urgents.chat_changed(&committed);
                if let Change::OwnSettings { chat } = committed.record.change
                    && !committed.own
                {
                    self.own_settings_changed(committed.record.by, ChatKey(chat));
                }
                match self.chats.audience_known(&committed).filter(|_| !self.late.waits(committed.record.chat)) {
                    Some(members) => self.record(&committed, members, started).await,
                    None => self.clone().later(committed),
                }
                self.progress.handed_out(group, offset);
            }
        }
    }

    /// Follows what is told about requests to join until it ends.
    pub async fn follow_joins(self: Arc<Self>, mut told: mpsc::Receiver<JoinTold>) {
        while let Some(told) = told.recv().await {
            match told {
                JoinTold::Waiting(waiting, deciders) => {
                    let chat = self.chats.key(waiting.chat_id).map_or(0, |key| key.0);
                    let deciders = deciders.into_iter().collect();
                    self.aim(&deciders, Some(LatestKey::JoinsWaiting(chat)), Event::JoinsWaiting(waiting), 0);
                }
                JoinTold::Decided(decided, asker) => self.aim(&only(asker), None, Event::JoinDecided(decided), 0),
            }
        }
    }

    /// Somebody has changed their own settings on another node. That node tells the devices which it knew of; one that has come here a
    /// moment before, and was not told by its `sync`, is told now.
    fn own_settings_changed(self: &Arc<Self>, user: u32, chat: ChatKey) {
        if !self.registry.online(user) {
            return;
        }
        let delivery = self.clone();
        tokio::spawn(async move {
            match delivery.chats.own_state(user, chat).await {
                Ok(changed) => drop(delivery.to_user(user, Lane::Ordinary, &EventFrame::new(Event::InboxChanged(changed)))),
                Err(error) => tracing::debug!(%error, "somebody's devices are not told now what they have changed for themselves"),
            }
        });
    }

    /// Tells a record when its audience was read, and others of its chat behind it. Until then the cursor stays before it.
    fn later(self: Arc<Self>, committed: Committed) {
        let chat = committed.record.chat;
        self.progress.begin(committed.group, committed.offset);
        // Its rows were followed already.
        match self.late.push(Committed { rows: Vec::new(), ..committed }) {
            Queued::First => drop(tokio::spawn(self.hand_out_late(chat))),
            Queued::Behind => {}
            // The cursor stays before it for good: whoever comes back is told by the next `sync`.
            Queued::Full => tracing::error!("too many records wait for their audience; this one is told to those who come back only"),
        }
    }

    async fn hand_out_late(self: Arc<Self>, chat: u64) {
        let mut told = false;
        while let Some(committed) = self.late.first(chat) {
            match self.chats.audience(&committed).await {
                Ok(members) => {
                    self.record(&committed, members, Instant::now()).await;
                    self.progress.end(committed.group, committed.offset);
                    if !self.late.done(chat) {
                        return;
                    }
                }
                Err(why) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%why, "who is to be told of a record cannot be read now; it is told later");
                    }
                    tokio::time::sleep(Duration::from_millis(limits::DELIVERED_LATE_TRY_MS)).await;
                }
            }
        }
    }

    async fn record(&self, committed: &Committed, members: Arc<RoaringBitmap>, started: Instant) {
        let record = &committed.record;
        let chat = ChatKey(record.chat);
        let moved = committed.moved.as_deref();
        let (came, went) = match (&record.change, moved) {
            (Change::MembersAdded { .. }, Some(moved)) => (Some(moved), None),
            (Change::MembersRemoved { .. }, Some(moved)) => (None, Some(moved)),
            _ => (None, None),
        };
        // Few online: at once, right here. Many, or behind many of the same chat: in slices by the shards.
        let online = self.registry.online_count(&members, limits::FANOUT_AT_ONCE + 1);
        if online > limits::FANOUT_AT_ONCE || self.fanout.busy(chat) {
            let members = match came {
                Some(came) => Arc::new(&*members - came),
                None => members.clone(),
            };
            let event = Arc::new(EventFrame::new(Event::Record(self.chats.shape(record))));
            self.fanout.submit(BigJob { chat, group: committed.group, offset: committed.offset, event, members, started }).await;
        } else if online > 0 {
            let event = EventFrame::new(Event::Record(self.chats.shape(record)));
            let handed = self.each_online(&members, |user| {
                if came.is_some_and(|came| came.contains(user)) {
                    return 0;
                }
                self.to_user(user, Lane::Ordinary, &event)
            });
            metrics::DELIVERIES.inc_by(handed);
            metrics::FANOUT_SECONDS.observe(started.elapsed().as_secs_f64());
        }
        if let Some(came) = came {
            let event = EventFrame::new(Event::Record(self.came(record)));
            self.each_online(came, |user| self.to_user(user, Lane::Ordinary, &event));
        }
        if let Some(went) = went {
            let event = EventFrame::new(Event::ChatLeft(ChatLeft { chat_id: self.chats.seal.chat_id(chat), seq: record.seq }));
            self.each_online(went, |user| self.to_user(user, Lane::Ordinary, &event));
        }
    }

    /// The record as those see it who came with it.
    fn came(&self, record: &Record) -> wire::Record {
        let mut shaped = self.chats.shape(record);
        if let wire::Change::MembersAdded(added) = &mut shaped.change {
            added.me = true;
        }
        shaped
    }

    /// Calls for each of `members` who is here; sums up what the calls give. Goes over the smaller side.
    fn each_online(&self, members: &RoaringBitmap, mut each: impl FnMut(u32) -> u64) -> u64 {
        if members.len() <= limits::FANOUT_AT_ONCE * 4 {
            return members.iter().filter(|user| self.registry.online(*user)).map(&mut each).sum();
        }
        (0..self.registry.shard_count()).flat_map(|shard| self.registry.online_of(shard, members)).map(each).sum()
    }

    fn to_user(&self, user: u32, lane: Lane, event: &EventFrame) -> u64 {
        let mut handed = 0;
        self.registry.each_of(user, |session| {
            session.write(lane, event.frame(session.encoding));
            handed += 1;
        });
        handed
    }

    /// Tells how far somebody has got: the members of a small chat, and in any chat that person's other devices.
    pub fn receipt(&self, told: &ReceiptTold, own: Option<InboxChanged>, asking_session: u64) {
        if told.members.len() <= limits::RECEIPTS_TOLD_MEMBERS_MAX {
            let mut receipt = Receipt {
                chat_id: self.chats.seal.chat_id(told.chat),
                user_id: self.chats.directory.user_id(told.user).to_string(),
                delivered_seq: told.cursor.delivered_seq,
                read_seq: told.cursor.read_seq,
            };
            self.chats.raise_receipt(told.chat, told.user, &mut receipt);
            let mut others = (*told.members).clone();
            others.remove(told.user);
            self.aim(&others, Some(LatestKey::Receipt(told.chat.0, told.user)), Event::Receipt(receipt), 0);
        }
        if let Some(own) = own {
            self.inbox_changed(told.user, own, asking_session);
        }
    }

    /// Tells the sender of a large chat's last message how many have read it.
    pub fn read_count(&self, chat: ChatKey, sender: u32, seq: u64, count: u32) {
        let event = Event::ReadCount(ReadCount { chat_id: self.chats.seal.chat_id(chat), seq, count });
        self.aim(&only(sender), Some(LatestKey::ReadCount(chat.0)), event, 0);
    }

    /// Tells somebody's other devices what changed in the list of chats.
    pub fn inbox_changed(&self, user: u32, changed: InboxChanged, asking_session: u64) {
        self.aim(&only(user), None, Event::InboxChanged(changed), asking_session);
    }

    /// Tells the other members of a small chat that somebody is writing.
    pub fn typing(&self, chat: ChatKey, user: u32, members: &RoaringBitmap) {
        if members.len() > limits::RECEIPTS_TOLD_MEMBERS_MAX {
            return;
        }
        let event =
            Event::Typing(Typing { chat_id: self.chats.seal.chat_id(chat), user_id: self.chats.directory.user_id(user).to_string() });
        let mut others = members.clone();
        others.remove(user);
        self.aim(&others, Some(LatestKey::Typing(chat.0, user)), event, 0);
    }
}

fn only(user: u32) -> RoaringBitmap {
    RoaringBitmap::from_iter([user])
}
