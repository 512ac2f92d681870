//! What stands above the messages of a group: the announcement, and the top notice.

use super::announcement_edit::Edit;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::identity::IdType;
use crate::chat::{KeptAnnouncement, OnTop, SeenRevision};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

/// Edits in one call.
const EDITS_MAX: usize = 100;
/// A change may be made for a revision that is behind by so many, as on the platform.
const REVISIONS_BEHIND_MAX: u64 = 100;

fn id_fields(call: &Call, form: IdType, index: u32) -> (&'static str, String) {
    let form = if call.api.is_bot(index) { IdType::App } else { form };
    (form.word(), call.api.id_of(&call.app, form, index))
}

/// `GET im/v1/chats/:chat_id/announcement`; one that nobody has written is empty and of revision 0.
pub async fn get(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.checked()?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let kept = call.api.chats.announcement_or_none_yet(call.actor(), key).await.or_refuse(Act::Announcement)?;
    let mut data = json!({ "content": kept.content, "revision": kept.revision.to_string() });
    tell_written(&call, form, &kept, &mut data, |seconds| json!(seconds.to_string()));
    Ok(Reply::Data(data))
}

/// `PATCH im/v1/chats/:chat_id/announcement`: edits of the platform's older documents, or `content` whole.
pub async fn patch(mut call: Call) -> Answer {
    let revision = call.input.required("revision");
    let requests = call.input.list("requests", EDITS_MAX);
    let content = call.input.text("content");
    let seen = match revision.parse::<u64>() {
        Ok(revision) => revision,
        Err(_) => {
            if !revision.is_empty() {
                call.input.wrong("revision", &revision, "must be the revision that the announcement was read with");
            }
            0
        }
    };
    if requests.is_empty() && content.is_none() {
        call.input.wrong("requests", "", "is required, unless `content` is the whole announcement");
    }
    call.input.checked()?;
    let mut edits = Vec::with_capacity(requests.len());
    for request in &requests {
        edits.push(Edit::read(request).map_err(|why| Refusal::new(232_018, format!("the announcement was not changed: {why}")))?);
    }
    let actor = call.actor();
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let seen = Some(SeenRevision { revision: seen, behind_max: REVISIONS_BEHIND_MAX });
    let edit = |before: &str| {
        let whole = content.clone().unwrap_or_else(|| before.to_owned());
        Ok(edits.iter().fold(whole, |content, edit| edit.apply(&content)))
    };
    call.api.chats.announce(actor, key, seen, edit).await.or_refuse(Act::Announcement)?;
    Ok(Reply::Data(json!({})))
}

/// `GET docx/v1/chats/:chat_id/announcement`: says that the announcement is of the older kind, with what both kinds tell.
pub async fn docx(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.checked()?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let kept = call.api.chats.announcement_or_none_yet(call.actor(), key).await.or_refuse(Act::Announcement)?;
    let mut data = json!({ "revision_id": kept.revision, "announcement_type": "doc" });
    tell_written(&call, form, &kept, &mut data, |seconds| json!(seconds));
    Ok(Reply::Data(data))
}

/// When an announcement was written and by whom, as both kinds tell it of one that was; their times differ in form.
fn tell_written(call: &Call, form: IdType, kept: &KeptAnnouncement, data: &mut Value, time: fn(u64) -> Value) {
    if kept.revision == 0 {
        return;
    }
    let ((owner_type, owner), (modifier_type, modifier)) = (id_fields(call, form, kept.owner), id_fields(call, form, kept.modifier));
    data["create_time"] = time(kept.created_at_ms / 1_000);
    data["update_time"] = time(kept.updated_at_ms / 1_000);
    data["owner_id_type"] = json!(owner_type);
    data["owner_id"] = json!(owner);
    data["modifier_id_type"] = json!(modifier_type);
    data["modifier_id"] = json!(modifier);
}

/// Every call about blocks of an announcement: there are none.
pub async fn no_blocks(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    call.api.chats.rights_of(call.actor(), key).await.or_refuse(Act::Announcement)?;
    Err(Refusal::new(
        1_770_001,
        "not available: announcements of this server are of the type doc and have no blocks; read and change them with im/v1/chats/:chat_id/announcement",
    ))
}

/// `POST im/v1/chats/:chat_id/top_notice/put_top_notice`
pub async fn put_top_notice(mut call: Call) -> Answer {
    let notices = call.input.objects("chat_top_notice", 1, 1);
    call.input.checked()?;
    let notice = notices.into_iter().next().unwrap_or_default();
    let text = |name: &str| notice.get(name).and_then(Value::as_str).unwrap_or_default();
    let top = match text("action_type") {
        "1" => {
            let message_id = text("message_id");
            if message_id.is_empty() {
                return Err(Refusal::field("message_id", "", "is required with action_type 1"));
            }
            OnTop::Message(call.api.message_meant(message_id)?)
        }
        "" | "2" => OnTop::Announcement,
        other => return Err(Refusal::field("action_type", other, "must be 1, a message, or 2, the announcement")),
    };
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    call.api.chats.set_top_notice(call.actor(), key, top).await.map_err(|error| match (top, error.code) {
        (OnTop::Announcement, ErrorCode::MessageNotFound) => Refusal::new(232_003, error.to_string()),
        _ => Refusal::of(Act::TopNotice, error),
    })?;
    Ok(Reply::Data(json!({})))
}

/// `POST im/v1/chats/:chat_id/top_notice/delete_top_notice`
pub async fn delete_top_notice(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    call.api.chats.set_top_notice(call.actor(), key, OnTop::Nothing).await.or_refuse(Act::TopNotice)?;
    Ok(Reply::Data(json!({})))
}
