//! What may be done to a message later: edit and recall.

use super::profile::{Actor, info_row};
use super::send::mention_rows;
use super::{ChatKey, Chats, Decided, Extra, Head, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{Record, record::Change};
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::command::{Changed, Edit, Recall};
use protocol::content::Content;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use protocol::person::PersonKind;
use std::sync::Arc;

/// What a message is to say.
pub(super) struct NewVersion {
    /// What it says.
    pub content: Content,
    /// Rows that go with it.
    pub writes: Vec<Write>,
    /// Whom it mentions.
    pub mentions: Vec<u32>,
    /// It mentions everybody.
    pub mention_all: bool,
}

pub(super) fn changed(record: &Record) -> Changed {
    Changed { seq: record.seq }
}

impl Chats {
    /// Changes what a text or post of one's own says.
    pub async fn edit(self: &Arc<Self>, user: u32, command: Edit) -> Result<Changed> {
        let (key, seq) = self.place(command.message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        if record.by != user {
            return Err(Error::not_yours("edit that message"));
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
        let version = NewVersion { content, writes, mentions, mention_all: command.mention_all };
        self.append_version(key, seq, user, before, version).await
    }

    /// Appends what a message says from now on; `before`: those whom it mentioned until now.
    pub(super) async fn append_version(&self, key: ChatKey, seq: u64, user: u32, before: Vec<u32>, version: NewVersion) -> Result<Changed> {
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, user)?;
                not_recalled(state, seq)?;
                if version.mention_all && key.pair().is_none() && !rights.mention_all {
                    return Err(Error::not_allowed(
                        "mention everybody",
                        "the group's configuration reserves it for the owner and the managers",
                    ));
                }
                let NewVersion { content, mentions, mention_all, .. } = &version;
                let mut writes = version.writes.clone();
                writes.extend(no_mentions(key, seq, &before));
                mention_rows(state, key, user, seq, mentions, *mention_all, &mut writes);
                let change =
                    Change::Edited { target: seq, content: content.clone(), mentions: mentions.clone(), mention_all: *mention_all };
                head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() }).map(Decided::Append)
            },
            changed,
        )
        .await
    }

    /// Takes a message back: one's own within the time for it, or any as owner or manager of the group, or as the bot that made it.
    pub async fn recall(&self, user: u32, command: Recall) -> Result<Changed> {
        self.recall_within(user, command, Some(self.config.recall_minutes)).await
    }

    /// The same for what is taken back from many, which has a time of its own.
    pub(super) async fn recall_at_any_age(&self, user: u32, message_id: MessageId) -> Result<Changed> {
        self.recall_within(user, Recall { message_id }, None).await
    }

    async fn recall_within(&self, user: u32, command: Recall, minutes: Option<u64>) -> Result<Changed> {
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
                // The bot that made a group keeps order there, whoever owns it now; a person who gave a group away does so no more.
                let keeps_order = rights.recall_others
                    || (key.pair().is_none() && state.info.creator == user && self.directory.kind(user) == PersonKind::Bot);
                if record.by != user && !keeps_order {
                    return Err(Error::not_allowed("recall that message", "it is somebody else's, and you are neither owner nor manager"));
                }
                if record.by == user
                    && !keeps_order
                    && let Some(minutes) = minutes
                {
                    self.within(record.at_ms, minutes, "recall")?;
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

    pub(super) fn within(&self, sent_at_ms: u64, minutes: u64, what: &str) -> Result<()> {
        self.within_ms(sent_at_ms, minutes * 60_000, what)
    }

    pub(super) fn within_ms(&self, sent_at_ms: u64, limit_ms: u64, what: &str) -> Result<()> {
        let age_ms = self.clock.now_ms().saturating_sub(sent_at_ms);
        if age_ms > limit_ms {
            let minutes = limit_ms / 60_000;
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

pub(super) fn not_recalled(state: &State, seq: u64) -> Result<()> {
    if state.recalled_seqs.contains(seq) { Err(Error::recalled()) } else { Ok(()) }
}

/// Takes away the row of a change that a later one has replaced.
pub(super) fn no_change_row(key: ChatKey, target: u64, seq: u64) -> Write {
    Write::Delete(Table::Changes, tables::bucket_key(key.0, target), tables::KeyMaker::default().u64(target).u64(seq).done())
}

/// Takes away the rows by which those who were mentioned find a message, and those by which everybody does.
fn no_mentions(key: ChatKey, seq: u64, mentions: &[u32]) -> impl Iterator<Item = Write> + '_ {
    let row = move |mentioned: u32| {
        Write::Delete(Table::Mentions, tables::KeyMaker::default().u32(mentioned).u64(key.0).done(), tables::u64_key(seq))
    };
    mentions.iter().copied().chain([u32::MAX]).map(row)
}

pub(super) fn unpinned(info: &super::ChatProfile, seq: u64) -> Option<super::ChatProfile> {
    info.pins.iter().any(|(target, _)| *target == seq).then(|| {
        let mut info = info.clone();
        info.pins.retain(|(target, _)| *target != seq);
        info
    })
}
