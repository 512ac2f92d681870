//! Who is online, away, offline, and who wants to know.
//!
//! Changes are collected and told about twice a second, each person's latest state once: a flapping network costs one
//! frame, not one for each flap. Nobody is told of everybody: a session names the people that it shows. In a cluster each
//! node tells the others what changed of its people, in the same rhythm; a task asks a node for everybody when some were missed.

use super::elsewhere::{Delta, Elsewhere, Missed, PeopleThere};
use super::{EventFrame, LatestKey, Registry, Session};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::limits;
use crate::peers::{Ask, Kind, NodeId, PeerChange, Peers};
use dashmap::DashMap;
use parking_lot::Mutex;
use protocol::codec::Encoding;
use protocol::error::CloseCode;
use protocol::event::Event;
use protocol::person::{Presence as Wire, PresenceState};
use roaring::RoaringBitmap;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How long another node is waited for that is asked for everybody who is there.
const EVERYBODY_WITHIN: Duration = Duration::from_secs(2);
/// Every so many times, other nodes are told also that nothing has changed: who has missed the last change learns it so.
const UNCHANGED_TOLD_EVERY: u64 = 10;

/// Presence of everybody, as this node knows it.
pub struct Presence {
    registry: Arc<Registry>,
    directory: Directory,
    clock: Clock,
    peers: Arc<Peers>,
    /// Who is on other nodes.
    pub elsewhere: Arc<Elsewhere>,
    /// Who is here, as the other nodes were told.
    here: Mutex<PeopleThere>,
    /// Whose sessions here have changed since.
    touched: Mutex<HashSet<u32>>,
    /// Nodes that are being asked for everybody.
    asking: Mutex<HashSet<NodeId>>,
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
    pub fn new(registry: Arc<Registry>, directory: Directory, clock: Clock, peers: Arc<Peers>) -> Self {
        Self {
            registry,
            directory,
            clock,
            peers,
            elsewhere: Arc::default(),
            here: Mutex::default(),
            touched: Mutex::default(),
            asking: Mutex::default(),
            watchers: DashMap::new(),
            watched: DashMap::new(),
            last_seen: DashMap::new(),
            changed: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// Somebody's presence now.
    pub fn of(&self, user: u32) -> Wire {
        let state = match self.here(user) {
            _ if self.directory.presence_hidden(user) => PresenceState::Hidden,
            Some(PresenceState::Online) => PresenceState::Online,
            here => match self.elsewhere.of(user) {
                Some(PresenceState::Online) => PresenceState::Online,
                there => here.or(there).unwrap_or(PresenceState::Offline),
            },
        };
        let last_seen_ms = if state == PresenceState::Offline { self.last_seen.get(&user).map(|at_ms| *at_ms) } else { None };
        Wire { user_id: self.directory.user_id(user).to_string(), state, last_seen_ms }
    }

    /// Somebody's state by the sessions of this node; none: there is no session.
    fn here(&self, user: u32) -> Option<PresenceState> {
        let mut state = None;
        self.registry.each_of(user, |session| {
            if !session.away.load(Ordering::Relaxed) {
                state = Some(PresenceState::Online);
            } else if state.is_none() {
                state = Some(PresenceState::Away);
            }
        });
        state
    }

    /// How many of these people are online, on whatever node, and show it.
    pub fn online_count(&self, members: &RoaringBitmap) -> u32 {
        let here = (0..self.registry.shard_count()).map(|shard| self.registry.online_of(shard, members));
        let online = here.fold(self.elsewhere.online_of(members), |all, of_shard| all | of_shard);
        online.into_iter().filter(|user| !self.directory.presence_hidden(*user)).count() as u32
    }

    /// A session came, went, or says something else of itself.
    pub fn touched(&self, user: u32) {
        self.moved(user);
        if self.peers.clustered() {
            self.touched.lock().insert(user);
        }
    }

    /// Somebody's state may be another one, here or elsewhere.
    fn moved(&self, user: u32) {
        if self.registry.online(user) || self.elsewhere.of(user).is_some() {
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
        let mut round = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::PRESENCE_TOLD_EVERY_MS)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            round += 1;
            self.tell_changed();
            self.tell_peers(round % UNCHANGED_TOLD_EVERY == 0);
        }
    }

    /// Tells the other nodes what changed of the people of this one.
    fn tell_peers(&self, also_nothing: bool) {
        let touched = std::mem::take(&mut *self.touched.lock());
        let mut here = self.here.lock();
        let delta = here.change(touched, |user| self.here(user));
        // Under the lock: the others are told in order.
        if let Some(delta) = delta.or_else(|| also_nothing.then(|| here.unchanged())) {
            self.peers.tell_all(Kind::Presence, delta.encode());
        }
    }

    /// Follows what other nodes tell of their people, and answers those who ask for everybody here.
    pub async fn follow_peers(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        let (told, asked, came) = (self.peers.told(Kind::Presence), self.peers.asked(Ask::Presence), self.peers.told(Kind::Sessions));
        let (Some(mut told), Some(mut asked), Some(mut came)) = (told, asked, came) else { return };
        let mut changes = self.peers.changes();
        loop {
            tokio::select! {
                Some(told) = told.recv() => {
                    let Some(delta) = Delta::decode(&told.body) else { continue };
                    match self.elsewhere.told(told.from, &delta) {
                        Ok(people) => people.iter().for_each(|user| self.moved(user)),
                        Err(Missed) => self.ask_for_everybody(told.from),
                    }
                }
                Some(came) = came.recv() => self.close_replaced(&came.body),
                Some(asked) = asked.recv() => {
                    let everybody = self.here.lock().everybody();
                    asked.answer(everybody.encode());
                }
                change = changes.recv() => match change {
                    Ok(PeerChange::Came(node)) => self.ask_for_everybody(node),
                    Ok(PeerChange::Went(node)) => self.elsewhere.went(node).iter().for_each(|user| self.moved(user)),
                    Err(_) => self.let_go_of_strangers(),
                },
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Are there other nodes now?
    pub fn other_nodes(&self) -> bool {
        self.peers.any()
    }

    /// A session has come: one that its device has on another node is over.
    pub fn came(&self, session: &Session) {
        if self.peers.any() {
            self.peers.tell_all(Kind::Sessions, Encoding::Msgpack.encode(&(session.user, &*session.device_id, session.began_at_ms)));
        }
    }

    fn close_replaced(&self, body: &[u8]) {
        let Ok((user, device_id, began_at_ms)) = Encoding::Msgpack.decode::<(u32, String, u64)>(body) else { return };
        self.registry.each_of(user, |session| {
            // A device that goes on quickly may be here before this node is told where it was before.
            if *session.device_id == *device_id && session.began_at_ms < began_at_ms {
                session.close(CloseCode::Replaced, None);
            }
        });
    }

    /// Of nodes that are not alive nobody is there.
    fn let_go_of_strangers(&self) {
        let alive: Vec<NodeId> = self.peers.others().iter().map(|peer| peer.id).collect();
        for node in self.elsewhere.nodes().into_iter().filter(|node| !alive.contains(node)) {
            self.elsewhere.went(node).iter().for_each(|user| self.moved(user));
        }
    }

    /// Asks another node for everybody who is there, unless it is being asked.
    fn ask_for_everybody(self: &Arc<Self>, node: NodeId) {
        if !self.asking.lock().insert(node) {
            return;
        }
        let presence = self.clone();
        tokio::spawn(async move {
            let answer = presence.peers.ask(node, Ask::Presence, Vec::new(), EVERYBODY_WITHIN).await;
            presence.asking.lock().remove(&node);
            // Without an answer it is asked again with the next thing that it tells.
            let Some(everybody) = answer.ok().and_then(|bytes| Delta::decode(&bytes)) else { return };
            if presence.peers.others().iter().any(|peer| peer.id == node) {
                presence.elsewhere.everybody(node, &everybody).iter().for_each(|user| presence.moved(user));
            }
        });
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
