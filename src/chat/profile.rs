//! What a chat is, apart from its members and messages, and the one who acts in it.

use crate::error::Result;
use crate::ids::ChatKey;
use crate::log::record::TopNotice;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::chat::{ChatConfig, I18nNames};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Who acts, and with what standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Index of the person or bot.
    pub user: u32,
    /// In groups that this one has made, it acts as the owner does, as long as it is a member.
    pub as_owner: bool,
}

impl From<u32> for Actor {
    fn from(user: u32) -> Self {
        Self { user, as_owner: false }
    }
}

/// What a chat is. Kept as JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatProfile {
    /// Name of a group.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Key of its picture.
    pub avatar: Option<String>,
    /// Settings of a group.
    #[serde(deserialize_with = "config_of_any_age")]
    pub config: ChatConfig,
    /// Owner of a group.
    pub owner: Option<u32>,
    /// Who made it.
    pub creator: u32,
    /// Managers.
    pub managers: Vec<u32>,
    /// Those who may post when a list says so, in order.
    pub moderators: Vec<u32>,
    /// When it was made, ms since 1970; 0: not yet.
    pub created_at_ms: u64,
    /// Nobody can write any more.
    pub dissolved: bool,
    /// Its members have no row in `Memberships`.
    pub large: bool,
    /// Pinned messages: seq of the message, seq of the record; the last pinned is the last.
    pub pins: Vec<(u64, u64)>,
    /// Its name in several languages.
    pub i18n_names: Option<I18nNames>,
    /// What business systems have noted of it; nothing is done with it here.
    pub labels: Vec<String>,
    /// The same.
    pub toolkit_ids: Vec<i64>,
    /// What stands on top.
    pub top_notice: Option<TopNotice>,
    /// Where its bulky parts were last changed.
    pub parts: Parts,
}

/// Seq of the record that last changed each bulky part of a group; 0: there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// The announcement.
    pub announcement: u64,
    /// The tabs.
    pub tabs: u64,
    /// The menu.
    pub menu: u64,
}

impl Parts {
    /// The last of them.
    pub fn last(self) -> Option<u64> {
        Some(self.announcement.max(self.tabs).max(self.menu)).filter(|seq| *seq > 0)
    }
}

impl ChatProfile {
    /// Reads what is kept.
    pub fn read(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|error| super::head::damaged("chats", &error.to_string()))
    }

    /// Is this one on the list of those who may post?
    pub fn moderates(&self, user: u32) -> bool {
        self.moderators.binary_search(&user).is_ok()
    }
}

/// The row of what a chat is.
pub(super) fn info_row(key: ChatKey, info: &ChatProfile) -> Write {
    let json = serde_json::to_vec(info).expect("a chat's description is plain data");
    Write::Put(Table::Chats, tables::u64_key(key.0), tables::none(), json)
}

/// Settings that came later than the row have their default.
fn config_of_any_age<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<ChatConfig, D::Error> {
    let kept = serde_json::Map::deserialize(deserializer)?;
    let mut whole = serde_json::to_value(ChatConfig::default()).map_err(D::Error::custom)?;
    if let Some(fields) = whole.as_object_mut() {
        fields.extend(kept);
    }
    serde_json::from_value(whole).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::chat::{GroupMessageType, Who};

    #[test]
    fn a_group_of_an_older_version_is_read() {
        let mut old = serde_json::to_value(ChatProfile::default()).unwrap();
        let config = old["config"].as_object_mut().unwrap();
        config.remove("group_message_type");
        config.remove("restricted_mode_setting");
        config.insert("edit_permission".into(), "only_owner".into());
        old.as_object_mut().unwrap().remove("parts");
        let read = ChatProfile::read(old.to_string().as_bytes()).unwrap();
        assert_eq!((read.config.edit_permission, read.config.group_message_type), (Who::OnlyOwner, GroupMessageType::Chat));
        assert_eq!(read.parts.last(), None);
    }
}
