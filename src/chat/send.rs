//! Sending: check, deduplicate, give the next place, append.

use super::content::files_of;
use super::profile::info_row;
use super::{ChatKey, Chats, Extra, Head, Membership, OnItsWay, Outcome, Recent, State, TRIES, Waiting, preview};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{DedupeKey, Record, record};
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::command::{Send, Sent};
use protocol::content::Content;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A message that was checked as far as that is possible without the chat's lock.
struct Checked {
    key: ChatKey,
    message: record::Message,
    writes: Vec<Write>,
    dedupe: DedupeKey,
    origin: Origin,
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// The sender says it.
    Said,
    /// The sender sends on what was said; several messages may be merged in it.
    SentOn,
    /// It is the one of this job to this person.
    Batch(u64),
}

/// A message that was sent, for those who tell the sender how it stands.
#[derive(Debug, Clone)]
pub struct SentRecord {
    /// Its id.
    pub message_id: MessageId,
    /// As it was sent; none when this was a repeat, because the message may stand otherwise now.
    pub record: Option<protocol::record::Record>,
}

/// Makes the answer to a sender of the record, and of whether this was a repeat.
type Answer<T> = fn(&Chats, &Record, Repeated) -> T;
/// It was a repeat of what had been sent before.
pub(super) type Repeated = bool;

/// A message that has a place.
enum Placed {
    /// It was appended.
    New(Arc<Head>, OnItsWay),
    /// It is a repeat of the one at this seq, which may not be durable yet.
    Repeat(Arc<Head>, u64),
}

impl Chats {
    /// Sends a message. When this returns, the message has its place behind all that this sender had sent before; what
    /// is returned waits until it is durable.
    pub async fn send(self: &Arc<Self>, sender: u32, command: Send) -> Result<Waiting<Sent>> {
        self.send_origin(sender, command, Origin::Said).await
    }

    /// The same with the record, for doors that show the message in their answer.
    pub async fn send_record(self: &Arc<Self>, sender: u32, command: Send) -> Result<Waiting<SentRecord>> {
        self.send_as(sender, command, Origin::Said, |chats, record, repeated| SentRecord {
            message_id: chats.sent(record).message_id,
            record: (!repeated).then(|| chats.shape(record)),
        })
        .await
    }

    /// Sends what the sender says, sends on, or sends to many.
    pub(super) async fn send_origin(self: &Arc<Self>, sender: u32, command: Send, origin: Origin) -> Result<Waiting<Sent>> {
        self.send_as(sender, command, origin, |chats, record, _| chats.sent(record)).await
    }

    async fn send_as<T: std::marker::Send + 'static>(
        self: &Arc<Self>,
        sender: u32,
        command: Send,
        origin: Origin,
        answer: Answer<T>,
    ) -> Result<Waiting<T>> {
        let key = self.key(command.chat_id)?;
        let placed = match self.peers.home(key.0) {
            Some(home) => self.send_home(home, sender, command, origin).await?,
            None if !self.peers.any() => self.send_here(sender, command, origin).await?,
            None => match self.send_here(sender, command.clone(), origin).await {
                Err(error) if self.cannot_open(key, &error) => match self.peers.next_home(key.0) {
                    Some(next) => self.send_home(next, sender, command, origin).await?,
                    None => return Err(error),
                },
                placed => placed?,
            },
        };
        let chats = self.clone();
        Ok(Box::pin(async move {
            let (record, repeated) = placed.await?;
            Ok(answer(&chats, &record, repeated))
        }))
    }

    /// Places a message in its chat on this node.
    pub(super) async fn send_here(
        self: &Arc<Self>,
        sender: u32,
        command: Send,
        origin: Origin,
    ) -> Result<Waiting<(Arc<Record>, Repeated)>> {
        let dedupe = DedupeKey::new(sender, &command.client_message_id);
        let key = self.key(command.chat_id)?;
        let placed = match self.check(sender, command, origin).await {
            Ok(checked) => self.place_message(sender, &checked).await.map(|first| (checked, first)),
            Err(error) => Err(error),
        };
        let (checked, first) = match placed {
            Ok(placed) => placed,
            // A message that was acknowledged stays so, even when its sender could not send it any more.
            Err(refused) => return self.sent_before(key, dedupe, refused).await,
        };
        let chats = self.clone();
        Ok(Box::pin(async move {
            let mut placed = first;
            for _ in 0..TRIES {
                if let Some((record, repeated)) = chats.outcome_of(placed, checked.key).await? {
                    // Whoever writes has read what stands before.
                    if let Err(error) = chats.note_batch_reads(checked.key, sender, record.seq).await {
                        tracing::debug!(%error, "who has read a message to many could not be noted");
                    }
                    return Ok((record, repeated));
                }
                placed = chats.place_message(sender, &checked).await?;
            }
            Err(Error::busy("the chat changes faster than the message could be placed"))
        }))
    }

    /// The answer to an earlier try of a message that is refused now, when there is one.
    async fn sent_before(&self, key: ChatKey, dedupe: DedupeKey, refused: Error) -> Result<Waiting<(Arc<Record>, Repeated)>> {
        let earlier = self.store.get(Table::Dedupe, tables::u32_key(dedupe.sender), tables::Key::from_slice(&dedupe.hash)).await?;
        let place = earlier.and_then(|made| Some((ChatKey(tables::read_u64(&made, 0)?), tables::read_u64(&made, 8)?)));
        match place {
            Some((chat, seq)) if chat == key => {
                let record = self.entry(chat, seq).await?.record;
                Ok(Box::pin(std::future::ready(Ok((record, true)))))
            }
            _ => Err(refused),
        }
    }

    async fn check(&self, sender: u32, command: Send, origin: Origin) -> Result<Checked> {
        let key = self.key(command.chat_id)?;
        check_client_message_id(&command.client_message_id)?;
        if let Some((one, other)) = key.pair()
            && [one, other].iter().any(|user| self.directory.entry(*user).is_none())
        {
            return Err(Error::chat_not_found());
        }
        let head = self.head(key).await?;
        head.lock().rights(key, sender)?;
        let (content, writes) = match command.content {
            Content::Merged(merged) if origin == Origin::SentOn => {
                let files = merged.messages.iter().flat_map(|message| files_of(&message.content));
                let writes = files.map(|file| self.attachments.posted(&file, key.0)).collect();
                (Content::Merged(merged), writes)
            }
            content => self.checked(sender, key, content).await?,
        };
        let mentions = self.mentioned(&command.mentions)?;
        let (reply_to, thread_root) = match command.reply_to {
            None if command.in_thread => {
                return Err(Error::invalid("in_thread", "a thread needs `reply_to`, the message that it starts from"));
            }
            None => (None, None),
            Some(target) => {
                let (target_chat, seq) = self.place(target)?;
                if target_chat != key {
                    return Err(Error::invalid("reply_to", "the message is of another chat"));
                }
                let target = self.visible_message(&head, sender, seq).await?;
                let root = target.message().and_then(|message| message.thread_root);
                let quoted = record::Quoted {
                    seq,
                    sender: target.by,
                    preview: target.message().map(|message| preview(&message.content)).unwrap_or_default(),
                };
                (Some(quoted), root.or(command.in_thread.then_some(seq)))
            }
        };
        let dedupe = DedupeKey::new(sender, &command.client_message_id);
        let message = record::Message {
            client_message_id: command.client_message_id,
            content,
            reply_to,
            thread_root,
            mentions,
            mention_all: command.mention_all,
        };
        Ok(Checked { key, message, writes, dedupe, origin })
    }

    /// Indices of people who are mentioned.
    pub(super) fn mentioned(&self, user_ids: &[String]) -> Result<Vec<u32>> {
        if user_ids.len() > limits::MENTIONS_MAX {
            return Err(Error::too_large("the list of mentions", user_ids.len() as u64, limits::MENTIONS_MAX as u64, "people"));
        }
        let mut mentions = Vec::with_capacity(user_ids.len());
        for user_id in user_ids {
            let user = self.directory.index(user_id).ok_or_else(|| Error::person_not_found(user_id))?;
            if !mentions.contains(&user) {
                mentions.push(user);
            }
        }
        Ok(mentions)
    }

    /// The record of a placed message when it is durable; none when it must be placed anew.
    async fn outcome_of(&self, placed: Placed, key: ChatKey) -> Result<Option<(Arc<Record>, Repeated)>> {
        let (chat, seq) = match placed {
            Placed::New(head, on_its_way) => match head.outcome(on_its_way).await? {
                Outcome::Committed(record) => {
                    self.has_written(&head, &record);
                    return Ok(Some((record, false)));
                }
                Outcome::Earlier { chat, seq } => (chat, seq),
                Outcome::Again => return Ok(None),
            },
            Placed::Repeat(head, seq) if head.durable(seq).await => (head.key, seq),
            Placed::Repeat(..) => return Ok(None),
        };
        if chat == key { Ok(Some((self.entry(chat, seq).await?.record, true))) } else { Err(id_reused()) }
    }

    async fn place_message(&self, sender: u32, checked: &Checked) -> Result<Placed> {
        for _ in 0..TRIES {
            let head = self.head(checked.key).await?;
            let mut state = head.lock();
            if head.broken() {
                continue;
            }
            let (_, rights) = state.rights(checked.key, sender)?;
            if state.info.dissolved {
                return Err(Error::dissolved());
            }
            if !rights.post {
                return Err(Error::not_allowed("post", "the group's configuration reserves posting"));
            }
            if checked.message.mention_all && checked.key.pair().is_none() && !rights.mention_all {
                return Err(Error::not_allowed(
                    "mention everybody",
                    "the group's configuration reserves it for the owner and the managers",
                ));
            }
            if let Some(Recent { seq, .. }) = state.recent.iter().find(|recent| recent.key == checked.dedupe).copied() {
                drop(state);
                return Ok(Placed::Repeat(head, seq));
            }
            let seq = state.seq + 1;
            let mut writes = checked.writes.clone();
            if let Origin::Batch(id) = checked.origin {
                writes.push(Write::Put(
                    Table::BatchMessages,
                    tables::u64_key(checked.key.0),
                    tables::u64_key(seq),
                    id.to_be_bytes().to_vec(),
                ));
            }
            if state.info.created_at_ms == 0 {
                self.begin_direct(&head, &mut state, &mut writes);
            }
            mention_rows(&state, checked.key, sender, seq, &checked.message.mentions, checked.message.mention_all, &mut writes);
            if let Some(root) = checked.message.thread_root {
                writes.push(Write::Put(
                    Table::Threads,
                    tables::KeyMaker::default().u64(checked.key.0).u64(root).done(),
                    tables::u64_key(seq),
                    Vec::new(),
                ));
                let row = tables::KeyMaker::default().u64(root).u64(seq).done();
                writes.push(Write::Put(Table::Changes, tables::bucket_key(checked.key.0, root), row, Vec::new()));
            }
            let extra = Extra { writes, dedupe: Some(checked.dedupe), moved: None };
            let change = record::Change::Message(checked.message.clone());
            let on_its_way = head.append(&mut state, &*self.log, self.clock.now_ms(), sender, change, extra)?;
            drop(state);
            return Ok(Placed::New(head, on_its_way));
        }
        Err(Error::busy("the chat changes faster than the message could be placed"))
    }

    /// The first record of a direct chat makes the chat.
    fn begin_direct(&self, head: &Head, state: &mut State, writes: &mut Vec<Write>) {
        let mut info = (*state.info).clone();
        info.created_at_ms = self.clock.now_ms();
        writes.push(info_row(head.key, &info));
        for user in state.members.all().iter() {
            writes.push(membership_row(user, head.key, Membership::default()));
        }
        state.info = Arc::new(info);
    }

    fn sent(&self, record: &Record) -> Sent {
        Sent {
            message_id: self.seal.message_id(ChatKey(record.chat), record.seq),
            seq: record.seq,
            position: record.position,
            sent_at_ms: record.at_ms,
        }
    }

    /// A message of a chat that this one may see, and that was not recalled.
    pub(super) async fn visible_message(&self, head: &Head, user: u32, seq: u64) -> Result<Arc<Record>> {
        {
            let state = head.lock();
            state.rights(head.key, user).map_err(|_| Error::message_not_found())?;
            if seq < state.first_seq(user) || seq > state.seq {
                return Err(Error::message_not_found());
            }
            if state.recalled_seqs.contains(seq) {
                return Err(Error::recalled());
            }
        }
        let record = match self.lately.one(head.key.0, seq) {
            Some(record) => record,
            None => self.entry(head.key, seq).await?.record,
        };
        if record.message().is_none() {
            return Err(Error::message_not_found());
        }
        Ok(record)
    }
}

pub(super) fn id_reused() -> Error {
    Error::new(
        ErrorCode::IdReused,
        "the client_message_id was used before",
        "it belongs to a message of another chat, sent within the last seven days",
        "choose a new client_message_id for each message",
    )
}

/// A client_message_id has 1 to 64 bytes.
pub(super) fn check_client_message_id(id: &str) -> Result<()> {
    if id.is_empty() || id.len() > limits::CLIENT_MESSAGE_ID_BYTES_MAX {
        return Err(Error::invalid(
            "client_message_id",
            format!("it has {} bytes; 1 to {} are allowed", id.len(), limits::CLIENT_MESSAGE_ID_BYTES_MAX),
        ));
    }
    Ok(())
}

/// Rows that let those who are mentioned find the message.
pub(super) fn mention_rows(state: &State, key: ChatKey, sender: u32, seq: u64, mentions: &[u32], all: bool, writes: &mut Vec<Write>) {
    let everybody = all.then_some(u32::MAX);
    for user in mentions.iter().copied().filter(|user| *user != sender && state.members.contains(*user)).chain(everybody) {
        writes.push(Write::Put(Table::Mentions, tables::KeyMaker::default().u32(user).u64(key.0).done(), tables::u64_key(seq), Vec::new()));
    }
}

/// The row of somebody's membership.
pub(super) fn membership_row(user: u32, key: ChatKey, membership: Membership) -> Write {
    let json = serde_json::to_vec(&membership).expect("a membership is plain data");
    Write::Put(Table::Memberships, tables::u32_key(user), tables::u64_key(key.0), json)
}

/// Rows of the members of a chat: the set, and one for each who moved unless the chat is large.
pub(super) fn member_rows(
    key: ChatKey,
    state: &State,
    large: bool,
    moved: &RoaringBitmap,
    membership: Membership,
    writes: &mut Vec<Write>,
) {
    writes.push(Write::Put(Table::Members, tables::u64_key(key.0), tables::none(), state.members.encode()));
    if !large || membership.left_seq > 0 {
        writes.extend(moved.iter().map(|user| membership_row(user, key, membership)));
    }
}
