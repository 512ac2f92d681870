//! Who is online, away, offline, and who wants to know.
//!
//! Changes are collected and told about twice a second, each person's latest state once: a flapping network costs one
//! frame, not one for each flap. Nobody is told of everybody: a session names the people that it shows.

use super::{EventFrame, LatestKey, Registry, Session};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::limits;
use dashmap::DashMap;
use parking_lot::Mutex;
use protocol::event::Event;
use protocol::person::{Presence as Wire, PresenceState};
use roaring::RoaringBitmap;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Presence of the people of this node.
pub struct Presence {
    registry: Arc<Registry>,
    directory: Directory,
    clock: Clock,
    /// Who watches whom.
    watchers: DashMap<u32, Vec<Weak<Session>>>,
    /// Whom each session watches, so that it can be changed.
    watched: DashMap<u64, Vec<u32>>,
    /// End of the last session of those who are gone; at most one entry a person.
    last_seen: DashMap<u32, u64>,
    changed: Mutex<HashSet<u32>>,
    told: Mutex<HashMap<u32, PresenceState>>,
}

impl Presence {
    /// Nobody is watched yet.
    pub fn new(registry: Arc<Registry>, directory: Directory, clock: Clock) -> Self {
        Self {
            registry,
            directory,
            clock,
            watchers: DashMap::new(),
            watched: DashMap::new(),
            last_seen: DashMap::new(),
            changed: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Somebody's presence now.
    pub fn of(&self, user: u32) -> Wire {
        let mut state = PresenceState::Offline;
        if self.directory.presence_hidden(user) {
            state = PresenceState::Hidden;
        } else {
            self.registry.each_of(user, |session| {
                if !session.away.load(Ordering::Relaxed) {
                    state = PresenceState::Online;
                } else if state == PresenceState::Offline {
                    state = PresenceState::Away;
                }
            });
        }
        let last_seen_ms = if state == PresenceState::Offline { self.last_seen.get(&user).map(|at_ms| *at_ms) } else { None };
        Wire { user_id: self.directory.user_id(user).to_string(), state, last_seen_ms }
    }

    /// How many of these people are here and show it.
    pub fn online_count(&self, members: &RoaringBitmap) -> u32 {
        let of_shard =
            |shard| self.registry.online_of(shard, members).into_iter().filter(|user| !self.directory.presence_hidden(*user)).count();
        (0..self.registry.shard_count()).map(of_shard).sum::<usize>() as u32
    }

    /// A session came, went, or says something else of itself.
    pub fn touched(&self, user: u32) {
        if self.registry.online(user) {
            self.last_seen.remove(&user);
        } else {
            self.last_seen.insert(user, self.clock.now_ms());
        }
        if self.watchers.contains_key(&user) {
            self.changed.lock().insert(user);
        }
    }

    /// Sets whom a session watches, instead of those before.
    pub fn watch(&self, session: &Arc<Session>, users: Vec<u32>) {
        self.unwatch(session);
        for user in &users {
            let mut watchers = self.watchers.entry(*user).or_default();
            watchers.retain(|watcher| watcher.strong_count() > 0);
            watchers.push(Arc::downgrade(session));
            drop(watchers);
            // The watcher is answered with the state of now, so that is what was told last.
            self.told.lock().insert(*user, self.of(*user).state);
        }
        if !users.is_empty() {
            self.watched.insert(session.id, users);
        }
    }

    /// A session watches nobody any more.
    pub fn unwatch(&self, session: &Arc<Session>) {
        let Some((_, users)) = self.watched.remove(&session.id) else { return };
        for user in users {
            if let Some(mut watchers) = self.watchers.get_mut(&user) {
                watchers.retain(|watcher| watcher.upgrade().is_some_and(|watcher| watcher.id != session.id));
            }
            self.watchers.remove_if(&user, |_, watchers| watchers.is_empty());
        }
    }

    /// The sessions that watch somebody.
    pub fn watchers_of(&self, user: u32) -> Vec<Arc<Session>> {
        self.watchers.get(&user).map(|watchers| watchers.iter().filter_map(Weak::upgrade).collect()).unwrap_or_default()
    }

    /// Everybody whom a session watches.
    pub fn watched_people(&self) -> Vec<u32> {
        self.watchers.iter().map(|entry| *entry.key()).collect()
    }

    /// Tells what changed, until told to stop.
    pub async fn tell(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::PRESENCE_TOLD_EVERY_MS)) => self.tell_changed(),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    fn tell_changed(&self) {
        let changed = std::mem::take(&mut *self.changed.lock());
        for user in changed {
            let presence = self.of(user);
            let Some(watchers) = self.watchers.get(&user).map(|watchers| watchers.clone()) else {
                self.told.lock().remove(&user);
                continue;
            };
            if self.told.lock().insert(user, presence.state) == Some(presence.state) {
                continue;
            }
            let event = EventFrame::new(Event::Presence(presence));
            for watcher in watchers.iter().filter_map(Weak::upgrade) {
                watcher.write_latest(LatestKey::Presence(user), &event);
            }
        }
    }
}
