//! Pinned messages: who pinned what, and when.

use super::amend::{changed, not_recalled, unpinned, writable};
use super::profile::info_row;
use super::{ChatKey, ChatProfile, Chats, Decided, Extra, Head, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::command::{Changed, Pin, Unpin};
use protocol::ids::MessageId;
use std::sync::Arc;

/// A message that is pinned.
#[derive(Debug, Clone, PartialEq)]
pub struct PinEntry {
    /// Which.
    pub message_id: MessageId,
    /// Seq of the record that pinned it; grows with time.
    pub seq: u64,
    /// Index of who pinned it.
    pub by: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
}

impl Chats {
    /// Pins a message in its chat.
    pub async fn pin(&self, user: u32, command: Pin) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        self.visible_message(&head, user, seq).await?;
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, user)?;
                may_pin(&rights)?;
                not_recalled(state, seq)?;
                if state.info.pins.iter().any(|(target, _)| *target == seq) {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                if state.info.pins.len() >= limits::PINS_MAX {
                    return Err(Error::too_large(
                        "the list of pinned messages",
                        state.info.pins.len() as u64 + 1,
                        limits::PINS_MAX as u64,
                        "messages",
                    ));
                }
                let mut info = (*state.info).clone();
                info.pins.push((seq, state.seq + 1));
                self.append_pins(head, state, user, Change::Pinned { target: seq }, info)
            },
            changed,
        )
        .await
    }

    /// Unpins a message.
    pub async fn unpin(&self, user: u32, command: Unpin) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        self.act(
            key,
            |head, state| {
                state.rights(key, user).map_err(|_| Error::message_not_found())?;
                let (_, rights) = writable(head, state, user)?;
                may_pin(&rights)?;
                match unpinned(&state.info, seq) {
                    None => Ok(Decided::Already(Changed { seq: state.seq })),
                    Some(info) => self.append_pins(head, state, user, Change::Unpinned { target: seq }, info),
                }
            },
            changed,
        )
        .await
    }

    fn append_pins(&self, head: &Head, state: &mut State, user: u32, change: Change, info: ChatProfile) -> Result<Decided<Changed>> {
        let writes = vec![info_row(head.key, &info)];
        let on_its_way = head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() })?;
        state.info = Arc::new(info);
        Ok(Decided::Append(on_its_way))
    }

    /// What is pinned in a chat that somebody is in, the last pinned first.
    pub async fn pinned(&self, user: u32, key: ChatKey) -> Result<Vec<PinEntry>> {
        let head = self.head(key).await?;
        let pins = {
            let state = head.lock();
            state.rights(key, user)?;
            state.info.pins.clone()
        };
        let mut entries = Vec::with_capacity(pins.len());
        for (target, seq) in pins.into_iter().rev() {
            let record = self.entry(key, seq).await?.record;
            entries.push(PinEntry { message_id: self.seal.message_id(key, target), seq, by: record.by, at_ms: record.at_ms });
        }
        Ok(entries)
    }

    /// Pins a message and tells the pin that stands; it may have stood before.
    pub async fn pin_and_tell(&self, user: u32, message_id: MessageId) -> Result<PinEntry> {
        let (key, _) = self.place(message_id)?;
        self.pin(user, Pin { message_id }).await?;
        let pinned = self.pinned(user, key).await?;
        pinned.into_iter().find(|entry| entry.message_id == message_id).ok_or_else(|| Error::busy("it was unpinned at the same time"))
    }
}

fn may_pin(rights: &protocol::chat::Rights) -> Result<()> {
    if rights.pin { Ok(()) } else { Err(Error::not_allowed("pin", "the group's configuration reserves it for the owner and the managers")) }
}
