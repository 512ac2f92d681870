//! The menu of a group: up to three entries, each with a page to open or up to five entries below it.

use super::group::{check_text, group_key};
use super::parts::{Part, PartChange};
use super::profile::{Actor, Parts};
use super::tabs::{check_link, may_arrange, new_id, sorted};
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::command::{MenuChild, MenuEntry, RedirectLink};
use serde::{Deserialize, Serialize};

/// The menu as it is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct KeptMenu(Vec<MenuEntry>);

impl Part for KeptMenu {
    const NAME: &'static str = "menu";
    fn seq(parts: &mut Parts) -> &mut u64 {
        &mut parts.menu
    }
}

/// What one entry says, wherever it stands.
fn check_item(name: &str, link: Option<&RedirectLink>) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "an entry of a menu needs a name"));
    }
    check_text("name", name, limits::MENU_NAME_CHARACTERS_MAX)?;
    let Some(link) = link else { return Ok(()) };
    let links = [&link.common_url, &link.ios_url, &link.android_url, &link.pc_url, &link.web_url];
    if links.iter().all(|link| link.is_none()) {
        return Err(Error::invalid("redirect_link", "an entry that opens a page needs its address"));
    }
    links.into_iter().flatten().try_for_each(|link| check_link("redirect_link", link))
}

/// An entry with what is below it.
fn check_entry(entry: &MenuEntry) -> Result<()> {
    check_item(&entry.name, entry.link.as_ref())?;
    if entry.children.len() > limits::MENU_CHILDREN_MAX {
        return Err(Error::too_large("the list below an entry", entry.children.len() as u64, limits::MENU_CHILDREN_MAX as u64, "entries")
            .of_field("children"));
    }
    if !entry.children.is_empty() && entry.link.is_some() {
        return Err(Error::invalid("action_type", "an entry with entries below it opens those, and no page"));
    }
    if !entry.children.is_empty() && entry.image_key.is_some() {
        return Err(Error::invalid("image_key", "an entry with entries below it has no picture"));
    }
    entry.children.iter().try_for_each(|child| check_item(&child.name, child.link.as_ref()))
}

fn with_ids(entry: &MenuEntry) -> MenuEntry {
    let children = entry.children.iter().map(|child| MenuChild { menu_id: new_id(), ..child.clone() }).collect();
    MenuEntry { menu_id: new_id(), children, ..entry.clone() }
}

impl Chats {
    /// The menu of a group, for one of its members.
    pub async fn menu(&self, by: impl Into<Actor>, key: ChatKey) -> Result<Vec<MenuEntry>> {
        let key = group_key(key, "menu")?;
        let head = self.head(key).await?;
        head.lock().rights(key, by)?;
        let KeptMenu(entries) = self.part(key).await?;
        Ok(entries)
    }

    /// Adds entries behind those that are there, each with what is below it.
    pub async fn add_menu(&self, by: impl Into<Actor>, key: ChatKey, entries: &[MenuEntry]) -> Result<Vec<MenuEntry>> {
        let by = by.into();
        let mut pictures = Vec::new();
        for entry in entries {
            check_entry(entry)?;
            for key in [&entry.image_key].into_iter().chain(entry.children.iter().map(|child| &child.image_key)) {
                pictures.extend(self.checked_avatar(by.user, key.as_deref()).await?);
            }
        }
        self.change_menu(by, key, pictures, |before| {
            let after: Vec<MenuEntry> = before.iter().cloned().chain(entries.iter().map(with_ids)).collect();
            if after.len() > limits::MENU_TOP_MAX {
                return Err(Error::too_large("the menu", after.len() as u64, limits::MENU_TOP_MAX as u64, "entries"));
            }
            Ok(after)
        })
        .await
    }

    /// Removes entries, with what is below them.
    pub async fn remove_menu(&self, by: impl Into<Actor>, key: ChatKey, ids: &[String]) -> Result<Vec<MenuEntry>> {
        self.change_menu(by.into(), key, Vec::new(), |before| {
            if let Some(unknown) = ids.iter().find(|id| !before.iter().any(|entry| entry.menu_id == **id)) {
                return Err(no_entry(unknown));
            }
            Ok(before.iter().filter(|entry| !ids.contains(&entry.menu_id)).cloned().collect())
        })
        .await
    }

    /// Puts the entries into another order: every one of them.
    pub async fn sort_menu(&self, by: impl Into<Actor>, key: ChatKey, ids: &[String]) -> Result<Vec<MenuEntry>> {
        self.change_menu(by.into(), key, Vec::new(), |before| {
            sorted(before, ids, |entry| &entry.menu_id)
                .ok_or_else(|| Error::invalid("chat_menu_top_level_ids", "it must name every entry of the menu once, and no other"))
        })
        .await
    }

    /// Changes one entry, above or below: `edit` gets it as one without entries below. Gives it as it is now.
    pub async fn change_menu_entry(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        id: &str,
        picture: Option<&str>,
        edit: impl Fn(MenuChild) -> MenuChild,
    ) -> Result<MenuChild> {
        let by = by.into();
        let pictures = self.checked_avatar(by.user, picture).await?;
        let menu = self
            .change_menu(by, key, pictures, |before| {
                let mut after = before.to_vec();
                for entry in &mut after {
                    if entry.menu_id == id {
                        *entry = as_entry(edit(as_child(entry)), entry);
                        check_entry(entry)?;
                        return Ok(after);
                    }
                    if let Some(child) = entry.children.iter_mut().find(|child| child.menu_id == id) {
                        *child = edit(child.clone());
                        check_item(&child.name, child.link.as_ref())?;
                        return Ok(after);
                    }
                }
                Err(no_entry(id))
            })
            .await?;
        let found = menu.iter().find_map(|entry| {
            if entry.menu_id == id { Some(as_child(entry)) } else { entry.children.iter().find(|child| child.menu_id == id).cloned() }
        });
        found.ok_or_else(|| no_entry(id))
    }

    async fn change_menu(
        &self,
        by: Actor,
        key: ChatKey,
        pictures: Vec<crate::store::Write>,
        edit: impl Fn(&[MenuEntry]) -> Result<Vec<MenuEntry>>,
    ) -> Result<Vec<MenuEntry>> {
        let key = group_key(key, "menu")?;
        let changed = self.change_part(
            by,
            key,
            pictures,
            |head, state, KeptMenu(before)| {
                may_arrange(head, state, by, "change the menu")?;
                let after = edit(&before)?;
                if after == before {
                    return Ok(PartChange::Stays(after));
                }
                Ok(PartChange::Put { part: KeptMenu(after.clone()), change: Box::new(Change::MenuChanged), answer: after })
            },
            |_, _| {},
        );
        Ok(changed.await?.1)
    }
}

fn as_child(entry: &MenuEntry) -> MenuChild {
    let MenuEntry { menu_id, name, i18n_names, image_key, link, .. } = entry.clone();
    MenuChild { menu_id, name, i18n_names, image_key, link }
}

fn as_entry(child: MenuChild, before: &MenuEntry) -> MenuEntry {
    let MenuChild { menu_id, name, i18n_names, image_key, link } = child;
    MenuEntry { menu_id, name, i18n_names, image_key, link, children: before.children.clone() }
}

fn no_entry(id: &str) -> Error {
    Error::invalid("chat_menu_top_level_ids", format!("the menu has no entry `{}`", crate::error::clip(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(url: &str) -> Option<RedirectLink> {
        Some(RedirectLink { common_url: Some(url.into()), ..RedirectLink::default() })
    }

    #[test]
    fn an_entry_opens_a_page_or_what_is_below_it() {
        let child = MenuChild { name: "Below".into(), link: link("https://example.com"), ..MenuChild::default() };
        let entry = MenuEntry { name: "Top".into(), children: vec![child.clone(); 5], ..MenuEntry::default() };
        assert!(check_entry(&entry).is_ok());
        for wrong in [
            MenuEntry { link: link("https://example.com"), ..entry.clone() },
            MenuEntry { image_key: Some("k".into()), ..entry.clone() },
            MenuEntry { children: vec![child; 6], ..entry.clone() },
            MenuEntry { name: " ".into(), ..entry.clone() },
            MenuEntry { children: Vec::new(), link: link("javascript:x"), ..entry.clone() },
            MenuEntry { children: Vec::new(), link: Some(RedirectLink::default()), ..entry },
        ] {
            assert!(check_entry(&wrong).is_err(), "{wrong:?}");
        }
    }
}
