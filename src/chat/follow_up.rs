//! Follow-ups: what the reader of a bot's message may want to say next.

use super::amend::{changed, not_recalled, writable};
use super::{Chats, Decided, Extra};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::command::Changed;
use protocol::content::{FollowUp, LocaleText};
use protocol::error::ErrorCode;
use protocol::ids::MessageId;

impl Chats {
    /// Offers follow-ups below one's own message: the last of a direct chat, not older than ten minutes, once.
    ///
    /// # Errors
    /// `NotAGroup` turned round: `OtherKind` in a group; `NotAllowed` for somebody else's message, `WindowPassed`,
    /// `Overtaken` when something was said since, `IdReused` when there are follow-ups already, `InvalidValue`.
    pub async fn follow_up(&self, user: u32, message_id: MessageId, follow_ups: Vec<FollowUp>) -> Result<Changed> {
        let (key, seq) = self.place(message_id)?;
        let head = self.head(key).await?;
        let record = self.visible_message(&head, user, seq).await?;
        if key.pair().is_none() {
            return Err(Error::new(
                ErrorCode::OtherKind,
                "follow-ups belong into direct chats",
                "the message is in a group",
                "offer them in the direct chat with one person",
            ));
        }
        if record.by != user {
            return Err(Error::not_yours("offer follow-ups to that message"));
        }
        self.within_ms(record.at_ms, limits::FOLLOW_UP_MS, "offer follow-ups to")?;
        check(&follow_ups)?;
        let there = !self.folded(key, seq, seq).await?.follow_ups(seq).is_empty();
        self.act(
            key,
            |head, state| {
                writable(head, state, user)?;
                not_recalled(state, seq)?;
                if there {
                    return Err(Error::new(
                        ErrorCode::IdReused,
                        "the message has follow-ups already",
                        "they are offered once",
                        "offer others with your next message",
                    ));
                }
                if state.position > record.position {
                    return Err(Error::new(
                        ErrorCode::Overtaken,
                        "the message is not the last one of the chat",
                        format!("{} messages came after it", state.position - record.position),
                        "offer follow-ups to your last message, before anybody answers",
                    ));
                }
                let change = Change::FollowedUp { target: seq, follow_ups: follow_ups.clone() };
                head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra::default()).map(Decided::Append)
            },
            changed,
        )
        .await
    }
}

fn check(follow_ups: &[FollowUp]) -> Result<()> {
    let count = follow_ups.len();
    if count == 0 || count > limits::FOLLOW_UPS_MAX {
        return Err(Error::invalid("follow_ups", format!("there are {count}; 1 to {} are allowed", limits::FOLLOW_UPS_MAX)));
    }
    for follow_up in follow_ups {
        text("follow_ups.content", &follow_up.text, limits::FOLLOW_UP_CHARACTERS_MAX)?;
        check_locales("follow_ups.i18n_contents", &follow_up.texts, limits::FOLLOW_UP_CHARACTERS_MAX)?;
    }
    Ok(())
}

/// Checks the same text in several languages.
pub(super) fn check_locales(field: &str, texts: &[LocaleText], characters_max: usize) -> Result<()> {
    if texts.len() > limits::LOCALES_MAX {
        return Err(Error::invalid(field, format!("there are {} languages; {} are allowed", texts.len(), limits::LOCALES_MAX)));
    }
    for one in texts {
        text(field, &one.text, characters_max)?;
        if one.locale.is_empty() || one.locale.len() > limits::LOCALE_BYTES_MAX {
            return Err(Error::invalid(field, format!("a language has 1 to {} letters, for example `en_us`", limits::LOCALE_BYTES_MAX)));
        }
    }
    Ok(())
}

/// Checks a text of one line.
pub(super) fn text(field: &str, text: &str, characters_max: usize) -> Result<()> {
    let characters = text.chars().count();
    if text.trim().is_empty() || characters > characters_max || text.chars().any(char::is_control) {
        return Err(Error::invalid(
            field,
            format!("a text has 1 to {characters_max} characters on one line, and this one has {characters}"),
        ));
    }
    Ok(())
}
