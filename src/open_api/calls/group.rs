//! Groups: make, look at, list, search, configure, dissolve; links, and who may post.

use super::field::*;
use super::{CallEntry, Family, delete, get, post, put, with_token};
use crate::limits::{CHAT_DESCRIPTION_CHARACTERS_MAX, CHAT_NAME_CHARACTERS_MAX, LABELS_MAX, MODERATORS_MAX, PEOPLE_OF_A_CALL_MAX};
use crate::open_api::{chat, group_search, moderation};

pub const FAMILY: Family = Family { name: "Groups", meaning: "Groups and how they are configured.", calls: CALLS };

const LIST: &[&str] = &["im:chat", "im:chat:readonly", "im:chat:read", "im:chat.group_info:readonly"];
const WHO: &[&str] = &["all_members", "only_owner"];
const NOTICE: &[&str] = &["all_members", "only_owner", "not_anyone"];
const SECRECY: &[&str] = &["all_members", "not_anyone"];

const NAME: Field = text("name", "Name.").max(CHAT_NAME_CHARACTERS_MAX as u64);
const DESCRIPTION: Field = text("description", "Description.").max(CHAT_DESCRIPTION_CHARACTERS_MAX as u64);

const LABELS: Field = texts("labels", "Labels; kept, and nothing is done with them.").max(LABELS_MAX as u64);
const TOOLKIT_IDS: Field = list("toolkit_ids", &Kind::Number, "Ids of tool kits; kept likewise.").max(LABELS_MAX as u64);
const DRY_RUN: Field = flag("dry_run", "Tells what would change, and changes nothing.");

const RESTRICTED_MODE: Field = object(
    "restricted_mode_setting",
    &[
        flag("status", "Whether it is on; then at least one of the three is not_anyone, else none is."),
        words("screenshot_has_permission_setting", SECRECY, "Who may take pictures of the screen."),
        words("download_has_permission_setting", SECRECY, "Who may download files."),
        words("message_has_permission_setting", SECRECY, "Who may copy and forward."),
    ],
    "Restricted mode: what may be taken out of the group.",
);

/// What is configured, in requests and replies alike. `only_owner` means the owner and the managers.
const CONFIGURED: [Field; 15] = [
    words("edit_permission", WHO, "Who may change name, picture and description."),
    words("add_member_permission", WHO, "Who may add members; goes with share_card_permission."),
    words("share_card_permission", &["allowed", "not_allowed"], "Whether the group may be shared; goes with add_member_permission."),
    words("at_all_permission", WHO, "Who may mention everybody."),
    words("pin_manage_setting", WHO, "Who may pin."),
    words("urgent_setting", WHO, "Who may raise an urgent."),
    words("video_conference_setting", WHO, "Who may start a meeting; kept, there are none here."),
    words("moderation_permission", &["all_members", "only_owner", "moderator_list"], "Who may post."),
    words("membership_approval", &["no_approval_required", "approval_required"], "Whether joining needs consent."),
    words("chat_type", &["private", "public"], "Who finds the group."),
    words("join_message_visibility", NOTICE, "Who sees that somebody joined."),
    words("leave_message_visibility", NOTICE, "Who sees that somebody left."),
    words("hide_member_count_setting", WHO, "Who sees the number of members."),
    words("group_message_type", &["chat", "thread"], "How messages are shown."),
    RESTRICTED_MODE,
];

const MADE: [Field; 13] = [
    DEPARTMENT_IDS,
    DIRECT_ONLY,
    EVERYONE,
    I18N_NAMES,
    LABELS,
    TOOLKIT_IDS,
    NAME,
    DESCRIPTION,
    text("avatar", "Key of a picture that was uploaded with image_type=avatar."),
    text("owner_id", "Who owns it; the bot when it is missing."),
    texts("user_id_list", "People in it.").max(PEOPLE_OF_A_CALL_MAX as u64),
    texts("bot_id_list", "Bots in it, by app_id; the caller's own is in it by itself.").max(100),
    words("chat_mode", &["group"], "Only ordinary groups can be made."),
];

const CHANGED: [Field; 8] = [
    I18N_NAMES,
    LABELS,
    TOOLKIT_IDS,
    NAME,
    DESCRIPTION,
    text("avatar", "Key of a picture that was uploaded with image_type=avatar."),
    text("owner_id", "Who owns it from now on; a member."),
    words("chat_mode", &["group"], "Is not changed."),
];

/// Who is not in a group reads only name, picture and counts.
const READ: [Field; 18] = [
    text("chat_id", "Its id, when it was just made."),
    text("avatar", "Address of its picture.").required(),
    text("name", "Name.").required(),
    text("description", "Description."),
    I18N_NAMES,
    text("owner_id", "Its owner, when it is a person."),
    words("owner_id_type", &["open_id", "union_id", "user_id"], "In which form the owner is named."),
    words("chat_mode", &["group", "topic", "p2p"], "A group, or the chat of two."),
    text("chat_tag", "What kind of group it is."),
    flag("external", "There are people of other organisations in it; never here."),
    TENANT_KEY,
    list("user_manager_id_list", &Kind::Text, "Managers who are people."),
    list("bot_manager_id_list", &Kind::Text, "Managers who are bots, by app_id."),
    text("user_count", "People in it, as digits."),
    text("bot_count", "Bots in it, as digits."),
    words("chat_status", &["normal", "dissolved", "dissolved_save"], "Whether it is still there."),
    LABELS,
    TOOLKIT_IDS,
];

pub(super) const CHAT: &[Field] = &joined::<33>(&READ, &CONFIGURED);

const LISTED: &[Field] = &[
    text("chat_id", "Its id.").required(),
    text("avatar", "Address of its picture.").required(),
    text("name", "Name.").required(),
    text("description", "Description.").required(),
    text("owner_id", "Its owner, when it is a person."),
    words("owner_id_type", &["open_id", "union_id", "user_id"], "In which form the owner is named."),
    flag("external", "There are people of other organisations in it; never here.").required(),
    TENANT_KEY.required(),
    words("chat_status", &["normal", "dissolved", "dissolved_save"], "Whether it is still there.").required(),
    words("chat_mode", &["group", "p2p"], "A group, or the chat of two.").required(),
    words("p2p_target_type", &["user"], "The other one in a chat of two."),
    text("p2p_target_id", "The other one in a chat of two."),
    LABELS,
];

const FOUND: &[Field] = &joined::<14>(LISTED, &[text("create_time", "When it was made, in seconds.").required()]);

const FILTER: &[Field] = &[
    list("search_types", &Kind::Text, "private, public_joined, public_not_joined; all when it is missing.").max(50),
    list("member_ids", &Kind::Text, "Only groups of the bot with all of these in them.").max(50),
    flag("is_manager", "Only groups that the bot owns or manages."),
    flag("disable_search_by_user", "Names of members do not count."),
    list("chat_modes", &Kind::Text, "group, or others that are not here.").max(50),
];

const MODERATOR: &[Field] = &[
    words("user_id_type", &["open_id", "union_id", "user_id", "app_id"], "In which form this one is named.").required(),
    text("user_id", "Who may post.").required(),
    TENANT_KEY.required(),
];
const SETTING: Field = words("moderation_setting", &["all_members", "only_owner", "moderator_list"], "Who may post.");

const CALLS: &[CallEntry] = &[
    post("im/v1/chats", with_token!(chat::create))
        .means("Makes a group; the bot is in it.")
        .scopes(&["im:chat", "im:chat:create"])
        .changes()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE, flag("set_bot_manager", "With another owner, the bot becomes a manager."), UUID])
        .json(&joined::<28>(&MADE, &CONFIGURED))
        .reply(CHAT),
    get("im/v1/chats", with_token!(chat::list))
        .means("The groups that the bot is in.")
        .scopes(LIST)
        .query(&[
            USER_ID_TYPE,
            words("sort_type", &["ByCreateTimeAsc", "ByActiveTimeDesc"], "The oldest first, or where something happened last."),
            texts("types", "group, p2p or both; group when it is missing.").max(2),
            page_size(100),
            PAGE_TOKEN,
        ])
        .reply(&[list("items", &Kind::Object(LISTED), "The groups.").required(), HAS_MORE, NEXT_PAGE]),
    get("im/v1/chats/:chat_id", with_token!(chat::get))
        .means("A group; who is not in it learns name, picture and counts.")
        .scopes(&["im:chat", "im:chat:read", "im:chat:readonly"])
        .query(&[USER_ID_TYPE])
        .reply(CHAT),
    put("im/v1/chats/:chat_id", with_token!(chat::update))
        .means("Changes a group; what is missing stays as it is.")
        .scopes(&["im:chat", "im:chat:update"])
        .changes()
        .query(&[USER_ID_TYPE, DRY_RUN])
        .json(&joined::<23>(&CHANGED, &CONFIGURED))
        .reply(&[DRY_RUN, list("would_change", &Kind::Text, "With dry_run, names of the fields.")]),
    delete("im/v1/chats/:chat_id", with_token!(chat::dissolve))
        .means("Dissolves a group; its members can still read it.")
        .scopes(&["im:chat", "im:chat:delete"])
        .changes(),
    get("im/v1/chats/search", with_token!(group_search::search))
        .means("Groups by name: the bot's own, by their members too, and public ones.")
        .scopes(LIST)
        .query(&[
            USER_ID_TYPE,
            text("query", "Part of a name; empty, or longer than 64 characters, it finds nothing."),
            page_size(100),
            PAGE_TOKEN,
        ])
        .reply(&[list("items", &Kind::Object(LISTED), "Names that begin so first.").required(), HAS_MORE, NEXT_PAGE]),
    post("im/v2/chats/search", with_token!(group_search::search_filtered))
        .means("Groups by name, with a filter.")
        .scopes(LIST)
        .query(&[USER_ID_TYPE, page_size(100), PAGE_TOKEN])
        .json(&[text("query", "Part of a name."), object("filter", FILTER, "What else must be so."), text("sorter", "Not looked at.")])
        .reply(&[
            list(
                "items",
                &Kind::Object(&[
                    text("id", "The group.").required(),
                    text("display_info", "Its name.").required(),
                    object("meta_data", FOUND, "The group.").required(),
                ]),
                "The groups.",
            )
            .required(),
            number("total", "How many there are in all.").required(),
            HAS_MORE,
            NEXT_PAGE,
        ]),
    post("im/v1/chats/:chat_id/link", with_token!(group_search::link))
        .means("Makes a link by which people join.")
        .scopes(&["im:chat", "im:chat:read", "im:chat:readonly"])
        .changes()
        .json(&[words("validity_period", &["week", "year", "permanently"], "How long it is good; a week when it is missing.")])
        .reply(&[
            text("share_link", "The address.").required(),
            text("expire_time", "When it ends, in seconds; missing when it does not."),
            flag("is_permanent", "It never ends.").required(),
        ]),
    get("im/v1/chats/:chat_id/moderation", with_token!(moderation::get))
        .means("Who may post in a group.")
        .scopes(&["im:chat", "im:chat.moderation:read", "im:chat:readonly"])
        .query(&[USER_ID_TYPE, page_size(100), PAGE_TOKEN])
        .reply(&[
            SETTING.required(),
            list("items", &Kind::Object(MODERATOR), "The list, where it counts.").required(),
            HAS_MORE,
            NEXT_PAGE,
        ]),
    put("im/v1/chats/:chat_id/moderation", with_token!(moderation::put))
        .means("Says who may post in a group; for its owner.")
        .scopes(&["im:chat", "im:chat:moderation:write_only"])
        .changes()
        .query(&[words(
            "user_id_type",
            &["open_id", "union_id", "user_id", "app_id"],
            "In which form people are named; app_id names bots.",
        )])
        .json(&[
            SETTING,
            texts("moderator_added_list", "New on the list; who is not a member is left out.").max(MODERATORS_MAX as u64),
            texts("moderator_removed_list", "No longer on it.").max(MODERATORS_MAX as u64),
        ]),
];
