//! Which bot may make which call of the open API.

use super::Place::{self, Closed, Direct, Open, Own, Public, Quiet, Unhurried};
use crate::support::Server;
use crate::support::app::App;
use clarion::open_api::calls::{self, CallEntry, Serve};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;

/// Bots by their place in the group that a cell is tried on: its owner, a manager, a member, one outside, the one that made it for its
/// owner, and the same with `im:chat:operate_as_owner`.
const ROLES: [&str; 6] = ["owner", "manager", "member", "stranger", "creator", "creator as owner"];

/// A call with what it brings, and its code for each role; 0 is done. `{chat}` and `{message}` stand for the group and for a message
/// that another bot has sent there, the other names in braces and those in the path for what [`Office::fill`] makes.
type Row = (Place, &'static str, &'static str, &'static str, [u64; 6]);

#[rustfmt::skip]
const MATRIX: &[Row] = &[
    // Groups                                                                                                        owner manager member stranger creator as owner
    (Open, "GET im/v1/chats/:chat_id", "", "", [0, 0, 0, 0, 0, 0]),
    (Open, "PUT im/v1/chats/:chat_id", "", r#"{"name":"New name"}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "PUT im/v1/chats/:chat_id", "", r#"{"name":"New name"}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "PUT im/v1/chats/:chat_id", "", r#"{"urgent_setting":"only_owner"}"#, [0, 0, 232_016, 232_011, 232_016, 0]),
    (Open, "PUT im/v1/chats/:chat_id", "user_id_type=user_id", r#"{"owner_id":"e1001"}"#, [0, 232_017, 232_017, 232_011, 232_017, 0]),
    (Open, "DELETE im/v1/chats/:chat_id", "", "", [0, 232_017, 232_017, 232_011, 232_017, 0]),
    // Members
    (Open, "GET im/v1/chats/:chat_id/members", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "GET im/v1/chats/:chat_id/members/is_in_chat", "", "", [0, 0, 0, 0, 0, 0]),
    (Open, "POST im/v1/chats/:chat_id/members", "member_id_type=user_id", r#"{"id_list":["e1003"]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/members", "member_id_type=user_id", r#"{"id_list":["e1003"]}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "DELETE im/v1/chats/:chat_id/members", "member_id_type=user_id", r#"{"id_list":["e1001"]}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "DELETE im/v1/chats/:chat_id/members", "member_id_type=user_id", r#"{"id_list":["{manager}"]}"#, [0, 232_002, 232_002, 232_011, 232_002, 0]),
    (Open, "PATCH im/v1/chats/:chat_id/members/me_join", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Public, "PATCH im/v1/chats/:chat_id/members/me_join", "", "", [0, 0, 0, 0, 0, 0]),
    (Open, "POST im/v1/chats/:chat_id/managers/add_managers", "member_id_type=user_id", r#"{"manager_ids":["e1001"]}"#, [0, 232_038, 232_038, 232_011, 232_038, 0]),
    (Open, "POST im/v1/chats/:chat_id/managers/delete_managers", "member_id_type=user_id", r#"{"manager_ids":["e1001"]}"#, [0, 232_038, 232_038, 232_011, 232_038, 0]),
    // What stands around the messages
    (Open, "POST im/v1/chats/:chat_id/link", "", r#"{"validity_period":"week"}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/link", "", r#"{"validity_period":"week"}"#, [0, 0, 232_064, 232_011, 232_064, 0]),
    (Open, "POST im/v1/chats/:chat_id/top_notice/put_top_notice", "", r#"{"chat_top_notice":[{"action_type":"1","message_id":"{message}"}]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/top_notice/put_top_notice", "", r#"{"chat_top_notice":[{"action_type":"1","message_id":"{message}"}]}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Closed, "POST im/v1/chats/:chat_id/top_notice/delete_top_notice", "", "", [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "GET im/v1/chats/:chat_id/moderation", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "PUT im/v1/chats/:chat_id/moderation", "", r#"{"moderation_setting":"only_owner"}"#, [0, 232_017, 232_017, 232_011, 232_017, 0]),
    (Open, "GET im/v1/chats/:chat_id/announcement", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "PATCH im/v1/chats/:chat_id/announcement", "", r#"{"revision":"0","content":"Read this"}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "PATCH im/v1/chats/:chat_id/announcement", "", r#"{"revision":"0","content":"Read this"}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "GET docx/v1/chats/:chat_id/announcement", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "GET docx/v1/chats/:chat_id/announcement/blocks", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "PATCH docx/v1/chats/:chat_id/announcement/blocks/batch_update", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "GET docx/v1/chats/:chat_id/announcement/blocks/:block_id", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "GET docx/v1/chats/:chat_id/announcement/blocks/:block_id/children", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "POST docx/v1/chats/:chat_id/announcement/blocks/:block_id/children", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "DELETE docx/v1/chats/:chat_id/announcement/blocks/:block_id/children/batch_delete", "", "", [1_770_001, 1_770_001, 1_770_001, 232_011, 1_770_001, 1_770_001]),
    (Open, "GET im/v1/chats/:chat_id/chat_tabs/list_tabs", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "POST im/v1/chats/:chat_id/chat_tabs", "", r#"{"chat_tabs":[{"tab_name":"Wiki","tab_type":"url","tab_content":{"url":"https://example.com"}}]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/chat_tabs", "", r#"{"chat_tabs":[{"tab_name":"Wiki","tab_type":"url","tab_content":{"url":"https://example.com"}}]}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "POST im/v1/chats/:chat_id/chat_tabs/update_tabs", "", r#"{"chat_tabs":[{"tab_id":"{tab}","tab_name":"New","tab_type":"url","tab_content":{"url":"https://example.com/new"}}]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/chat_tabs/update_tabs", "", r#"{"chat_tabs":[{"tab_id":"{tab}","tab_name":"New","tab_type":"url","tab_content":{"url":"https://example.com/new"}}]}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "POST im/v1/chats/:chat_id/chat_tabs/sort_tabs", "", r#"{"tab_ids":{tabs}}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/chat_tabs/sort_tabs", "", r#"{"tab_ids":{tabs}}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "DELETE im/v1/chats/:chat_id/chat_tabs/delete_tabs", "", r#"{"tab_ids":["{tab}"]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "DELETE im/v1/chats/:chat_id/chat_tabs/delete_tabs", "", r#"{"tab_ids":["{tab}"]}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "GET im/v1/chats/:chat_id/menu_tree", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "POST im/v1/chats/:chat_id/menu_tree", "", r#"{"menu_tree":{"chat_menu_top_levels":[{"chat_menu_item":{"action_type":"NONE","name":"Help"}}]}}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/menu_tree", "", r#"{"menu_tree":{"chat_menu_top_levels":[{"chat_menu_item":{"action_type":"NONE","name":"Help"}}]}}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "POST im/v1/chats/:chat_id/menu_tree/sort", "", r#"{"chat_menu_top_level_ids":["{other menu}","{menu}"]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "POST im/v1/chats/:chat_id/menu_tree/sort", "", r#"{"chat_menu_top_level_ids":["{other menu}","{menu}"]}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "DELETE im/v1/chats/:chat_id/menu_tree", "", r#"{"chat_menu_top_level_ids":["{menu}"]}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "DELETE im/v1/chats/:chat_id/menu_tree", "", r#"{"chat_menu_top_level_ids":["{menu}"]}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "PATCH im/v1/chats/:chat_id/menu_items/:menu_item_id", "", r#"{"update_fields":["NAME"],"chat_menu_item":{"action_type":"NONE","name":"New"}}"#, [0, 0, 0, 232_011, 0, 0]),
    (Closed, "PATCH im/v1/chats/:chat_id/menu_items/:menu_item_id", "", r#"{"update_fields":["NAME"],"chat_menu_item":{"action_type":"NONE","name":"New"}}"#, [0, 0, 232_055, 232_011, 232_055, 0]),
    (Open, "GET clarion/v1/chats/:chat_id/join_requests", "", "", [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "POST clarion/v1/chats/:chat_id/join_requests", "member_id_type=user_id", r#"{"id_list":["{guest}"],"decision":"refuse"}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "POST clarion/v1/chats/:chat_id/join_requests", "member_id_type=user_id", r#"{"id_list":["{guest}"],"decision":"accept"}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "GET clarion/v1/chats/:chat_id/departments", "", "", [0, 0, 0, 232_011, 0, 0]),
    (Open, "PUT clarion/v1/chats/:chat_id/departments", "", r#"{"department_ids":["0"],"direct_only":true}"#, [0, 0, 232_002, 232_011, 232_002, 0]),
    (Open, "DELETE clarion/v1/chats/:chat_id/departments", "", "", [0, 0, 232_002, 232_011, 232_002, 0]),
    // Messages: to act as the owner is to configure, not to say something; the bot that made a group takes back what others said
    (Open, "POST im/v1/messages", "receive_id_type=chat_id", r#"{"receive_id":"{chat}","msg_type":"text","content":"{\"text\":\"hello\"}"}"#, [0, 0, 0, 230_002, 0, 0]),
    (Open, "POST im/v1/messages", "receive_id_type=chat_id", r#"{"receive_id":"{chat}","msg_type":"text","content":"{\"text\":\"<at user_id=\\\"all\\\"></at>\"}"}"#, [0, 0, 0, 230_002, 0, 0]),
    (Quiet, "POST im/v1/messages", "receive_id_type=chat_id", r#"{"receive_id":"{chat}","msg_type":"text","content":"{\"text\":\"<at user_id=\\\"all\\\"></at>\"}"}"#, [0, 0, 230_018, 230_002, 230_018, 230_018]),
    (Closed, "POST im/v1/messages", "receive_id_type=chat_id", r#"{"receive_id":"{chat}","msg_type":"text","content":"{\"text\":\"hello\"}"}"#, [0, 0, 230_018, 230_002, 230_018, 230_018]),
    (Closed, "POST im/v1/messages/:message_id/reply", "", r#"{"msg_type":"text","content":"{\"text\":\"hello\"}"}"#, [0, 0, 230_018, 230_002, 230_018, 230_018]),
    (Open, "POST im/v1/messages/:message_id/reply", "", r#"{"msg_type":"text","content":"{\"text\":\"hello\"}"}"#, [0, 0, 0, 230_002, 0, 0]),
    (Open, "GET im/v1/messages", "container_id_type=chat&container_id={chat}", "", [0, 0, 0, 230_002, 0, 0]),
    (Open, "GET im/v1/messages/:message_id", "", "", [0, 0, 0, 230_030, 0, 0]),
    (Open, "PUT im/v1/messages/:message_id", "", r#"{"msg_type":"text","content":"{\"text\":\"mine\"}"}"#, [230_071, 230_071, 230_071, 230_030, 230_071, 230_071]),
    (Open, "PATCH im/v1/messages/:message_id", "", r#"{"content":"{\"elements\":[{\"tag\":\"hr\"}]}"}"#, [230_012, 230_012, 230_012, 230_030, 230_012, 230_012]),
    (Own, "PUT im/v1/messages/:message_id", "", r#"{"msg_type":"text","content":"{\"text\":\"mine\"}"}"#, [0, 0, 0, 230_030, 0, 0]),
    (Open, "DELETE im/v1/messages/:message_id", "", "", [0, 0, 230_026, 230_030, 0, 0]),
    (Closed, "DELETE im/v1/messages/:message_id", "", "", [0, 0, 230_026, 230_030, 0, 0]),
    (Own, "DELETE im/v1/messages/:message_id", "", "", [0, 0, 0, 230_030, 0, 0]),
    (Open, "POST im/v1/messages/:message_id/forward", "receive_id_type=chat_id", r#"{"receive_id":"{chat}"}"#, [0, 0, 0, 230_030, 0, 0]),
    (Closed, "POST im/v1/messages/:message_id/forward", "receive_id_type=chat_id", r#"{"receive_id":"{chat}"}"#, [0, 0, 230_018, 230_030, 230_018, 230_018]),
    (Open, "POST im/v1/messages/merge_forward", "receive_id_type=chat_id", r#"{"receive_id":"{chat}","message_id_list":["{message}"]}"#, [0, 0, 0, 230_030, 0, 0]),
    (Open, "POST im/v1/threads/:thread_id/forward", "receive_id_type=chat_id", r#"{"receive_id":"{chat}"}"#, [0, 0, 0, 230_019, 0, 0]),
    (Closed, "POST im/v1/threads/:thread_id/forward", "receive_id_type=chat_id", r#"{"receive_id":"{chat}"}"#, [0, 0, 230_018, 230_019, 230_018, 230_018]),
    (Open, "GET im/v1/messages", "container_id_type=thread&container_id={thread}", "", [0, 0, 0, 230_030, 0, 0]),
    (Open, "POST im/v1/messages/:message_id/push_follow_up", "", r#"{"follow_ups":[{"content":"More"}]}"#, [230_003, 230_003, 230_003, 230_004, 230_003, 230_003]),
    (Direct, "POST im/v1/messages/:message_id/push_follow_up", "", r#"{"follow_ups":[{"content":"More"}]}"#, [0, 0, 0, 0, 0, 0]),
    (Open, "GET im/v1/messages/:message_id/read_users", "user_id_type=user_id", "", [0, 0, 0, 230_030, 0, 0]),
    (Open, "GET clarion/v1/messages/:message_id/unread_users", "user_id_type=user_id", "", [0, 0, 0, 230_030, 0, 0]),
    (Open, "POST im/v1/messages/:message_id/reactions", "", r#"{"reaction_type":{"emoji_type":"OK"}}"#, [0, 0, 0, 231_003, 0, 0]),
    (Closed, "POST im/v1/messages/:message_id/reactions", "", r#"{"reaction_type":{"emoji_type":"OK"}}"#, [0, 0, 0, 231_003, 0, 0]),
    (Open, "GET im/v1/messages/:message_id/resources/:file_key", "type=file", "", [0, 0, 0, 234_003, 0, 0]),
    (Open, "GET im/v1/messages/:message_id/reactions", "", "", [0, 0, 0, 231_003, 0, 0]),
    (Open, "DELETE im/v1/messages/:message_id/reactions/:reaction_id", "", "", [231_007, 231_007, 231_007, 231_003, 231_007, 231_007]),
    (Own, "DELETE im/v1/messages/:message_id/reactions/:reaction_id", "", "", [0, 0, 0, 231_003, 0, 0]),
    (Open, "POST im/v1/pins", "", r#"{"message_id":"{message}"}"#, [0, 0, 0, 230_050, 0, 0]),
    (Closed, "POST im/v1/pins", "", r#"{"message_id":"{message}"}"#, [0, 0, 230_046, 230_050, 230_046, 230_046]),
    (Open, "DELETE im/v1/pins/:message_id", "", "", [0, 0, 0, 230_050, 0, 0]),
    (Closed, "DELETE im/v1/pins/:message_id", "", "", [0, 0, 230_046, 230_050, 230_046, 230_046]),
    (Open, "GET im/v1/pins", "chat_id={chat}", "", [0, 0, 0, 230_045, 0, 0]),
    // Urgents: of the bot's own messages only
    (Open, "PATCH im/v1/messages/:message_id/urgent_app", "user_id_type=user_id", r#"{"user_id_list":["e1001"]}"#, [230_012, 230_012, 230_012, 230_002, 230_012, 230_012]),
    (Own, "PATCH im/v1/messages/:message_id/urgent_app", "user_id_type=user_id", r#"{"user_id_list":["e1001"]}"#, [0, 0, 0, 230_002, 0, 0]),
    (Direct, "PATCH im/v1/messages/:message_id/urgent_app", "user_id_type=user_id", r#"{"user_id_list":["e1002"]}"#, [0, 0, 0, 0, 0, 0]),
    (Unhurried, "PATCH im/v1/messages/:message_id/urgent_app", "user_id_type=user_id", r#"{"user_id_list":["e1001"]}"#, [0, 0, 230_052, 230_002, 230_052, 230_052]),
    (Own, "PATCH im/v1/messages/:message_id/urgent_sms", "user_id_type=user_id", r#"{"user_id_list":["e1001"]}"#, [230_052, 230_052, 230_052, 230_002, 230_052, 230_052]),
    (Own, "PATCH im/v1/messages/:message_id/urgent_phone", "user_id_type=user_id", r#"{"user_id_list":["e1001"]}"#, [230_052, 230_052, 230_052, 230_002, 230_052, 230_052]),
    (Open, "POST clarion/v1/urgents", "", r#"{"message_id":"{message}","audience":{"everyone":true}}"#, [230_012, 230_012, 230_012, 230_002, 230_012, 230_012]),
    (Own, "POST clarion/v1/urgents", "", r#"{"message_id":"{message}","audience":{"everyone":true}}"#, [0, 0, 0, 230_002, 0, 0]),
    (Unhurried, "POST clarion/v1/urgents", "", r#"{"message_id":"{message}","audience":{"everyone":true}}"#, [0, 0, 230_052, 230_002, 230_052, 230_052]),
    (Open, "GET clarion/v1/urgents/:urgent_id", "", "", [0, 0, 230_001, 230_001, 230_001, 230_001]),
    (Open, "GET clarion/v1/urgents/:urgent_id/people", "standing=pending", "", [0, 0, 230_001, 230_001, 230_001, 230_001]),
    (Open, "GET clarion/v1/urgents/:urgent_id/people/:user_id", "user_id_type=user_id", "", [0, 0, 230_001, 230_001, 230_001, 230_001]),
    (Open, "POST clarion/v1/urgents/:urgent_id/cancel", "", "", [0, 0, 230_001, 230_001, 230_001, 230_001]),
    (Open, "POST ephemeral/v1/send", "", r#"{"chat_id":"{chat}","user_id":"e1001","msg_type":"interactive","card":{"elements":[{"tag":"hr"}]}}"#, [0, 0, 0, 230_002, 0, 0]),
];

/// Calls whose answer does not depend on a place in a group, or that are tried with their own story; all by the beginning of their path.
const NOT_OF_A_GROUP: &[&str] = &[
    // Everybody's, or of the app itself.
    "POST auth/v3/",
    "GET bot/v3/info",
    "GET tenant/v2/",
    "GET openapi.json",
    "GET clarion/v1/avatars/",
    "GET clarion/v1/audit",
    "POST im/v1/chats",
    "GET im/v1/chats",
    "GET im/v1/chats/search",
    // The organisation: by scope and by the part of it that the app sees.
    "GET contact/v3/",
    "POST contact/v3/",
    "PUT contact/v3/",
    "PATCH contact/v3/",
    "DELETE contact/v3/",
    "GET search/v1/user",
    // By a secret address.
    "POST bot/v2/hook/",
    "POST bot/hook/",
    // What the app itself uploaded, sent or made.
    "POST im/v1/images",
    "GET im/v1/images/",
    "POST im/v1/files",
    "GET im/v1/files/",
    "POST clarion/v1/uploads",
    "GET clarion/v1/uploads",
    "PUT clarion/v1/uploads",
    "DELETE clarion/v1/uploads",
    "POST message/v4/batch_send",
    "DELETE im/v1/batch_messages/",
    "GET im/v1/batch_messages/",
    "POST im/v1/messages/reactions/batch_query",
    "POST ephemeral/v1/delete",
    "POST interactive/v1/card/update",
    "GET clarion/v1/urgents",
    // Not here: the same for all.
    "POST im/v1/messages/search",
    "POST im/v2/chats/search",
];

struct Office {
    server: Server,
    /// One app a role.
    apps: Vec<App>,
    /// Sent the message that calls are about.
    author: App,
    /// Has no scope that any call needs.
    bare: App,
    ids: Vec<String>,
}

impl Office {
    async fn open() -> Self {
        let mut server = Server::start().await;
        server.terminate().await;
        let mut made = Vec::new();
        for name in ROLES.iter().chain(&["author", "bare"]) {
            let mut arguments = vec!["app", "create", "--name", name];
            if *name == "bare" {
                arguments.extend(["--scope", "im:chat:operate_as_owner"]);
            }
            let said = server.operator(&arguments);
            let said = String::from_utf8(said.stdout).expect("id and secret are told");
            let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).expect("id and secret are told").to_owned();
            made.push((value("app_id: "), value("app_secret: ")));
            if *name == "creator as owner" {
                let id = &made.last().expect("it was just made").0;
                assert!(server.operator(&["app", "scopes", id, "--add", "im:chat:operate_as_owner"]).status.success());
            }
        }
        server.restart().await;
        let mut apps = Vec::new();
        for (id, secret) in &made {
            apps.push(App::of(&server, (id, secret)).await);
        }
        let (bare, author) = (apps.pop().expect("the last"), apps.pop().expect("the one before"));
        Self { server, apps, author, bare, ids: made.into_iter().map(|(id, _)| id).collect() }
    }

    /// A new group for one cell.
    async fn group(&self, place: Place, role: usize) -> String {
        let [owner, manager, member, _, creator, as_owner] = [0, 1, 2, 3, 4, 5].map(|at| self.ids[at].as_str());
        let maker = if role == 5 { &self.apps[5] } else { &self.apps[4] };
        let bots: Vec<&str> = [manager, member, creator, as_owner, &self.ids[6]]
            .into_iter()
            .filter(|id| *id != if role == 5 { creator } else { as_owner })
            .collect();
        let chat_type = if place == Public { "public" } else { "private" };
        let body = json!({ "name": format!("Matrix of {}", ROLES[role]), "owner_id": owner, "bot_id_list": bots, "user_id_list": ["e1001", "e1002"], "chat_type": chat_type });
        let chat =
            maker.must(Method::POST, "im/v1/chats?user_id_type=user_id", body).await["chat_id"].as_str().expect("a chat_id").to_owned();
        let managers = format!("im/v1/chats/{chat}/managers/add_managers?member_id_type=app_id");
        self.apps[0].must(Method::POST, &managers, json!({ "manager_ids": [manager] })).await;
        chat
    }

    /// Puts what they stand for into the place of names in braces. `author` has sent the message.
    async fn fill(&self, author: &App, chat: &str, message: &str, text: &str) -> String {
        let owner = &self.apps[0];
        let mut text = text.to_owned();
        if text.contains("{file}") {
            let file = json!({ "file_name": "list.txt", "size_bytes": 4, "file_type": "stream" });
            let upload = author.must(Method::POST, "clarion/v1/uploads", file).await;
            let path = format!("clarion/v1/uploads/{}", upload["upload_id"].as_str().expect("an id"));
            author.call(Method::PUT, &format!("{path}?offset=0"), "list").await;
            let file = author.must(Method::POST, &format!("{path}/finish"), json!({})).await;
            let sent = author.send(chat, "file", file.clone()).await;
            text = text.replace("{file}", file["file_key"].as_str().expect("a key"));
            text = text.replace("{message}", sent["message_id"].as_str().expect("a message_id"));
        }
        text = text.replace("{chat}", chat).replace("{message}", message);
        if text.contains("{tab") {
            let path = format!("im/v1/chats/{chat}/chat_tabs");
            let tab = json!({ "tab_name": "Plan", "tab_type": "url", "tab_content": { "url": "https://example.com/plan" } });
            owner.must(Method::POST, &path, json!({ "chat_tabs": [tab] })).await;
            let tabs = owner.must(Method::GET, &format!("{path}/list_tabs"), json!({})).await;
            let ids: Vec<&str> = tabs["chat_tabs"].as_array().expect("tabs").iter().filter_map(|tab| tab["tab_id"].as_str()).collect();
            // The messages stay in front; the others stand the other way round.
            let sorted: Vec<&str> = ids[..1].iter().chain(ids[1..].iter().rev()).copied().collect();
            text = text.replace("{tabs}", &json!(sorted).to_string()).replace("{tab}", ids.last().expect("it was added"));
        }
        if text.contains("{manager}") {
            let path = format!("im/v1/chats/{chat}/managers/add_managers?member_id_type=user_id");
            owner.must(Method::POST, &path, json!({ "manager_ids": ["e1001"] })).await;
            text = text.replace("{manager}", "e1001");
        }
        if text.contains("{guest}") {
            let path = format!("im/v1/chats/{chat}");
            owner.must(Method::PUT, &path, json!({ "membership_approval": "approval_required" })).await;
            let wanted = json!({ "id_list": ["e1003"] });
            let asked = author.must(Method::POST, &format!("{path}/members?member_id_type=user_id"), wanted).await;
            assert_eq!(asked["pending_approval_id_list"], json!(["e1003"]));
            text = text.replace("{guest}", "e1003");
        }
        if text.contains("{menu}") {
            let entry = |name: &str| json!({ "chat_menu_item": { "action_type": "NONE", "name": name } });
            let tree = json!({ "menu_tree": { "chat_menu_top_levels": [entry("First"), entry("Second")] } });
            let menu = owner.must(Method::POST, &format!("im/v1/chats/{chat}/menu_tree"), tree).await;
            let id = |at: usize| menu["menu_tree"]["chat_menu_top_levels"][at]["chat_menu_top_level_id"].as_str().expect("an id");
            text = text.replace("{menu}", id(0)).replace("{other menu}", id(1));
        }
        if text.contains("{thread}") {
            let reply = json!({ "msg_type": "text", "content": json!({ "text": "and this" }).to_string(), "reply_in_thread": true });
            let reply = author.must(Method::POST, &format!("im/v1/messages/{message}/reply"), reply).await;
            text = text.replace("{thread}", reply["thread_id"].as_str().expect("a thread_id"));
        }
        text = text.replace("{person}", "e1001");
        if text.contains("{urgent}") {
            let urgent = json!({ "message_id": message, "audience": { "everyone": true } });
            let urgent = author.must(Method::POST, "clarion/v1/urgents", urgent).await;
            text = text.replace("{urgent}", urgent["urgent_id"].as_str().expect("an urgent_id"));
        }
        if text.contains("{reaction}") {
            let reaction = json!({ "reaction_type": { "emoji_type": "DONE" } });
            let reaction = author.must(Method::POST, &format!("im/v1/messages/{message}/reactions"), reaction).await;
            text = text.replace("{reaction}", reaction["reaction_id"].as_str().expect("a reaction_id"));
        }
        text
    }

    /// The code of one cell.
    async fn cell(&self, (place, call, query, body, _): &Row, role: usize) -> (u64, Value) {
        let (caller, owner) = (&self.apps[role], &self.apps[0]);
        let chat = self.group(*place, role).await;
        let guest = (matches!(place, Own | Unhurried) && ROLES[role] == "stranger").then(|| json!({ "id_list": [self.ids[role]] }));
        let members = format!("im/v1/chats/{chat}/members?member_id_type=app_id");
        if let Some(guest) = &guest {
            owner.must(Method::POST, &members, guest.clone()).await;
        }
        let (author, sent) = match place {
            Own | Unhurried => (caller, caller.send(&chat, "text", json!({ "text": "about this" })).await),
            Direct => {
                let body = json!({ "receive_id": "e1002", "msg_type": "text", "content": json!({ "text": "about this" }).to_string() });
                (caller, caller.must(Method::POST, "im/v1/messages?receive_id_type=user_id", body).await)
            }
            _ => (&self.author, self.author.send(&chat, "text", json!({ "text": "about this" })).await),
        };
        let message = sent["message_id"].as_str().expect("a message_id");
        let names = [
            ("chat_id", "chat"),
            ("message_id", "message"),
            ("thread_id", "thread"),
            ("reaction_id", "reaction"),
            ("menu_item_id", "menu"),
            ("file_key", "file"),
            ("urgent_id", "urgent"),
            ("user_id", "person"),
        ];
        let path = names.iter().fold((*call).to_owned(), |path, (own, name)| path.replace(&format!(":{own}"), &format!("{{{name}}}")));
        let filled = self.fill(author, &chat, message, &format!("{path}?{query}\n{body}")).await;
        let (line, body) = filled.split_once('\n').expect("it was put there");
        let (method, path) = line.split_once(' ').expect("a call has method and path");
        if let Some(guest) = guest {
            owner.must(Method::DELETE, &members, guest).await;
        }
        let config = match place {
            Quiet => json!({ "at_all_permission": "only_owner" }),
            Unhurried => json!({ "urgent_setting": "only_owner" }),
            Closed => json!({
                "edit_permission": "only_owner", "add_member_permission": "only_owner", "share_card_permission": "not_allowed",
                "at_all_permission": "only_owner", "pin_manage_setting": "only_owner", "moderation_permission": "only_owner",
            }),
            _ => Value::Null,
        };
        if config.is_object() {
            owner.must(Method::PUT, &format!("im/v1/chats/{chat}"), config).await;
        }
        let reply = caller.call(method.parse().expect("a method"), path, body.to_owned()).await;
        if reply.headers().contains_key("content-disposition") {
            return (0, Value::Null);
        }
        let reply: Value = reply.json().await.expect("every answer but a file is JSON");
        (reply["code"].as_u64().expect("a code"), reply)
    }
}

fn called(entry: &CallEntry) -> (Method, String) {
    let path: Vec<&str> = entry.path.split('/').map(|part| if part.starts_with(':') { "x" } else { part }).collect();
    (entry.method.word().parse().expect("a method"), path.join("/"))
}

#[tokio::test]
async fn each_cell_of_the_matrix_is_so() {
    let office = Office::open().await;
    let cells = MATRIX.iter().flat_map(|row| (0..ROLES.len()).map(move |role| (row, role)));
    let found: Vec<_> = futures_util::stream::iter(cells.map(|(row, role)| {
        let office = &office;
        async move { (row, role, office.cell(row, role).await) }
    }))
    .buffered(6)
    .collect()
    .await;
    let wrong: Vec<String> = found
        .into_iter()
        .filter(|(row, role, (code, _))| row.4[*role] != *code)
        .map(|(row, role, (code, reply))| {
            format!("{:?} {} {}: {} gets {code}, not {}: {}", row.0, row.1, row.3, ROLES[role], row.4[role], reply["msg"])
        })
        .collect();
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
    drop(office.server);
}

#[test]
fn every_call_has_its_row() {
    let rows: HashSet<&str> = MATRIX.iter().map(|row| row.1).collect();
    let calls: HashSet<String> = calls::all().map(|entry| format!("{entry:?}")).collect();
    let elsewhere = |call: &str| {
        NOT_OF_A_GROUP.iter().any(|begin| {
            if begin.ends_with(['/', '_']) || begin.contains("uploads") || begin.ends_with("hook") {
                call.starts_with(begin)
            } else {
                call == *begin
            }
        })
    };
    let missing: Vec<&String> = calls.iter().filter(|call| !rows.contains(call.as_str()) && !elsewhere(call)).collect();
    assert!(missing.is_empty(), "these calls have no row in the permission matrix, and do not stand in NOT_OF_A_GROUP: {missing:#?}");
    let gone: Vec<&&str> = rows.iter().filter(|row| !calls.contains(**row)).collect();
    assert!(gone.is_empty(), "these rows are of no call: {gone:?}");
}

#[tokio::test]
async fn without_a_token_or_a_scope_no_call_gets_through() {
    let office = Office::open().await;
    let nobody = App { token: "t-made-up".into(), ..office.bare.at(&office.server) };
    for entry in calls::all() {
        let (method, path) = called(entry);
        if matches!(entry.serve, Serve::WithoutToken(_) | Serve::Own(_)) {
            continue;
        }
        assert_eq!(nobody.refused(method.clone(), &path, json!({})).await, 99_991_663, "{entry:?}");
        let (status, reply) = {
            let reply = office.bare.call(method, &path, "{}").await;
            let status = reply.status().as_u16();
            (status, reply.json::<Value>().await.unwrap_or_default())
        };
        if entry.scopes.is_empty() {
            assert_ne!(reply["code"], 99_991_672, "{entry:?}");
            continue;
        }
        assert_eq!((status, &reply["code"]), (400, &json!(99_991_672)), "{entry:?}: {reply}");
        let named: Vec<&str> =
            reply["error"]["permission_violations"].as_array().expect("scopes").iter().filter_map(|one| one["subject"].as_str()).collect();
        assert_eq!(named, entry.scopes, "{entry:?}");
    }
}
