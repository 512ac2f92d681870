//! The sessions of this node, by person, in shards that share no lock.

use super::Session;
use crate::metrics;
use parking_lot::{Mutex, RwLock};
use protocol::error::CloseCode;
use roaring::RoaringBitmap;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

type Sessions = SmallVec<[Arc<Session>; 1]>;

#[derive(Default)]
struct Shard {
    sessions: HashMap<u32, Sessions>,
    online: RoaringBitmap,
}

/// Every session of this node.
pub struct Registry {
    shards: Box<[RwLock<Shard>]>,
    /// Sessions by the second of the heartbeat period in which they are looked after.
    wheel: Box<[Mutex<Vec<Weak<Session>>>]>,
    count: AtomicUsize,
}

impl Registry {
    /// A registry of so many shards, whose heartbeats come around in so many seconds.
    pub fn new(shards: usize, heartbeat_seconds: usize) -> Self {
        Self {
            shards: (0..shards.max(1)).map(|_| RwLock::default()).collect(),
            wheel: (0..heartbeat_seconds.max(1)).map(|_| Mutex::default()).collect(),
            count: AtomicUsize::new(0),
        }
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    fn shard(&self, user: u32) -> &RwLock<Shard> {
        &self.shards[user as usize % self.shards.len()]
    }

    /// Lets a session in. A session of the same device goes: the device has connected anew. `true`: the person was offline.
    pub fn insert(&self, session: &Arc<Session>) -> bool {
        let replaced: Sessions = {
            let mut shard = self.shard(session.user).write();
            shard.online.insert(session.user);
            let sessions = shard.sessions.entry(session.user).or_default();
            let (old, kept) = std::mem::take(sessions).into_iter().partition(|other| other.device_id == session.device_id);
            *sessions = kept;
            sessions.push(session.clone());
            old
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        metrics::SESSIONS.inc();
        self.wheel[session.id as usize % self.wheel.len()].lock().push(Arc::downgrade(session));
        for old in &replaced {
            old.close(CloseCode::Replaced, None);
            self.count.fetch_sub(1, Ordering::Relaxed);
            metrics::SESSIONS.dec();
        }
        replaced.is_empty() && self.sessions_of(session.user).len() == 1
    }

    /// Lets a session go. `true`: the person is offline now.
    pub fn remove(&self, session: &Arc<Session>) -> bool {
        let mut shard = self.shard(session.user).write();
        let Some(sessions) = shard.sessions.get_mut(&session.user) else { return false };
        let before = sessions.len();
        sessions.retain(|other| other.id != session.id);
        let removed = before - sessions.len();
        let offline = sessions.is_empty();
        if offline {
            shard.sessions.remove(&session.user);
            shard.online.remove(session.user);
        }
        drop(shard);
        self.count.fetch_sub(removed, Ordering::Relaxed);
        metrics::SESSIONS.sub(removed as i64);
        offline && removed > 0
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Somebody's sessions.
    pub fn sessions_of(&self, user: u32) -> SmallVec<[Arc<Session>; 2]> {
        self.shard(user).read().sessions.get(&user).map(|sessions| sessions.iter().cloned().collect()).unwrap_or_default()
    }

    /// Does something with each session of somebody.
    pub fn each_of(&self, user: u32, mut each: impl FnMut(&Arc<Session>)) {
        if let Some(sessions) = self.shard(user).read().sessions.get(&user) {
            sessions.iter().for_each(&mut each);
        }
    }

    /// Has somebody a session here?
    pub fn online(&self, user: u32) -> bool {
        self.shard(user).read().online.contains(user)
    }

    /// Those of `members` who are here, and of one shard.
    pub fn online_of(&self, shard: usize, members: &RoaringBitmap) -> RoaringBitmap {
        members & &self.shards[shard].read().online
    }

    /// How many of `members` are here, not counted further than `enough`.
    pub fn online_count(&self, members: &RoaringBitmap, enough: u64) -> u64 {
        let mut count = 0;
        for shard in &self.shards {
            count += members.intersection_len(&shard.read().online);
            if count >= enough {
                return enough;
            }
        }
        count
    }

    /// All who are here.
    pub fn all_online(&self) -> RoaringBitmap {
        self.shards.iter().fold(RoaringBitmap::new(), |mut all, shard| {
            all |= &shard.read().online;
            all
        })
    }

    /// Sessions that are looked after in this second; those that are gone are let go.
    pub fn due(&self, second: u64) -> Vec<Arc<Session>> {
        let mut slot = self.wheel[(second % self.wheel.len() as u64) as usize].lock();
        let mut due = Vec::with_capacity(slot.len());
        slot.retain(|session| match session.upgrade() {
            Some(session) => {
                due.push(session);
                true
            }
            None => false,
        });
        due
    }

    /// Every session.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.shards.iter().flat_map(|shard| shard.read().sessions.values().flatten().cloned().collect::<Vec<_>>()).collect()
    }
}
