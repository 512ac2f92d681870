//! Who may do what in a chat: one table of role and configuration.

use protocol::chat::{ChatConfig, Moderation, Rights, Role, TakenOutBy, Who};

/// What somebody may do, given the role and the configuration.
pub fn rights(group: bool, role: Role, config: &ChatConfig, moderator: bool, dissolved: bool) -> Rights {
    let restricted = &config.restricted_mode_setting;
    let taken_out = |by: TakenOutBy| !group || !restricted.status || by == TakenOutBy::AllMembers;
    let save_files = taken_out(restricted.download_has_permission_setting);
    let forward = taken_out(restricted.message_has_permission_setting);
    if dissolved {
        return Rights { see_member_count: true, leave: group, save_files, forward, ..Rights::default() };
    }
    if !group {
        return Rights { post: true, pin: true, raise_urgent: true, see_member_count: true, save_files, forward, ..Rights::default() };
    }
    let manages = role != Role::Member;
    let may = |who: Who| manages || who == Who::AllMembers;
    let post = match config.moderation_permission {
        Moderation::AllMembers => true,
        Moderation::OnlyOwner => manages,
        Moderation::ModeratorList => manages || moderator,
    };
    Rights {
        post,
        mention_all: post && may(config.at_all_permission),
        edit_info: may(config.edit_permission),
        edit_config: manages,
        add_members: may(config.add_member_permission),
        remove_members: manages,
        pin: may(config.pin_manage_setting),
        raise_urgent: may(config.urgent_setting),
        own: role == Role::Owner,
        recall_others: manages,
        leave: role != Role::Owner,
        see_member_count: may(config.hide_member_count_setting),
        moderate: role == Role::Owner,
        decide_joins: manages,
        save_files,
        forward,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_binds_members_and_nobody_else() {
        let closed = ChatConfig {
            edit_permission: Who::OnlyOwner,
            add_member_permission: Who::OnlyOwner,
            at_all_permission: Who::OnlyOwner,
            pin_manage_setting: Who::OnlyOwner,
            urgent_setting: Who::OnlyOwner,
            hide_member_count_setting: Who::OnlyOwner,
            moderation_permission: Moderation::OnlyOwner,
            ..ChatConfig::default()
        };
        let nothing = Rights { leave: true, save_files: true, forward: true, ..Rights::default() };
        assert_eq!(rights(true, Role::Member, &closed, false, false), nothing);
        for role in [Role::Manager, Role::Owner] {
            assert_eq!(rights(true, role, &closed, false, false), rights(true, role, &ChatConfig::default(), false, false));
        }
        let chosen = ChatConfig { moderation_permission: Moderation::ModeratorList, ..ChatConfig::default() };
        assert!(!rights(true, Role::Member, &chosen, false, false).post);
        assert!(rights(true, Role::Member, &chosen, true, false).post);
        assert!(!rights(true, Role::Owner, &chosen, true, true).post);
        assert!(!rights(false, Role::Member, &closed, false, false).recall_others);
    }

    #[test]
    fn restricted_mode_binds_everybody_also_when_the_group_is_over() {
        let mut config = ChatConfig::default();
        config.restricted_mode_setting.download_has_permission_setting = TakenOutBy::NotAnyone;
        assert!(rights(true, Role::Owner, &config, false, false).save_files, "it is off");
        config.restricted_mode_setting.status = true;
        for (role, dissolved) in [(Role::Member, false), (Role::Owner, false), (Role::Owner, true)] {
            let rights = rights(true, role, &config, false, dissolved);
            assert_eq!((rights.save_files, rights.forward), (false, true));
        }
    }
}
