//! Reactions to messages: add, take back, list, count.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::chat::{Reaction, emoji};
use crate::ids::ChatKey;
use protocol::command::React;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

/// Reactions on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// Reactions on one page.
const PAGE_MAX: usize = 50;
/// Messages in one query of several.
const QUERIES_MAX: usize = 20;
/// Reactions to each of several messages.
const PAGE_PER_MESSAGE_MAX: u64 = 10;

/// `POST im/v1/messages/:message_id/reactions`
pub async fn create(mut call: Call) -> Answer {
    let emoji = call.input.value("reaction_type").and_then(|kind| kind.get("emoji_type")).and_then(Value::as_str).unwrap_or("").to_owned();
    if emoji.is_empty() {
        call.input.wrong("reaction_type.emoji_type", "", "is required and cannot be empty");
    }
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    known(&emoji)?;
    let reaction = api.chats.react_and_tell(app.bot, React { message_id, emoji }).await.or_refuse(Act::React)?;
    let (key, _) = api.chats.place(message_id).or_refuse(Act::React)?;
    Ok(Reply::Data(api.reaction_object(app, IdType::Open, key, &reaction)))
}

/// `DELETE im/v1/messages/:message_id/reactions/:reaction_id`
pub async fn remove(call: Call) -> Answer {
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    let reaction_id = call.input.path("reaction_id");
    let place = api.chats.seal.reaction(&reaction_id).ok_or_else(|| {
        Refusal::new(
            231_011,
            format!(
                "the reaction_id is invalid: `{}` was not issued here; take it from the reactions of the message",
                crate::error::clip(&reaction_id)
            ),
        )
    })?;
    let reaction = api.chats.unreact_and_tell(app.bot, message_id, place).await.or_refuse(Act::Unreact)?;
    Ok(Reply::Data(api.reaction_object(app, IdType::Open, place.0, &reaction)))
}

/// `GET im/v1/messages/:message_id/reactions`
pub async fn list(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let emoji = call.input.asked("reaction_type");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    emoji.as_deref().map(known).transpose()?;
    let after = page.token.as_deref().map(|token| parse_token(token).ok_or_else(|| page::wrong_token(token))).transpose()?;
    let found = api.chats.reactions(app.bot, message_id, emoji.as_deref(), after.unwrap_or(0), page.size).await.or_refuse(Act::React)?;
    let (key, _) = api.chats.place(message_id).or_refuse(Act::React)?;
    let items = found.reactions.iter().map(|reaction| api.reaction_object(app, form, key, reaction)).collect();
    Ok(page::reply(items, found.next.map(print_token)))
}

/// `POST im/v1/messages/reactions/batch_query`
pub async fn batch_query(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let queries = call.input.objects("queries", 1, QUERIES_MAX);
    let size = call.input.number("page_size_per_message", PAGE_PER_MESSAGE_MAX, 1, PAGE_PER_MESSAGE_MAX) as usize;
    let emoji = call.input.text("reaction_type").filter(|emoji| !emoji.is_empty());
    call.input.checked()?;
    emoji.as_deref().map(known).transpose()?;
    let (api, app) = (&call.api, &call.app);
    let (mut details, mut counts, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for query in &queries {
        let text = |name: &str| query.get(name).and_then(Value::as_str).unwrap_or("");
        let message_id = text("message_id");
        match api.queried(app, form, message_id, text("page_token"), emoji.as_deref(), size).await? {
            Ok((detail, count)) => {
                details.push(detail);
                counts.push(count);
            }
            Err(reason) => failed.push(json!({ "message_id": message_id, "fail_reason": reason })),
        }
    }
    Ok(Reply::Data(json!({
        "success_msg_reaction_details": details,
        "success_msg_reaction_counts": counts,
        "fail_msg_reaction_details": failed,
    })))
}

fn known(emoji: &str) -> Result<(), Refusal> {
    if emoji::published(emoji) {
        return Ok(());
    }
    Err(Refusal::new(
        231_001,
        format!(
            "emoji type is invalid: `{}` is not a published emoji_type; names are case-sensitive, for example THUMBSUP",
            crate::error::clip(emoji)
        ),
    ))
}

fn print_token(seq: u64) -> String {
    format!("r{seq:x}")
}

fn parse_token(token: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_prefix('r')?, 16).ok()
}

impl OpenApi {
    /// One message of several: its reactions and their counts, or the platform's word for why not.
    async fn queried(
        &self,
        app: &AppEntry,
        form: IdType,
        message_id: &str,
        token: &str,
        emoji: Option<&str>,
        size: usize,
    ) -> Result<Result<(Value, Value), &'static str>, Refusal> {
        let Ok(meant) = self.message_meant(message_id) else { return Ok(Err("invalid")) };
        let after = match token {
            "" => 0,
            token => match parse_token(token) {
                Some(after) => after,
                None => return Ok(Err("invalid_page_token")),
            },
        };
        let found = match self.chats.reactions(app.bot, meant, emoji, after, size).await {
            Ok(found) => found,
            Err(error) if error.code == ErrorCode::MessageRecalled => return Ok(Err("invalid")),
            Err(error) if error.code == ErrorCode::MessageNotFound => return Ok(Err("no_permission")),
            Err(error) => return Err(Refusal::of(Act::React, error)),
        };
        let (key, _) = self.chats.place(meant).or_refuse(Act::React)?;
        let items: Vec<Value> = found
            .reactions
            .iter()
            .map(|reaction| {
                json!({
                    "reaction_id": self.chats.seal.reaction_id(key, reaction.seq),
                    "operator": self.operator(app, form, reaction.by),
                    "action_time": reaction.at_ms.to_string(),
                    "emoji_type": reaction.emoji,
                })
            })
            .collect();
        let mut detail = json!({ "message_id": message_id, "has_more": found.next.is_some(), "message_reaction_items": items });
        if let Some(next) = found.next {
            detail["page_token"] = json!(print_token(next));
        }
        let counts: Vec<Value> =
            found.counts.iter().map(|(emoji, count)| json!({ "reaction_type": emoji, "count": count.to_string() })).collect();
        Ok(Ok((detail, json!({ "message_id": message_id, "reaction_count": counts }))))
    }

    fn operator(&self, app: &AppEntry, form: IdType, index: u32) -> Value {
        if self.is_bot(index) {
            json!({ "operator_id": self.id_of(app, IdType::App, index), "operator_type": "app" })
        } else {
            json!({ "operator_id": self.id_of(app, form, index), "operator_type": "user" })
        }
    }

    fn reaction_object(&self, app: &AppEntry, form: IdType, key: ChatKey, reaction: &Reaction) -> Value {
        json!({
            "reaction_id": self.chats.seal.reaction_id(key, reaction.seq),
            "operator": self.operator(app, form, reaction.by),
            "action_time": reaction.at_ms.to_string(),
            "reaction_type": { "emoji_type": reaction.emoji },
        })
    }
}
