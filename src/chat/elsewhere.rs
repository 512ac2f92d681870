//! What nodes tell each other of chats beside the log: how far somebody has got, what waits for single people, jobs.
//!
//! All of it is kept too, by the node that tells it. So a word that does not come costs the others an answer that is a
//! moment old, and nothing else.

use super::head::Cursor;
use super::{ChatKey, Chats, receipt};
use crate::peers::{Kind, PeerChange, Told};
use protocol::codec::Encoding;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// Words that are taken at once, before other work goes on.
const TOGETHER: usize = 256;

/// Something that other nodes have in memory is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Changed {
    /// Something waits for a person.
    EphemeralCame { user: u32, number: u64 },
    /// It does not wait any more.
    EphemeralWent { user: u32, number: u64 },
    /// There is a message to many that is to be sent, or taken back.
    BatchCame { bot: u32, id: u64 },
    /// It is done.
    BatchDone { bot: u32, id: u64 },
    /// Somebody has read what was sent to many; told to the node that counts.
    BatchRead { id: u64, user: u32 },
}

impl Chats {
    /// Tells the other nodes how far somebody has got.
    pub(super) fn tell_cursor(&self, key: ChatKey, user: u32, cursor: Cursor) {
        if self.peers.any() {
            self.peers.tell_all(Kind::Receipts, receipt::word_of(key, user, cursor));
        }
    }

    /// Tells the other nodes that something has changed which they have in memory.
    pub(super) fn tell_changed(&self, changed: Changed) {
        if self.peers.any() {
            self.peers.tell_all(Kind::Changes, Encoding::Msgpack.encode(&changed));
        }
    }

    /// Takes what other nodes tell, until told to stop.
    pub async fn follow_others(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let (Some(mut cursors), Some(mut changes)) = (self.peers.told(Kind::Receipts), self.peers.told(Kind::Changes)) else { return };
        let mut peers = self.peers.changes();
        let mut together = Vec::with_capacity(TOGETHER);
        loop {
            let change = tokio::select! {
                count = cursors.recv_many(&mut together, TOGETHER) => {
                    if count == 0 {
                        return;
                    }
                    None
                }
                change = changes.recv() => change,
                peer = peers.recv() => {
                    match peer {
                        Ok(PeerChange::Came(node)) => self.tell_cursors_to(node),
                        // Who missed changes may have missed that one has gone.
                        Ok(PeerChange::Went(_)) | Err(_) => self.batches.node_went(),
                    }
                    None
                }
                _ = stop.wait_for(|stop| *stop) => return,
            };
            together.drain(..).for_each(|told| self.cursors_came(&told));
            if let Some(told) = change {
                match Encoding::Msgpack.decode::<Changed>(&told.body) {
                    Ok(changed) => self.change_came(changed).await,
                    // A newer version may tell what this one does not know.
                    Err(error) => tracing::debug!(%error, node = %told.from, "a change of another node cannot be read"),
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn cursors_came(&self, told: &Told) {
        for (key, user, cursor) in receipt::read_words(&told.body) {
            self.receipts.remember(key, user, cursor, told.from);
            if let Some(head) = self.head_in_memory(key) {
                self.receipts.follow(&head, user, cursor);
            }
        }
    }

    async fn change_came(&self, changed: Changed) {
        match changed {
            Changed::EphemeralCame { user, number } => self.ephemerals.remember(user, number),
            Changed::EphemeralWent { user, number } => drop(self.ephemerals.forget(user, number)),
            Changed::BatchCame { bot, id } => self.batches.add(bot, id),
            Changed::BatchDone { bot, id } => self.batches.finish(bot, id),
            Changed::BatchRead { id, user } => {
                if let Err(error) = self.note_batch_read(id, user).await {
                    tracing::warn!(%error, "that somebody has read a message to many could not be noted");
                }
            }
        }
    }

    /// Is this node the one that works a job off?
    pub(super) fn works_off(&self, id: u64) -> bool {
        self.peers.home(id).is_none()
    }
}
