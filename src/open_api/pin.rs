//! Pinned messages: pin, unpin, list.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::chat::PinEntry;
use crate::ids::ChatKey;
use protocol::command::Unpin;
use serde_json::{Value, json};

/// Pins on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// Pins on one page.
const PAGE_MAX: usize = 50;

/// `POST im/v1/pins`
pub async fn create(mut call: Call) -> Answer {
    let message_id = call.input.required("message_id");
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&message_id)?;
    let (key, _) = api.chats.place(message_id).or_refuse(Act::Pin)?;
    let entry = api.chats.pin_and_tell(app.bot, message_id).await.or_refuse(Act::Pin)?;
    Ok(Reply::Data(json!({ "pin": api.pin_object(app, key, &entry) })))
}

/// `DELETE im/v1/pins/:message_id`: also a success when it is not pinned.
pub async fn remove(call: Call) -> Answer {
    let message_id = call.api.message_meant(&call.input.path("message_id"))?;
    call.api.chats.unpin(call.app.bot, Unpin { message_id }).await.or_refuse(Act::Pin)?;
    Ok(Reply::Data(json!({})))
}

/// `GET im/v1/pins`: the last pinned first.
pub async fn list(mut call: Call) -> Answer {
    let chat_id = call.input.asked_required("chat_id");
    let start_ms = call.input.asked_number("start_time", 0, 0, u64::MAX);
    let end_ms = call.input.asked_number("end_time", u64::MAX, 0, u64::MAX);
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&chat_id)?;
    // A page ends at a record, so that pins that come meanwhile move nothing.
    let before = page.token.as_deref().map(|token| parse_token(token).ok_or_else(|| page::wrong_token(token))).transpose()?;
    let mut entries = api.chats.pinned(app.bot, key).await.or_refuse(Act::Pin)?;
    entries.retain(|entry| (start_ms..=end_ms).contains(&entry.at_ms) && before.is_none_or(|before| entry.seq < before));
    let more = entries.len() > page.size;
    entries.truncate(page.size);
    let next = entries.last().filter(|_| more).map(|entry| format!("p{:x}", entry.seq));
    Ok(page::reply(entries.iter().map(|entry| api.pin_object(app, key, entry)).collect(), next))
}

fn parse_token(token: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_prefix('p')?, 16).ok()
}

impl OpenApi {
    fn pin_object(&self, app: &AppEntry, key: ChatKey, entry: &PinEntry) -> Value {
        let form = if self.is_bot(entry.by) { IdType::App } else { IdType::Open };
        json!({
            "message_id": entry.message_id,
            "chat_id": self.chats.seal.chat_id(key),
            "operator_id": self.id_of(app, form, entry.by),
            "operator_id_type": form.word(),
            "create_time": entry.at_ms.to_string(),
        })
    }
}
