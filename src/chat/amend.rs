//! What may be done to a message later: edit, recall, react, pin.

use super::profile::{Actor, info_row};
use super::send::mention_rows;
use super::{ChatKey, Chats, Decided, Extra, Head, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{Record, record::Change};
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::command::{Changed, Edit, Pin, React, Recall, Unpin, Unreact};
use protocol::content::Content;
use protocol::error::ErrorCode;
use std::sync::Arc;

fn changed(record: &Record) -> Changed {
    Changed { seq: record.seq }
}

impl Chats {
    /// Changes what a text or post of one's own says.
    pub async fn edit(self: &Arc<Self>, user: u32, command: Edit) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        if record.by != user {
            return Err(Error::not_allowed("edit that message", "it is somebody else's"));
        }
        let old = record.message().map(|message| &message.content);
        if !matches!((old, &command.content), (Some(Content::Text(_) | Content::Post(_)), Content::Text(_) | Content::Post(_))) {
            return Err(Error::invalid("content", "texts and posts can be edited, into texts and posts"));
        }
        self.within(record.at_ms, self.config.edit_minutes, "edit")?;
        let folded = self.folded(key, seq, seq).await?;
        let edits = folded.edits(seq).len();
        if edits >= limits::EDITS_MAX {
            return Err(Error::new(
                ErrorCode::EditLimit,
                "the message cannot be edited again",
                format!("it was edited {edits} times, the limit is {}", limits::EDITS_MAX),
                "send a new message",
            ));
        }
        let (content, writes) = self.checked(user, key, command.content).await?;
        let mentions = self.mentioned(&command.mentions)?;
        let before = folded.mentions(seq).map(|(mentions, _)| mentions.to_vec());
        let before = before.or_else(|| record.message().map(|message| message.mentions.clone())).unwrap_or_default();
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, user)?;
                not_recalled(state, seq)?;
                if command.mention_all && key.pair().is_none() && !rights.mention_all {
                    return Err(Error::not_allowed(
                        "mention everybody",
                        "the group's configuration reserves it for the owner and the managers",
                    ));
                }
                let mut writes = writes.clone();
                writes.extend(no_mentions(key, seq, &before));
                mention_rows(state, key, user, seq, &mentions, command.mention_all, &mut writes);
                let change =
                    Change::Edited { target: seq, content: content.clone(), mentions: mentions.clone(), mention_all: command.mention_all };
                head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() }).map(Decided::Append)
            },
            changed,
        )
        .await
    }

    /// Takes a message back: one's own within the time for it, or as owner or manager of the group.
    pub async fn recall(&self, user: u32, command: Recall) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        let record = match self.visible_message(&head, user, seq).await {
            Err(error) if error.code == ErrorCode::MessageRecalled => return Ok(Changed { seq: head.lock().seq }),
            other => other?,
        };
        // Those of every version: an edit may have mentioned others.
        let folded = self.folded(key, seq, seq).await?;
        let mut mentions: Vec<u32> = record.message().map(|message| message.mentions.clone()).unwrap_or_default();
        mentions.extend(folded.mentions(seq).into_iter().flat_map(|(mentions, _)| mentions));
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, user)?;
                if state.recalled_seqs.contains(seq) {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                if record.by != user && !rights.recall_others {
                    return Err(Error::not_allowed("recall that message", "it is somebody else's, and you are neither owner nor manager"));
                }
                if record.by == user && !rights.recall_others {
                    self.within(record.at_ms, self.config.recall_minutes, "recall")?;
                }
                let mut writes =
                    vec![Write::Put(Table::Recalled, tables::u64_key(key.0), tables::u64_key(record.position), seq.to_be_bytes().to_vec())];
                writes.extend(no_mentions(key, seq, &mentions));
                let info = unpinned(&state.info, seq);
                writes.extend(info.as_ref().map(|info| info_row(key, info)));
                let change = Change::Recalled { target: seq, position: record.position };
                let on_its_way = head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() })?;
                state.recalled_seqs.insert(seq);
                state.recalled_positions.insert(record.position);
                if let Some(info) = info {
                    state.info = Arc::new(info);
                }
                Ok(Decided::Append(on_its_way))
            },
            changed,
        )
        .await
    }

    /// Adds a reaction; the same one twice is one.
    pub async fn react(&self, user: u32, command: React) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        let emoji = command.emoji;
        if emoji.is_empty()
            || emoji.len() > limits::EMOJI_BYTES_MAX
            || !emoji.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err(Error::invalid(
                "emoji",
                "a reaction is the name of an emoji, 1 to 32 letters, digits or `_`, for example `THUMBSUP`",
            ));
        }
        self.reaction(user, key, seq, &emoji, true).await
    }

    /// Takes a reaction back.
    pub async fn unreact(&self, user: u32, command: Unreact) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        self.reaction(user, key, seq, &command.emoji, false).await
    }

    async fn reaction(&self, user: u32, key: ChatKey, seq: u64, emoji: &str, add: bool) -> Result<Changed> {
        let head = self.head(key).await?;
        self.visible_message(&head, user, seq).await?;
        let folded = self.folded(key, seq, seq).await?;
        let has = folded.reacted(seq, emoji, user);
        if has == add {
            return Ok(Changed { seq: head.lock().seq });
        }
        if add && folded.emojis(seq) >= limits::EMOJIS_OF_A_MESSAGE_MAX {
            return Err(Error::too_large(
                "the list of reactions",
                folded.emojis(seq) as u64 + 1,
                limits::EMOJIS_OF_A_MESSAGE_MAX as u64,
                "kinds",
            ));
        }
        self.act(
            key,
            |head, state| {
                writable(head, state, user)?;
                not_recalled(state, seq)?;
                let change = if add {
                    Change::Reacted { target: seq, emoji: emoji.to_owned() }
                } else {
                    Change::Unreacted { target: seq, emoji: emoji.to_owned() }
                };
                head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra::default()).map(Decided::Append)
            },
            changed,
        )
        .await
    }

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

    fn append_pins(&self, head: &Head, state: &mut State, user: u32, change: Change, info: super::ChatProfile) -> Result<Decided<Changed>> {
        let writes = vec![info_row(head.key, &info)];
        let on_its_way = head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() })?;
        state.info = Arc::new(info);
        Ok(Decided::Append(on_its_way))
    }

    fn within(&self, sent_at_ms: u64, minutes: u64, what: &str) -> Result<()> {
        let age_ms = self.clock.now_ms().saturating_sub(sent_at_ms);
        if age_ms > minutes * 60_000 {
            return Err(Error::new(
                ErrorCode::WindowPassed,
                format!("it is too late to {what} this message"),
                format!("it is {} minutes old, the limit is {minutes}", age_ms / 60_000),
                "send a new message",
            ));
        }
        Ok(())
    }
}

/// Role and rights of somebody in a chat that can still be changed.
pub(super) fn writable(head: &Head, state: &State, who: impl Into<Actor>) -> Result<(protocol::chat::Role, protocol::chat::Rights)> {
    let rights = state.rights(head.key, who)?;
    if state.info.dissolved { Err(Error::dissolved()) } else { Ok(rights) }
}

fn not_recalled(state: &State, seq: u64) -> Result<()> {
    if state.recalled_seqs.contains(seq) { Err(Error::recalled()) } else { Ok(()) }
}

/// Takes away the rows by which those who were mentioned find a message, and those by which everybody does.
fn no_mentions(key: ChatKey, seq: u64, mentions: &[u32]) -> impl Iterator<Item = Write> + '_ {
    let row = move |mentioned: u32| {
        Write::Delete(Table::Mentions, tables::KeyMaker::default().u32(mentioned).u64(key.0).done(), tables::u64_key(seq))
    };
    mentions.iter().copied().chain([u32::MAX]).map(row)
}

fn may_pin(rights: &protocol::chat::Rights) -> Result<()> {
    if rights.pin { Ok(()) } else { Err(Error::not_allowed("pin", "the group's configuration reserves it for the owner and the managers")) }
}

fn unpinned(info: &super::ChatProfile, seq: u64) -> Option<super::ChatProfile> {
    info.pins.iter().any(|(target, _)| *target == seq).then(|| {
        let mut info = info.clone();
        info.pins.retain(|(target, _)| *target != seq);
        info
    })
}
