//! Which nodes are alive: those that were heard lately.

use super::home::Homes;
use crate::metrics;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// A node that was silent for so long is dead: five beats, so that a pause of the machine does not count.
pub const SILENT_MAX: Duration = Duration::from_secs(5);
/// Comings and goings that may wait for who listens; who lags behind looks at all nodes.
const CHANGES_WAITING: usize = 256;

/// One life of a node: it is another one after each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:016x}", self.0)
    }
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// This life of it.
    pub id: NodeId,
    /// Its name among the nodes, the setting `node`.
    pub name: String,
    /// Sessions that it has.
    pub sessions: u64,
    /// It is going away, and is at home for nothing.
    pub leaving: bool,
}

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerChange {
    /// It is there.
    Came(NodeId),
    /// It has gone, or is dead.
    Went(NodeId),
}

/// What a node says of itself every second.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Beat {
    pub id: NodeId,
    pub name: String,
    pub sessions: u64,
    pub leaving: bool,
    /// It says nothing any more.
    pub gone: bool,
}

/// The nodes that were heard lately, and where is whose home by that.
pub(super) struct Alive {
    pub me: NodeId,
    pub name: String,
    leaving: AtomicBool,
    heard: Mutex<BTreeMap<NodeId, (Peer, Instant)>>,
    others: ArcSwap<Vec<Peer>>,
    homes: ArcSwap<Homes>,
    changed: broadcast::Sender<PeerChange>,
}

impl Alive {
    pub fn new(me: NodeId, name: String) -> Self {
        let homes = Homes::of_nodes(&[(me, &name)]);
        Self {
            me,
            name,
            leaving: AtomicBool::new(false),
            heard: Mutex::default(),
            others: ArcSwap::default(),
            homes: ArcSwap::from_pointee(homes),
            changed: broadcast::channel(CHANGES_WAITING).0,
        }
    }

    pub fn others(&self) -> Arc<Vec<Peer>> {
        self.others.load_full()
    }

    pub fn any(&self) -> bool {
        !self.others.load().is_empty()
    }

    /// The node that is at home for something.
    pub fn home(&self, key: u64) -> Option<NodeId> {
        self.homes.load().of(key)
    }

    /// The node that is at home for something when its home goes away.
    pub fn next_home(&self, key: u64) -> Option<NodeId> {
        self.homes.load().next_of(key)
    }

    pub fn changes(&self) -> broadcast::Receiver<PeerChange> {
        self.changed.subscribe()
    }

    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
        self.arrange(&self.heard.lock());
    }

    /// A node was heard.
    pub fn heard(&self, beat: Beat) {
        if beat.id == self.me {
            return;
        }
        if beat.gone {
            return self.went(beat.id);
        }
        let mut heard = self.heard.lock();
        let peer = Peer { id: beat.id, name: beat.name, sessions: beat.sessions, leaving: beat.leaving };
        let before = heard.insert(beat.id, (peer.clone(), Instant::now()));
        match before {
            None => {
                tracing::info!(node = %peer.id, name = peer.name, "a node of the cluster is there");
                self.arrange(&heard);
                let _ = self.changed.send(PeerChange::Came(peer.id));
            }
            Some((before, _)) if before.leaving != peer.leaving => self.arrange(&heard),
            // Their sessions change all the time, and move no home.
            Some((before, _)) if before != peer => self.list(&heard),
            Some(_) => {}
        }
    }

    /// A node has gone, or cannot be reached.
    pub fn went(&self, node: NodeId) {
        let mut heard = self.heard.lock();
        if let Some((peer, _)) = heard.remove(&node) {
            tracing::info!(node = %peer.id, name = peer.name, "a node of the cluster is gone");
            self.arrange(&heard);
            let _ = self.changed.send(PeerChange::Went(node));
        }
    }

    /// Lets go of nodes that are silent.
    pub fn look(&self) {
        let silent: Vec<NodeId> =
            self.heard.lock().iter().filter(|(_, (_, at))| at.elapsed() > SILENT_MAX).map(|(node, _)| *node).collect();
        silent.into_iter().for_each(|node| self.went(node));
    }

    fn list(&self, heard: &BTreeMap<NodeId, (Peer, Instant)>) {
        metrics::PEERS.set(heard.len() as i64);
        self.others.store(Arc::new(heard.values().map(|(peer, _)| peer.clone()).collect()));
    }

    fn arrange(&self, heard: &BTreeMap<NodeId, (Peer, Instant)>) {
        let others = heard.values().map(|(peer, _)| peer);
        let mut nodes: Vec<(NodeId, &str)> = others.filter(|peer| !peer.leaving).map(|peer| (peer.id, peer.name.as_str())).collect();
        if !self.leaving() || nodes.is_empty() {
            nodes.push((self.me, &self.name));
        }
        self.homes.store(Arc::new(Homes::of_nodes(&nodes)));
        self.list(heard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(id: u64, name: &str) -> Beat {
        Beat { id: NodeId(id), name: name.into(), sessions: 0, leaving: false, gone: false }
    }

    #[test]
    fn nodes_come_leave_and_go_and_the_homes_follow() {
        let alive = Alive::new(NodeId(1), "one".into());
        let mut changes = alive.changes();
        alive.heard(beat(1, "one"));
        assert!(alive.others().is_empty(), "a node does not hear itself");
        alive.heard(beat(2, "two"));
        alive.heard(beat(2, "two"));
        assert_eq!(changes.try_recv().ok(), Some(PeerChange::Came(NodeId(2))));
        assert!(changes.try_recv().is_err(), "it is told once");
        let at = |alive: &Alive, node| (0..1_000).filter(|key| alive.home(*key) == Some(NodeId(node))).count();
        assert!(at(&alive, 2) > 300 && at(&alive, 1) > 300);

        alive.heard(Beat { leaving: true, ..beat(2, "two") });
        assert_eq!((at(&alive, 1), alive.others().len()), (1_000, 1), "who leaves is at home for nothing, and still there");
        alive.heard(beat(2, "two"));
        alive.leave();
        assert_eq!(at(&alive, 2), 1_000);
        alive.heard(Beat { gone: true, ..beat(2, "two") });
        assert_eq!(changes.try_recv().ok(), Some(PeerChange::Went(NodeId(2))));
        assert_eq!(at(&alive, 1), 1_000, "the last one is at home for everything, even while it leaves");
    }
}
