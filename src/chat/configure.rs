//! What may be changed of a group, by whom, and what may stand in its configuration.

use super::amend::writable;
use super::group::{check_text, group_key};
use super::group_names::name_row;
use super::profile::{Actor, info_row};
use super::{ChatKey, ChatProfile, Chats, Decided, Extra};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::chat::{ChatConfig, ChatConfigChange, I18nNames, Rights, TakenOutBy, Visibility};
use protocol::command::{Changed, UpdateChat};
use std::sync::Arc;

/// What is to change of a group; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupChange {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// Key of a new picture; empty: none.
    pub avatar: Option<String>,
    /// New names in several languages; empty: none.
    pub i18n_names: Option<I18nNames>,
    /// New settings.
    pub config: Option<ChatConfigChange>,
    /// New labels.
    pub labels: Option<Vec<String>>,
    /// New ids of tool kits.
    pub toolkit_ids: Option<Vec<i64>>,
}

impl GroupChange {
    /// Is there something that only owner and managers change?
    pub fn configures(&self) -> bool {
        self.config.is_some() || self.labels.is_some() || self.toolkit_ids.is_some()
    }

    fn names(&self) -> bool {
        self.name.is_some() || self.description.is_some() || self.avatar.is_some() || self.i18n_names.is_some()
    }
}

/// What became of a change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupChanged {
    /// Seq of the record, or the chat's last when nothing had to change.
    pub seq: u64,
    /// Which fields are other ones now, in the open platform's words.
    pub fields: Vec<String>,
}

/// Applies what changes in a configuration.
pub fn apply_config(config: &mut ChatConfig, change: &ChatConfigChange) -> Result<()> {
    macro_rules! take {
        ($($field:ident)*) => { $( if let Some(value) = &change.$field { config.$field = value.clone(); } )* };
    }
    take!(edit_permission add_member_permission at_all_permission pin_manage_setting urgent_setting moderation_permission membership_approval chat_type
        join_message_visibility leave_message_visibility hide_member_count_setting history group_message_type video_conference_setting restricted_mode_setting);
    let restricted = &config.restricted_mode_setting;
    let settings = [
        restricted.screenshot_has_permission_setting,
        restricted.download_has_permission_setting,
        restricted.message_has_permission_setting,
    ];
    match (restricted.status, settings.contains(&TakenOutBy::NotAnyone)) {
        (true, false) => {
            Err(Error::invalid("restricted_mode_setting", "with `status` true at least one of its three settings is `not_anyone`"))
        }
        (false, true) => Err(Error::invalid("restricted_mode_setting", "with `status` false none of its three settings is `not_anyone`")),
        _ => Ok(()),
    }
}

/// A public group is found by its name.
pub(super) fn check_public_name(config: &ChatConfig, name: &str) -> Result<()> {
    if config.chat_type == Visibility::Public && name.trim().chars().count() < 2 {
        return Err(Error::invalid("name", "a public group needs a name of at least two characters, so that it can be found"));
    }
    Ok(())
}

/// Names in several languages without those that are empty; none when all are.
pub(super) fn checked_names(names: I18nNames) -> Result<Option<I18nNames>> {
    let checked = |name: Option<String>| -> Result<Option<String>> {
        let Some(name) = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) else { return Ok(None) };
        check_text("i18n_names", &name, limits::CHAT_NAME_CHARACTERS_MAX)?;
        Ok(Some(name))
    };
    let names = I18nNames { zh_cn: checked(names.zh_cn)?, en_us: checked(names.en_us)?, ja_jp: checked(names.ja_jp)? };
    Ok(Some(names).filter(|names| *names != I18nNames::default()))
}

pub(super) fn check_labels(labels: &[String], toolkit_ids: &[i64]) -> Result<()> {
    for (what, count) in [("the list of labels", labels.len()), ("the list of toolkit_ids", toolkit_ids.len())] {
        if count > limits::LABELS_MAX {
            return Err(Error::too_large(what, count as u64, limits::LABELS_MAX as u64, "entries"));
        }
    }
    labels.iter().try_for_each(|label| check_text("labels", label, limits::LABEL_CHARACTERS_MAX))
}

/// Names of what differs between two states of a group.
fn differing(before: &ChatProfile, after: &ChatProfile) -> Vec<String> {
    let fields = |info: &ChatProfile| -> serde_json::Map<String, serde_json::Value> {
        let mut fields = match serde_json::to_value(&info.config) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let own = serde_json::json!({ "name": info.name, "description": info.description, "avatar": info.avatar, "labels": info.labels, "toolkit_ids": info.toolkit_ids, "i18n_names": info.i18n_names });
        fields.extend(own.as_object().cloned().unwrap_or_default());
        fields
    };
    let (before, after) = (fields(before), fields(after));
    after.into_iter().filter(|(name, value)| before.get(name) != Some(value)).map(|(name, _)| name).collect()
}

impl Chats {
    /// Changes name, picture, description, configuration, for the client protocol.
    pub async fn update_chat(&self, user: u32, command: UpdateChat) -> Result<Changed> {
        let UpdateChat { chat_id, name, description, avatar, config, i18n_names } = command;
        let change = GroupChange { name, description, avatar, i18n_names, config, ..GroupChange::default() };
        Ok(Changed { seq: self.change_group(user, self.key(chat_id)?, change, false).await?.seq })
    }

    /// Changes a group. A dry run says which fields would be other ones, and changes nothing.
    pub async fn change_group(&self, by: impl Into<Actor>, key: ChatKey, change: GroupChange, dry_run: bool) -> Result<GroupChanged> {
        let by = by.into();
        let key = group_key(key, "configuration")?;
        if let Some(name) = &change.name {
            check_text("name", name, limits::CHAT_NAME_CHARACTERS_MAX)?;
            if name.trim().is_empty() {
                return Err(Error::invalid("name", "a group's name has at least one character"));
            }
        }
        check_text("description", change.description.as_deref().unwrap_or(""), limits::CHAT_DESCRIPTION_CHARACTERS_MAX)?;
        check_labels(change.labels.as_deref().unwrap_or_default(), change.toolkit_ids.as_deref().unwrap_or_default())?;
        let i18n_names = change.i18n_names.clone().map(checked_names).transpose()?;
        let shown = self.checked_avatar(by.user, change.avatar.as_deref()).await?;
        let mut fields = Vec::new();
        let changed = self
            .act(
                key,
                |head, state| {
                    let (_, rights) = writable(head, state, by)?;
                    may_change(&rights, &state.info.config, &change)?;
                    let mut info = (*state.info).clone();
                    if let Some(config) = &change.config {
                        apply_config(&mut info.config, config)?;
                    }
                    info.name = change.name.as_deref().map_or(info.name, |name| name.trim().to_owned());
                    info.description = change.description.clone().unwrap_or(info.description);
                    info.avatar = match &change.avatar {
                        Some(key) if key.is_empty() => None,
                        Some(key) => Some(key.clone()),
                        None => info.avatar,
                    };
                    info.i18n_names = i18n_names.clone().unwrap_or(info.i18n_names);
                    info.labels = change.labels.clone().unwrap_or(info.labels);
                    info.toolkit_ids = change.toolkit_ids.clone().unwrap_or(info.toolkit_ids);
                    check_public_name(&info.config, &info.name)?;
                    fields = differing(&state.info, &info);
                    if info.config.chat_type == Visibility::Public {
                        self.names.check_free(&info.name, key)?;
                    }
                    if dry_run || info == *state.info {
                        return Ok(Decided::Already(state.seq));
                    }
                    if info.config.chat_type == Visibility::Public {
                        self.names.claim(&info.name, key)?;
                    }
                    let record = Change::Updated {
                        name: change.name.clone(),
                        description: change.description.clone(),
                        avatar: change.avatar.clone(),
                        config: change.config.clone(),
                        i18n_names: change.i18n_names.clone(),
                    };
                    let writes = shown.iter().cloned().chain([info_row(head.key, &info), name_row(head.key, &info)]).collect();
                    let on_its_way =
                        head.append(state, &*self.log, self.clock.now_ms(), by.user, record, Extra { writes, ..Extra::default() })?;
                    state.info = Arc::new(info);
                    Ok(Decided::Append(on_its_way))
                },
                |record| record.seq,
            )
            .await;
        if !dry_run {
            // As the group is now, whatever became of the change: a name that it did not take is free again.
            let head = self.head(key).await?;
            let state = head.lock();
            self.names.put(key, &state.info);
        }
        Ok(GroupChanged { seq: changed?, fields })
    }
}

/// Which role changes which field.
fn may_change(rights: &Rights, config: &ChatConfig, change: &GroupChange) -> Result<()> {
    if change.configures() && !rights.edit_config {
        return Err(Error::not_allowed("change the configuration", "only the owner and the managers may"));
    }
    if change.names() && !rights.edit_info {
        return Err(Error::not_allowed(
            "change name, picture or description",
            "the group's configuration reserves it for the owner and the managers",
        ));
    }
    let moderation = change.config.as_ref().and_then(|change| change.moderation_permission);
    if moderation.is_some_and(|who| who != config.moderation_permission) && !rights.moderate {
        return Err(Error::not_allowed("say who may post", "only the owner of the group may"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::chat::RestrictedMode;

    #[test]
    fn restricted_mode_has_a_setting_exactly_when_it_is_on() {
        for (status, download, fine) in [
            (false, TakenOutBy::AllMembers, true),
            (true, TakenOutBy::NotAnyone, true),
            (true, TakenOutBy::AllMembers, false),
            (false, TakenOutBy::NotAnyone, false),
        ] {
            let mode = RestrictedMode { status, download_has_permission_setting: download, ..RestrictedMode::default() };
            let change = ChatConfigChange { restricted_mode_setting: Some(mode), ..ChatConfigChange::default() };
            assert_eq!(apply_config(&mut ChatConfig::default(), &change).is_ok(), fine, "{status} {download:?}");
        }
    }

    #[test]
    fn names_that_are_empty_are_none() {
        let names = I18nNames { zh_cn: Some("  ".into()), en_us: Some(" Night shift ".into()), ja_jp: None };
        assert_eq!(checked_names(names).unwrap(), Some(I18nNames { en_us: Some("Night shift".into()), ..I18nNames::default() }));
        assert_eq!(checked_names(I18nNames::default()).unwrap(), None);
    }
}
