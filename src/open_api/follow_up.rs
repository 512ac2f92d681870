//! Follow-ups: bubbles below a bot's message, by which the reader answers with one click.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal};
use protocol::content::{FollowUp, LocaleText};
use protocol::error::ErrorCode;
use serde_json::{Map, Value, json};

/// `POST im/v1/messages/:message_id/push_follow_up`
pub async fn push(mut call: Call) -> Answer {
    let follow_ups = call.input.objects("follow_ups", 1, crate::limits::FOLLOW_UPS_MAX);
    call.input.checked()?;
    let message_id = call.api.message_meant(&call.input.path("message_id"))?;
    let follow_ups = follow_ups.iter().map(follow_up).collect();
    call.api.chats.follow_up(call.app.bot, message_id, follow_ups).await.map_err(|error| {
        let code = match error.code {
            ErrorCode::OtherKind => 230_003,
            ErrorCode::Overtaken => 230_006,
            ErrorCode::IdReused => 230_008,
            _ => return Refusal::of(Act::FollowUp, error),
        };
        Refusal::new(code, error.to_string())
    })?;
    Ok(Reply::Data(json!({})))
}

fn follow_up(fields: &Map<String, Value>) -> FollowUp {
    let text = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let others = fields.get("i18n_contents").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    FollowUp {
        text: text(fields, "content"),
        texts: others.map(|other| LocaleText { locale: text(other, "language"), text: text(other, "content") }).collect(),
    }
}
