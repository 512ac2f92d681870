//! Members and managers of groups.

use super::field::*;
use super::{CallEntry, Family, delete, get, patch, post, with_token};
use crate::limits::{MANAGERS_MAX, PEOPLE_OF_A_CALL_MAX};
use crate::open_api::member;

pub const FAMILY: Family = Family { name: "Members", meaning: "Members and managers of groups.", calls: CALLS };

const WRITE: &[&str] = &["im:chat", "im:chat.members:write_only"];
const READ: &[&str] = &["im:chat", "im:chat:readonly", "im:chat.members:read", "im:chat.group_info:readonly"];
const MANAGE: &[&str] = &["im:chat", "im:chat.managers:write_only"];

const IDS: Field = texts("id_list", "The members.").max(PEOPLE_OF_A_CALL_MAX as u64);
const INVALID: Field = list("invalid_id_list", &Kind::Text, "Ids that cannot be used.");
const MANAGER_IDS: Field = texts("manager_ids", "The managers.").max(MANAGERS_MAX as u64);

const MEMBER: &[Field] = &[
    words("member_id_type", &["open_id", "union_id", "user_id"], "In which form the member is named.").required(),
    text("member_id", "The member.").required(),
    text("name", "Name.").required(),
    TENANT_KEY.required(),
];

const MANAGERS: &[Field] = &[
    list("chat_managers", &Kind::Text, "Managers who are people.").required(),
    list("chat_bot_managers", &Kind::Text, "Managers who are bots, by app_id.").required(),
];

const CALLS: &[CallEntry] = &[
    post("im/v1/chats/:chat_id/members", with_token!(member::add))
        .means("Adds people or bots to a group.")
        .scopes(WRITE)
        .changes()
        .query(&[
            MEMBER_ID_TYPE,
            words("succeed_type", &["0", "1", "2"], "0: an id that nobody has refuses the call; 1: who can be added is; 2: all or nobody."),
        ])
        .json(&[IDS])
        .reply(&[
            INVALID.required(),
            list("not_existed_id_list", &Kind::Text, "Ids that nobody has.").required(),
            list("pending_approval_id_list", &Kind::Text, "Who waits for consent.").required(),
        ]),
    get("im/v1/chats/:chat_id/members", with_token!(member::list))
        .means("The people in a group.")
        .scopes(READ)
        .query(&[MEMBER_ID_TYPE_OF_PEOPLE, page_size(100), PAGE_TOKEN])
        .reply(&[
            list("items", &Kind::Object(MEMBER), "The members.").required(),
            HAS_MORE,
            NEXT_PAGE,
            number("member_total", "People in the group; missing when the bot may not know."),
        ]),
    delete("im/v1/chats/:chat_id/members", with_token!(member::remove))
        .means("Removes people or bots from a group; the bot itself leaves it.")
        .scopes(WRITE)
        .changes()
        .query(&[MEMBER_ID_TYPE])
        .json(&[IDS])
        .reply(&[INVALID.required()]),
    get("im/v1/chats/:chat_id/members/is_in_chat", with_token!(member::is_in_chat))
        .means("Whether the bot is in a group.")
        .scopes(READ)
        .reply(&[flag("is_in_chat", "It is.").required()]),
    patch("im/v1/chats/:chat_id/members/me_join", with_token!(member::join)).means("The bot joins a public group.").scopes(WRITE).changes(),
    post("im/v1/chats/:chat_id/managers/add_managers", with_token!(member::add_managers))
        .means("Makes members managers.")
        .scopes(MANAGE)
        .changes()
        .query(&[MEMBER_ID_TYPE])
        .json(&[MANAGER_IDS])
        .reply(MANAGERS),
    post("im/v1/chats/:chat_id/managers/delete_managers", with_token!(member::delete_managers))
        .means("Makes managers ordinary members.")
        .scopes(MANAGE)
        .changes()
        .query(&[MEMBER_ID_TYPE])
        .json(&[MANAGER_IDS])
        .reply(MANAGERS),
];
