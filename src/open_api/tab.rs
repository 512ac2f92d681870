//! The tabs of a group.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::input::Input;
use crate::chat::TabChange;
use protocol::command::ChatTab;
use serde_json::{Value, json};

/// Tabs in one call.
const TABS_MAX: usize = 50;

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What a call says of one tab.
fn change_of(tab: &Value) -> TabChange {
    TabChange {
        tab_id: text(tab, "/tab_id").unwrap_or_default(),
        name: text(tab, "/tab_name"),
        tab_type: text(tab, "/tab_type"),
        url: text(tab, "/tab_content/url").or_else(|| text(tab, "/tab_content/doc")),
        icon_key: text(tab, "/tab_config/icon_key"),
        is_built_in: tab.pointer("/tab_config/is_built_in").and_then(Value::as_bool),
    }
}

fn tab_object(tab: &ChatTab) -> Value {
    let mut object = json!({ "tab_id": tab.tab_id, "tab_type": tab.tab_type });
    if !tab.name.is_empty() {
        object["tab_name"] = json!(tab.name);
    }
    if let Some(url) = &tab.url {
        let field = if tab.tab_type == "doc" { "doc" } else { "url" };
        object["tab_content"] = json!({ field: url });
        object["tab_config"] = json!({ "icon_key": tab.icon_key.clone().unwrap_or_default(), "is_built_in": tab.is_built_in });
    }
    object
}

fn reply(tabs: &[ChatTab]) -> Answer {
    Ok(Reply::Data(json!({ "chat_tabs": tabs.iter().map(tab_object).collect::<Vec<_>>() })))
}

fn asked(input: &mut Input) -> Result<Vec<TabChange>, Refusal> {
    let tabs = input.objects("chat_tabs", 1, TABS_MAX);
    input.checked()?;
    Ok(tabs.into_iter().map(|tab| change_of(&Value::Object(tab))).collect())
}

fn asked_ids(input: &mut Input) -> Result<Vec<String>, Refusal> {
    let ids = input.list("tab_ids", TABS_MAX);
    if ids.is_empty() {
        input.wrong("tab_ids", "", "is required and cannot be empty");
    }
    input.checked()?;
    Ok(ids)
}

/// `POST im/v1/chats/:chat_id/chat_tabs`
pub async fn create(mut call: Call) -> Answer {
    let tabs = asked(&mut call.input)?.into_iter().map(|tab| ChatTab {
        tab_id: String::new(),
        name: tab.name.unwrap_or_default(),
        tab_type: tab.tab_type.unwrap_or_default(),
        url: tab.url,
        icon_key: tab.icon_key,
        is_built_in: tab.is_built_in.unwrap_or_default(),
    });
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let (_, tabs) = call.api.chats.add_tabs(call.actor(), key, tabs.collect()).await.or_refuse(Act::Tabs)?;
    reply(&tabs)
}

/// `POST im/v1/chats/:chat_id/chat_tabs/update_tabs`: what is missing stays.
pub async fn update(mut call: Call) -> Answer {
    let changes = asked(&mut call.input)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let (_, tabs) = call.api.chats.update_tabs(call.actor(), key, changes).await.or_refuse(Act::Tabs)?;
    reply(&tabs)
}

/// `POST im/v1/chats/:chat_id/chat_tabs/sort_tabs`
pub async fn sort(mut call: Call) -> Answer {
    let ids = asked_ids(&mut call.input)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let (_, tabs) = call.api.chats.sort_tabs(call.actor(), key, &ids).await.or_refuse(Act::Tabs)?;
    reply(&tabs)
}

/// `GET im/v1/chats/:chat_id/chat_tabs/list_tabs`
pub async fn list(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    reply(&call.api.chats.tabs(call.actor(), key).await.or_refuse(Act::Tabs)?)
}

/// `DELETE im/v1/chats/:chat_id/chat_tabs/delete_tabs`
pub async fn delete(mut call: Call) -> Answer {
    let ids = asked_ids(&mut call.input)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let (_, tabs) = call.api.chats.remove_tabs(call.actor(), key, &ids).await.or_refuse(Act::Tabs)?;
    reply(&tabs)
}
