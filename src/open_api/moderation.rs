//! Who may post in a group.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use protocol::chat::Moderation;
use roaring::RoaringBitmap;
use serde_json::json;

/// Ids in one list of a call.
const IDS_MAX: usize = crate::limits::MODERATORS_MAX;

/// `GET im/v1/chats/:chat_id/moderation`: the list only where the list is what counts.
pub async fn get(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let page = Page::read(&mut call.input, 20, 100);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let (setting, list, more) = api.chats.moderation(actor, key, page.number()?, page.size).await.or_refuse(Act::Moderation)?;
    let mut data = if setting == Moderation::ModeratorList {
        let item = |index: &u32| {
            let form = if api.is_bot(*index) { IdType::App } else { form };
            json!({ "user_id_type": form.word(), "user_id": api.id_of(app, form, *index), "tenant_key": api.tenant_key })
        };
        page::fields(list.iter().map(item).collect(), list.last().filter(|_| more).map(u32::to_string))
    } else {
        page::fields(Vec::new(), None)
    };
    data["moderation_setting"] = json!(setting);
    Ok(Reply::Data(data))
}

/// `PUT im/v1/chats/:chat_id/moderation`
pub async fn put(mut call: Call) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "user_id_type");
    let setting: Option<Moderation> = call.input.word("moderation_setting");
    let added = call.input.list("moderator_added_list", IDS_MAX);
    let removed = call.input.list("moderator_removed_list", IDS_MAX);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let meant = |ids: &[String]| ids.iter().map(|id| api.meant(app, form, id)).collect::<Result<RoaringBitmap, _>>();
    let (added, removed) = (meant(&added)?, meant(&removed)?);
    api.chats.set_moderation(actor, key, setting, &added, &removed).await.or_refuse(Act::Moderation)?;
    Ok(Reply::Data(json!({})))
}
