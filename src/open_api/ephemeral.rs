//! Cards that one person of a group sees; and cards that are changed with the token of a press.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use super::message::card_refused;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use serde_json::{Value, json};

/// `POST ephemeral/v1/send`
pub async fn send(mut call: Call) -> Answer {
    let chat_id = call.input.required("chat_id");
    let ids = ["open_id", "user_id", "union_id", "email"].map(|name| (name, call.input.text(name).filter(|id| !id.is_empty())));
    let msg_type = call.input.required("msg_type");
    if !msg_type.is_empty() && msg_type != "interactive" {
        call.input.wrong("msg_type", &msg_type, "must be interactive: only cards are shown to one person");
    }
    let card = call.input.value("card").filter(|card| card.is_object()).map(Value::to_string);
    if card.is_none() {
        call.input.wrong("card", "", "is required and is an object");
    }
    let meant = ids.into_iter().find_map(|(name, id)| id.map(|id| (name, id)));
    if meant.is_none() {
        call.input.wrong("open_id", "", "one of open_id, user_id, union_id and email is required");
    }
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&chat_id)?;
    let (name, id) = meant.unwrap_or_default();
    let to = match name {
        "email" => api.reached_by_email(app, &id)?,
        "user_id" => api.reached(app, IdType::User, &id)?,
        "union_id" => api.reached(app, IdType::Union, &id)?,
        _ => api.reached(app, IdType::Open, &id)?,
    };
    let edit = api.card_said(app, &card.unwrap_or_default())?;
    let message_id = api.chats.send_ephemeral(app.bot, key, to, edit.card).await.map_err(|error| match error.code {
        ErrorCode::InvalidValue => card_refused(error),
        _ => Refusal::of(Act::Ephemeral, error),
    })?;
    Ok(Reply::Data(json!({ "message_id": message_id })))
}

/// `POST ephemeral/v1/delete`: also a success when it is gone already.
pub async fn remove(mut call: Call) -> Answer {
    let id = call.input.required("message_id");
    call.input.checked()?;
    let message_id = id.parse::<MessageId>().map_err(|_| {
        Refusal::new(99_992_354, format!("not a valid message_id: `{}` is not the id of a card for one person", crate::error::clip(&id)))
    })?;
    call.api.chats.delete_ephemeral(call.app.bot, message_id).await.or_refuse(Act::Ephemeral)?;
    Ok(Reply::Data(json!({})))
}

/// `POST interactive/v1/card/update`: changes the card that somebody has just pressed on.
pub async fn update_by_token(mut call: Call) -> Answer {
    let token = call.input.required("token");
    let card = call.input.value("card").and_then(Value::as_object).cloned();
    if card.is_none() {
        call.input.wrong("card", "", "is required and is an object");
    }
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let mut card = card.unwrap_or_default();
    // Whose view is to change: here a card has one view for everybody.
    card.remove("open_ids");
    let edit = api.card_said(app, &Value::Object(card).to_string())?;
    let token = api.chats.card_token_meant(&token).await.map_err(|error| match error.code {
        ErrorCode::StorageUnavailable => Refusal::of(Act::Card, error),
        _ => Refusal::new(230_001, format!("your request contains an invalid request parameter: {error}")),
    })?;
    api.chats.edit_card_by_token(app.bot, token, edit).await.map_err(card_refused)?;
    Ok(Reply::Data(json!({})))
}
