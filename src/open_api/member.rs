//! Members and managers of groups.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused, Violation};
use super::identity::IdType;
use super::many::IDS_SHOWN_MAX;
use super::page;
use crate::auth::AppEntry;
use crate::chat::Joining;
use crate::ids::ChatKey;
use protocol::command::SetManagers;
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use serde_json::json;

/// Ids in one call; the platform takes 50.
const IDS_MAX: usize = crate::limits::PEOPLE_OF_A_CALL_MAX;
/// Managers named in one call.
const MANAGERS_MAX: usize = 50;

/// Who is meant by a list of ids, and which ids cannot be used.
#[derive(Default)]
struct Meant {
    people: RoaringBitmap,
    /// Nobody has them.
    missing: Vec<String>,
    /// Somebody has them who cannot be a member: who has resigned, or whom this app knows by another id.
    unusable: Vec<String>,
    first_refusal: Option<Refusal>,
}

impl OpenApi {
    fn all_meant(&self, app: &AppEntry, form: IdType, ids: &[String]) -> Meant {
        let mut meant = Meant::default();
        for id in ids {
            match self.meant(app, form, id) {
                Ok(index) if self.chats.directory.resigned(index) => meant.unusable.push(id.clone()),
                Ok(index) => drop(meant.people.insert(index)),
                Err(refusal) => {
                    // Of another app, or outside of what this one may see.
                    if matches!(refusal.code, 99_992_361 | 41_050) {
                        meant.unusable.push(id.clone())
                    } else {
                        meant.missing.push(id.clone())
                    }
                    let code = if refusal.code == 41_050 { 232_024 } else { refusal.code };
                    meant.first_refusal.get_or_insert(Refusal { code, ..refusal });
                }
            }
        }
        meant
    }
}

/// `POST im/v1/chats/:chat_id/members`
pub async fn add(mut call: Call) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "member_id_type");
    let succeed_type = call.input.asked_word("succeed_type", &["0", "1", "2"], "0");
    let dry_run = call.input.asked_flag("dry_run");
    let ids = call.input.list("id_list", IDS_MAX);
    let many = call.many()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let mut meant = api.all_meant(app, form, &ids);
    match succeed_type {
        "0" => {
            if let Some(refusal) = meant.first_refusal {
                return Err(refusal);
            }
        }
        "2" if !meant.missing.is_empty() || !meant.unusable.is_empty() => {
            let violations = meant
                .missing
                .iter()
                .map(|id| (id, "does not exist"))
                .chain(meant.unusable.iter().map(|id| (id, "cannot be used")))
                .map(|(id, why)| Violation { field: "id_list".into(), value: id.clone(), description: why.into() });
            let refusal = Refusal::new(
                232_043,
                "your request contains unavailable ids, and nobody was added; take those of `error.field_violations` out, or call with succeed_type=1",
            );
            return Err(Refusal { violations: violations.collect(), ..refusal });
        }
        _ => {}
    }
    meant.people |= many.unwrap_or_default();
    let moved = api.chats.admit(actor, key, &meant.people, dry_run).await.or_refuse(Act::Member)?;
    let ids_of = |who: &RoaringBitmap| who.iter().take(IDS_SHOWN_MAX).map(|index| api.id_of(app, form, index)).collect::<Vec<_>>();
    let mut data = json!({
        "invalid_id_list": meant.unusable,
        "not_existed_id_list": meant.missing,
        "pending_approval_id_list": ids_of(&moved.waiting),
    });
    if dry_run {
        data["dry_run"] = json!(true);
        data["would_add_id_list"] = json!(ids_of(&moved.moved));
        data["would_add_count"] = json!(moved.moved.len());
    } else {
        data["added_count"] = json!(moved.moved.len());
    }
    Ok(Reply::Data(data))
}

/// `DELETE im/v1/chats/:chat_id/members`
pub async fn remove(mut call: Call) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "member_id_type");
    let dry_run = call.input.asked_flag("dry_run");
    let ids = call.input.list("id_list", IDS_MAX);
    let many = call.many()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let (mut people, mut invalid) = (RoaringBitmap::new(), Vec::new());
    for id in ids {
        // Who has resigned can be removed, so that a group can be tidied up.
        match api.meant(app, form, &id) {
            Ok(index) => drop(people.insert(index)),
            Err(_) => invalid.push(id),
        }
    }
    if let Some(mut many) = many {
        // Who is not named does not end the call: the owner stays, and so does the one who calls.
        let (info, _) = api.chats.group_info(key).await.or_refuse(Act::Member)?;
        many.remove(app.bot);
        if let Some(owner) = info.owner {
            many.remove(owner);
        }
        people |= many;
    }
    if dry_run {
        let moved = api.chats.dismiss(actor, key, &people, true).await.or_refuse(Act::Member)?;
        let would_go: Vec<String> = moved.moved.iter().take(IDS_SHOWN_MAX).map(|index| api.id_of(app, form, index)).collect();
        return Ok(Reply::Data(json!({
            "invalid_id_list": invalid,
            "dry_run": true,
            "would_remove_id_list": would_go,
            "would_remove_count": moved.moved.len(),
        })));
    }
    let mut removed = 1;
    if people.len() == 1 && people.contains(app.bot) {
        api.chats.leave(app.bot, key).await.or_refuse(Act::Member)?;
    } else {
        removed = api.chats.dismiss(actor, key, &people, false).await.or_refuse(Act::Member)?.moved.len();
    }
    Ok(Reply::Data(json!({ "invalid_id_list": invalid, "removed_count": removed })))
}

/// `GET im/v1/chats/:chat_id/members`: people, and bots when they are asked for.
pub async fn list(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "member_id_type");
    let bots = call.input.asked_flag("include_bots");
    let page = page::Page::read(&mut call.input, 20, 100);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let (members, more, total) = api.chats.members_in_order(actor, key, page.number()?, page.size, bots).await.or_refuse(Act::Member)?;
    let item = |index: &u32| {
        let form = if api.is_bot(*index) { IdType::App } else { form };
        let name = api.chats.directory.entry(*index).map(|person| person.name.clone()).unwrap_or_default();
        json!({ "member_id_type": form.word(), "member_id": api.id_of(app, form, *index), "name": name, "tenant_key": api.tenant_key })
    };
    let mut data = page::fields(members.iter().map(item).collect(), members.last().filter(|_| more).map(u32::to_string));
    if let Some(total) = total {
        data["member_total"] = json!(total);
    }
    Ok(Reply::Data(data))
}

/// `GET im/v1/chats/:chat_id/members/is_in_chat`
pub async fn is_in_chat(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let is_in_chat = match call.api.chats.rights_of(call.app.bot, key).await {
        Ok(_) => true,
        Err(error) if error.code == ErrorCode::ChatNotFound => false,
        Err(error) => return Err(Refusal::of(Act::Member, error)),
    };
    Ok(Reply::Data(json!({ "is_in_chat": is_in_chat })))
}

/// `PATCH im/v1/chats/:chat_id/members/me_join`
pub async fn join(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    match call.api.chats.join(call.app.bot, key, None, None).await.or_refuse(Act::Member)? {
        Joining::Joined => Ok(Reply::Data(json!({}))),
        Joining::Requested => Err(Refusal::new(
            232_075,
            "this public group needs the consent of its owner or a manager: they have been asked, and the bot is let in when one of them agrees; ask again with is_in_chat",
        )),
    }
}

/// `POST im/v1/chats/:chat_id/managers/add_managers`
pub async fn add_managers(call: Call) -> Answer {
    managers(call, true).await
}

/// `POST im/v1/chats/:chat_id/managers/delete_managers`
pub async fn delete_managers(call: Call) -> Answer {
    managers(call, false).await
}

async fn managers(mut call: Call, add: bool) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "member_id_type");
    let ids = call.input.list("manager_ids", MANAGERS_MAX);
    call.input.checked()?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let mut user_ids = Vec::with_capacity(ids.len());
    for id in &ids {
        let index = api.meant(app, form, id)?;
        user_ids.push(api.chats.directory.user_id(index).to_string());
    }
    let chat_id = api.chats.seal.chat_id(key);
    let command = if add {
        SetManagers { chat_id, add: user_ids, ..SetManagers::default() }
    } else {
        SetManagers { chat_id, remove: user_ids, ..SetManagers::default() }
    };
    api.chats.set_managers(actor, command).await.or_refuse(Act::Managers)?;
    let (chat_managers, chat_bot_managers) = api.manager_ids(app, if form == IdType::App { IdType::Open } else { form }, key).await?;
    Ok(Reply::Data(json!({ "chat_managers": chat_managers, "chat_bot_managers": chat_bot_managers })))
}

impl OpenApi {
    async fn manager_ids(&self, app: &AppEntry, form: IdType, key: ChatKey) -> Result<(Vec<String>, Vec<String>), Refusal> {
        let (info, _) = self.chats.group_info(key).await.or_refuse(Act::Managers)?;
        let (bots, people): (Vec<u32>, Vec<u32>) = info.managers.iter().partition(|manager| self.is_bot(**manager));
        let ids = |of: Vec<u32>, form: IdType| of.into_iter().map(|index| self.id_of(app, form, index)).collect();
        Ok((ids(people, form), ids(bots, IdType::App)))
    }
}
