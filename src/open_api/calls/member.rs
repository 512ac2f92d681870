//! Members and managers of groups, and who wants to be one.

use super::field::*;
use super::{CallEntry, Family, delete, get, patch, post, with_token};
use crate::limits::{JOIN_REASON_CHARACTERS_MAX, MANAGERS_MAX, PEOPLE_OF_A_CALL_MAX};
use crate::open_api::{join_request, member};

pub const FAMILY: Family = Family { name: "Members", meaning: "Members and managers of groups.", calls: CALLS };

const WRITE: &[&str] = &["im:chat", "im:chat.members:write_only"];
const READ: &[&str] = &["im:chat", "im:chat:readonly", "im:chat.members:read", "im:chat.group_info:readonly"];
const MANAGE: &[&str] = &["im:chat", "im:chat.managers:write_only"];

const IDS: Field = texts("id_list", "The members.").max(PEOPLE_OF_A_CALL_MAX as u64);
const INVALID: Field = list("invalid_id_list", &Kind::Text, "Ids that cannot be used.");
const MANAGER_IDS: Field = texts("manager_ids", "The managers.").max(MANAGERS_MAX as u64);

const MEMBER: &[Field] = &[
    words("member_id_type", &["open_id", "union_id", "user_id", "app_id"], "In which form the member is named.").required(),
    text("member_id", "The member.").required(),
    text("name", "Name.").required(),
    TENANT_KEY.required(),
];

const ID_TYPES: &[&str] = &["open_id", "union_id", "user_id", "app_id"];
const DRY_RUN: Field = flag("dry_run", "Tells what would change, and changes nothing.");

const REQUEST: &[Field] = &[
    words("user_id_type", ID_TYPES, "In which form this one is named.").required(),
    text("user_id", "Who waits.").required(),
    text("name", "Name.").required(),
    words("asked_by_id_type", ID_TYPES, "In which form the asking one is named.").required(),
    text("asked_by_id", "Who asked: the same, or a member who had added this one.").required(),
    text("create_time", "Since when, in milliseconds.").required(),
    text("reason", "What was said about it.").required(),
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
            DRY_RUN,
            DEPARTMENT_ID_TYPE,
        ])
        .json(&[IDS, DEPARTMENT_IDS, DIRECT_ONLY, EVERYONE])
        .reply(&[
            INVALID.required(),
            list("not_existed_id_list", &Kind::Text, "Ids that nobody has.").required(),
            list("pending_approval_id_list", &Kind::Text, "Who waits for consent; the first 10,000.").required(),
            number("added_count", "How many came."),
            DRY_RUN,
            list("would_add_id_list", &Kind::Text, "With dry_run, who would come; the first 10,000."),
            number("would_add_count", "With dry_run, how many that are."),
        ]),
    get("im/v1/chats/:chat_id/members", with_token!(member::list))
        .means("The people in a group, and its bots when they are asked for.")
        .scopes(READ)
        .query(&[MEMBER_ID_TYPE_OF_PEOPLE, flag("include_bots", "Bots too, named by app_id."), page_size(100), PAGE_TOKEN])
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
        .query(&[MEMBER_ID_TYPE, DRY_RUN, DEPARTMENT_ID_TYPE])
        .json(&[IDS, DEPARTMENT_IDS, DIRECT_ONLY, EVERYONE])
        .reply(&[
            INVALID.required(),
            number("removed_count", "How many went."),
            DRY_RUN,
            list("would_remove_id_list", &Kind::Text, "With dry_run, who would go; the first 10,000."),
            number("would_remove_count", "With dry_run, how many that are."),
        ]),
    get("im/v1/chats/:chat_id/members/is_in_chat", with_token!(member::is_in_chat))
        .means("Whether the bot is in a group.")
        .scopes(READ)
        .reply(&[flag("is_in_chat", "It is.").required()]),
    patch("im/v1/chats/:chat_id/members/me_join", with_token!(member::join))
        .means("The bot joins a public group, or asks to be let in.")
        .scopes(WRITE)
        .changes(),
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
    get("clarion/v1/chats/:chat_id/join_requests", with_token!(join_request::list))
        .means("Who waits to be let into a group, the longest waiting first; for its owner and managers.")
        .scopes(READ)
        .query(&[USER_ID_TYPE, page_size(100), PAGE_TOKEN])
        .reply(&[
            list("items", &Kind::Object(REQUEST), "Who waits.").required(),
            number("total", "How many wait in all.").required(),
            HAS_MORE,
            NEXT_PAGE,
        ]),
    post("clarion/v1/chats/:chat_id/join_requests", with_token!(join_request::decide))
        .means("Lets people in who wait, or refuses them.")
        .scopes(WRITE)
        .changes()
        .query(&[MEMBER_ID_TYPE])
        .json(&[
            IDS,
            words("decision", &["accept", "refuse"], "Whether they are let in.").required(),
            text("reason", "For those who had asked.").max(JOIN_REASON_CHARACTERS_MAX as u64).private(),
        ])
        .reply(&[
            list("decided_id_list", &Kind::Text, "About whom it was decided.").required(),
            list("not_waiting_id_list", &Kind::Text, "Who does not wait.").required(),
        ]),
];
