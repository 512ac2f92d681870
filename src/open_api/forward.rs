//! Sending messages on: one, several merged into one, a thread.

use super::OpenApi;
use super::chat::{asked_uuid, client_message_id};
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use crate::auth::AppEntry;
use crate::chat::Target;
use crate::limits;
use protocol::ids::MessageId;
use serde_json::json;

/// Where to, and the key that makes the call repeatable.
struct Asked {
    target: Target,
    client_message_id: String,
}

/// `POST im/v1/messages/:message_id/forward`
pub async fn one(mut call: Call) -> Answer {
    let Asked { target, client_message_id } = asked(&mut call)?;
    let (api, app) = (&call.api, &call.app);
    let id = call.input.path("message_id");
    if id.parse::<MessageId>().is_ok_and(|id| api.chats.seal.child(id).is_some()) {
        return Err(Refusal::new(
            230_061,
            "the message is within a merged one and cannot be forwarded by itself; forward the merged message",
        ));
    }
    let message_id = api.message_meant(&id)?;
    let sent = api.chats.forward_one(app.bot, message_id, target, client_message_id).await.or_refuse(Act::Forward)?;
    Ok(Reply::Data(api.as_it_stands(app, sent.message_id).await?))
}

/// `POST im/v1/messages/merge_forward`
pub async fn merged(mut call: Call) -> Answer {
    let ids = call.input.list("message_id_list", limits::FORWARD_MAX);
    if ids.is_empty() {
        call.input.wrong("message_id_list", "", format!("needs 1 to {} message ids", limits::FORWARD_MAX));
    }
    let Asked { target, client_message_id } = asked(&mut call)?;
    let (api, app) = (&call.api, &call.app);
    let mut meant: Vec<MessageId> = Vec::with_capacity(ids.len());
    let mut invalid: Vec<String> = Vec::new();
    for id in &ids {
        match api.message_meant(id) {
            Ok(message_id) => meant.push(message_id),
            Err(_) => invalid.push(id.clone()),
        }
    }
    let Some(first) = meant.first() else { return Err(nothing_left()) };
    let chat_of = |id: MessageId| api.chats.seal.message(id).map(|(chat, _)| chat);
    if meant.iter().any(|id| chat_of(*id) != chat_of(*first)) {
        return Err(Refusal::new(230_069, "the messages are of different chats; merge messages of one chat"));
    }
    let merged = api.chats.merge(app.bot, &meant, target, client_message_id).await.or_refuse(Act::Forward)?;
    invalid.extend(merged.left_out.iter().map(ToString::to_string));
    let message = api.as_it_stands(app, merged.sent.message_id).await?;
    Ok(Reply::Data(json!({ "message": message, "invalid_message_id_list": invalid })))
}

/// `POST im/v1/threads/:thread_id/forward`
pub async fn thread(mut call: Call) -> Answer {
    let Asked { target, client_message_id } = asked(&mut call)?;
    let (api, app) = (&call.api, &call.app);
    let root = api.thread_meant(&call.input.path("thread_id"))?;
    let sent = api.chats.forward_thread(app.bot, root, target, client_message_id).await.map_err(|error| match error.code {
        protocol::error::ErrorCode::MessageNotFound => Refusal::new(230_019, format!("there is no such thread for this bot: {error}")),
        _ => Refusal::of(Act::Forward, error),
    })?;
    Ok(Reply::Data(api.as_it_stands(app, sent.message_id).await?))
}

fn nothing_left() -> Refusal {
    Refusal::new(
        230_001,
        "your request contains an invalid request parameter: none of message_id_list was issued here; take the ids from replies or events",
    )
}

fn asked(call: &mut Call) -> Result<Asked, Refusal> {
    let target_type = match call.input.asked_required("receive_id_type").as_str() {
        "" => "chat_id",
        _ => call.input.asked_word("receive_id_type", &["open_id", "user_id", "union_id", "email", "chat_id", "thread_id"], "chat_id"),
    };
    let receive_id = call.input.required("receive_id");
    call.input.checked()?;
    let uuid = asked_uuid(&mut call.input)?;
    let target = call.api.target(&call.app, target_type, &receive_id)?;
    call.api.bots_may_send(target.chat)?;
    Ok(Asked { target, client_message_id: client_message_id("f", uuid.as_deref()) })
}

impl OpenApi {
    fn target(&self, app: &AppEntry, target_type: &str, receive_id: &str) -> Result<Target, Refusal> {
        if target_type != "thread_id" {
            return Ok(Target { chat: self.receiver(app, target_type, receive_id)?, thread: None });
        }
        let root = self.thread_meant(receive_id)?;
        let (chat, _) = self.chats.place(root).or_refuse(Act::Forward)?;
        Ok(Target { chat, thread: Some(root) })
    }
}
