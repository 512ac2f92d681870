//! One message to many people and departments, as a job in the background: send, progress, who has read it, recall.

use super::OpenApi;
use super::content::Said;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal};
use super::identity::IdType;
use crate::auth::AppEntry;
use crate::chat::{BatchState, NewBatch};
use crate::directory::ROOT;
use crate::error::Error;
use crate::limits;
use axum::http::StatusCode;
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use serde_json::{Value, json};

/// Ids of people in each list; the platform takes 200.
const IDS_MAX: usize = limits::PEOPLE_OF_A_CALL_MAX;
/// Departments in one call, as the platform has it.
const DEPARTMENTS_MAX: usize = 200;

/// Refusals of this old call come with HTTP 200, and these codes.
fn refused(code: u32, msg: impl Into<String>) -> Refusal {
    Refusal::new(code, msg).with_status(StatusCode::OK)
}

/// `POST message/v4/batch_send/`
pub async fn send(mut call: Call) -> Answer {
    let lists = [("open_ids", IdType::Open), ("user_ids", IdType::User), ("union_ids", IdType::Union)];
    let lists = lists.map(|(name, form)| (name, form, call.input.list(name, IDS_MAX)));
    let department_ids = call.input.list("department_ids", DEPARTMENTS_MAX);
    let msg_type = call.input.text("msg_type").unwrap_or_default();
    let uuid = call.input.uuid().filter(|uuid| !uuid.is_empty());
    let content = call.input.value("content").cloned();
    let card = call.input.value("card").cloned();
    call.input.checked().map_err(|refusal| Refusal { code: 10_003, ..refusal.with_status(StatusCode::OK) })?;
    let (api, app) = (&call.api, &call.app);
    let said = api.batch_said(app, &msg_type, content, card)?;

    let mut people = RoaringBitmap::new();
    let mut invalid = json!({});
    for (name, form, ids) in lists {
        let mut wrong = Vec::new();
        for id in ids {
            match api.meant(app, form, &id) {
                Ok(index) if !api.is_bot(index) && !api.chats.directory.resigned(index) => drop(people.insert(index)),
                _ => wrong.push(id),
            }
        }
        invalid[format!("invalid_{name}")] = json!(wrong);
    }
    let mut wrong = Vec::new();
    for id in department_ids {
        let found = api.chats.directory.department(&id).or_else(|| api.chats.directory.department_shown_as(&id));
        // Everybody at once is not meant by a list of departments; nor is what the app may not see.
        match found.filter(|entry| entry.department_id != ROOT && api.auth.sees_department(app, &entry.department_id)) {
            Some(entry) => people |= api.chats.directory.everyone_below(&entry.department_id),
            None => wrong.push(id),
        }
    }
    invalid["invalid_department_ids"] = json!(wrong);
    people = people.into_iter().filter(|index| !api.is_bot(*index) && !api.chats.directory.resigned(*index)).collect();
    if people.is_empty() {
        return Err(refused(
            10_003,
            "invalid parameter: nobody is left to send to: give department_ids, open_ids, user_ids or union_ids of people of this organisation; the root department is not taken",
        ));
    }
    let batch = NewBatch { people, content: said.content, mentions: said.mentions, uuid };
    let id = api.chats.send_batch(app.bot, batch).await.map_err(|error| match error.code {
        ErrorCode::Busy | ErrorCode::StorageUnavailable | ErrorCode::Draining => Refusal::of(Act::Send, error),
        ErrorCode::InvalidValue | ErrorCode::FileNotFound | ErrorCode::OtherKind | ErrorCode::TooLarge if msg_type == "interactive" => {
            refused(11_246, format!("the card cannot be sent: {error}"))
        }
        _ => refused(10_003, format!("invalid parameter: {error}")),
    })?;
    invalid["message_id"] = json!(api.chats.seal.batch_id(app.bot, id));
    Ok(Reply::Data(invalid))
}

/// `DELETE im/v1/batch_messages/:batch_message_id`
pub async fn recall(call: Call) -> Answer {
    let (api, app) = (&call.api, &call.app);
    let id = api.batch_meant(app, &call.input.path("batch_message_id"))?;
    api.chats.recall_batch(app.bot, id).await.map_err(known)?;
    Ok(Reply::Data(json!({})))
}

/// `GET im/v1/batch_messages/:batch_message_id/get_progress`
pub async fn progress(call: Call) -> Answer {
    let state = state(&call).await?;
    Ok(Reply::Data(json!({
        "batch_message_send_progress": {
            "valid_user_ids_count": state.valid,
            "success_user_ids_count": state.sent,
            "read_user_ids_count": state.read,
        },
        "batch_message_recall_progress": { "recall": state.recall, "recall_count": state.recalled },
    })))
}

/// `GET im/v1/batch_messages/:batch_message_id/read_user`
pub async fn read_user(call: Call) -> Answer {
    let state = state(&call).await?;
    Ok(Reply::Data(json!({ "read_user": { "read_count": state.read.to_string(), "total_count": state.sent.to_string() } })))
}

async fn state(call: &Call) -> Result<BatchState, Refusal> {
    let id = call.api.batch_meant(&call.app, &call.input.path("batch_message_id"))?;
    call.api.chats.batch_state(call.app.bot, id).await.map_err(known)
}

fn known(error: Error) -> Refusal {
    match error.code {
        ErrorCode::MessageNotFound => {
            Refusal::new(230_001, "invalid request param: the batch_message_id is not known any more: it is kept for 30 days")
        }
        _ => Refusal::of(Act::Recall, error),
    }
}

impl OpenApi {
    fn batch_meant(&self, app: &AppEntry, id: &str) -> Result<u64, Refusal> {
        let found = self.chats.seal.batch(id).filter(|(bot, _)| *bot == app.bot);
        found.map(|(_, number)| number).ok_or_else(|| {
            Refusal::new(
                230_001,
                format!(
                    "invalid request param: `{}` is not a batch_message_id of this app; it starts with bm- and comes from message/v4/batch_send",
                    crate::error::clip(id)
                ),
            )
        })
    }

    /// The content of this old call is an object, and a little different from a message's.
    fn batch_said(&self, app: &AppEntry, msg_type: &str, content: Option<Value>, card: Option<Value>) -> Result<Said, Refusal> {
        let missing = |field: &str| refused(10_003, format!("invalid parameter: `{field}` is required for this msg_type and is an object"));
        let content = match msg_type {
            "interactive" => card.filter(Value::is_object).ok_or_else(|| missing("card"))?,
            "text" | "post" | "image" | "share_chat" => {
                let mut content = content.filter(Value::is_object).ok_or_else(|| missing("content"))?;
                if let Some(chat_id) = content.get("share_chat_id").cloned() {
                    content["chat_id"] = chat_id;
                }
                content
            }
            other => {
                let shown = crate::error::clip(other);
                return Err(refused(
                    10_003,
                    format!("invalid parameter: msg_type is `{shown}`; it must be text, post, image, share_chat or interactive"),
                ));
            }
        };
        let said = self.said(app, msg_type, &content.to_string()).map_err(|refusal| match msg_type {
            "interactive" => refused(11_246, refusal.msg),
            _ => refused(10_003, format!("invalid parameter: {}", refusal.msg)),
        })?;
        if said.mention_all {
            return Err(refused(
                11_235,
                "a message to many cannot mention everybody: each person gets it alone; take `<at user_id=\"all\">` out",
            ));
        }
        Ok(said)
    }
}
