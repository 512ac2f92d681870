//! Incoming webhooks: messages to the addresses of groups' own bots. The address is all that a caller needs.

use super::OpenApi;
use super::audit::Noted;
use super::calls::CallEntry;
use super::chat::client_message_id;
use super::envelope::{LOG_ID, log_id, take};
use super::error::{Act, Refusal, Refused};
use crate::chat::{Asked, HookRefused, Hooked};
use crate::limits::HOOK_BODY_BYTES_MAX;
use crate::net::ClientAddress;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use protocol::command::Send;
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// `POST bot/v2/hook/:token`
pub async fn post(entry: &CallEntry, api: Arc<OpenApi>, request: Request) -> Response {
    let log_id = log_id(&api);
    answer(posted(&api, request, entry, &log_id, |body| body).await, &log_id)
}

/// `POST bot/hook/:token`, the older form: a title and a text.
pub async fn post_titled(entry: &CallEntry, api: Arc<OpenApi>, request: Request) -> Response {
    let log_id = log_id(&api);
    answer(posted(&api, request, entry, &log_id, titled).await, &log_id)
}

/// The older form as the newer one.
fn titled(body: Map<String, Value>) -> Map<String, Value> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let content = match (text("title"), text("text")) {
        ("", text) => json!({ "msg_type": "text", "content": { "text": text } }),
        (title, text) => {
            json!({ "msg_type": "post", "content": { "zh_cn": { "title": title, "content": [[{ "tag": "text", "text": text }]] } } })
        }
    };
    match content {
        Value::Object(content) => content,
        _ => body,
    }
}

async fn posted(
    api: &OpenApi,
    request: Request,
    entry: &CallEntry,
    log_id: &str,
    form: fn(Map<String, Value>) -> Map<String, Value>,
) -> Result<(), Refusal> {
    let token = request.uri().path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let address = request.extensions().get::<ClientAddress>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |client| client.0);
    let (bytes, size) = take(request.into_body(), HOOK_BODY_BYTES_MAX).await?;
    if size > HOOK_BODY_BYTES_MAX {
        return Err(Refusal::new(
            19_036,
            format!("request body too large: it has {size} bytes, the limit is {HOOK_BODY_BYTES_MAX}; send less, or in parts"),
        ));
    }
    let body = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(body)) => form(body),
        Ok(_) => return Err(Refusal::bad_request("the body is JSON, but not an object")),
        Err(error) => return Err(Refusal::bad_request(format!("the body is not JSON: {error}"))),
    };
    let mut texts = Vec::new();
    for name in ["content", "card"] {
        body.get(name).into_iter().for_each(|value| texts_of(value, &mut texts));
    }
    let timestamp =
        body.get("timestamp").and_then(|value| value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|time| time.to_string())));
    let asked = Asked { address, timestamp: timestamp.as_deref(), sign: body.get("sign").and_then(Value::as_str), texts: &texts };
    let hooked = api.chats.hooked(&token, asked).await.map_err(|error| Refusal::of(Act::Send, error))?;
    let hooked = hooked.map_err(|refused| refusal(refused, api.config.hook_messages_per_second))?;
    // Whoever does not know the address, or does not come as the bot asks, has changed nothing and gets no place in the audit log.
    let chat_id = api.chats.seal.chat_id(hooked.chat);
    let targets = vec![chat_id.to_string(), api.chats.directory.user_id(hooked.bot).to_string()];
    let noted = Noted::begin_hook(api, entry, targets, address.to_string(), log_id.to_owned())?;
    let posted = post_as(api, hooked, &body, bytes.len()).await;
    noted.ended_hook(&posted);
    posted
}

async fn post_as(api: &OpenApi, hooked: Hooked, body: &Map<String, Value>, size: usize) -> Result<(), Refusal> {
    let said = api.said_to_hook(body).map_err(|refusal| Refusal { code: 19_002, ..refusal })?;
    let command = Send {
        chat_id: api.chats.seal.chat_id(hooked.chat),
        client_message_id: client_message_id("h", None),
        content: said.content,
        mentions: said.mentions,
        mention_all: said.mention_all,
        ..Send::default()
    };
    let post = async {
        api.bots_may_send(hooked.chat)?;
        api.chats.send(hooked.bot, command).await.or_refuse(Act::Send)?.await.or_refuse(Act::Send).map(drop)
    };
    let posted = api.chats.in_turn(hooked.bot, size, post).await;
    posted.map_err(|refused| refusal(refused, api.config.hook_messages_per_second))?
}

/// Every text in a message, in which keywords are looked for.
fn texts_of(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_of(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| texts_of(value, into)),
        _ => {}
    }
}

fn refusal(refused: HookRefused, per_second: u64) -> Refusal {
    match refused {
        HookRefused::NoAddress => Refusal::new(
            19_001,
            "param invalid: incoming webhook access token invalid: no bot has this address, or no more; copy the address anew from the group's settings",
        ),
        HookRefused::Address => {
            Refusal::new(19_022, "Ip Not Allowed: the bot takes messages from other addresses only; add this one to the bot's settings")
        }
        HookRefused::Signature => Refusal::new(
            19_021,
            "sign match fail or timestamp is not within one hour from current time: sign with the bot's secret and the time of now in seconds",
        ),
        HookRefused::Keyword => {
            Refusal::new(19_024, "Key Words Not Found: the bot takes only messages with one of its keywords; put one into the message")
        }
        HookRefused::TooMany { retry_after_ms } => Refusal {
            code: 11_232,
            msg: format!(
                "frequency limited psm: this bot posts {per_second} messages a second, and too many wait already; send again later"
            ),
            ..Refusal::rate(per_second, retry_after_ms.div_ceil(1_000).max(1))
        },
    }
}

/// The form that tools of several years look for: some at `code`, some at `StatusCode`, some at the status only.
fn answer(posted: Result<(), Refusal>, log_id: &str) -> Response {
    let (status, body, reset_seconds) = match &posted {
        Ok(()) => (StatusCode::OK, json!({ "StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success" }), None),
        Err(refusal) => {
            // The address is a secret, so that only the reason is logged.
            tracing::info!(log_id, code = refusal.code, msg = refusal.msg, "a message to a bot's address was refused");
            let body =
                json!({ "StatusCode": refusal.code, "StatusMessage": refusal.msg, "code": refusal.code, "data": {}, "msg": refusal.msg });
            (refusal.status, body, refusal.reset_seconds)
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(log_id) {
        headers.insert(LOG_ID, value);
    }
    if let Some(seconds) = reset_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
