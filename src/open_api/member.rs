//! Members and managers of groups.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused, Violation};
use super::identity::IdType;
use super::page;
use crate::auth::AppEntry;
use crate::ids::ChatKey;
use protocol::command::{Members, SetManagers};
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
                    if refusal.code == 99_992_361 {
                        meant.unusable.push(id.clone())
                    } else {
                        meant.missing.push(id.clone())
                    }
                    meant.first_refusal.get_or_insert(refusal);
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
    let ids = call.input.list("id_list", IDS_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let meant = api.all_meant(app, form, &ids);
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
    api.chats.add_members(app.bot, key, meant.people, Vec::new()).await.or_refuse(Act::Member)?;
    Ok(Reply::Data(json!({ "invalid_id_list": meant.unusable, "not_existed_id_list": meant.missing, "pending_approval_id_list": [] })))
}

/// `DELETE im/v1/chats/:chat_id/members`
pub async fn remove(mut call: Call) -> Answer {
    let form = IdType::read_with_apps(&mut call.input, "member_id_type");
    let ids = call.input.list("id_list", IDS_MAX);
    call.input.checked()?;
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
    api.chats.rights_of(app.bot, key).await.or_refuse(Act::Member)?;
    let (info, _) = api.chats.group_info(key).await.or_refuse(Act::Member)?;
    if info.owner.is_some_and(|owner| people.contains(owner)) {
        // Nobody can do it, so that it is said before who may remove members.
        return Err(Refusal::new(
            232_076,
            "the owner cannot be removed: a group always has an owner; give the group to another member first, or dissolve it",
        ));
    }
    if people.len() == 1 && people.contains(app.bot) {
        api.chats.leave(app.bot, key).await.or_refuse(Act::Member)?;
    } else {
        api.chats.remove_members(app.bot, key, people, Vec::new()).await.or_refuse(Act::Member)?;
    }
    Ok(Reply::Data(json!({ "invalid_id_list": invalid })))
}

/// `GET im/v1/chats/:chat_id/members`: people, never bots.
pub async fn list(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "member_id_type");
    let page = page::Page::read(&mut call.input, 20, 100);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let command =
        Members { chat_id: api.chats.seal.chat_id(key), page: page.token.clone(), limit: Some(page.size as u32), ..Members::default() };
    let members = api.chats.members(app.bot, command).await.map_err(|error| match (error.code, &page.token) {
        (ErrorCode::InvalidValue, Some(token)) => page::wrong_token(token),
        _ => Refusal::of(Act::Member, error),
    })?;
    let mut items = Vec::with_capacity(members.members.len());
    for member in &members.members {
        let Some(index) = api.chats.directory.index(&member.person.user_id).filter(|index| !api.is_bot(*index)) else { continue };
        items.push(json!({ "member_id_type": form.word(), "member_id": api.id_of(app, form, index), "name": member.person.name, "tenant_key": api.tenant_key }));
    }
    let mut data = page::fields(items, members.next);
    if let Some(total) = members.total {
        let (_, everybody) = api.chats.group_info(key).await.or_refuse(Act::Member)?;
        data["member_total"] = json!(u64::from(total).saturating_sub(api.bots_among(&everybody).len()));
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
    call.api.chats.join(call.app.bot, key).await.or_refuse(Act::Member)?;
    Ok(Reply::Data(json!({})))
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
    api.chats.set_managers(app.bot, command).await.or_refuse(Act::Managers)?;
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
