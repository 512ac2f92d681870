//! Sending messages on: one by one, several merged into one, a whole thread.

use super::send::{Origin, check_client_message_id};
use super::{ChatKey, Chats, Head, Waiting};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Record;
use crate::store::Range;
use crate::store::tables::{self, Table};
use protocol::command::{Forward, ForwardForm, Forwarded, Send, Sent};
use protocol::content::{Content, Merged, MergedMessage, Text};
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use std::sync::Arc;

/// Where messages are sent on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The chat.
    pub chat: ChatKey,
    /// First message of the thread in it, when they go into one.
    pub thread: Option<MessageId>,
}

/// What became of messages that were to be merged.
#[derive(Debug, Clone)]
pub struct MergedOn {
    /// The message with them in it.
    pub sent: Sent,
    /// Those that could not be taken in, in the order in which they were given.
    pub left_out: Vec<MessageId>,
}

impl Chats {
    /// Sends messages on, one by one or merged. They are checked before the first is sent.
    pub async fn forward(self: &Arc<Self>, sender: u32, command: Forward) -> Result<Forwarded> {
        check_client_message_id(&command.client_message_id)?;
        let count = command.message_ids.len();
        check_count(count)?;
        let longest = command.client_message_id.len() + if count > 1 { format!("-{count}").len() } else { 0 };
        if longest > limits::CLIENT_MESSAGE_ID_BYTES_MAX {
            return Err(Error::invalid(
                "client_message_id",
                format!(
                    "with the number of each message it would have {longest} bytes; {} are allowed",
                    limits::CLIENT_MESSAGE_ID_BYTES_MAX
                ),
            ));
        }
        if count > 1 && command.client_message_id.len() > limits::CLIENT_MESSAGE_ID_BYTES_MAX - 4 {
            return Err(Error::invalid(
                "client_message_id",
                "with several messages it has at most 60 bytes, because `-2`, `-3` … are added",
            ));
        }
        let target = Target { chat: self.key(command.chat_id)?, thread: None };
        let (source, _) = self.place(command.message_ids[0])?;
        let head = self.head(source).await?;
        let mut messages = Vec::with_capacity(count);
        for message_id in &command.message_ids {
            messages.push(self.forwardable(&head, sender, *message_id).await?);
        }
        let contents: Vec<Content> = if command.form == Some(ForwardForm::Merged) && count > 1 {
            vec![self.merged(&head, sender, messages)?]
        } else {
            messages.into_iter().map(|(_, content)| content).collect()
        };
        let mut waiting = Vec::with_capacity(contents.len());
        for (index, content) in contents.into_iter().enumerate() {
            let client_message_id =
                if index == 0 { command.client_message_id.clone() } else { format!("{}-{}", command.client_message_id, index + 1) };
            waiting.push(self.send_on(sender, target, client_message_id, content).await?);
        }
        let mut sent = Vec::with_capacity(waiting.len());
        for one in waiting {
            sent.push(one.await?);
        }
        Ok(Forwarded { sent })
    }

    /// Sends one message on, also into a thread.
    pub async fn forward_one(
        self: &Arc<Self>,
        sender: u32,
        message_id: MessageId,
        target: Target,
        client_message_id: String,
    ) -> Result<Sent> {
        let (source, _) = self.place(message_id)?;
        let head = self.head(source).await?;
        let (_, content) = self.forwardable(&head, sender, message_id).await?;
        self.send_on(sender, target, client_message_id, content).await?.await
    }

    /// Merges messages of one chat into one. What cannot be taken in is left out and told; when nothing is left, it is
    /// an error.
    ///
    /// # Errors
    /// `InvalidValue` when they are of several chats, or partly of threads.
    pub async fn merge(
        self: &Arc<Self>,
        sender: u32,
        message_ids: &[MessageId],
        target: Target,
        client_message_id: String,
    ) -> Result<MergedOn> {
        check_count(message_ids.len())?;
        let (source, _) = self.place(message_ids[0])?;
        let head = self.head(source).await?;
        let (mut messages, mut left_out): (Vec<(Arc<Record>, Content)>, Vec<MessageId>) = Default::default();
        let mut last_refusal = None;
        for message_id in message_ids {
            match self.forwardable(&head, sender, *message_id).await {
                // The same one twice stands in it once.
                Ok((record, _)) if messages.iter().any(|(known, _)| known.seq == record.seq) => {}
                Ok(found) => messages.push(found),
                Err(error) => match error.code {
                    ErrorCode::MessageNotFound | ErrorCode::MessageRecalled | ErrorCode::NotForwardable => {
                        left_out.push(*message_id);
                        last_refusal = Some(error);
                    }
                    _ => return Err(error),
                },
            }
        }
        if let (true, Some(error)) = (messages.is_empty(), last_refusal) {
            return Err(error);
        }
        let threads = messages.iter().filter(|(record, _)| record.message().is_some_and(|message| message.thread_root.is_some())).count();
        if threads > 0 && threads < messages.len() {
            return Err(Error::invalid(
                "message_ids",
                "some are of a thread and others of the chat; merge those of one thread, or of the chat",
            ));
        }
        let content = self.merged(&head, sender, messages)?;
        let sent = self.send_on(sender, target, client_message_id, content).await?.await?;
        Ok(MergedOn { sent, left_out })
    }

    /// Merges a thread into one message: its first messages, as many as one merged message holds.
    pub async fn forward_thread(self: &Arc<Self>, sender: u32, root: MessageId, target: Target, client_message_id: String) -> Result<Sent> {
        let (source, seq) = self.place(root)?;
        let head = self.head(source).await?;
        head.lock().rights(source, sender).map_err(|_| Error::message_not_found())?;
        let partition = tables::KeyMaker::default().u64(source.0).u64(seq).done();
        let rows = self.store.scan(Table::Threads, partition, Range::first(limits::FORWARD_MAX - 1)).await?;
        if rows.is_empty() {
            return Err(Error::message_not_found());
        }
        let seqs = std::iter::once(seq).chain(rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)));
        let mut messages = Vec::with_capacity(rows.len() + 1);
        for seq in seqs {
            match self.forwardable(&head, sender, self.seal.message_id(source, seq)).await {
                Ok(found) => messages.push(found),
                Err(error) if matches!(error.code, ErrorCode::MessageNotFound | ErrorCode::MessageRecalled | ErrorCode::NotForwardable) => {
                }
                Err(error) => return Err(error),
            }
        }
        if messages.is_empty() {
            return Err(Error::message_not_found());
        }
        let content = self.merged(&head, sender, messages)?;
        self.send_on(sender, target, client_message_id, content).await?.await
    }

    /// A message that may be sent on, as it stands now.
    async fn forwardable(&self, head: &Arc<Head>, user: u32, message_id: MessageId) -> Result<(Arc<Record>, Content)> {
        let (chat, seq) = self.place(message_id)?;
        if chat != head.key {
            return Err(Error::invalid("message_ids", "all messages must be of one chat"));
        }
        let record = self.visible_message(head, user, seq).await?;
        super::restricted::check_forward(head, user)?;
        let content = self.folded(head.key, seq, seq).await?.current_content(&record);
        let why_not = match &content {
            Content::Divider(_) => Some("it is a line of the system"),
            Content::Audio(_) => Some("it is a voice message"),
            Content::Card(card) if kept_here(&card.card) => Some("the card says `enable_forward: false`"),
            Content::Unknown => Some("its kind is not known to this server"),
            _ => None,
        };
        match why_not {
            None => Ok((record, content)),
            Some(why) => Err(Error::new(ErrorCode::NotForwardable, "the message cannot be sent on", why, "choose another message")),
        }
    }

    fn merged(&self, head: &Head, viewer: u32, mut messages: Vec<(Arc<Record>, Content)>) -> Result<Content> {
        messages.sort_by_key(|(record, _)| record.seq);
        let title = match head.key.peer(viewer) {
            Some(peer) => self.directory.entry(peer).map(|person| person.name.clone()).unwrap_or_default(),
            None => head.lock().info.name.clone(),
        };
        let messages: Vec<MergedMessage> = messages
            .into_iter()
            .map(|(record, content)| MergedMessage {
                sender: self.directory.user_id(record.by).to_string(),
                sent_at_ms: record.at_ms,
                // What is merged once more stands as its title: the nesting stays flat.
                content: if let Content::Merged(inner) = content { Content::Text(Text { text: inner.title }) } else { content },
            })
            .collect();
        let bytes: usize = messages.iter().map(|message| text_bytes(&message.content)).sum();
        if bytes > limits::MERGED_BYTES_MAX {
            return Err(Error::too_large("the merged message", bytes as u64, limits::MERGED_BYTES_MAX as u64, "bytes"));
        }
        Ok(Content::Merged(Merged { title, messages }))
    }

    async fn send_on(self: &Arc<Self>, sender: u32, target: Target, client_message_id: String, content: Content) -> Result<Waiting<Sent>> {
        let chat_id = self.seal.chat_id(target.chat);
        let command =
            Send { chat_id, client_message_id, content, reply_to: target.thread, in_thread: target.thread.is_some(), ..Send::default() };
        self.send_origin(sender, command, Origin::SentOn).await
    }
}

fn check_count(count: usize) -> Result<()> {
    if count == 0 || count > limits::FORWARD_MAX {
        return Err(Error::invalid(
            "message_ids",
            format!("it has {count} messages; 1 to {} can be forwarded at once", limits::FORWARD_MAX),
        ));
    }
    Ok(())
}

/// A card that is not to leave its chat.
fn kept_here(card: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(card)
        .is_ok_and(|card| card.pointer("/config/enable_forward").and_then(serde_json::Value::as_bool) == Some(false))
}

fn text_bytes(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.text.len(),
        Content::Post(post) => post.post.len(),
        Content::Card(card) => card.card.len(),
        _ => 256,
    }
}
