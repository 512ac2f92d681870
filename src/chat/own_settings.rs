//! Notes of what people change for themselves, in the log: so a device that was away is told of it without a read for its person.
//!
//! One's own settings of a chat are a row of the store, and no record of the chat, because nobody else may see them. That there is a change is
//! noted beside it under a key of this life of the node, where nobody else appends. Notes have places in the log like records of chats, so who
//! has missed one is known in the same way, on every node and after a start (`lately.rs`).

use super::{ChatKey, Chats, next_epoch};
use crate::error::{Error, Result};
use crate::log::record::Change;
use crate::log::{Append, Appended, Audience, Record, Refused};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How often a note is tried under another key.
const TRIES: usize = 3;

/// How long it is waited until this node has followed a note that is durable; the log is behind then, and whoever asks is told later.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(1);

/// Where this node appends its notes.
pub(super) struct OwnNotes {
    place: Mutex<Place>,
    /// Key and seq of the last one that was followed.
    followed: watch::Sender<(ChatKey, u64)>,
}

/// What becomes of an append.
type Outcome = oneshot::Receiver<std::result::Result<Appended, Refused>>;

#[derive(Clone, Copy)]
struct Place {
    key: ChatKey,
    epoch: u64,
    last: u64,
    at_ms: u64,
}

impl Place {
    fn new() -> Self {
        Self { key: ChatKey::notes(), epoch: next_epoch(), last: 0, at_ms: 0 }
    }
}

impl Default for OwnNotes {
    fn default() -> Self {
        Self { place: Mutex::new(Place::new()), followed: watch::Sender::new((ChatKey(0), 0)) }
    }
}

impl OwnNotes {
    /// A note was followed.
    pub fn came(&self, record: &Record) {
        self.followed.send_replace((ChatKey(record.chat), record.seq));
    }

    async fn until_followed(&self, place: Place) {
        let mut followed = self.followed.subscribe();
        let there = followed.wait_for(|(key, seq)| *key == place.key && *seq >= place.last);
        let _ = tokio::time::timeout(FOLLOWED_WITHIN, there).await;
    }
}

impl Chats {
    /// Notes that somebody has changed their own settings of a chat. When this returns, it is durable, and this node has followed it.
    ///
    /// # Errors
    /// `StorageUnavailable`, `Busy`: it may be noted, or not.
    pub(super) async fn note_own_settings(&self, user: u32, chat: ChatKey) -> Result<()> {
        for _ in 0..TRIES {
            let (place, outcome) = self.append_note(user, chat)?;
            match outcome.await.unwrap_or_else(|_| Err(Refused::Unavailable(Error::storage("the server is going away")))) {
                Ok(_) => {
                    self.own_notes.until_followed(place).await;
                    return Ok(());
                }
                Err(refused) => {
                    // What stands under this key is not certain any more. Another one begins anew.
                    let mut now = self.own_notes.place.lock();
                    if now.key == place.key {
                        *now = Place::new();
                    }
                    drop(now);
                    if let Refused::Unavailable(error) = refused {
                        return Err(error);
                    }
                }
            }
        }
        Err(Error::busy("the change could not be noted"))
    }

    fn append_note(&self, user: u32, chat: ChatKey) -> Result<(Place, Outcome)> {
        let (done, outcome) = oneshot::channel();
        // Under the lock: notes come to the log in the order of their seqs.
        let mut place = self.own_notes.place.lock();
        let next = Place { last: place.last + 1, at_ms: place.at_ms.max(self.clock.now_ms()), ..*place };
        let record = Record {
            chat: next.key.0,
            seq: next.last,
            position: 0,
            at_ms: next.at_ms,
            by: user,
            change: Change::OwnSettings { chat: chat.0 },
        };
        self.log.append(Append {
            record: Arc::new(record),
            epoch: next.epoch,
            audience: Audience::default(),
            writes: Vec::new(),
            dedupe: None,
            done,
        })?;
        *place = next;
        Ok((next, outcome))
    }
}
