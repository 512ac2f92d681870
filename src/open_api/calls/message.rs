//! Messages.

use super::field::*;
use super::{CallEntry, Family, delete, get, post, put, with_token};
use crate::open_api::{follow_up, message, message_list, reader};

pub const FAMILY: Family = Family { name: "Messages", meaning: "Messages: send, answer, read, edit, recall.", calls: CALLS };

pub(super) const SEND: &[&str] = &["im:message", "im:message:send_as_bot", "im:message:send"];
const READ: &[&str] = &["im:message", "im:message:readonly", "im:message.history:readonly"];

const MESSAGE_TYPE: Field =
    text("msg_type", "Kind of the message: text, post, image, file, audio, media, sticker, interactive, share_chat, share_user or system.")
        .required()
        .min(1);
const CONTENT: Field = text("content", "What it says, as JSON in a text; its form depends on msg_type.").required().min(1).private();
const CARD_CONTENT: Field = words(
    "card_msg_content_type",
    &["raw_card_content", "user_card_content"],
    "Cards as they were sent; in their simplified form when it is missing.",
);
const WITH_SENDER_NAME: Field = flag("with_sender_name", "With the sender's name.");

const SENDER: &[Field] = &[
    text("id", "Who sent it.").required(),
    words("id_type", &["open_id", "union_id", "user_id", "app_id"], "In which form the sender is named.").required(),
    words("sender_type", &["user", "app"], "A person or a bot.").required(),
    TENANT_KEY.required(),
    text("sender_name", "Name, when it was asked for."),
];

const MENTION: &[Field] = &[
    text("key", "What stands for the person in the content.").required(),
    text("id", "The person.").required(),
    words("id_type", &["open_id"], "In which form the person is named.").required(),
    text("name", "Name.").required(),
    TENANT_KEY.required(),
];

pub(super) const MESSAGE: &[Field] = &[
    text("message_id", "Its id.").required(),
    text("root_id", "The first message of the chain that it answers."),
    text("parent_id", "The message that it answers."),
    text("thread_id", "Its thread."),
    text("msg_type", "Its kind.").required(),
    text("create_time", "When it was sent, ms since 1970 as digits.").required(),
    text("update_time", "When it was edited, ms since 1970 as digits.").required(),
    flag("deleted", "It was recalled.").required(),
    flag("updated", "It was edited.").required(),
    text("chat_id", "Its chat.").required(),
    object("sender", SENDER, "Who sent it.").required(),
    object("body", &[text("content", "What it says, as JSON in a text.").required()], "What it says.").required(),
    list("mentions", &Kind::Object(MENTION), "Who is mentioned."),
    text("message_position", "Its place among the messages of the chat, as digits."),
    text("upper_message_id", "The merged message that it is within."),
];

/// Where a message goes to.
pub(super) const RECEIVE_ID: Field = text("receive_id", "Where it goes to.").required().min(1);

const READERS: &[&str] = &["im:message", "im:message:readonly", "im:message:basic"];
const UNREAD_USER: &[Field] = &[
    words("user_id_type", &["open_id", "union_id", "user_id"], "In which form the person is named.").required(),
    text("user_id", "The person.").required(),
    TENANT_KEY.required(),
];
const READ_USER: &[Field] = &[
    UNREAD_USER[0],
    UNREAD_USER[1],
    text("timestamp", "When this person's reading last moved on, ms since 1970 as digits.").required(),
    TENANT_KEY.required(),
];

const FOLLOW_UP: &[Field] = &[
    text("content", "What the reader is offered to say.").required().min(1).max(200),
    list(
        "i18n_contents",
        &Kind::Object(&[text("content", "The same in another language.").required(), text("language", "Such as en_us.").required()]),
        "The same in other languages.",
    )
    .max(50),
];

const CALLS: &[CallEntry] = &[
    post("im/v1/messages", with_token!(message::create))
        .means("Sends a message to a group or to a person.")
        .scopes(SEND)
        .changes()
        .query(&[words("receive_id_type", &["open_id", "user_id", "union_id", "email", "chat_id"], "What receive_id is.").required()])
        .json(&[RECEIVE_ID, MESSAGE_TYPE, CONTENT, UUID])
        .reply(MESSAGE),
    get("im/v1/messages", with_token!(message_list::list))
        .means("The messages of a chat or of a thread.")
        .scopes(READ)
        .query(&[
            words("container_id_type", &["chat", "thread"], "What container_id is.").required(),
            text("container_id", "The chat or thread.").required(),
            number("start_time", "Not before this, s since 1970.").min(0).max(u32::MAX as u64),
            number("end_time", "Not after this, s since 1970.").min(0).max(u32::MAX as u64),
            words("sort_type", &["ByCreateTimeAsc", "ByCreateTimeDesc"], "The oldest first, or the newest."),
            flag("only_thread_root_messages", "Of threads only the first message; always so in chats."),
            USER_ID_TYPE,
            CARD_CONTENT,
            WITH_SENDER_NAME,
            page_size(50),
            PAGE_TOKEN,
        ])
        .reply(&[list("items", &Kind::Object(MESSAGE), "The messages.").required(), HAS_MORE, NEXT_PAGE]),
    get("im/v1/messages/:message_id", with_token!(message::get))
        .means("One message; of a merged one, those in it too.")
        .scopes(READ)
        .query(&[USER_ID_TYPE, CARD_CONTENT, WITH_SENDER_NAME])
        .reply(&[list("items", &Kind::Object(MESSAGE), "The message, and those within it.").required()]),
    put("im/v1/messages/:message_id", with_token!(message::edit))
        .means("Changes what a text or post of the bot says.")
        .scopes(&["im:message", "im:message:send_as_bot", "im:message:update"])
        .changes()
        .json(&[MESSAGE_TYPE, CONTENT])
        .reply(MESSAGE),
    delete("im/v1/messages/:message_id", with_token!(message::recall))
        .means("Takes a message back.")
        .scopes(&["im:message", "im:message:recall", "im:message:send_as_bot"])
        .changes(),
    post("im/v1/messages/:message_id/reply", with_token!(message::reply))
        .means("Answers a message, in its chat or in a thread.")
        .scopes(SEND)
        .changes()
        .json(&[MESSAGE_TYPE, CONTENT, flag("reply_in_thread", "Begins a thread, or goes on with it."), UUID])
        .reply(MESSAGE),
    get("im/v1/messages/:message_id/read_users", with_token!(reader::read_users))
        .means("People who have read a message.")
        .scopes(READERS)
        .query(&[USER_ID_TYPE.required(), page_size(100), PAGE_TOKEN])
        .reply(&[list("items", &Kind::Object(READ_USER), "The people.").required(), HAS_MORE, NEXT_PAGE]),
    get("clarion/v1/messages/:message_id/unread_users", with_token!(reader::unread_users))
        .means("People who have not read a message; the first page says how many have and have not.")
        .scopes(READERS)
        .query(&[USER_ID_TYPE.required(), page_size(100), PAGE_TOKEN])
        .reply(&[
            list("items", &Kind::Object(UNREAD_USER), "The people.").required(),
            HAS_MORE,
            NEXT_PAGE,
            number("read_count", "How many have read it."),
            number("unread_count", "How many have not."),
        ]),
    post("im/v1/messages/:message_id/push_follow_up", with_token!(follow_up::push))
        .means("Offers the reader of the bot's last message what to say next.")
        .scopes(&["im:message", "im:message:send_as_bot"])
        .changes()
        .json(&[list("follow_ups", &Kind::Object(FOLLOW_UP), "What is offered.").required().min(1).max(3).private()]),
];
