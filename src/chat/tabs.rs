//! The tabs of a group: those that every group has, and pages that were added.

use super::amend::writable;
use super::group::{check_text, group_key};
use super::parts::{Part, PartChange};
use super::profile::{Actor, Parts};
use super::{ChatKey, Chats, Head, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::command::{AddTab, Changed, ChatTab, RemoveTab};
use serde::{Deserialize, Serialize};

/// Tabs that every group has, in their first order; the messages stay the first.
const EVERY_GROUPS: [&str; 3] = ["message", "chat_announcement", "pin"];

/// Tabs as they are kept, in their order; none: those that every group has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct KeptTabs(Vec<ChatTab>);

impl Part for KeptTabs {
    const NAME: &'static str = "tabs";
    fn seq(parts: &mut Parts) -> &mut u64 {
        &mut parts.tabs
    }
}

/// What is to change of a tab; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TabChange {
    /// Which.
    pub tab_id: String,
    /// New name.
    pub name: Option<String>,
    /// New kind.
    pub tab_type: Option<String>,
    /// New address.
    pub url: Option<String>,
    /// Key of a new icon.
    pub icon_key: Option<String>,
    /// Whether the page is shown inside the client.
    pub is_built_in: Option<bool>,
}

/// The tabs of a group with those that every group has.
fn all(key: ChatKey, kept: KeptTabs) -> Vec<ChatTab> {
    if !kept.0.is_empty() {
        return kept.0;
    }
    let tab = |(index, tab_type): (usize, &&str)| ChatTab {
        // The same whenever it is asked for, and another one in each group.
        tab_id: (7_000_000_000_000_000_000 + key.0 % 10_000_000_000_000_000 * 10 + index as u64).to_string(),
        tab_type: (*tab_type).to_owned(),
        ..ChatTab::default()
    };
    EVERY_GROUPS.iter().enumerate().map(tab).collect()
}

fn added(tab: &ChatTab) -> bool {
    !EVERY_GROUPS.contains(&tab.tab_type.as_str())
}

fn check_tab(tab: &ChatTab) -> Result<()> {
    if !["url", "doc"].contains(&tab.tab_type.as_str()) {
        return Err(Error::invalid("tab_type", format!("`{}` cannot be added; url and doc can", crate::error::clip(&tab.tab_type))));
    }
    if tab.name.trim().is_empty() {
        return Err(Error::invalid("tab_name", "a tab needs a name"));
    }
    check_text("tab_name", &tab.name, limits::TAB_NAME_CHARACTERS_MAX)?;
    check_link("tab_content", tab.url.as_deref().unwrap_or_default())
}

/// An address that a browser opens as a page, and nothing else.
pub(super) fn check_link(field: &str, link: &str) -> Result<()> {
    let page = ["https://", "http://"].iter().any(|scheme| link.len() > scheme.len() && link.to_ascii_lowercase().starts_with(scheme));
    if !page || link.chars().any(|character| character.is_control() || character == ' ') {
        return Err(Error::invalid(
            field,
            format!("`{}` is not an address that begins with https:// or http://", crate::error::clip(link)),
        ));
    }
    if link.len() > limits::LINK_BYTES_MAX {
        return Err(Error::too_large("the address", link.len() as u64, limits::LINK_BYTES_MAX as u64, "bytes"));
    }
    Ok(())
}

/// An id that no tab or entry has had.
pub(super) fn new_id() -> String {
    (7_100_000_000_000_000_000 + rand::random::<u64>() % 100_000_000_000_000_000).to_string()
}

fn unknown(tab_id: &str) -> Error {
    Error::invalid("tab_id", format!("the group has no tab `{}`", crate::error::clip(tab_id)))
}

impl Chats {
    /// The tabs of a group, for one of its members.
    pub async fn tabs(&self, by: impl Into<Actor>, key: ChatKey) -> Result<Vec<ChatTab>> {
        let key = group_key(key, "tabs")?;
        let head = self.head(key).await?;
        head.lock().rights(key, by)?;
        Ok(all(key, self.part(key).await?))
    }

    /// Adds a tab, for the client protocol.
    pub async fn add_tab(&self, user: u32, command: AddTab) -> Result<Changed> {
        let tab = ChatTab { name: command.name, tab_type: "url".into(), url: Some(command.url), ..ChatTab::default() };
        Ok(Changed { seq: self.add_tabs(user, self.key(command.chat_id)?, vec![tab]).await?.0 })
    }

    /// Removes a tab, for the client protocol.
    pub async fn remove_tab(&self, user: u32, command: RemoveTab) -> Result<Changed> {
        Ok(Changed { seq: self.remove_tabs(user, self.key(command.chat_id)?, &[command.tab_id]).await?.0 })
    }

    /// Adds tabs behind those that are there.
    pub async fn add_tabs(&self, by: impl Into<Actor>, key: ChatKey, tabs: Vec<ChatTab>) -> Result<(u64, Vec<ChatTab>)> {
        let by = by.into();
        let mut icons = Vec::new();
        for tab in &tabs {
            check_tab(tab)?;
            icons.extend(self.checked_avatar(by.user, tab.icon_key.as_deref()).await?);
        }
        self.change_tabs(by, key, icons, |before| {
            let mut after = before.to_vec();
            after.extend(tabs.iter().map(|tab| ChatTab { tab_id: new_id(), name: tab.name.trim().to_owned(), ..tab.clone() }));
            let count = after.iter().filter(|tab| added(tab)).count();
            if count > limits::TABS_MAX {
                return Err(Error::too_large("the list of tabs", count as u64, limits::TABS_MAX as u64, "tabs"));
            }
            Ok(after)
        })
        .await
    }

    /// Changes tabs that were added.
    pub async fn update_tabs(&self, by: impl Into<Actor>, key: ChatKey, changes: Vec<TabChange>) -> Result<(u64, Vec<ChatTab>)> {
        let by = by.into();
        let mut icons = Vec::new();
        for change in &changes {
            icons.extend(self.checked_avatar(by.user, change.icon_key.as_deref()).await?);
        }
        self.change_tabs(by, key, icons, |before| {
            let mut after = before.to_vec();
            for change in &changes {
                let tab = after.iter_mut().find(|tab| tab.tab_id == change.tab_id).ok_or_else(|| unknown(&change.tab_id))?;
                if !added(tab) {
                    return Err(Error::invalid("tab_id", format!("the tab `{}` is every group's and stays as it is", tab.tab_type)));
                }
                tab.name = change.name.as_deref().map_or_else(|| tab.name.clone(), |name| name.trim().to_owned());
                tab.tab_type = change.tab_type.clone().unwrap_or_else(|| tab.tab_type.clone());
                tab.url = change.url.clone().or_else(|| tab.url.clone());
                tab.icon_key = change.icon_key.clone().or_else(|| tab.icon_key.clone());
                tab.is_built_in = change.is_built_in.unwrap_or(tab.is_built_in);
                check_tab(tab)?;
            }
            Ok(after)
        })
        .await
    }

    /// Puts the tabs into another order: every one of them, the messages first.
    pub async fn sort_tabs(&self, by: impl Into<Actor>, key: ChatKey, tab_ids: &[String]) -> Result<(u64, Vec<ChatTab>)> {
        self.change_tabs(by.into(), key, Vec::new(), |before| {
            let after = sorted(before, tab_ids, |tab| &tab.tab_id)
                .ok_or_else(|| Error::invalid("tab_ids", "it must name every tab of the group once, and no other"))?;
            if after.first().is_none_or(|tab| tab.tab_type != EVERY_GROUPS[0]) {
                return Err(Error::invalid("tab_ids", "the tab `message` stays the first"));
            }
            Ok(after)
        })
        .await
    }

    /// Removes tabs that were added.
    pub async fn remove_tabs(&self, by: impl Into<Actor>, key: ChatKey, tab_ids: &[String]) -> Result<(u64, Vec<ChatTab>)> {
        self.change_tabs(by.into(), key, Vec::new(), |before| {
            for tab_id in tab_ids {
                let tab = before.iter().find(|tab| tab.tab_id == *tab_id).ok_or_else(|| unknown(tab_id))?;
                if !added(tab) {
                    return Err(Error::invalid("tab_ids", format!("the tab `{}` is every group's and cannot be removed", tab.tab_type)));
                }
            }
            Ok(before.iter().filter(|tab| !tab_ids.contains(&tab.tab_id)).cloned().collect())
        })
        .await
    }

    async fn change_tabs(
        &self,
        by: Actor,
        key: ChatKey,
        icons: Vec<crate::store::Write>,
        edit: impl Fn(&[ChatTab]) -> Result<Vec<ChatTab>>,
    ) -> Result<(u64, Vec<ChatTab>)> {
        let key = group_key(key, "tabs")?;
        self.change_part(
            by,
            key,
            icons,
            |head, state, kept: KeptTabs| {
                may_arrange(head, state, by, "change the tabs")?;
                let before = all(key, kept);
                let after = edit(&before)?;
                if after == before {
                    return Ok(PartChange::Stays(after));
                }
                Ok(PartChange::Put { part: KeptTabs(after.clone()), change: Box::new(Change::TabsChanged), answer: after })
            },
            |_, _| {},
        )
        .await
    }
}

/// Who may change what stands around the messages: those who may change the group's name.
pub(super) fn may_arrange(head: &Head, state: &State, by: Actor, what: &str) -> Result<()> {
    let (_, rights) = writable(head, state, by)?;
    if rights.edit_info {
        Ok(())
    } else {
        Err(Error::not_allowed(what, "the group's configuration reserves it for the owner and the managers"))
    }
}

/// The same things in the order of these ids; none when the ids are not exactly theirs.
pub(super) fn sorted<T: Clone>(things: &[T], ids: &[String], id_of: impl Fn(&T) -> &String) -> Option<Vec<T>> {
    let after: Vec<T> = ids.iter().filter_map(|id| things.iter().find(|thing| id_of(thing) == id).cloned()).collect();
    let mut once: Vec<&String> = ids.iter().collect();
    once.sort_unstable();
    once.dedup();
    (after.len() == things.len() && once.len() == things.len() && ids.len() == things.len()).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_tabs_of_its_own_that_stay_the_same() {
        let (one, other) = (all(ChatKey(5), KeptTabs::default()), all(ChatKey(6), KeptTabs::default()));
        assert_eq!(one, all(ChatKey(5), KeptTabs::default()));
        assert_eq!(one.iter().map(|tab| tab.tab_type.as_str()).collect::<Vec<_>>(), EVERY_GROUPS);
        assert!(one.iter().all(|tab| other.iter().all(|other| other.tab_id != tab.tab_id)));
        assert!(all(ChatKey(u64::MAX >> 1), KeptTabs::default()).iter().all(|tab| tab.tab_id.parse::<i64>().is_ok()));
    }

    #[test]
    fn an_order_names_everything_once() {
        let things: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(sorted(&things, &ids(&["b", "a"]), |thing| thing), Some(ids(&["b", "a"])));
        for wrong in [&["a"][..], &["a", "a"], &["a", "b", "c"], &["a", "b", "b"], &[]] {
            assert_eq!(sorted(&things, &ids(wrong), |thing| thing), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_pages_are_addresses() {
        for good in ["https://example.com/a?b=c#d", "HTTP://10.0.0.1:8080"] {
            assert!(check_link("url", good).is_ok(), "{good}");
        }
        for bad in ["", "https://", "javascript:alert(1)", "ftp://example.com", "https://a b", "//example.com", "https://x\n"] {
            assert!(check_link("url", bad).is_err(), "{bad}");
        }
    }
}
