//! The fields of a group beyond name and members: read from a call, and shown in a reply.

use super::OpenApi;
use super::error::{Refusal, Violation};
use super::identity::IdType;
use super::input::Input;
use crate::auth::AppEntry;
use crate::chat::ChatProfile;
use protocol::chat::{ChatConfigChange, I18nNames, RestrictedMode, Who};
use serde_json::{Value, json};

/// What a call says of a group; what is missing stays, or has its default.
#[derive(Debug, Default, PartialEq)]
pub struct GroupFields {
    /// Settings.
    pub config: ChatConfigChange,
    /// Names in several languages.
    pub i18n_names: Option<I18nNames>,
    /// Labels.
    pub labels: Option<Vec<String>>,
    /// Ids of tool kits.
    pub toolkit_ids: Option<Vec<i64>>,
}

impl GroupFields {
    /// Reads them, with every wrong field named at once.
    pub fn read(input: &mut Input, update: bool) -> Result<Self, Refusal> {
        let config = ChatConfigChange {
            edit_permission: input.word("edit_permission"),
            add_member_permission: input.word("add_member_permission"),
            at_all_permission: input.word("at_all_permission"),
            pin_manage_setting: input.word("pin_manage_setting"),
            urgent_setting: input.word("urgent_setting"),
            moderation_permission: input.word("moderation_permission"),
            membership_approval: input.word("membership_approval"),
            chat_type: input.word("chat_type"),
            join_message_visibility: input.word("join_message_visibility"),
            leave_message_visibility: input.word("leave_message_visibility"),
            hide_member_count_setting: input.word("hide_member_count_setting"),
            group_message_type: input.word("group_message_type"),
            video_conference_setting: input.word("video_conference_setting"),
            restricted_mode_setting: input.object::<RestrictedMode>("restricted_mode_setting"),
            history: None,
        };
        let i18n_names = input.object::<I18nNames>("i18n_names");
        let labels = input.value("labels").is_some().then(|| input.list("labels", crate::limits::LABELS_MAX));
        let toolkit_ids = input.value("toolkit_ids").is_some().then(|| input.list("toolkit_ids", crate::limits::LABELS_MAX));
        let toolkit_ids = toolkit_ids.map(|ids| {
            let number = |id: String| id.parse::<i64>().map_err(|_| id);
            let numbers: Result<Vec<i64>, String> = ids.into_iter().map(number).collect();
            numbers.unwrap_or_else(|id| {
                input.wrong("toolkit_ids", &id, "must be a list of whole numbers");
                Vec::new()
            })
        });
        let share = input.text("share_card_permission");
        if let Some(mode) = input.text("chat_mode").filter(|mode| !mode.is_empty() && mode != "group") {
            input.wrong("chat_mode", &mode, "must be group: only ordinary groups can be made");
        }
        input.checked()?;
        let mut fields = Self { config, i18n_names, labels, toolkit_ids };
        if let Some(share) = share {
            fields.config.add_member_permission = Some(shared(&share, fields.config.add_member_permission, update)?);
        }
        Ok(fields)
    }
}

/// Who may add members, where a call says who may share the group: the two go together.
fn shared(share: &str, add: Option<Who>, update: bool) -> Result<Who, Refusal> {
    match (share, add) {
        ("allowed", None) if !update => Ok(Who::AllMembers),
        ("not_allowed", None) if !update => Ok(Who::OnlyOwner),
        ("allowed", Some(Who::AllMembers)) => Ok(Who::AllMembers),
        ("not_allowed", Some(Who::OnlyOwner)) => Ok(Who::OnlyOwner),
        _ => Err(Refusal::fields(vec![Violation {
            field: "share_card_permission".into(),
            value: crate::error::clip(share),
            description: "goes with add_member_permission: allowed with all_members, not_allowed with only_owner".into(),
        }])),
    }
}

impl OpenApi {
    /// A group as its members see it.
    pub fn chat_object(&self, app: &AppEntry, form: IdType, info: &ChatProfile) -> Value {
        let config = &info.config;
        let mut chat = json!({
            "avatar": self.chat_avatar_url(info.avatar.as_deref(), &info.name),
            "name": info.name,
            "description": info.description,
            "i18n_names": info.i18n_names.clone().unwrap_or_default(),
            "urgent_setting": config.urgent_setting,
            "video_conference_setting": config.video_conference_setting,
            "pin_manage_setting": config.pin_manage_setting,
            "add_member_permission": config.add_member_permission,
            "share_card_permission": if config.add_member_permission == Who::AllMembers { "allowed" } else { "not_allowed" },
            "at_all_permission": config.at_all_permission,
            "edit_permission": config.edit_permission,
            "group_message_type": config.group_message_type,
            "chat_mode": "group",
            "chat_type": config.chat_type,
            "chat_tag": "inner",
            "external": false,
            "tenant_key": self.tenant_key,
            "join_message_visibility": config.join_message_visibility,
            "leave_message_visibility": config.leave_message_visibility,
            "membership_approval": config.membership_approval,
            "moderation_permission": config.moderation_permission,
            "hide_member_count_setting": config.hide_member_count_setting,
            "restricted_mode_setting": config.restricted_mode_setting,
            "labels": info.labels,
            "toolkit_ids": info.toolkit_ids,
        });
        self.add_owner(&mut chat, app, form, info);
        chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::chat::{GroupMessageType, TakenOutBy};

    fn read(body: &str, update: bool) -> Result<GroupFields, Refusal> {
        GroupFields::read(&mut Input::read(Vec::new(), &"/".parse().unwrap(), body.as_bytes()).unwrap(), update)
    }

    #[test]
    fn what_a_group_may_say_of_itself_is_read() {
        let body = r#"{"group_message_type":"thread","i18n_names":{"en_us":"Shift","zh_cn":null},"labels":[],"toolkit_ids":[7,"8"],
            "restricted_mode_setting":{"status":true,"download_has_permission_setting":"not_anyone"}}"#;
        let fields = read(body, false).unwrap();
        assert_eq!(fields.config.group_message_type, Some(GroupMessageType::Thread));
        assert_eq!(fields.i18n_names.unwrap().en_us.as_deref(), Some("Shift"));
        assert_eq!((fields.labels, fields.toolkit_ids), (Some(vec![]), Some(vec![7, 8])));
        let restricted = fields.config.restricted_mode_setting.unwrap();
        assert_eq!((restricted.status, restricted.download_has_permission_setting), (true, TakenOutBy::NotAnyone));
        assert_eq!(read("{}", true).unwrap(), GroupFields::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (r#"{"restricted_mode_setting":{"status":"perhaps"}}"#, "restricted_mode_setting"),
            (r#"{"restricted_mode_setting":[]}"#, "restricted_mode_setting"),
            (r#"{"i18n_names":{"en_us":5}}"#, "i18n_names"),
            (r#"{"toolkit_ids":["x"]}"#, "toolkit_ids"),
            (r#"{"chat_mode":"topic"}"#, "chat_mode"),
            (r#"{"share_card_permission":"allowed"}"#, "share_card_permission"),
            (r#"{"share_card_permission":"allowed","add_member_permission":"only_owner"}"#, "share_card_permission"),
        ] {
            let refusal = read(body, true).unwrap_err();
            assert_eq!((refusal.code, refusal.violations[0].field.as_str()), (99_992_402, field), "{body}");
        }
    }
}
