//! Heads at hand for the day on which a home dies.
//!
//! The node that is next at home for a chat loads the chat's head as soon as something happens there, and again when a change
//! of another node has broken it. So nobody waits for the store when a node dies, and chats go on although the store is away.

use super::{ChatKey, Chats};
use crate::limits;
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

impl Chats {
    /// Something has happened in a chat whose head is not in memory.
    pub(super) fn is_wanted_here(&self, key: ChatKey) {
        let home = || self.peers.next_home(key.0) == Some(self.peers.me()) || self.peers.home(key.0).is_none();
        if self.peers.clustered() && home() {
            // When many wait, the next record of the chat brings it here again.
            let _ = self.wanted.try_send(key);
        }
    }

    /// Loads heads that may be needed at once, until told to stop.
    pub async fn keep_at_hand(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(wanted) = self.wanted_here.lock().take() else { return };
        let wanted = futures_util::stream::unfold(wanted, async |mut wanted: mpsc::Receiver<ChatKey>| Some((wanted.recv().await?, wanted)));
        let loaded = wanted.for_each_concurrent(limits::HEADS_LOADED_AT_ONCE, async |key| {
            if let Err(error) = self.head(key).await {
                tracing::debug!(%error, "a head could not be loaded ahead of time; the next record of its chat tries it again");
            }
        });
        tokio::select! {
            () = loaded => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}
