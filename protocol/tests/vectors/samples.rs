//! The examples that the vectors are made of, each in its JSON form.

use serde_json::{Value, json};

pub const CHAT: &str = "oc_4f1c0e9a7b2d46538a90c1d2e3f40516";
pub const OTHER_CHAT: &str = "oc_00112233445566778899aabbccddeeff";
pub const MESSAGE: &str = "om_9d3b5a7c1e2f40618293a4b5c6d7e8f9";
pub const OTHER_MESSAGE: &str = "om_fedcba98765432100123456789abcdef";
const URGENT: &str = "ur_0c2e4a6880a2c4e6f8091b2d3f506172";
const OTHER_URGENT: &str = "ur_13579bdf02468ace13579bdf02468ace";
const LINK: &str = "8d1f0a3b5c7e9f20416385a7c9ebfd1f2031425364758697a8b9cadbecfd0e1f";
const CURSOR: &str = "1c8-199f3b2a400";

/// Name of the vector, name of the command or event, and the body.
pub type Sample = (&'static str, &'static str, Value);

fn zhang() -> Value {
    json!({"user_id": "10001", "name": "张伟", "kind": "person", "en_name": "Wei Zhang", "departments": ["总部", "研发中心"],
        "title": "Engineer", "avatar": "f_avatar1", "resigned": false})
}

fn shan() -> Value {
    json!({"user_id": "10002", "name": "单雨", "kind": "person", "departments": ["总部", "单证部"], "resigned": false})
}

fn bot() -> Value {
    json!({"user_id": "cli_c1a7104000000001", "name": "Orders", "kind": "bot", "departments": [], "resigned": false})
}

fn checks() -> Value {
    json!({"keywords": ["告警", "alarm"], "addresses": ["10.1.0.0/16", "192.0.2.7"], "signature": true})
}

fn custom_bot() -> Value {
    json!({"bot": bot(), "description": "Alarms of the plant", "checks": checks(),
        "url": "https://im.example.com/open-apis/bot/v2/hook/8f1d3c5e-7a90-4b1c-9d2e-3f4051627384", "secret": "c2VjcmV0IG9mIGEgYm90",
        "created_by": "10001", "created_at_ms": 1_790_000_000_000u64})
}

fn config() -> Value {
    json!({"edit_permission": "all_members", "add_member_permission": "all_members", "at_all_permission": "only_owner", "pin_manage_setting": "all_members",
        "urgent_setting": "all_members", "moderation_permission": "moderator_list", "membership_approval": "no_approval_required", "chat_type": "private",
        "join_message_visibility": "all_members", "leave_message_visibility": "only_owner", "hide_member_count_setting": "all_members", "history": "all",
        "group_message_type": "chat", "video_conference_setting": "all_members", "restricted_mode_setting": not_restricted()})
}

fn other_config() -> Value {
    json!({"edit_permission": "only_owner", "add_member_permission": "only_owner", "at_all_permission": "all_members", "pin_manage_setting": "only_owner",
        "urgent_setting": "only_owner", "moderation_permission": "only_owner", "membership_approval": "approval_required", "chat_type": "public",
        "join_message_visibility": "not_anyone", "leave_message_visibility": "not_anyone", "hide_member_count_setting": "only_owner", "history": "since_join",
        "group_message_type": "thread", "video_conference_setting": "only_owner",
        "restricted_mode_setting": {"status": true, "screenshot_has_permission_setting": "not_anyone", "download_has_permission_setting": "not_anyone",
            "message_has_permission_setting": "all_members"}})
}

fn not_restricted() -> Value {
    json!({"status": false, "screenshot_has_permission_setting": "all_members", "download_has_permission_setting": "all_members",
        "message_has_permission_setting": "all_members"})
}

fn names() -> Value {
    json!({"zh_cn": "项目组", "en_us": "Project", "ja_jp": "プロジェクト"})
}

fn top_notice() -> Value {
    json!({"message_id": MESSAGE, "seq": 18, "preview": "早上好", "by": "10001", "at_ms": 1_790_000_002_000u64})
}

fn found_group() -> Value {
    json!({"chat_id": OTHER_CHAT, "name": "发布组", "i18n_names": names(), "description": "Releases", "avatar": "f_group2", "member_count": 12,
        "joined": false, "approval": true, "requested": true})
}

fn tab() -> Value {
    json!({"tab_id": "7100000000000000001", "name": "Board", "tab_type": "url", "url": "https://example.com/board", "icon_key": "f_icon", "is_built_in": true})
}

fn menu() -> Value {
    json!([
        {"menu_id": "7100000000000000002", "name": "Forms", "i18n_names": {"zh_cn": "表单"}, "children": [
            {"menu_id": "7100000000000000003", "name": "Leave", "i18n_names": {"zh_cn": "请假"}, "image_key": "f_leave", "link": {"common_url": "https://example.com/leave"}}]},
        {"menu_id": "7100000000000000004", "name": "Help", "image_key": "f_help", "children": [],
            "link": {"common_url": "https://example.com/help", "ios_url": "https://example.com/i", "android_url": "https://example.com/a",
                "pc_url": "https://example.com/p", "web_url": "https://example.com/w"}}])
}

fn rights() -> Value {
    json!({"post": true, "mention_all": true, "edit_info": true, "edit_config": true, "add_members": true, "remove_members": true, "pin": true,
        "raise_urgent": true, "own": true, "recall_others": true, "leave": false, "see_member_count": true,
        "moderate": true, "decide_joins": true, "save_files": true, "forward": true})
}

fn group() -> Value {
    json!({"chat_id": CHAT, "kind": "group", "name": "项目组", "description": "Release of the autumn version", "avatar": "f_group1", "owner": "10001", "member_count": 37,
        "role": "owner", "config": config(), "rights": rights(), "created_at_ms": 1_790_000_000_000u64, "head_seq": 18, "head_position": 15, "first_seq": 1, "dissolved": false, "i18n_names": names(), "top_notice": top_notice(),
        "pending_requests": 2, "details_seq": 17})
}

fn direct() -> Value {
    json!({"chat_id": OTHER_CHAT, "kind": "direct", "name": "单雨", "peer": "10002", "description": "", "member_count": 2, "role": "member", "config": other_config(),
        "rights": {"post": true, "pin": true, "raise_urgent": true, "see_member_count": true, "save_files": true, "forward": true},
        "created_at_ms": 0, "head_seq": 0, "head_position": 0, "first_seq": 1, "dissolved": false})
}

fn text(text: &str) -> Value {
    json!({"text": {"text": text}})
}

fn message(content: Value) -> Value {
    json!({"message": {"message_id": MESSAGE, "client_message_id": "5f0c9a", "content": content}})
}

fn record(seq: u64, position: u64, change: Value) -> Value {
    json!({"chat_id": CHAT, "seq": seq, "position": position, "at_ms": 1_790_000_001_234u64, "by": "10001", "change": change})
}

fn message_with_everything() -> Value {
    json!({"message": {"message_id": MESSAGE, "client_message_id": "5f0c9a", "content": text("@单雨 看一下 👍"),
        "reply_to": {"message_id": OTHER_MESSAGE, "seq": 12, "sender": "10002", "preview": "明天发布吗？", "recalled": false},
        "thread_root": OTHER_MESSAGE, "mentions": ["10002"], "mention_all": true, "edited_at_ms": 1_790_000_009_000u64,
        "reactions": [{"emoji": "THUMBSUP", "count": 2, "mine": true, "users": ["10001", "10002"]}], "pinned": true, "thread_count": 3,
        "follow_ups": [{"text": "明天", "texts": [{"locale": "en_us", "text": "Tomorrow"}]}]}})
}

fn recalled_message() -> Value {
    json!({"message": {"message_id": OTHER_MESSAGE, "client_message_id": "c-1", "content": text(""), "recalled_by": "10001",
        "reply_to": {"message_id": MESSAGE, "seq": 3, "sender": "10001", "preview": "", "recalled": true}}})
}

fn entry() -> Value {
    json!({"chat": group(), "last": record(18, 15, message(text("早上好"))), "active_at_ms": 1_790_000_001_234u64, "read_seq": 15, "read_position": 12, "unread": 3,
        "mentions": [16, 18], "pinned": true, "muted": true})
}

fn direct_entry() -> Value {
    json!({"chat": direct(), "active_at_ms": 0, "read_seq": 0, "read_position": 0, "unread": 0, "mentions": [], "pinned": false, "muted": false,
        "peer_read_seq": 4, "peer_delivered_seq": 5})
}

fn inbox_changed() -> Value {
    json!({"chat_id": CHAT, "read_seq": 18, "read_position": 15, "unread": 1, "mentions": [19], "pinned": true, "muted": true, "hidden": false})
}

fn file() -> Value {
    json!({"key": "f_9a8b", "name": "报告 final.pdf", "size_bytes": 1_048_576, "media_type": "application/pdf"})
}

fn ladder() -> Value {
    json!([
        {"way": "remind", "after_ms": 300_000, "every_ms": 300_000, "times": 6},
        {"way": "push", "after_ms": 600_000},
        {"way": "sms", "after_ms": 1_800_000},
        {"way": "phone", "after_ms": 2_700_000},
        {"way": "manager", "after_ms": 3_600_000}])
}

fn counts() -> Value {
    json!({"urgent_id": URGENT, "pending": 3, "delivered": 5, "shown": 8, "confirmed": 19, "failed": 1})
}

fn urgent() -> Value {
    json!({"urgent_id": URGENT, "message": record(18, 15, message(text("产线 2 停机，请马上确认"))), "chat_name": "项目组", "raised_by": zhang(),
        "raised_at_ms": 1_790_000_010_000u64, "deadline_at_ms": 1_790_007_210_000u64, "reminder": 0, "standing": "pending", "about": [], "about_count": 0})
}

/// An urgent with some fields of its own.
fn urgent_with(fields: Value) -> Value {
    let mut urgent = urgent();
    let (Value::Object(whole), Value::Object(fields)) = (&mut urgent, fields) else { panic!("both are objects") };
    whole.extend(fields);
    urgent
}

/// An urgent in a direct chat, which has no name.
fn urgent_of_a_direct_chat() -> Value {
    let mut urgent = urgent_with(json!({"urgent_id": OTHER_URGENT, "raised_by": shan(), "reminder": 2, "standing": "shown"}));
    urgent.as_object_mut().expect("it is an object").remove("chat_name");
    urgent["message"]["chat_id"] = json!(OTHER_CHAT);
    urgent["message"]["by"] = json!("10002");
    urgent
}

fn merged() -> Value {
    json!({"merged": {"title": "项目组", "messages": [
        {"sender": "10001", "sent_at_ms": 1_790_000_000_500u64, "content": text("one")},
        {"sender": "10002", "sent_at_ms": 1_790_000_000_900u64, "content": {"image": {"key": "f_1", "width": 640, "height": 480, "name": "a.png", "size_bytes": 20_000}}},
    ]}})
}

const POST: &str = r#"{"title":"Release","content":[[{"tag":"text","text":"Ready: ","style":["bold"]},{"tag":"a","text":"notes","href":"https://example.com/notes"},{"tag":"at","user_id":"10002","user_name":"单雨"}],[{"tag":"img","image_key":"f_1"}],[{"tag":"code_block","language":"sql","text":"select 1"}]]}"#;
const CARD: &str = r#"{"schema":"2.0","header":{"title":{"tag":"plain_text","content":"Leave request"}},"body":{"elements":[{"tag":"markdown","content":"**3 days**"}]}}"#;

pub fn handshake_commands() -> Vec<Sample> {
    vec![
        (
            "hello_with_token",
            "hello",
            json!({"token": "eyJhbGciOiJFZERTQSJ9.e30.c2ln", "device_id": "laptop-7f3a", "version": 1, "client": "example 1.0"}),
        ),
        ("hello_resuming", "hello", json!({"token": "t", "device_id": "laptop-7f3a", "version": 1, "cursor": CURSOR})),
        ("hello_by_cookie", "hello", json!({"device_id": "browser_0123456789", "version": 1})),
    ]
}

pub fn handshake_replies() -> Vec<Sample> {
    let limits = json!({"frame_bytes": 262_144, "text_bytes": 153_600, "post_bytes": 102_400, "file_bytes": 104_857_600, "in_flight": 64, "commands_per_second": 20,
        "page": 100, "watch": 200, "members": 500_000, "recall_ms": 86_400_000, "edit_ms": 86_400_000, "urgent_ways": ["remind", "manager", "sms"], "break_quiet_hours": true});
    vec![
        (
            "welcome",
            "hello",
            json!({"me": zhang(), "session_id": "s-8", "server_time_ms": 1_790_000_000_000u64, "heartbeat_ms": 25_000, "cursor": CURSOR, "resumable": true,
                "limits": limits, "page_prefix": "/web/3f9c0a1b", "server": "0.1.0"}),
        ),
        (
            "welcome_to_a_new_device",
            "hello",
            json!({"me": shan(), "session_id": "s-9", "server_time_ms": 1_790_000_000_000u64, "heartbeat_ms": 25_000, "cursor": "0-0", "limits": limits, "server": "0.1.0"}),
        ),
    ]
}

pub fn commands() -> Vec<Sample> {
    let send = |content: Value| json!({"chat_id": CHAT, "client_message_id": "5f0c9a", "content": content});
    let target = || json!({"message_id": MESSAGE});
    vec![
        ("alive", "alive", json!({})),
        ("send_text", "send", send(text("早上好 👋"))),
        ("send_post", "send", send(json!({"post": {"post": POST}}))),
        ("send_image", "send", send(json!({"image": {"key": "f_1"}}))),
        ("send_file", "send", send(json!({"file": {"key": "f_9a8b"}}))),
        ("send_card", "send", send(json!({"card": {"card": CARD}}))),
        ("send_share_chat", "send", send(json!({"share_chat": {"chat_id": OTHER_CHAT}}))),
        ("send_share_user", "send", send(json!({"share_user": {"user_id": "10002"}}))),
        ("send_audio", "send", send(json!({"audio": {"key": "f_2", "duration_ms": 4200}}))),
        ("send_media", "send", send(json!({"media": {"key": "f_3", "duration_ms": 61_000, "image_key": "f_1"}}))),
        ("send_sticker", "send", send(json!({"sticker": {"key": "f_4"}}))),
        ("send_divider", "send", send(json!({"divider": {"text": "新的一天", "texts": [{"locale": "en_us", "text": "A new day"}]}}))),
        (
            "send_reply_in_thread_with_mentions",
            "send",
            json!({"chat_id": CHAT, "client_message_id": "5f0c9b", "content": text("@单雨 @所有人 yes"), "reply_to": OTHER_MESSAGE, "in_thread": true, "mentions": ["10002"], "mention_all": true}),
        ),
        (
            "send_mention_all_only",
            "send",
            json!({"chat_id": CHAT, "client_message_id": "x", "content": text("@所有人"), "mention_all": true}),
        ),
        ("edit", "edit", json!({"message_id": MESSAGE, "content": text("Good evening"), "mentions": ["10002"], "mention_all": true})),
        ("recall", "recall", target()),
        ("react", "react", json!({"message_id": MESSAGE, "emoji": "THUMBSUP"})),
        ("unreact", "unreact", json!({"message_id": MESSAGE, "emoji": "THUMBSUP"})),
        ("pin", "pin", target()),
        ("unpin", "unpin", target()),
        ("pins", "pins", json!({"chat_id": CHAT})),
        (
            "forward_each",
            "forward",
            json!({"message_ids": [MESSAGE, OTHER_MESSAGE], "chat_id": OTHER_CHAT, "client_message_id": "fw-1", "form": "each"}),
        ),
        (
            "forward_merged",
            "forward",
            json!({"message_ids": [MESSAGE], "chat_id": OTHER_CHAT, "client_message_id": "fw-2", "form": "merged"}),
        ),
        ("history_last", "history", json!({"chat_id": CHAT})),
        ("history_before", "history", json!({"chat_id": CHAT, "before": 70_000, "limit": 50})),
        ("history_after", "history", json!({"chat_id": CHAT, "after": 0})),
        ("history_around", "history", json!({"chat_id": CHAT, "around": 4_294_967_296u64, "limit": 100})),
        ("sync", "sync", json!({"cursor": CURSOR})),
        ("sync_next_page", "sync", json!({"cursor": CURSOR, "page": "p2"})),
        ("inbox", "inbox", json!({})),
        ("inbox_next_page", "inbox", json!({"page": "0.1a.2", "limit": 20})),
        ("inbox_of_some_chats", "inbox", json!({"chat_ids": [CHAT, OTHER_CHAT]})),
        ("receipt_delivered", "receipt", json!({"chat_id": CHAT, "delivered_seq": 18})),
        ("receipt_read", "receipt", json!({"chat_id": CHAT, "read_seq": 18})),
        ("readers", "readers", json!({"message_id": MESSAGE, "unread": true, "query": "单", "page": "100"})),
        ("typing", "typing", json!({"chat_id": CHAT})),
        ("edits", "edits", target()),
        ("thread", "thread", json!({"message_id": MESSAGE, "page": "50"})),
        ("open_direct", "open_direct", json!({"user_id": "10002"})),
        (
            "create_group",
            "create_group",
            json!({"client_message_id": "g-1", "name": "项目组", "description": "Release", "avatar": "f_group1", "user_ids": ["10002", "10003"], "department_ids": ["od-1"],
                "config": {"at_all_permission": "only_owner", "history": "since_join"}, "i18n_names": {"en_us": "Project"}}),
        ),
        ("create_group_without_name", "create_group", json!({"client_message_id": "g-2", "name": "", "user_ids": ["10002"]})),
        ("chat", "chat", json!({"chat_id": CHAT})),
        (
            "update_chat",
            "update_chat",
            json!({"chat_id": CHAT, "name": "发布组", "description": "", "avatar": "", "config": other_config(), "i18n_names": {}}),
        ),
        ("members", "members", json!({"chat_id": CHAT, "query": "wei", "page": "1.17", "limit": 100})),
        ("add_members", "add_members", json!({"chat_id": CHAT, "user_ids": ["10002"], "department_ids": ["od-2"]})),
        ("remove_members", "remove_members", json!({"chat_id": CHAT, "user_ids": ["10002"]})),
        ("leave", "leave", json!({"chat_id": CHAT})),
        ("transfer", "transfer", json!({"chat_id": CHAT, "user_id": "10002"})),
        ("set_managers", "set_managers", json!({"chat_id": CHAT, "add": ["10002"], "remove": ["10003"]})),
        ("dissolve", "dissolve", json!({"chat_id": CHAT})),
        ("join", "join", json!({"chat_id": CHAT})),
        ("join_with_a_link", "join", json!({"chat_id": CHAT, "link": LINK, "reason": "Night shift of plant 2"})),
        ("join_requests", "join_requests", json!({"chat_id": CHAT, "page": "1790000000000.7"})),
        ("decide_join_accept", "decide_join", json!({"chat_id": CHAT, "user_ids": ["10002"], "accept": true})),
        (
            "decide_join_refuse",
            "decide_join",
            json!({"chat_id": CHAT, "user_ids": ["10002"], "accept": false, "reason": "Only for plant 1"}),
        ),
        ("withdraw_join", "withdraw_join", json!({"chat_id": CHAT})),
        ("my_join_requests", "my_join_requests", json!({})),
        ("share_link", "share_link", json!({"chat_id": CHAT, "validity": "year"})),
        ("share_link_for_ever", "share_link", json!({"chat_id": CHAT, "validity": "permanently"})),
        ("share_link_for_a_week", "share_link", json!({"chat_id": CHAT, "validity": "week"})),
        ("linked_chat", "linked_chat", json!({"token": LINK})),
        ("search_groups", "search_groups", json!({"query": "发布", "page": "0.19.2", "limit": 20})),
        ("chat_details", "chat_details", json!({"chat_id": CHAT})),
        (
            "set_moderation",
            "set_moderation",
            json!({"chat_id": CHAT, "moderation_permission": "moderator_list", "add": ["10002"], "remove": ["10003"]}),
        ),
        ("moderators", "moderators", json!({"chat_id": CHAT, "page": "17"})),
        ("set_top_notice_message", "set_top_notice", json!({"chat_id": CHAT, "message_id": MESSAGE})),
        ("set_top_notice_announcement", "set_top_notice", json!({"chat_id": CHAT, "announcement": true})),
        ("set_announcement", "set_announcement", json!({"chat_id": CHAT, "text": "Helmets on", "revision": 3})),
        ("add_tab", "add_tab", json!({"chat_id": CHAT, "name": "Board", "url": "https://example.com/board"})),
        ("remove_tab", "remove_tab", json!({"chat_id": CHAT, "tab_id": "7100000000000000001"})),
        ("my_chat", "my_chat", json!({"chat_id": CHAT, "pinned": true, "muted": false, "hidden": false})),
        ("my_chat_unmute_only", "my_chat", json!({"chat_id": CHAT, "muted": false})),
        ("update_chat_with_an_empty_configuration", "update_chat", json!({"chat_id": CHAT, "config": {}})),
        ("watch", "watch", json!({"user_ids": ["10001", "10002"]})),
        ("watch_nobody", "watch", json!({"user_ids": []})),
        ("set_presence_away", "set_presence", json!({"state": "away"})),
        ("set_presence_online_and_hidden", "set_presence", json!({"state": "online", "hidden": true})),
        ("online_count", "online_count", json!({"chat_id": CHAT})),
        ("people", "people", json!({"user_ids": ["10001", "cli_c1a7104000000001"]})),
        ("search_people", "search_people", json!({"query": "单", "limit": 20, "page": "20"})),
        ("department", "department", json!({"department_id": "0", "page": "100"})),
        ("devices", "devices", json!({})),
        ("sign_out", "sign_out", json!({"device_id": "laptop-7f3a"})),
        ("got_ephemeral", "got_ephemeral", json!({"message_ids": [MESSAGE, OTHER_MESSAGE]})),
        (
            "add_custom_bot",
            "add_custom_bot",
            json!({"chat_id": CHAT, "client_message_id": "b-1", "name": "Alarms", "description": "Alarms of the plant", "avatar": "f_bot1", "checks": checks()}),
        ),
        ("custom_bots", "custom_bots", json!({"chat_id": CHAT})),
        (
            "change_custom_bot",
            "change_custom_bot",
            json!({"chat_id": CHAT, "user_id": "cli_c1a7104000000009", "name": "Sirens", "description": "", "avatar": "", "checks": {"keywords": [], "addresses": [], "signature": false}}),
        ),
        ("renew_custom_bot", "renew_custom_bot", json!({"chat_id": CHAT, "user_id": "cli_c1a7104000000009", "secret": true})),
        ("remove_custom_bot", "remove_custom_bot", json!({"chat_id": CHAT, "user_id": "cli_c1a7104000000009"})),
        (
            "raise_urgent",
            "raise_urgent",
            json!({"message_id": MESSAGE, "client_message_id": "u-1", "audience": {"people": {"user_ids": ["10002", "10003"]}}, "ladder": ladder(),
                "deadline_ms": 7_200_000, "break_quiet_hours": true}),
        ),
        (
            "raise_urgent_for_everyone",
            "raise_urgent",
            json!({"message_id": MESSAGE, "client_message_id": "u-2", "audience": {"everyone": {}}, "ladder": []}),
        ),
        (
            "raise_urgent_for_departments",
            "raise_urgent",
            json!({"message_id": MESSAGE, "client_message_id": "u-3", "audience": {"departments": {"department_ids": ["od-1", "od-2"]}},
                "ladder": [{"way": "remind", "after_ms": 10_000}]}),
        ),
        (
            "raise_urgent_for_those_who_have_not_read",
            "raise_urgent",
            json!({"message_id": MESSAGE, "client_message_id": "u-4", "audience": {"unread": {}}, "ladder": [], "deadline_ms": 60_000}),
        ),
        ("urgent_got", "urgent_got", json!({"urgent_ids": [URGENT, OTHER_URGENT], "shown": false})),
        ("urgent_got_shown", "urgent_got", json!({"urgent_ids": [URGENT], "shown": true})),
        ("confirm_urgent", "confirm_urgent", json!({"urgent_id": URGENT})),
        ("cancel_urgent", "cancel_urgent", json!({"urgent_id": URGENT})),
        ("urgents_open", "urgents", json!({"list": "open"})),
        ("urgents_confirmed", "urgents", json!({"list": "confirmed", "page": "1790000010000.4", "limit": 50})),
        ("urgents_raised", "urgents", json!({"list": "raised"})),
        ("urgent_report", "urgent_report", json!({"urgent_id": URGENT})),
        ("urgent_people", "urgent_people", json!({"urgent_id": URGENT, "standing": "pending"})),
        ("urgent_people_next_page", "urgent_people", json!({"urgent_id": URGENT, "standing": "failed", "page": "100", "limit": 50})),
        ("urgent_people_with_times", "urgent_people", json!({"urgent_id": URGENT, "standing": "confirmed", "limit": 100, "times": true})),
        ("urgent_person", "urgent_person", json!({"urgent_id": URGENT, "user_id": "10002"})),
    ]
}

pub fn replies() -> Vec<Sample> {
    let changed = || json!({"seq": 19});
    let sent = || json!({"message_id": MESSAGE, "seq": 18, "position": 15, "sent_at_ms": 1_790_000_001_234u64});
    let page = || json!({"records": [record(18, 15, message_with_everything())], "people": [zhang(), shan()]});
    vec![
        ("done", "alive", json!({})),
        ("sent", "send", sent()),
        ("changed_by_edit", "edit", changed()),
        ("changed_by_recall", "recall", changed()),
        ("changed_by_react", "react", changed()),
        ("changed_by_unreact", "unreact", changed()),
        ("changed_by_pin", "pin", changed()),
        ("changed_by_unpin", "unpin", changed()),
        ("pins", "pins", page()),
        ("forwarded", "forward", json!({"sent": [sent(), sent()]})),
        (
            "history_with_a_recalled_message",
            "history",
            json!({"from_seq": 12, "to_seq": 18, "records": [record(12, 11, recalled_message()), record(18, 15, message_with_everything())], "start": true, "end": true, "people": [zhang(), bot()]}),
        ),
        ("history_empty", "history", json!({"from_seq": 1, "to_seq": 0, "records": [], "start": true, "end": true, "people": []})),
        (
            "synced",
            "sync",
            json!({"records": [record(18, 15, message(text("早上好"))), record(19, 15, json!({"pinned": {"message_id": MESSAGE, "target_seq": 18}}))],
                "too_long": [entry()], "entries": [direct_entry()], "left": [OTHER_CHAT], "next": "p2", "people": [zhang()]}),
        ),
        ("synced_to_the_end", "sync", json!({"records": [], "cursor": CURSOR})),
        ("synced_too_long", "sync", json!({"too_long_all": true, "cursor": CURSOR})),
        ("inbox", "inbox", json!({"entries": [entry(), direct_entry()], "next": "0.1a.2", "unread": 3, "people": [zhang(), shan()]})),
        ("done_after_receipt", "receipt", json!({})),
        (
            "readers",
            "readers",
            json!({"readers": [{"person": shan(), "read_seq": 18}], "read_count": 1, "unread_count": 35, "next": "100"}),
        ),
        ("done_after_typing", "typing", json!({})),
        (
            "edits",
            "edits",
            json!({"versions": [{"at_ms": 1_790_000_001_234u64, "content": text("Good morning")}, {"at_ms": 1_790_000_009_000u64, "content": text("Good evening")}]}),
        ),
        ("thread", "thread", json!({"records": [record(12, 11, message(text("root")))], "next": "50", "people": []})),
        ("open_direct", "open_direct", direct()),
        ("created_group", "create_group", group()),
        ("chat", "chat", group()),
        ("changed_by_update", "update_chat", changed()),
        (
            "members",
            "members",
            json!({"members": [{"person": zhang(), "role": "owner", "joined_at_ms": 1_790_000_000_000u64}, {"person": shan(), "role": "manager", "joined_at_ms": 1_790_000_000_000u64}, {"person": bot(), "role": "member", "joined_at_ms": 1_790_000_000_001u64}], "total": 37, "next": "2.3"}),
        ),
        ("members_added", "add_members", json!({"seq": 20, "changed": 2, "unknown": ["99999"], "pending": ["10004"]})),
        ("members_removed", "remove_members", json!({"seq": 21, "changed": 1, "unknown": []})),
        ("changed_by_leave", "leave", changed()),
        ("changed_by_transfer", "transfer", changed()),
        ("changed_by_set_managers", "set_managers", changed()),
        ("changed_by_dissolve", "dissolve", changed()),
        ("joined", "join", json!({"chat": group(), "requested": false})),
        ("join_requested", "join", json!({"requested": true})),
        (
            "join_requests",
            "join_requests",
            json!({"requests": [{"person": shan(), "asked_by": "10002", "at_ms": 1_790_000_000_000u64, "reason": "Night shift of plant 2"},
                {"person": zhang(), "asked_by": "10003", "at_ms": 1_790_000_000_001u64}], "total": 37, "next": "1790000000001.8"}),
        ),
        ("joins_decided", "decide_join", json!({"decided": 1, "not_waiting": ["10003"]})),
        ("done_after_withdraw_join", "withdraw_join", json!({})),
        (
            "my_join_requests",
            "my_join_requests",
            json!({"requests": [
                {"chat_id": CHAT, "name": "项目组", "user_id": "10002", "outcome": "pending", "at_ms": 1_790_000_000_004u64},
                {"chat_id": CHAT, "name": "项目组", "user_id": "10003", "outcome": "accepted", "at_ms": 1_790_000_000_003u64, "decided_at_ms": 1_790_000_000_005u64},
                {"chat_id": OTHER_CHAT, "name": "发布组", "user_id": "10002", "outcome": "refused", "at_ms": 1_790_000_000_002u64, "decided_at_ms": 1_790_000_000_005u64, "reason": "Only for plant 1"},
                {"chat_id": OTHER_CHAT, "name": "发布组", "user_id": "10004", "outcome": "withdrawn", "at_ms": 2, "decided_at_ms": 3},
                {"chat_id": OTHER_CHAT, "name": "发布组", "user_id": "10005", "outcome": "group_gone", "at_ms": 1, "decided_at_ms": 3}]}),
        ),
        ("share_link", "share_link", json!({"token": LINK, "path": "/#/join/8d1f", "expires_at_ms": 1_790_604_800_000u64})),
        ("linked_chat", "linked_chat", found_group()),
        ("found_groups", "search_groups", json!({"groups": [found_group()], "next": "0.19.2"})),
        (
            "chat_details",
            "chat_details",
            json!({"announcement": {"revision": 4, "text": "Helmets on", "created_at_ms": 1_790_000_000_000u64, "updated_at_ms": 1_790_000_001_000u64,
                "owner": "10001", "modifier": "10002"},
                "tabs": [{"tab_id": "7000000000000000010", "name": "", "tab_type": "message", "is_built_in": false}, tab()], "menu": menu()}),
        ),
        ("chat_details_of_a_new_group", "chat_details", json!({"tabs": [], "menu": []})),
        ("changed_by_set_moderation", "set_moderation", changed()),
        (
            "moderators",
            "moderators",
            json!({"members": [{"person": shan(), "role": "member", "joined_at_ms": 1_790_000_000_000u64}], "total": 1}),
        ),
        ("changed_by_set_top_notice", "set_top_notice", changed()),
        ("changed_by_set_announcement", "set_announcement", changed()),
        ("changed_by_add_tab", "add_tab", changed()),
        ("changed_by_remove_tab", "remove_tab", changed()),
        ("my_chat", "my_chat", inbox_changed()),
        (
            "presences",
            "watch",
            json!({"presences": [{"user_id": "10001", "state": "online"}, {"user_id": "10002", "state": "offline", "last_seen_ms": 1_790_000_000_000u64}, {"user_id": "10003", "state": "hidden"}]}),
        ),
        ("done_after_set_presence", "set_presence", json!({})),
        ("online", "online_count", json!({"online": 370_999})),
        (
            "people",
            "people",
            json!({"people": [{"user_id": "10001", "name": "张伟", "kind": "person", "en_name": "Wei Zhang", "departments": ["总部"], "title": "Engineer", "avatar": "f_avatar1",
                "email": "wei.zhang@example.com", "mobile": "+8613800000000", "leader": "10009", "resigned": true}, bot()]}),
        ),
        ("found_people", "search_people", json!({"people": [shan()], "next": "20"})),
        (
            "department",
            "department",
            json!({"departments": [{"department_id": "od-1", "name": "研发中心", "people_count": 21, "parent": true}, {"department_id": "od-2", "name": "单证部", "people_count": 4, "parent": false}], "people": [zhang()], "next": "100"}),
        ),
        (
            "devices",
            "devices",
            json!({"devices": [
                {"device_id": "laptop-7f3a", "kind": "desktop", "name": "Laptop", "signed_in_at_ms": 1_780_000_000_000u64, "last_seen_ms": 1_790_000_000_000u64, "address": "10.1.2.3", "online": true, "current": true},
                {"device_id": "browser_0123456789", "kind": "browser", "name": "Chromium on Linux", "signed_in_at_ms": 1, "last_seen_ms": 2, "online": false, "current": false},
                {"device_id": "phone-00000001", "kind": "phone", "name": "Phone", "signed_in_at_ms": 1, "last_seen_ms": 2, "online": false, "current": false},
                {"device_id": "tool-00000001", "kind": "tool", "name": "Import", "signed_in_at_ms": 1, "last_seen_ms": 2, "online": false, "current": false}]}),
        ),
        ("done_after_sign_out", "sign_out", json!({})),
        ("done_after_got_ephemeral", "got_ephemeral", json!({})),
        ("custom_bot_added", "add_custom_bot", custom_bot()),
        (
            "custom_bots_as_a_member_sees_them",
            "custom_bots",
            json!({"bots": [{"bot": bot(), "description": "", "created_by": "10001", "created_at_ms": 1_790_000_000_000u64}]}),
        ),
        ("custom_bot_changed", "change_custom_bot", custom_bot()),
        ("custom_bot_renewed", "renew_custom_bot", custom_bot()),
        ("done_after_remove_custom_bot", "remove_custom_bot", json!({})),
        ("urgent_raised", "raise_urgent", json!({"urgent_id": URGENT, "audience_count": 36, "left_out": [], "left_out_count": 0})),
        (
            "urgent_raised_without_some",
            "raise_urgent",
            json!({"urgent_id": OTHER_URGENT, "audience_count": 1, "left_out": [{"user_id": "10003", "why": "not a member of the chat", "reason": "not_a_member"}], "left_out_count": 1}),
        ),
        (
            "urgent_raised_with_every_reason",
            "raise_urgent",
            json!({"urgent_id": OTHER_URGENT, "audience_count": 1, "left_out_count": 5, "left_out": [
                {"user_id": "10003", "why": "there is no such person", "reason": "nobody"},
                {"user_id": "10004", "why": "a rule of the organisation does not allow it", "reason": "rule"},
                {"user_id": "10005", "why": "has 200 open urgents", "reason": "too_many"},
                {"user_id": "10006", "why": "was left out when it was raised", "reason": "before"},
                {"user_id": "10007", "why": "for a reason of a later version"}]}),
        ),
        ("done_after_urgent_got", "urgent_got", json!({})),
        ("done_after_confirm_urgent", "confirm_urgent", json!({})),
        ("done_after_cancel_urgent", "cancel_urgent", json!({})),
        (
            "urgents_open",
            "urgents",
            json!({"urgents": [urgent_with(json!({"reminder": 1, "standing": "delivered"})), urgent_of_a_direct_chat()], "next": "1790000010000.4", "open_count": 3}),
        ),
        (
            "urgents_confirmed",
            "urgents",
            json!({"urgents": [urgent_with(json!({"standing": "confirmed", "over": "confirmed"}))], "open_count": 0}),
        ),
        ("urgents_raised", "urgents", json!({"urgents": [urgent_with(json!({"counts": counts()}))], "open_count": 0})),
        (
            "urgent_report",
            "urgent_report",
            json!({"urgent": urgent_with(json!({"counts": counts()})), "ladder": ladder(),
                "timeline": [
                    {"at_ms": 1_790_000_010_000u64, "people": 36, "reached": 33, "failed": 0},
                    {"at_ms": 1_790_000_310_000u64, "way": "remind", "people": 21, "reached": 18, "failed": 0},
                    {"at_ms": 1_790_000_610_000u64, "way": "push", "people": 4, "reached": 3, "failed": 1}],
                "next_step_at_ms": 1_790_000_910_000u64}),
        ),
        (
            "urgent_report_of_one_that_is_over",
            "urgent_report",
            json!({"urgent": urgent_with(json!({"over": "cancelled",
                    "counts": {"urgent_id": URGENT, "pending": 0, "delivered": 2, "shown": 5, "confirmed": 29, "failed": 0, "over": "cancelled"}})),
                "ladder": [],
                "timeline": [
                    {"at_ms": 1_790_000_010_000u64, "people": 36, "reached": 36, "failed": 0},
                    {"at_ms": 1_790_000_900_000u64, "people": 7, "reached": 7, "failed": 0, "over": "cancelled"}]}),
        ),
        (
            "urgent_people_pending",
            "urgent_people",
            json!({"people": [{"person": shan(), "why": "sms: no mobile number is known", "failed_way": "sms", "reason": "no_number"}, {"person": zhang()}], "total": 102, "next": "100"}),
        ),
        (
            "urgent_people_failed",
            "urgent_people",
            json!({"people": [{"person": shan(), "why": "left the chat or the organisation", "reason": "left"}], "total": 1}),
        ),
        (
            "urgent_people_with_times",
            "urgent_people",
            json!({"people": [{"person": shan(), "delivered_at_ms": 1_790_000_010_040u64, "shown_at_ms": 1_790_000_012_300u64,
                "confirmed_at_ms": 1_790_000_019_870u64}], "total": 1}),
        ),
        (
            "urgent_person_confirmed",
            "urgent_person",
            json!({"person": shan(), "standing": "confirmed", "raised_at_ms": 1_790_000_010_000u64, "delivered_at_ms": 1_790_000_010_040u64,
                "shown_at_ms": 1_790_000_012_300u64, "confirmed_at_ms": 1_790_001_815_600u64, "attempts": [
                    {"step": 0, "way": "remind", "at_ms": 1_790_000_310_000u64, "outcome": "reached", "outcome_at_ms": 1_790_000_310_000u64},
                    {"step": 1, "way": "push", "at_ms": 1_790_000_610_000u64, "outcome": "failed", "outcome_at_ms": 1_790_000_610_120u64, "why": "refused", "detail": "the provider answered 404"},
                    {"step": 2, "way": "manager", "at_ms": 1_790_001_210_000u64, "outcome": "reached", "outcome_at_ms": 1_790_001_210_000u64, "manager": zhang()},
                    {"step": 3, "way": "sms", "at_ms": 1_790_001_810_000u64, "outcome": "not_done", "outcome_at_ms": 1_790_001_815_600u64, "why": "confirmed"}]}),
        ),
        (
            "urgent_person_waited_for",
            "urgent_person",
            json!({"person": shan(), "standing": "pending", "raised_at_ms": 1_790_000_010_000u64, "attempts": [
                    {"step": 0, "way": "remind", "at_ms": 1_790_000_310_000u64, "outcome": "waiting", "why": "no_device"},
                    {"step": 1, "way": "sms", "at_ms": 1_790_000_610_000u64, "outcome": "failed", "outcome_at_ms": 1_790_000_610_060u64, "why": "no_number"},
                    {"step": 2, "way": "phone", "at_ms": 1_790_001_210_000u64, "outcome": "not_done", "outcome_at_ms": 1_790_001_210_000u64, "why": "quota"},
                    {"step": 3, "way": "sms", "at_ms": 1_790_001_810_000u64, "outcome": "waiting", "why": "quiet_hours"},
                    {"step": 4, "way": "manager", "at_ms": 1_790_002_410_000u64, "outcome": "not_done", "outcome_at_ms": 1_790_002_410_000u64, "why": "no_manager"}]}),
        ),
        (
            "urgent_person_who_has_left",
            "urgent_person",
            json!({"person": shan(), "standing": "failed", "raised_at_ms": 1_790_000_010_000u64, "left_at_ms": 1_790_000_200_000u64,
                "over": "expired", "over_at_ms": 1_790_007_210_000u64, "attempts": [
                    {"step": 0, "way": "remind", "at_ms": 1_790_000_310_000u64, "outcome": "not_done", "outcome_at_ms": 1_790_000_310_000u64, "why": "left"},
                    {"step": 1, "way": "sms", "at_ms": 1_790_000_610_000u64, "outcome": "not_done", "outcome_at_ms": 1_790_007_210_000u64, "why": "over"}]}),
        ),
    ]
}

pub fn refusals() -> Vec<(&'static str, Value)> {
    vec![
        (
            "refused_for_ever",
            json!({"code": 2001, "what": "there is no such chat for you", "why": "it does not exist, or you are not a member of it", "hint": "check the chat_id, or ask to be added"}),
        ),
        (
            "refused_for_now",
            json!({"code": 3003, "what": "the storage does not answer now", "why": "the disk is full", "hint": "send the same command again; nothing was changed", "retry_after_ms": 1000}),
        ),
    ]
}

pub fn events() -> Vec<Sample> {
    let event = |change: Value| record(300, 299, change);
    let targeted = || json!({"message_id": MESSAGE, "target_seq": 18});
    let reacted = || json!({"message_id": MESSAGE, "target_seq": 18, "emoji": "THUMBSUP"});
    let mut samples = vec![
        ("record_message_text", "record", event(message(text("早上好")))),
        ("record_message_with_everything", "record", event(message_with_everything())),
        ("record_message_post", "record", event(message(json!({"post": {"post": POST}})))),
        (
            "record_message_image",
            "record",
            event(message(json!({"image": {"key": "f_1", "width": 1280, "height": 720, "name": "screen.png", "size_bytes": 70_000}}))),
        ),
        ("record_message_file", "record", event(message(json!({"file": file()})))),
        ("record_message_card", "record", event(message(json!({"card": {"card": CARD}})))),
        (
            "record_message_card_people",
            "record",
            event(message(
                json!({"card": {"card": CARD, "people": [{"id": "ou_7d8a6e6df7621556ce0d21922b676706", "user_id": "10002"}], "images": [{"key": "img_v3_1", "width": 640, "height": 360, "name": "a.png", "size_bytes": 2048}]}}),
            )),
        ),
        ("record_message_share_chat", "record", event(message(json!({"share_chat": {"chat_id": OTHER_CHAT, "name": "发布组"}})))),
        ("record_message_share_user", "record", event(message(json!({"share_user": {"user_id": "10002"}})))),
        ("record_message_merged", "record", event(message(merged()))),
        (
            "record_message_audio",
            "record",
            event(message(
                json!({"audio": {"key": "f_2", "name": "v.opus", "size_bytes": 8_000, "media_type": "audio/ogg", "duration_ms": 4200}}),
            )),
        ),
        (
            "record_message_media",
            "record",
            event(message(
                json!({"media": {"key": "f_3", "name": "v.mp4", "size_bytes": 5_000_000, "media_type": "video/mp4", "duration_ms": 61_000}}),
            )),
        ),
        ("record_message_sticker", "record", event(message(json!({"sticker": {"key": "f_4", "width": 240, "height": 240}})))),
        (
            "record_message_divider",
            "record",
            event(message(json!({"divider": {"text": "新的一天", "texts": [{"locale": "en_us", "text": "A new day"}]}}))),
        ),
        (
            "record_followed_up",
            "record",
            event(
                json!({"followed_up": {"message_id": MESSAGE, "target_seq": 18, "follow_ups": [{"text": "明天"}, {"text": "later", "texts": [{"locale": "zh_cn", "text": "以后"}]}]}}),
            ),
        ),
        (
            "record_edited",
            "record",
            event(
                json!({"edited": {"message_id": MESSAGE, "target_seq": 18, "content": text("Good evening"), "mentions": ["10002"], "mention_all": true}}),
            ),
        ),
        ("record_recalled", "record", event(json!({"recalled": {"message_id": MESSAGE, "target_seq": 18, "target_position": 15}}))),
        ("record_reacted", "record", event(json!({"reacted": reacted()}))),
        ("record_unreacted", "record", event(json!({"unreacted": reacted()}))),
        ("record_pinned", "record", event(json!({"pinned": targeted()}))),
        ("record_unpinned", "record", event(json!({"unpinned": targeted()}))),
        (
            "record_created",
            "record",
            record(1, 0, json!({"created": {"name": "项目组", "member_count": 3, "users": ["10001", "10002", "10003"]}})),
        ),
        ("record_members_added", "record", event(json!({"members_added": {"users": ["10002"], "count": 1, "member_count": 4}}))),
        (
            "record_members_added_me",
            "record",
            event(json!({"members_added": {"users": ["10002"], "count": 1, "member_count": 4, "quiet": true, "me": true}})),
        ),
        (
            "record_members_removed",
            "record",
            event(json!({"members_removed": {"users": ["10002", "10003"], "count": 200, "member_count": 65_536}})),
        ),
        (
            "record_members_removed_for_managers",
            "record",
            event(json!({"members_removed": {"users": ["10002"], "count": 1, "member_count": 3, "managers_only": true}})),
        ),
        ("record_updated_name", "record", event(json!({"updated": {"name": "发布组"}}))),
        (
            "record_updated_all",
            "record",
            event(
                json!({"updated": {"name": "发布组", "description": "", "avatar": "", "config": other_config(), "i18n_names": {"en_us": "Release"}}}),
            ),
        ),
        ("record_managers_changed", "record", event(json!({"managers_changed": {"added": ["10002"], "removed": ["10003"]}}))),
        ("record_owner_changed", "record", event(json!({"owner_changed": {"owner": "10002"}}))),
        ("record_dissolved", "record", event(json!({"dissolved": {}}))),
        ("record_top_notice", "record", event(json!({"top_notice_changed": {"notice": top_notice()}}))),
        (
            "record_top_notice_announcement",
            "record",
            event(json!({"top_notice_changed": {"notice": {"preview": "Helmets on", "by": "10001", "at_ms": 1_790_000_002_000u64}}})),
        ),
        ("record_top_notice_taken_down", "record", event(json!({"top_notice_changed": {}}))),
        ("record_announced", "record", event(json!({"announced": {"revision": 4, "preview": "Helmets on"}}))),
        ("record_tabs_changed", "record", event(json!({"tabs_changed": {}}))),
        ("record_menu_changed", "record", event(json!({"menu_changed": {}}))),
        (
            "record_moderation_changed",
            "record",
            event(
                json!({"moderation_changed": {"moderation_permission": "moderator_list", "added": ["10002"], "removed": ["10003"], "moderator_count": 7}}),
            ),
        ),
        ("receipt", "receipt", json!({"chat_id": CHAT, "user_id": "10002", "delivered_seq": 19, "read_seq": 18})),
        ("read_count", "read_count", json!({"chat_id": CHAT, "seq": 18, "count": 1204})),
        ("typing", "typing", json!({"chat_id": CHAT, "user_id": "10002"})),
        ("presence_online", "presence", json!({"user_id": "10002", "state": "online"})),
        ("presence_away", "presence", json!({"user_id": "10002", "state": "away"})),
        ("presence_offline", "presence", json!({"user_id": "10002", "state": "offline", "last_seen_ms": 1_790_000_000_000u64})),
        ("inbox_changed", "inbox_changed", inbox_changed()),
        ("gap", "gap", json!({"dropped": 512})),
        ("heartbeat", "heartbeat", json!({"server_time_ms": 1_790_000_025_000u64, "cursor": CURSOR})),
        ("heartbeat_after_a_gap", "heartbeat", json!({"server_time_ms": 1_790_000_025_000u64})),
        ("drain", "drain", json!({"after_ms": 3_500})),
        ("drain_to_another_node", "drain", json!({"after_ms": 3_500, "url": "wss://chat-2.example.com/ws"})),
        ("chat_left", "chat_left", json!({"chat_id": CHAT, "seq": 21})),
        ("joins_waiting", "joins_waiting", json!({"chat_id": CHAT, "count": 2})),
        (
            "join_decided",
            "join_decided",
            json!({"chat_id": CHAT, "name": "项目组", "user_id": "10002", "outcome": "refused", "reason": "Only for plant 1"}),
        ),
        (
            "ephemeral",
            "ephemeral",
            json!({"message_id": MESSAGE, "chat_id": CHAT, "by": bot(), "at_ms": 1_790_000_001_234u64, "card": CARD}),
        ),
        ("ephemeral_gone", "ephemeral_gone", json!({"message_id": MESSAGE, "chat_id": CHAT})),
        ("person_changed", "person_changed", json!({"person": zhang()})),
        ("urgent", "urgent", urgent()),
        ("urgent_in_a_direct_chat_again", "urgent", urgent_of_a_direct_chat()),
        (
            "urgent_for_a_manager",
            "urgent",
            urgent_with(
                json!({"reminder": 0, "about": [shan(), {"user_id": "10003", "name": "曾重", "kind": "person", "departments": ["总部", "单证部"], "resigned": false}],
                "about_count": 2}),
            ),
        ),
        ("urgent_over_confirmed", "urgent_over", json!({"urgent_id": URGENT, "why": "confirmed"})),
        ("urgent_over_cancelled", "urgent_over", json!({"urgent_id": URGENT, "why": "cancelled"})),
        ("urgent_over_recalled", "urgent_over", json!({"urgent_id": URGENT, "why": "recalled"})),
        ("urgent_over_expired", "urgent_over", json!({"urgent_id": URGENT, "why": "expired"})),
        ("urgent_over_left", "urgent_over", json!({"urgent_id": OTHER_URGENT, "why": "left"})),
        ("urgent_counts", "urgent_counts", counts()),
        (
            "urgent_counts_of_one_that_is_over",
            "urgent_counts",
            json!({"urgent_id": URGENT, "pending": 0, "delivered": 0, "shown": 0, "confirmed": 36, "failed": 0, "over": "confirmed"}),
        ),
    ];
    samples.push(("record_members_added_by_an_app", "record", {
        let mut record = event(json!({"members_added": {"users": ["10001"], "count": 1, "member_count": 5}}));
        record["by"] = json!("cli_c1a7104000000001");
        record
    }));
    samples
}
