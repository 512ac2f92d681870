//! Reactions to messages. Each that stands has an identity of its own: the record that brought it.

use super::amend::{changed, not_recalled, writable};
use super::history::Folded;
use super::{ChatKey, Chats, Decided, Extra};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{Record, record::Change};
use protocol::command::{Changed, React, Unreact};
use protocol::content::Content;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;

/// A reaction that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    /// Seq of the record that brought it, in the chat of its message.
    pub seq: u64,
    /// Index of who reacted.
    pub by: u32,
    /// Name of the emoji.
    pub emoji: String,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// Reactions to one message in the order of their time, and how many there are of each emoji.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReactionPage {
    /// Those of the page.
    pub reactions: Vec<Reaction>,
    /// Each emoji with its number, in the order of its first.
    pub counts: Vec<(String, usize)>,
    /// The page ends with this seq, and more follow.
    pub next: Option<u64>,
}

impl Reaction {
    fn of(record: &Record) -> Option<Self> {
        match &record.change {
            Change::Reacted { emoji, .. } => Some(Self { seq: record.seq, by: record.by, emoji: emoji.clone(), at_ms: record.at_ms }),
            _ => None,
        }
    }

    fn standing(folded: &Folded, target: u64, emoji: &str, by: u32) -> Option<Self> {
        let reactions = folded.reactions_of(target);
        let (_, records) = reactions.iter().find(|(known, _)| *known == emoji)?;
        records.iter().find(|record| record.by == by).and_then(|record| Self::of(record))
    }
}

impl Chats {
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
        let record = self.visible_message(&head, user, seq).await?;
        if add && record.message().is_some_and(|message| matches!(message.content, Content::Divider(_))) {
            return Err(Error::new(
                ErrorCode::OtherKind,
                "nobody reacts to a line of the system",
                "the message is a divider",
                "choose another message",
            ));
        }
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

    /// Adds a reaction and tells the one that stands; it may have stood before.
    pub async fn react_and_tell(&self, user: u32, command: React) -> Result<Reaction> {
        let (key, seq) = self.place(command.message_id)?;
        let emoji = command.emoji.clone();
        self.react(user, command).await?;
        let folded = self.folded(key, seq, seq).await?;
        Reaction::standing(&folded, seq, &emoji, user).ok_or_else(|| Error::busy("the reaction was taken back at the same time"))
    }

    /// Takes back the reaction that a record had brought, and tells it. Doing so again is no error.
    ///
    /// # Errors
    /// `ReactionNotFound` when the record is no reaction to this message, `NotAllowed` when it is somebody else's.
    pub async fn unreact_and_tell(
        &self,
        user: u32,
        message_id: MessageId,
        (reaction_chat, reaction_seq): (ChatKey, u64),
    ) -> Result<Reaction> {
        let (key, seq) = self.place(message_id)?;
        let head = self.head(key).await?;
        self.visible_message(&head, user, seq).await?;
        let not_there = || {
            Error::new(
                ErrorCode::ReactionNotFound,
                "there is no such reaction to this message",
                "the reaction_id is that of a reaction to another message, or of none",
                "take the reaction_id from the reactions of this message",
            )
        };
        if reaction_chat != key || reaction_seq > head.lock().seq {
            return Err(not_there());
        }
        let record = self.entry(key, reaction_seq).await.map_err(|_| not_there())?.record;
        let reaction = Reaction::of(&record).filter(|_| record.target() == Some(seq)).ok_or_else(not_there)?;
        if reaction.by != user {
            return Err(Error::not_yours("take that reaction back"));
        }
        let folded = self.folded(key, seq, seq).await?;
        if Reaction::standing(&folded, seq, &reaction.emoji, user).is_some_and(|standing| standing.seq == reaction.seq) {
            self.unreact(user, Unreact { message_id, emoji: reaction.emoji.clone() }).await?;
        }
        Ok(reaction)
    }

    /// A page of the reactions to a message that somebody sees; `emoji`: only these. `after` is the `next` of the page before.
    pub async fn reactions(&self, user: u32, message_id: MessageId, emoji: Option<&str>, after: u64, limit: usize) -> Result<ReactionPage> {
        let (key, seq) = self.place(message_id)?;
        let head = self.head(key).await?;
        self.visible_message(&head, user, seq).await?;
        let folded = self.folded(key, seq, seq).await?;
        let mut kinds = folded.reactions_of(seq);
        kinds.retain(|(known, _)| emoji.is_none_or(|emoji| emoji == *known));
        let counts = kinds.iter().map(|(emoji, records)| ((*emoji).to_owned(), records.len())).collect();
        let mut reactions: Vec<Reaction> = kinds
            .iter()
            .flat_map(|(_, records)| records.iter().filter(|record| record.seq > after).filter_map(|record| Reaction::of(record)))
            .collect();
        reactions.sort_unstable_by_key(|reaction| reaction.seq);
        let more = reactions.len() > limit;
        reactions.truncate(limit);
        let next = reactions.last().filter(|_| more).map(|reaction| reaction.seq);
        Ok(ReactionPage { reactions, counts, next })
    }
}
