//! Groups by name, and links to groups.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refused};
use super::identity::IdType;
use super::page::{self, Page};
use crate::chat::GroupSearch;
use protocol::command::Validity;
use serde_json::{Value, json};

/// Characters of a query; a longer one finds nothing, as on the platform.
const QUERY_CHARACTERS_MAX: usize = crate::limits::QUERY_CHARACTERS_MAX;
/// People whom a search names.
const MEMBERS_MAX: usize = 50;

/// What is searched. A query with a hyphen may stand in quotes, as the platform wants it.
fn query_of(given: Option<String>) -> Option<String> {
    let given = given.unwrap_or_default();
    let query = given.trim();
    let query = query.strip_prefix('"').and_then(|query| query.strip_suffix('"')).unwrap_or(query).trim();
    (!query.is_empty() && query.chars().count() <= QUERY_CHARACTERS_MAX).then(|| query.to_owned())
}

/// `GET im/v1/chats/search`: the bot's own groups, and public ones.
pub async fn search(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let query = call.input.asked("query");
    let page = Page::read(&mut call.input, 20, 100);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let Some(query) = query_of(query) else { return Ok(page::reply(Vec::new(), None)) };
    let search = GroupSearch::of(&query, page.token.clone(), page.size);
    let found = api.chats.find_groups(app.bot, search).await.map_err(|error| page.refused(Act::Chat, error))?;
    let mut items = Vec::with_capacity(found.keys.len());
    for key in found.keys {
        let (info, _) = api.chats.group_info(key).await.or_refuse(Act::Chat)?;
        items.push(api.list_object(app, form, key, &info));
    }
    Ok(page::reply(items, found.next))
}

/// `POST im/v2/chats/search`: the same with a filter.
pub async fn search_filtered(mut call: Call) -> Answer {
    let form = IdType::read(&mut call.input, "user_id_type");
    let page = Page::read(&mut call.input, 20, 100);
    let query = call.input.text("query");
    let filter = call.input.value("filter").cloned().unwrap_or_else(|| json!({}));
    if !filter.is_object() {
        call.input.wrong("filter", &filter.to_string(), "must be an object");
    }
    let mut texts = |name: &str| -> Vec<String> {
        let list = match filter.get(name) {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(list) => list.as_array().and_then(|list| list.iter().map(|one| one.as_str().map(str::to_owned)).collect()),
        };
        match list {
            Some(list) if list.len() <= MEMBERS_MAX => list,
            _ => {
                call.input.wrong(&format!("filter.{name}"), "", format!("must be a list of at most {MEMBERS_MAX} texts"));
                Vec::new()
            }
        }
    };
    let (types, member_ids, modes) = (texts("search_types"), texts("member_ids"), texts("chat_modes"));
    let flag = |name: &str| filter.get(name).and_then(Value::as_bool) == Some(true);
    call.input.checked()?;
    let (api, app) = (&call.api, &call.app);
    let query = query_of(query).unwrap_or_default();
    // Nothing but direct chats or thread-style groups of their own kind is not to be had here.
    let groups = modes.is_empty() || modes.iter().any(|mode| mode == "group");
    if !groups || (query.is_empty() && member_ids.is_empty() && !flag("is_manager")) {
        let mut data = page::fields(Vec::new(), None);
        data["total"] = json!(0);
        return Ok(Reply::Data(data));
    }
    let asks = |kind: &str| types.is_empty() || types.iter().any(|asked| asked == kind);
    let members = member_ids.iter().map(|id| api.meant(app, form, id)).collect::<Result<_, _>>()?;
    let search = GroupSearch {
        members,
        managed: flag("is_manager"),
        by_members: !flag("disable_search_by_user"),
        own_private: asks("private"),
        own_public: asks("public_joined"),
        public: asks("public_not_joined"),
        ..GroupSearch::of(&query, page.token.clone(), page.size)
    };
    let found = api.chats.find_groups(app.bot, search).await.map_err(|error| page.refused(Act::Chat, error))?;
    let mut items = Vec::with_capacity(found.keys.len());
    for key in found.keys {
        let (info, _) = api.chats.group_info(key).await.or_refuse(Act::Chat)?;
        let mut meta = api.list_object(app, form, key, &info);
        // Seconds, as texts.
        meta["create_time"] = json!((info.created_at_ms / 1_000).to_string());
        items.push(json!({ "id": meta["chat_id"], "display_info": info.name, "meta_data": meta }));
    }
    let mut data = page::fields(items, found.next);
    data["total"] = json!(found.total);
    Ok(Reply::Data(data))
}

/// `POST im/v1/chats/:chat_id/link`
pub async fn link(mut call: Call) -> Answer {
    let validity: Option<Validity> = call.input.word("validity_period");
    call.input.checked()?;
    let actor = call.actor();
    let api = &call.api;
    let key = api.chat_meant(&call.input.path("chat_id"))?;
    let link = api.chats.share_link(actor, key, validity.unwrap_or_default()).await.or_refuse(Act::Link)?;
    let mut data = json!({ "share_link": format!("{}{}", api.url, link.path), "is_permanent": link.expires_at_ms.is_none() });
    if let Some(expires_at_ms) = link.expires_at_ms {
        data["expire_time"] = json!((expires_at_ms / 1_000).to_string());
    }
    Ok(Reply::Data(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_what_stands_in_the_quotes() {
        assert_eq!(query_of(Some(" \"a-b\" ".into())).as_deref(), Some("a-b"));
        assert_eq!(query_of(Some("a\"b".into())).as_deref(), Some("a\"b"));
        for nothing in [None, Some(String::new()), Some("  ".into()), Some("\"\"".into()), Some("x".repeat(65))] {
            assert_eq!(query_of(nothing), None);
        }
    }
}
