//! Changing a card that was sent: by the bot that sent it, or with the token of one who has pressed on it.

use super::amend::NewVersion;
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Record;
use crate::store::Write;
use protocol::command::Changed;
use protocol::content::{Card, CardPerson, Content};
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use serde_json::Value;
use std::sync::Arc;

/// What a card is to be.
#[derive(Debug, Clone, Default)]
pub struct CardEdit {
    /// JSON text of the card.
    pub card: String,
    /// Whom it mentions.
    pub mentions: Vec<String>,
    /// It mentions everybody.
    pub mention_all: bool,
    /// Whom ids in it mean that only its app knows.
    pub people: Vec<CardPerson>,
}

impl Chats {
    /// Puts a card in the place of one's own within 14 days. Both must say that they are one card for everybody.
    ///
    /// # Errors
    /// `NotAllowed` for somebody else's, `OtherKind` when the message is no card, `WindowPassed`, and what is wrong with
    /// the card.
    pub async fn edit_card(&self, user: u32, message_id: MessageId, edit: CardEdit) -> Result<Changed> {
        let (key, seq, record, current) = self.card_of(user, message_id).await?;
        self.within_ms(record.at_ms, limits::CARD_EDIT_MS, "change")?;
        for (card, which) in [(&current, "the card as it stands"), (&edit.card, "the new card")] {
            if !shared(card) {
                return Err(Error::invalid(
                    "content",
                    format!("config.update_multi of {which} is not true; only cards that everybody sees alike can be changed"),
                ));
            }
        }
        self.put_card(user, key, seq, &record, edit, Vec::new()).await
    }

    /// Puts a card in the place of one's own, whenever it was sent: somebody has just pressed on it.
    pub(super) async fn edit_pressed_card(&self, user: u32, message_id: MessageId, edit: CardEdit, with: Write) -> Result<Changed> {
        let (key, seq, record, _) = self.card_of(user, message_id).await?;
        self.put_card(user, key, seq, &record, edit, vec![with]).await
    }

    async fn card_of(&self, user: u32, message_id: MessageId) -> Result<(ChatKey, u64, Arc<Record>, String)> {
        let (key, seq) = self.place(message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        if record.by != user {
            return Err(Error::not_allowed("change that card", "it was sent by somebody else"));
        }
        match self.folded(key, seq, seq).await?.current_content(&record) {
            Content::Card(card) => Ok((key, seq, record, card.card)),
            _ => Err(Error::new(
                ErrorCode::OtherKind,
                "the message is no card",
                "only cards can be changed so",
                "edit texts and posts with the call for them",
            )),
        }
    }

    async fn put_card(&self, user: u32, key: ChatKey, seq: u64, record: &Record, edit: CardEdit, with: Vec<Write>) -> Result<Changed> {
        let (content, mut writes) =
            self.checked(user, key, Content::Card(Card { card: edit.card, people: edit.people, images: Vec::new() })).await?;
        writes.extend(with);
        let mentions = self.mentioned(&edit.mentions)?;
        let folded = self.folded(key, seq, seq).await?;
        let before = folded.mentions(seq).map(|(mentions, _)| mentions.to_vec());
        let before = before.or_else(|| record.message().map(|message| message.mentions.clone())).unwrap_or_default();
        // A card may change every second for days. The log keeps each version; beside the message only the last one
        // stands, so that a page costs the same however often it was changed.
        writes.extend(folded.edits(seq).into_iter().map(|edit| super::amend::no_change_row(key, seq, edit.seq)));
        let version = NewVersion { content, writes, mentions, mention_all: edit.mention_all };
        self.append_version(key, seq, user, before, version).await
    }
}

/// Is it one card for everybody? In schema 2.0 that is so unless it says otherwise, in 1.0 only when it says so.
fn shared(card: &str) -> bool {
    let card: Value = serde_json::from_str(card).unwrap_or_default();
    let update_multi = card.pointer("/config/update_multi").and_then(Value::as_bool);
    update_multi.unwrap_or(card.get("schema").and_then(Value::as_str) == Some("2.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_the_first_schema_is_shared_only_when_it_says_so() {
        assert!(shared(r#"{"config":{"update_multi":true},"elements":[]}"#));
        assert!(!shared(r#"{"elements":[]}"#) && !shared(r#"{"config":{"update_multi":false}}"#));
        assert!(shared(r#"{"schema":"2.0","body":{}}"#) && !shared(r#"{"schema":"2.0","config":{"update_multi":false}}"#));
    }
}
