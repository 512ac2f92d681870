//! Who has read a message, and who has not: any message that the bot sees, of any age, in groups of any size.

use super::envelope::{Answer, Call};
use super::error::{Act, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use crate::chat::ReadBy;
use crate::limits;
use serde_json::{Value, json};

/// People on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// People on one page.
const PAGE_MAX: usize = limits::PAGE_MAX as usize;

/// `GET im/v1/messages/:message_id/read_users`
pub async fn read_users(call: Call) -> Answer {
    list(call, false).await
}

/// `GET clarion/v1/messages/:message_id/unread_users`: the first page has the counts too.
pub async fn unread_users(call: Call) -> Answer {
    list(call, true).await
}

async fn list(mut call: Call, unread: bool) -> Answer {
    call.input.asked_required("user_id_type");
    let form = IdType::read(&mut call.input, "user_id_type");
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    let after = page.token.as_deref().map(|token| parse_token(token).ok_or_else(|| page::wrong_token(token))).transpose()?;
    let (found, next) = api.chats.read_by(app.bot, message_id, unread, after, page.size).await.or_refuse(Act::Readers)?;
    let item = |one: &ReadBy| {
        let mut item = json!({ "user_id_type": form.word(), "user_id": api.id_of(app, form, one.user), "tenant_key": api.tenant_key });
        if !unread {
            item["timestamp"] = json!(one.at_ms.to_string());
        }
        item
    };
    let items: Vec<Value> = found.iter().map(item).collect();
    let mut data = page::fields(items, next.map(|user| format!("u{user:x}")));
    if unread && after.is_none() {
        let counts = api.chats.read_counts(app.bot, message_id).await.or_refuse(Act::Readers)?;
        data["read_count"] = json!(counts.read);
        data["unread_count"] = json!(counts.unread);
    }
    Ok(super::envelope::Reply::Data(data))
}

fn parse_token(token: &str) -> Option<u32> {
    u32::from_str_radix(token.strip_prefix('u')?, 16).ok()
}
