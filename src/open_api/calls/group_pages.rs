//! What stands around the messages of a group: announcement, top notice, tabs, menu.

use super::field::*;
use super::{CallEntry, Family, delete, get, patch, post, with_token};
use crate::open_api::{announcement, menu, tab};

pub const FAMILY: Family =
    Family { name: "Pages of groups", meaning: "What stands around the messages: announcement, top notice, tabs, menu.", calls: CALLS };

const READ_ANNOUNCEMENT: &[&str] = &["im:chat", "im:chat.announcement:read", "im:chat:readonly"];
const WRITE_ANNOUNCEMENT: &[&str] = &["im:chat", "im:chat.announcement:write_only"];
const TOP_NOTICE: &[&str] = &["im:chat", "im:chat.top_notice:write_only"];
const READ_TABS: &[&str] = &["im:chat", "im:chat.tabs:read", "im:chat:readonly"];
const WRITE_TABS: &[&str] = &["im:chat", "im:chat.tabs:write_only"];
const READ_MENU: &[&str] = &["im:chat", "im:chat.menu_tree:read", "im:chat:readonly"];
const WRITE_MENU: &[&str] = &["im:chat", "im:chat.menu_tree:write_only"];

const ID_TYPES: &[&str] = &["open_id", "union_id", "user_id", "app_id"];
const OWNER_TYPE: Field = words("owner_id_type", ID_TYPES, "In which form the first writer is named.");
const OWNER: Field = text("owner_id", "Who had written the first one.");
const MODIFIER_TYPE: Field = words("modifier_id_type", ID_TYPES, "In which form the last writer is named.");
const MODIFIER: Field = text("modifier_id", "Who changed it.");

const TAB: &[Field] = &[
    text("tab_id", "Its id."),
    text("tab_name", "Its name, up to 60 characters."),
    text("tab_type", "url or doc of those that are added; every group has message, chat_announcement and pin."),
    object("tab_content", &[text("url", "Address of the page."), text("doc", "Address of the document.")], "What it shows."),
    object(
        "tab_config",
        &[text("icon_key", "Key of a picture."), flag("is_built_in", "The page is shown inside the client.")],
        "How it is shown.",
    ),
];
const TABS: Field = list("chat_tabs", &Kind::Object(TAB), "The tabs.").min(1).max(50).required();
const TAB_IDS: Field = texts("tab_ids", "The tabs.").max(50);

const MENU_ITEM: &[Field] = &[
    words("action_type", &["NONE", "REDIRECT_LINK"], "Whether it opens a page."),
    object(
        "redirect_link",
        &[
            text("common_url", "Anywhere else."),
            text("ios_url", "On iOS."),
            text("android_url", "On Android."),
            text("pc_url", "On a desktop."),
            text("web_url", "In a browser."),
        ],
        "The page, by the kind of device.",
    ),
    text("image_key", "Key of a picture."),
    text("name", "Its name, up to 120 characters."),
    I18N_NAMES,
];
const MENU_BELOW: &[Field] =
    &[text("chat_menu_second_level_id", "Its id."), object("chat_menu_item", MENU_ITEM, "What it says.").required()];
const MENU_TOP: &[Field] = &[
    text("chat_menu_top_level_id", "Its id."),
    object("chat_menu_item", MENU_ITEM, "What it says.").required(),
    list("children", &Kind::Object(MENU_BELOW), "Entries below it, up to five."),
];
const MENU_TREE: Field =
    object("menu_tree", &[list("chat_menu_top_levels", &Kind::Object(MENU_TOP), "Its entries, up to three.").required()], "The menu.")
        .required();
const MENU_IDS: Field = texts("chat_menu_top_level_ids", "The entries.").max(50);

const CALLS: &[CallEntry] = &[
    get("im/v1/chats/:chat_id/announcement", with_token!(announcement::get))
        .means("The announcement of a group; one that nobody has written is empty and of revision 0.")
        .scopes(READ_ANNOUNCEMENT)
        .query(&[USER_ID_TYPE])
        .reply(&[
            text("content", "What it says: a text, or a document of the older form.").required(),
            text("revision", "Grows with each change.").required(),
            text("create_time", "When there was one first, in seconds."),
            text("update_time", "When it was changed, in seconds."),
            OWNER_TYPE,
            OWNER,
            MODIFIER_TYPE,
            MODIFIER,
        ]),
    patch("im/v1/chats/:chat_id/announcement", with_token!(announcement::patch))
        .means("Changes the announcement of a group.")
        .scopes(WRITE_ANNOUNCEMENT)
        .changes()
        .json(&[
            text("revision", "The revision that was read; it may be behind by 100.").required(),
            texts("requests", "Edits of the older documents: InsertBlocksRequestType, UpdateTitleRequestType.").max(100).private(),
            text("content", "The whole announcement, in place of edits.").private(),
        ]),
    get("docx/v1/chats/:chat_id/announcement", with_token!(announcement::docx))
        .means("Says that the announcement of a group is of the older kind.")
        .scopes(READ_ANNOUNCEMENT)
        .query(&[USER_ID_TYPE])
        .reply(&[
            number("revision_id", "Grows with each change.").required(),
            words("announcement_type", &["doc", "docx"], "The kind; always doc here.").required(),
            number("create_time", "When there was one first, in seconds."),
            number("update_time", "When it was changed, in seconds."),
            OWNER_TYPE,
            OWNER,
            MODIFIER_TYPE,
            MODIFIER,
        ]),
    get("docx/v1/chats/:chat_id/announcement/blocks", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(READ_ANNOUNCEMENT),
    patch("docx/v1/chats/:chat_id/announcement/blocks/batch_update", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(WRITE_ANNOUNCEMENT)
        .changes(),
    get("docx/v1/chats/:chat_id/announcement/blocks/:block_id", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(READ_ANNOUNCEMENT),
    get("docx/v1/chats/:chat_id/announcement/blocks/:block_id/children", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(READ_ANNOUNCEMENT),
    post("docx/v1/chats/:chat_id/announcement/blocks/:block_id/children", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(WRITE_ANNOUNCEMENT)
        .changes(),
    delete("docx/v1/chats/:chat_id/announcement/blocks/:block_id/children/batch_delete", with_token!(announcement::no_blocks))
        .means("Not available: announcements have no blocks here.")
        .scopes(WRITE_ANNOUNCEMENT)
        .changes(),
    post("im/v1/chats/:chat_id/top_notice/put_top_notice", with_token!(announcement::put_top_notice))
        .means("Puts a message or the announcement on top of a group.")
        .scopes(TOP_NOTICE)
        .changes()
        .json(&[list(
            "chat_top_notice",
            &Kind::Object(&[
                words("action_type", &["1", "2"], "1: a message; 2: the announcement, also when it is missing."),
                text("message_id", "The message."),
            ]),
            "What is to stand there.",
        )
        .min(1)
        .max(1)
        .required()]),
    post("im/v1/chats/:chat_id/top_notice/delete_top_notice", with_token!(announcement::delete_top_notice))
        .means("Takes down what stands on top of a group.")
        .scopes(TOP_NOTICE)
        .changes(),
    post("im/v1/chats/:chat_id/chat_tabs", with_token!(tab::create))
        .means("Adds tabs to a group, up to 20.")
        .scopes(WRITE_TABS)
        .changes()
        .json(&[TABS])
        .reply(&[TABS]),
    post("im/v1/chats/:chat_id/chat_tabs/update_tabs", with_token!(tab::update))
        .means("Changes tabs of a group; what is missing stays.")
        .scopes(WRITE_TABS)
        .changes()
        .json(&[TABS])
        .reply(&[TABS]),
    post("im/v1/chats/:chat_id/chat_tabs/sort_tabs", with_token!(tab::sort))
        .means("Puts the tabs of a group into another order, all of them, the messages first.")
        .scopes(WRITE_TABS)
        .changes()
        .json(&[TAB_IDS])
        .reply(&[TABS]),
    get("im/v1/chats/:chat_id/chat_tabs/list_tabs", with_token!(tab::list)).means("The tabs of a group.").scopes(READ_TABS).reply(&[TABS]),
    delete("im/v1/chats/:chat_id/chat_tabs/delete_tabs", with_token!(tab::delete))
        .means("Removes tabs of a group.")
        .scopes(WRITE_TABS)
        .changes()
        .json(&[TAB_IDS])
        .reply(&[TABS]),
    post("im/v1/chats/:chat_id/menu_tree", with_token!(menu::create))
        .means("Adds entries to the menu of a group.")
        .scopes(WRITE_MENU)
        .changes()
        .json(&[MENU_TREE])
        .reply(&[MENU_TREE]),
    get("im/v1/chats/:chat_id/menu_tree", with_token!(menu::get)).means("The menu of a group.").scopes(READ_MENU).reply(&[MENU_TREE]),
    delete("im/v1/chats/:chat_id/menu_tree", with_token!(menu::delete))
        .means("Removes entries of the menu, with what is below them.")
        .scopes(WRITE_MENU)
        .changes()
        .json(&[MENU_IDS])
        .reply(&[MENU_TREE]),
    post("im/v1/chats/:chat_id/menu_tree/sort", with_token!(menu::sort))
        .means("Puts the entries of the menu into another order, all of them.")
        .scopes(WRITE_MENU)
        .changes()
        .json(&[MENU_IDS])
        .reply(&[MENU_TREE]),
    patch("im/v1/chats/:chat_id/menu_items/:menu_item_id", with_token!(menu::update_item))
        .means("Changes an entry of the menu: the fields that are named.")
        .scopes(WRITE_MENU)
        .changes()
        .json(&[
            texts("update_fields", "ICON, NAME, I18N_NAME, REDIRECT_LINK.").max(4),
            object("chat_menu_item", MENU_ITEM, "What the fields are to say.").required(),
        ])
        .reply(&[object("chat_menu_item", MENU_ITEM, "The entry as it is now.").required()]),
];
