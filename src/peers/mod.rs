//! The other nodes of the cluster: which are alive, which one is at home for a chat, and the way to them.
//!
//! Promise: what is told to a node arrives in the order in which it was told, or not at all; a question is answered, or said
//! to have no answer within its time. A node that died is noticed at once by whoever tells it something, and by everybody
//! within a few seconds. Nothing here waits, and nothing that is correct depends on it: who is at home is an advice, and what
//! was told only spares others a look into log and store.
//! Never: what is told, the log, the store.

mod alive;
mod frame;
mod home;
mod link;

pub use alive::{NodeId, Peer, PeerChange};
pub use frame::{Ask, Kind};
pub use link::{Asked, PeerSettings, Told, Unanswered};

use alive::Alive;
use bytes::Bytes;
use link::Link;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// The other nodes, as one node knows them. On one machine there are none.
pub struct Peers {
    alive: Arc<Alive>,
    link: Option<Link>,
}

impl Peers {
    /// There are no other nodes, and never will be.
    pub fn alone() -> Arc<Self> {
        Arc::new(Self { alive: Arc::new(Alive::new(NodeId(rand::random()), "this".into())), link: None })
    }

    /// Listens to the other nodes. This one is told to them by [`Peers::run`].
    ///
    /// # Errors
    /// One sentence: the servers take no subscription.
    pub async fn join(client: async_nats::Client, settings: PeerSettings) -> Result<Arc<Self>, String> {
        let id = NodeId(rand::random());
        let name = if settings.name.is_empty() { id.to_string() } else { settings.name.clone() };
        let alive = Arc::new(Alive::new(id, name));
        let link = Link::open(client, settings, alive.clone()).await?;
        Ok(Arc::new(Self { alive, link: Some(link) }))
    }

    /// This life of this node.
    pub fn me(&self) -> NodeId {
        self.alive.me
    }

    /// May there be other nodes?
    pub fn clustered(&self) -> bool {
        self.link.is_some()
    }

    /// Are there other nodes now?
    pub fn any(&self) -> bool {
        self.alive.any()
    }

    /// The other nodes that are alive.
    pub fn others(&self) -> Arc<Vec<Peer>> {
        self.alive.others()
    }

    /// The node that is at home for a chat or a job; none: this one is.
    pub fn home(&self, key: u64) -> Option<NodeId> {
        self.alive.home(key).filter(|home| *home != self.alive.me)
    }

    /// The node that is at home for a chat when the one that is now goes away; it may be this one.
    pub fn next_home(&self, key: u64) -> Option<NodeId> {
        self.alive.next_home(key)
    }

    /// Tells which nodes come and go from now on.
    pub fn changes(&self) -> broadcast::Receiver<PeerChange> {
        self.alive.changes()
    }

    /// Tells all other nodes.
    pub fn tell_all(&self, kind: Kind, body: Vec<u8>) {
        if let Some(link) = &self.link
            && self.any()
        {
            link.tell_all(kind, body);
        }
    }

    /// Tells one node.
    pub fn tell(&self, node: NodeId, kind: Kind, body: Vec<u8>) {
        if let Some(link) = &self.link {
            link.tell(node, kind, body);
        }
    }

    /// Asks one node. The question is on its way when this returns, behind all that was told to the node before; the answer
    /// is waited for by whoever polls what is returned.
    pub fn ask(
        &self,
        node: NodeId,
        kind: Ask,
        body: Vec<u8>,
        within: Duration,
    ) -> impl Future<Output = Result<Bytes, Unanswered>> + Send + use<> {
        let waiting = self.link.as_ref().map(|link| link.ask(node, kind, body));
        async move {
            match waiting {
                Some(waiting) => waiting.within(within).await,
                None => Err(Unanswered::Gone),
            }
        }
    }

    /// Takes what others tell of a kind, for ever; only one can take it. On one machine it stays empty.
    pub fn told(&self, kind: Kind) -> Option<mpsc::Receiver<Told>> {
        self.link.as_ref()?.told(kind)
    }

    /// Takes what others ask of a kind.
    pub fn asked(&self, kind: Ask) -> Option<mpsc::Receiver<Asked>> {
        self.link.as_ref()?.asked(kind)
    }

    /// Tells the others that this node is here, and how many sessions it has, until told to stop.
    pub async fn run(self: Arc<Self>, sessions: impl Fn() -> u64 + Send, stop: watch::Receiver<bool>) {
        if let Some(link) = &self.link {
            link.run(sessions, stop).await;
        }
    }

    /// From now on this node is at home for nothing: it is going away.
    pub fn leave(&self) {
        self.alive.leave();
        if let Some(link) = &self.link {
            link.beat_now();
        }
    }
}
