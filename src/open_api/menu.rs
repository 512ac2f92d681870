//! The menu of a group.

use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::input::Input;
use protocol::chat::I18nNames;
use protocol::command::{MenuChild, MenuEntry, RedirectLink};
use serde_json::{Value, json};

/// Entries that are looked at in one call; the domain has the limits of a menu.
const ENTRIES_MAX: usize = 50;
/// What of an entry can be changed.
const FIELDS: [&str; 4] = ["ICON", "NAME", "I18N_NAME", "REDIRECT_LINK"];

fn illegal(why: impl std::fmt::Display) -> Refusal {
    Refusal::new(232_078, format!("the menu is illegal: {why}; correct it and call again"))
}

fn text(item: &Value, name: &str) -> Option<String> {
    item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A `chat_menu_item`.
fn item_of(item: Option<&Value>) -> Result<MenuChild, Refusal> {
    let item = item.filter(|item| item.is_object()).ok_or_else(|| illegal("an entry has no `chat_menu_item`"))?;
    let link = match item.get("action_type").and_then(Value::as_str).unwrap_or("NONE") {
        "NONE" => None,
        "REDIRECT_LINK" => {
            let given = item.get("redirect_link").cloned().unwrap_or_default();
            let link = |name: &str| text(&given, name);
            Some(RedirectLink {
                common_url: link("common_url"),
                ios_url: link("ios_url"),
                android_url: link("android_url"),
                pc_url: link("pc_url"),
                web_url: link("web_url"),
            })
        }
        other => return Err(illegal(format!("`action_type` is `{}`, and must be NONE or REDIRECT_LINK", crate::error::clip(other)))),
    };
    let i18n_names = item.get("i18n_names").filter(|names| names.is_object()).map(|names| I18nNames {
        zh_cn: text(names, "zh_cn"),
        en_us: text(names, "en_us"),
        ja_jp: text(names, "ja_jp"),
    });
    Ok(MenuChild {
        menu_id: String::new(),
        name: text(item, "name").unwrap_or_default(),
        i18n_names,
        image_key: text(item, "image_key"),
        link,
    })
}

fn entry_of(entry: &Value) -> Result<MenuEntry, Refusal> {
    let MenuChild { menu_id, name, i18n_names, image_key, link } = item_of(entry.get("chat_menu_item"))?;
    let children = entry.get("children").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let children = children.iter().map(|child| item_of(child.get("chat_menu_item"))).collect::<Result<_, _>>()?;
    Ok(MenuEntry { menu_id, name, i18n_names, image_key, link, children })
}

fn item_object(item: &MenuChild) -> Value {
    let mut object = json!({ "action_type": if item.link.is_some() { "REDIRECT_LINK" } else { "NONE" }, "name": item.name });
    if let Some(link) = &item.link {
        object["redirect_link"] = json!(link);
    }
    if let Some(key) = &item.image_key {
        object["image_key"] = json!(key);
    }
    if let Some(names) = &item.i18n_names {
        object["i18n_names"] = json!(names);
    }
    object
}

fn tree(menu: &[MenuEntry]) -> Answer {
    let top = |entry: &MenuEntry| {
        let MenuEntry { menu_id, name, i18n_names, image_key, link, children } = entry.clone();
        let item = MenuChild { menu_id: menu_id.clone(), name, i18n_names, image_key, link };
        let below = |child: &MenuChild| json!({ "chat_menu_second_level_id": child.menu_id, "chat_menu_item": item_object(child) });
        json!({
            "chat_menu_top_level_id": menu_id,
            "chat_menu_item": item_object(&item),
            "children": children.iter().map(below).collect::<Vec<_>>(),
        })
    };
    Ok(Reply::Data(json!({ "menu_tree": { "chat_menu_top_levels": menu.iter().map(top).collect::<Vec<_>>() } })))
}

fn asked_ids(input: &mut Input) -> Result<Vec<String>, Refusal> {
    let ids = input.list("chat_menu_top_level_ids", ENTRIES_MAX);
    if ids.is_empty() {
        input.wrong("chat_menu_top_level_ids", "", "is required and cannot be empty");
    }
    input.checked()?;
    Ok(ids)
}

/// `POST im/v1/chats/:chat_id/menu_tree`: adds entries behind those that are there.
pub async fn create(mut call: Call) -> Answer {
    let menu = call.input.value("menu_tree").cloned().unwrap_or_default();
    let entries = menu.get("chat_menu_top_levels").and_then(Value::as_array).filter(|entries| !entries.is_empty());
    let Some(entries) = entries.filter(|entries| entries.len() <= ENTRIES_MAX) else {
        call.input.wrong("menu_tree", "", "is required, with a list `chat_menu_top_levels` that is not empty");
        call.input.checked()?;
        return Err(illegal("it has no entries"));
    };
    let entries = entries.iter().map(entry_of).collect::<Result<Vec<_>, _>>()?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    tree(&call.api.chats.add_menu(call.actor(), key, &entries).await.or_refuse(Act::Menu)?)
}

/// `GET im/v1/chats/:chat_id/menu_tree`
pub async fn get(call: Call) -> Answer {
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    tree(&call.api.chats.menu(call.actor(), key).await.or_refuse(Act::Menu)?)
}

/// `DELETE im/v1/chats/:chat_id/menu_tree`
pub async fn delete(mut call: Call) -> Answer {
    let ids = asked_ids(&mut call.input)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    tree(&call.api.chats.remove_menu(call.actor(), key, &ids).await.or_refuse(Act::Menu)?)
}

/// `POST im/v1/chats/:chat_id/menu_tree/sort`
pub async fn sort(mut call: Call) -> Answer {
    let ids = asked_ids(&mut call.input)?;
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    tree(&call.api.chats.sort_menu(call.actor(), key, &ids).await.or_refuse(Act::Menu)?)
}

/// `PATCH im/v1/chats/:chat_id/menu_items/:menu_item_id`: the fields that are named, and no other.
pub async fn update_item(mut call: Call) -> Answer {
    let fields = call.input.list("update_fields", FIELDS.len());
    if let Some(unknown) = fields.iter().find(|field| !FIELDS.contains(&field.as_str())) {
        call.input.wrong("update_fields", unknown, format!("must be of {}", FIELDS.join(", ")));
    }
    call.input.checked()?;
    let new = item_of(call.input.value("chat_menu_item"))?;
    let id = call.input.path("menu_item_id");
    let key = call.api.chat_meant(&call.input.path("chat_id"))?;
    let changes = |field: &str| fields.iter().any(|named| named == field);
    let picture = new.image_key.as_deref().filter(|_| changes("ICON"));
    let edit = |before: MenuChild| MenuChild {
        menu_id: before.menu_id,
        name: if changes("NAME") { new.name.clone() } else { before.name },
        i18n_names: if changes("I18N_NAME") { new.i18n_names.clone() } else { before.i18n_names },
        image_key: if changes("ICON") { new.image_key.clone() } else { before.image_key },
        link: if changes("REDIRECT_LINK") { new.link.clone() } else { before.link },
    };
    let item = call.api.chats.change_menu_entry(call.actor(), key, &id, picture, edit).await.or_refuse(Act::Menu)?;
    Ok(Reply::Data(json!({ "chat_menu_item": item_object(&item) })))
}
