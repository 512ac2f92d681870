//! Groups: make, look at, list, change, dissolve.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::group_fields::GroupFields;
use super::identity::IdType;
use super::input::{Input, UUID_CHARACTERS_MAX};
use super::page::{self, Page};
use crate::auth::AppEntry;
use crate::chat::{ChatProfile, GroupChange, NewGroup};
use crate::ids::ChatKey;
use protocol::chat::ChatConfigChange;
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use serde_json::{Value, json};

/// People that a new group is made with; the platform takes 50.
const USERS_MAX: usize = crate::limits::PEOPLE_OF_A_CALL_MAX;
/// Bots that a new group is made with; the platform takes 5.
const BOTS_MAX: usize = 100;
/// Groups on one page when nothing is said.
const PAGE_DEFAULT: usize = 20;
/// Groups on one page.
const PAGE_MAX: usize = 100;

/// A `uuid` as the domain's client_message_id; each family has its own, so that one never answers for another. None is
/// drawn: then the call is not one that can be repeated.
pub fn client_message_id(family: &str, uuid: Option<&str>) -> String {
    match uuid.filter(|uuid| !uuid.is_empty()) {
        None => format!("{family}:{:032x}", rand::random::<u128>()),
        Some(uuid) if uuid.len() <= UUID_CHARACTERS_MAX => format!("{family}:{uuid}"),
        Some(uuid) => format!("{family}:{}", &blake3::hash(uuid.as_bytes()).to_hex()[..32]),
    }
}

/// The `uuid` of the query, as far as its form is right.
pub fn asked_uuid(input: &mut Input) -> Result<Option<String>, Refusal> {
    match input.asked("uuid") {
        Some(uuid) if uuid.chars().count() > UUID_CHARACTERS_MAX => {
            Err(Refusal::field("uuid", &uuid, format!("has more than {UUID_CHARACTERS_MAX} characters")))
        }
        uuid => Ok(uuid),
    }
}

/// `POST im/v1/chats`
pub async fn create(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let set_bot_manager = call.input.asked_flag("set_bot_manager");
    let uuid = asked_uuid(&mut call.input)?;
    let name = call.input.bounded("name", crate::limits::CHAT_NAME_CHARACTERS_MAX).unwrap_or_default();
    let description = call.input.bounded("description", crate::limits::CHAT_DESCRIPTION_CHARACTERS_MAX).unwrap_or_default();
    let avatar = call.input.text("avatar").filter(|key| !key.is_empty());
    let owner_id = call.input.text("owner_id").filter(|id| !id.is_empty());
    let user_ids = call.input.list("user_id_list", USERS_MAX);
    let bot_ids = call.input.list("bot_id_list", BOTS_MAX);
    let own = GroupFields::read(&mut call.input, false)?;
    let many = call.many()?;
    let (api, app) = (&call.api, &call.app);
    let avatar = api.avatar_meant(avatar).await?;
    let owner = owner_id.map(|id| api.meant(app, form, &id)).transpose()?;
    let mut members = many.unwrap_or_default();
    for (form, ids) in [(form, &user_ids), (IdType::App, &bot_ids)] {
        for id in ids {
            members.insert(api.meant(app, form, id)?);
        }
    }
    if let Some(gone) = members.iter().chain(owner).find(|index| api.chats.directory.resigned(*index)) {
        return Err(Refusal::new(
            232_022,
            format!("user resigned: `{}` has left the organisation; make the group without this one", api.id_of(app, form, gone)),
        ));
    }
    if own.config.chat_type == Some(protocol::chat::Visibility::Public) && name.trim().chars().count() < 2 {
        let code = if name.trim().is_empty() { 232_042 } else { 232_020 };
        return Err(Refusal::new(
            code,
            "a public group needs a name of at least two characters, so that it can be found; give it a longer `name`",
        ));
    }
    let managers = if set_bot_manager && owner.is_some_and(|owner| owner != app.bot) { vec![app.bot] } else { Vec::new() };
    let group = NewGroup {
        client_message_id: client_message_id("c", uuid.as_deref()),
        name,
        description,
        avatar,
        owner,
        managers,
        members,
        config: own.config,
        i18n_names: own.i18n_names,
        labels: own.labels.unwrap_or_default(),
        toolkit_ids: own.toolkit_ids.unwrap_or_default(),
    };
    let key = api.chats.create_group(app.bot, group).await.or_refuse(Act::Chat)?;
    let (info, _) = api.chats.group_info(key).await.or_refuse(Act::Chat)?;
    let mut chat = api.chat_object(app, form, &info);
    chat["chat_id"] = json!(api.chats.seal.chat_id(key));
    Ok(Reply::Data(chat))
}

/// `GET im/v1/chats/:chat_id`
pub async fn get(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    if let Some((one, other)) = key.pair() {
        let peer = key.peer(app.bot).filter(|_| one != other).ok_or_else(outside)?;
        let created = api.chats.group_info(key).await.is_ok();
        return if created { Ok(Reply::Data(api.direct_object(peer))) } else { Err(outside()) };
    }
    let (info, members) = api
        .chats
        .group_info(key)
        .await
        .map_err(|error| if error.code == ErrorCode::ChatNotFound { outside() } else { Refusal::of(Act::Chat, error) })?;
    let bots = api.bots_among(&members);
    let counts = |chat: &mut Value| {
        chat["user_count"] = json!((members.len() - bots.len()).to_string());
        chat["bot_count"] = json!(bots.len().to_string());
        chat["chat_status"] = json!(status(&info));
    };
    let rights = match api.chats.rights_of(app.bot, key).await {
        Ok((_, rights)) => rights,
        Err(error) if error.code == ErrorCode::ChatNotFound => {
            // Who is not in it learns only what an invitation would tell.
            let mut chat = json!({ "name": info.name, "avatar": api.chat_avatar_url(info.avatar.as_deref(), &info.name) });
            counts(&mut chat);
            return Ok(Reply::Data(chat));
        }
        Err(error) => return Err(Refusal::of(Act::Chat, error)),
    };
    let mut chat = api.chat_object(app, form, &info);
    counts(&mut chat);
    if !rights.see_member_count
        && let Some(fields) = chat.as_object_mut()
    {
        fields.remove("user_count");
    }
    let (bot_managers, user_managers): (Vec<u32>, Vec<u32>) = info.managers.iter().partition(|manager| bots.contains(**manager));
    chat["user_manager_id_list"] = user_managers.into_iter().map(|manager| api.id_of(app, form, manager)).collect();
    chat["bot_manager_id_list"] = bot_managers.into_iter().map(|manager| api.id_of(app, IdType::App, manager)).collect();
    Ok(Reply::Data(chat))
}

fn outside() -> Refusal {
    Refusal::new(232_006, "chat_id invalid: there is no such chat for this bot; check the chat_id, or have the bot added to the group")
}

/// `GET im/v1/chats`: groups that the bot is in.
pub async fn list(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let by_activity = call.input.asked_word("sort_type", &["ByCreateTimeAsc", "ByActiveTimeDesc"], "ByCreateTimeAsc") == "ByActiveTimeDesc";
    let types = call.input.asked_list("types", 2);
    let page = Page::read(&mut call.input, PAGE_DEFAULT, PAGE_MAX);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let direct_too = types.iter().any(|kind| kind == "p2p");
    let groups_too = types.is_empty() || types.iter().any(|kind| kind == "group");
    let after = page.token.as_deref().map(|token| parse_place(token, by_activity)).transpose()?;
    // By activity: as it was when the first page was made, so that what is written meanwhile moves nothing.
    let as_of_ms = after.and_then(|after| after.as_of_ms).unwrap_or_else(|| api.chats.clock.now_ms());
    let places = if by_activity { api.chats.places_as_of(app.bot, as_of_ms).await } else { api.chats.places(app.bot).await };
    // A place is a time and a key; the order of places is the order of the list.
    let mut places: Vec<(u64, ChatKey)> = places
        .or_refuse(Act::Chat)?
        .into_iter()
        .filter(|place| !place.dissolved && (if place.key.pair().is_some() { direct_too } else { groups_too }))
        .map(|place| (if by_activity { u64::MAX - place.active_at_ms } else { place.created_at_ms }, place.key))
        .collect();
    places.sort_unstable();
    let after = after.map(|after| (after.time, after.key));
    let from = after.map_or(0, |after| places.partition_point(|place| *place <= after));
    let shown = &places[from..(from + page.size).min(places.len())];
    let next = (from + shown.len() < places.len())
        .then(|| shown.last().map(|place| print_place(*place, by_activity.then_some(as_of_ms))))
        .flatten();
    let mut items = Vec::with_capacity(shown.len());
    for (_, key) in shown {
        let (info, _) = api.chats.group_info(*key).await.or_refuse(Act::Chat)?;
        items.push(api.list_object(app, form, *key, &info));
    }
    Ok(page::reply(items, next))
}

/// Where a page of the list ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ListPlace {
    /// The moment of which the list tells, ms since 1970; none: of now.
    as_of_ms: Option<u64>,
    time: u64,
    key: ChatKey,
}

fn print_place((time, key): (u64, ChatKey), as_of_ms: Option<u64>) -> String {
    match as_of_ms {
        Some(as_of_ms) => format!("a{as_of_ms:x}.{time:x}.{:x}", key.0),
        None => format!("c{time:x}.{:x}", key.0),
    }
}

fn parse_place(token: &str, by_activity: bool) -> Result<ListPlace, Refusal> {
    let parsed = (|| {
        let digits = token.strip_prefix(if by_activity { 'a' } else { 'c' })?;
        let mut numbers = digits.split('.').map(|number| u64::from_str_radix(number, 16).ok());
        let as_of_ms = if by_activity { Some(numbers.next()??) } else { None };
        let place = ListPlace { as_of_ms, time: numbers.next()??, key: ChatKey(numbers.next()??) };
        numbers.next().is_none().then_some(place)
    })();
    parsed.ok_or_else(|| page::wrong_token(token))
}

/// `PUT im/v1/chats/:chat_id`: what is missing stays as it is.
pub async fn update(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let dry_run = call.input.asked_flag("dry_run");
    let name = call.input.bounded("name", crate::limits::CHAT_NAME_CHARACTERS_MAX);
    let description = call.input.bounded("description", crate::limits::CHAT_DESCRIPTION_CHARACTERS_MAX);
    let avatar = call.input.text("avatar").filter(|key| !key.is_empty());
    let owner_id = call.input.text("owner_id").filter(|id| !id.is_empty());
    let own = GroupFields::read(&mut call.input, true)?;
    let actor = call.actor();
    let (api, app) = (&call.api, &call.app);
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let avatar = api.avatar_meant(avatar).await?;
    let owner = owner_id.map(|id| api.meant(app, form, &id)).transpose()?;
    let (_, rights) = api.chats.rights_of(actor, key).await.or_refuse(Act::ChatUpdate)?;
    let config = (own.config != ChatConfigChange::default()).then_some(own.config);
    let change =
        GroupChange { name, description, avatar, i18n_names: own.i18n_names, config, labels: own.labels, toolkit_ids: own.toolkit_ids };
    if change.configures() && !rights.edit_config {
        return Err(Refusal::new(
            232_016,
            "only the owner and the managers may change more than name, avatar, description and i18n_names; have the bot made a manager",
        ));
    }
    let (info, _) = api.chats.group_info(key).await.or_refuse(Act::ChatUpdate)?;
    let gives_away = owner.filter(|owner| info.owner != Some(*owner));
    if let Some(owner) = owner {
        // Checked before anything changes, so that a call changes all or nothing.
        if !rights.own {
            return Err(Refusal::new(232_017, "only the owner of the group may give it away; call as the owner"));
        }
        if api.chats.rights_of(owner, key).await.is_err() {
            return Err(Refusal::new(232_012, "the new owner is not in the group; add this one to the group first"));
        }
    }
    let mut fields = Vec::new();
    if change != GroupChange::default() {
        fields = api.chats.change_group(actor, key, change, dry_run).await.or_refuse(Act::ChatUpdate)?.fields;
    }
    if dry_run {
        if fields.iter().any(|field| field == "add_member_permission") {
            fields.push("share_card_permission".into());
        }
        fields.extend(gives_away.map(|_| "owner_id".to_owned()));
        return Ok(Reply::Data(json!({ "dry_run": true, "would_change": fields })));
    }
    if let Some(owner) = owner {
        api.chats.transfer(actor, key, owner).await.or_refuse(Act::ChatOwn)?;
    }
    Ok(Reply::Data(json!({})))
}

/// `DELETE im/v1/chats/:chat_id`
pub async fn dissolve(call: Call) -> Answer {
    let actor = call.actor();
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    call.api.chats.rights_of(actor, key).await.or_refuse(Act::ChatOwn)?;
    if call.api.chats.group_info(key).await.is_ok_and(|(info, _)| info.dissolved) {
        return Err(Refusal::of(Act::ChatOwn, crate::error::Error::dissolved()));
    }
    call.api.chats.dissolve(actor, key).await.or_refuse(Act::ChatOwn)?;
    Ok(Reply::Data(json!({})))
}

fn status(info: &ChatProfile) -> &'static str {
    if info.dissolved { "dissolved_save" } else { "normal" }
}

impl OpenApi {
    /// The bots among members. Bots are few, so that a group of everybody costs two operations on bitmaps.
    pub fn bots_among(&self, members: &RoaringBitmap) -> RoaringBitmap {
        let others = members - self.chats.directory.everyone();
        others.into_iter().filter(|index| self.is_bot(*index)).collect()
    }

    /// The picture of an `image_key` that was uploaded.
    async fn avatar_meant(&self, key: Option<String>) -> Result<Option<String>, Refusal> {
        let Some(key) = key else { return Ok(None) };
        let entry = self.attachments.entry(&key).await.or_refuse(Act::Resource)?;
        if !entry.is_some_and(|entry| entry.media_type.starts_with("image/")) {
            return Err(Refusal::new(
                232_041,
                format!(
                    "avatar key illegal: `{}` is not the key of a picture; upload one with image_type=avatar",
                    crate::error::clip(&key)
                ),
            ));
        }
        Ok(Some(key))
    }

    /// The owner is named only when it is a person.
    pub fn add_owner(&self, chat: &mut Value, app: &AppEntry, form: IdType, info: &ChatProfile) {
        if let Some(owner) = info.owner.filter(|owner| !self.is_bot(*owner)) {
            chat["owner_id"] = json!(self.id_of(app, form, owner));
            chat["owner_id_type"] = json!(form.word());
        }
    }

    /// A direct chat in a list.
    pub fn direct_object(&self, peer: u32) -> Value {
        let name = self.chats.directory.entry(peer).map(|person| person.name.clone()).unwrap_or_default();
        json!({ "avatar": self.avatar_url(peer), "name": name, "description": "", "chat_mode": "p2p", "external": false, "tenant_key": self.tenant_key, "chat_status": "normal" })
    }

    /// A chat in a list.
    pub fn list_object(&self, app: &AppEntry, form: IdType, key: ChatKey, info: &ChatProfile) -> Value {
        let mut item = match key.peer(app.bot) {
            Some(peer) => {
                let mut item = self.direct_object(peer);
                item["p2p_target_type"] = json!("user");
                item["p2p_target_id"] = json!(self.id_of(app, form, peer));
                item
            }
            None => json!({
                "avatar": self.chat_avatar_url(info.avatar.as_deref(), &info.name),
                "name": info.name,
                "description": info.description,
                "external": false,
                "tenant_key": self.tenant_key,
                "chat_mode": "group",
                "chat_status": status(info),
                "labels": info.labels,
            }),
        };
        item["chat_id"] = json!(self.chats.seal.chat_id(key));
        self.add_owner(&mut item, app, form, info);
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_of_any_letters_makes_a_short_id_that_is_always_the_same() {
        assert_eq!(client_message_id("m", Some("a-b")), "m:a-b");
        let long = "字".repeat(50);
        assert_eq!(client_message_id("m", Some(&long)), client_message_id("m", Some(&long)));
        assert!(client_message_id("m", Some(&long)).len() <= crate::limits::CLIENT_MESSAGE_ID_BYTES_MAX);
        assert_ne!(client_message_id("m", None), client_message_id("m", Some("")));
    }

    #[test]
    fn a_page_token_belongs_to_its_order() {
        let place = (17, ChatKey(9));
        let by_activity = print_place(place, Some(1_000));
        assert_eq!(parse_place(&by_activity, true).unwrap(), ListPlace { as_of_ms: Some(1_000), time: 17, key: ChatKey(9) });
        assert_eq!(parse_place(&print_place(place, None), false).unwrap().key, ChatKey(9));
        for token in ["", "x", "c1", "c1.zz", "c1.2.3", &by_activity] {
            assert_eq!(parse_place(token, false).unwrap_err().code, 99_992_402);
        }
    }
}
