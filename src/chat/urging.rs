//! What urgents ask of chats: may somebody raise one on a message, who is there, how the message stands now.

use super::head::Head;
use super::history::Folded;
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::log::Record;
use protocol::chat::Role;
use protocol::ids::MessageId;
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A message that somebody may make urgent.
#[derive(Debug, Clone)]
pub struct Urging {
    /// Its chat.
    pub chat: ChatKey,
    /// Its seq.
    pub seq: u64,
    /// Members of the chat now, bots too.
    pub members: Arc<RoaringBitmap>,
}

/// How the chat of an urgent stands.
#[derive(Debug, Clone)]
pub struct UrgentGround {
    /// Members of the chat now.
    pub members: Arc<RoaringBitmap>,
    /// The message was recalled, or the chat is no more.
    pub gone: bool,
}

impl Chats {
    /// May somebody make a message urgent? One's own where the group's configuration allows it; anyone's as the owner or a manager.
    ///
    /// # Errors
    /// `MessageNotFound`, `MessageRecalled`, `ChatDissolved`, `NotAllowed`.
    pub async fn urging(&self, by: u32, message_id: MessageId) -> Result<Urging> {
        let (chat, seq) = self.place(message_id)?;
        let head = self.head(chat).await.map_err(|error| if error.is_unavailable() { error } else { Error::message_not_found() })?;
        let record = self.visible_message(&head, by, seq).await?;
        let state = head.lock();
        let (role, rights) = state.rights(chat, by)?;
        if state.info.dissolved {
            return Err(Error::dissolved());
        }
        if !rights.raise_urgent {
            return Err(Error::not_allowed("raise an urgent", "the group's setting leaves that to the owner and the managers"));
        }
        if record.by != by && (chat.pair().is_some() || role == Role::Member) {
            return Err(Error::not_allowed(
                "make this message urgent",
                "it is somebody else's, and only the owner and the managers may do that with messages of others",
            ));
        }
        Ok(Urging { chat, seq, members: state.members.all().clone() })
    }

    /// People who have not read a message, without its sender.
    pub async fn people_who_have_not_read(&self, user: u32, message_id: MessageId) -> Result<RoaringBitmap> {
        let (head, record) = self.read_message(user, message_id).await?;
        let mut found = RoaringBitmap::new();
        self.each_of_audience(&head, &record, None, |member, cursor| {
            if cursor.read_seq < record.seq && self.directory.kind(member) == PersonKind::Person {
                found.insert(member);
            }
            ControlFlow::Continue(())
        })
        .await;
        Ok(found)
    }

    /// Is somebody the owner or a manager of a chat?
    pub async fn is_manager(&self, user: u32, chat: ChatKey) -> Result<bool> {
        Ok(self.head(chat).await?.lock().role(user).is_some_and(|role| role != Role::Member))
    }

    /// Who is in the chat of an urgent, and whether its message is still there.
    pub async fn urgent_ground(&self, chat: ChatKey, seq: u64) -> Result<UrgentGround> {
        let head = self.head(chat).await?;
        let state = head.lock();
        Ok(UrgentGround { members: state.members.all().clone(), gone: state.info.dissolved || state.recalled_seqs.contains(seq) })
    }

    /// A message as it stands now, as whoever sees it who has not reacted; and the name of its group.
    pub async fn message_as_it_stands(&self, chat: ChatKey, seq: u64) -> Result<(protocol::record::Record, Option<String>)> {
        let head: Arc<Head> = self.head(chat).await?;
        let (record, folded): (Arc<Record>, Folded) = match self.said_lately(&head, seq) {
            Some(known) => known,
            None => (self.entry(chat, seq).await?.record, self.folded(chat, seq, seq).await?),
        };
        let name = chat.pair().is_none().then(|| head.lock().info.name.clone());
        Ok((self.shaped(&record, &folded, Some((&head, None))), name))
    }

    /// A message that was said lately, and what was done to it since, without a question to the store: an urgent does not wait for
    /// those who read.
    fn said_lately(&self, head: &Head, seq: u64) -> Option<(Arc<Record>, Folded)> {
        let last = head.committed_seq.load(Ordering::Acquire);
        let lately = self.lately.to_end(head.key.0, seq, last)?;
        let record = lately.first().map(|entry| entry.record.clone()).filter(|record| record.seq == seq && record.message().is_some())?;
        Some((record, Folded::of_records(lately.iter().map(|entry| &entry.record), seq, seq)))
    }
}
