//! Who waits to be let into a group: to see, and to decide. Clarion's own calls; the platform has none for it.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use roaring::RoaringBitmap;
use serde_json::json;

/// `GET clarion/v1/chats/:chat_id/join_requests`
pub async fn list(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let page = Page::read(&mut call.input, 20, 100);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let found = api.chats.join_requests(actor, key, page.token.as_deref(), page.size).await;
    let found = found.map_err(|error| page.refused(Act::Member, error))?;
    let id = |user_id: &str| {
        let index = api.chats.directory.index(user_id)?;
        let form = if api.is_bot(index) { IdType::App } else { form };
        Some((form.word(), api.id_of(app, form, index)))
    };
    let items = found.requests.iter().filter_map(|request| {
        let ((user_id_type, user_id), (asked_by_type, asked_by)) = (id(&request.person.user_id)?, id(&request.asked_by)?);
        Some(json!({
            "user_id_type": user_id_type,
            "user_id": user_id,
            "name": request.person.name,
            "asked_by_id_type": asked_by_type,
            "asked_by_id": asked_by,
            "create_time": request.at_ms.to_string(),
            "reason": request.reason.clone().unwrap_or_default(),
        }))
    });
    let mut data = page::fields(items.collect(), found.next);
    data["total"] = json!(found.total);
    Ok(Reply::Data(data))
}

/// `POST clarion/v1/chats/:chat_id/join_requests`: decides about some of those who wait.
pub async fn decide(mut call: Call) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "member_id_type");
    let ids = call.input.list("id_list", crate::limits::PEOPLE_OF_A_CALL_MAX);
    if ids.is_empty() {
        call.input.wrong("id_list", "", "is required and cannot be empty");
    }
    let decision = call.input.required("decision");
    if !["accept", "refuse", ""].contains(&decision.as_str()) {
        call.input.wrong("decision", &decision, "must be one of accept, refuse");
    }
    let reason = call.input.bounded("reason", crate::limits::JOIN_REASON_CHARACTERS_MAX);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let mut who = RoaringBitmap::new();
    for id in &ids {
        who.insert(api.meant(app, form, id)?);
    }
    let decided = api.chats.decide_joins(actor, key, &who, decision == "accept", reason.as_deref()).await.or_refuse(Act::Member)?;
    let ids_of = |who: &RoaringBitmap| who.iter().map(|index| api.id_of(app, form, index)).collect::<Vec<_>>();
    Ok(Reply::Data(json!({ "decided_id_list": ids_of(&decided.decided), "not_waiting_id_list": ids_of(&decided.not_waiting) })))
}
