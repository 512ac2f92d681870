//! Groups that follow departments.

use super::contact::departments_of;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refused};
use crate::chat::BoundNow;
use crate::limits::BOUND_DEPARTMENTS_MAX;
use serde_json::{Value, json};

/// `PUT clarion/v1/chats/:chat_id/departments`
pub async fn bind(mut call: Call) -> Answer {
    let ids = call.input.list("department_ids", BOUND_DEPARTMENTS_MAX);
    let direct_only = call.input.flag("direct_only");
    let (departments, chosen_ids) = departments_of(&mut call, &ids)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let now = call.api.chats.bind(call.actor(), key, departments, direct_only).await.or_refuse(Act::Member)?;
    let mut data = shown(&call, &now, chosen_ids);
    data["added_count"] = json!(now.came);
    data["removed_count"] = json!(now.went);
    Ok(Reply::Data(data))
}

/// `GET clarion/v1/chats/:chat_id/departments`
pub async fn bound(mut call: Call) -> Answer {
    let (_, chosen_ids) = departments_of(&mut call, &[])?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let now = call.api.chats.bound(call.actor(), key).await.or_refuse(Act::Member)?;
    Ok(Reply::Data(shown(&call, &now, chosen_ids)))
}

/// `DELETE clarion/v1/chats/:chat_id/departments`
pub async fn unbind(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    call.api.chats.unbind(call.actor(), key).await.or_refuse(Act::Member)?;
    Ok(Reply::Data(json!({})))
}

fn shown(call: &Call, now: &BoundNow, chosen_ids: bool) -> Value {
    let ids: Vec<String> = match &now.bound {
        Some(bound) => bound.departments.iter().map(|id| call.api.department_named(chosen_ids, id)).collect(),
        None => Vec::new(),
    };
    json!({
        "department_ids": ids,
        "direct_only": now.bound.as_ref().is_some_and(|bound| bound.direct_only),
        "people_count": now.people,
    })
}
