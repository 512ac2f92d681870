//! Reactions and pins.

use super::field::*;
use super::{CallEntry, Family, delete, get, post, with_token};
use crate::open_api::{pin, reaction};

pub const FAMILY: Family =
    Family { name: "Reactions and pins", meaning: "Reactions to messages, and messages that are pinned in their chat.", calls: CALLS };

const WRITE: &[&str] = &["im:message", "im:message.reactions:write_only"];
const READ: &[&str] = &["im:message", "im:message.reactions:read", "im:message:readonly"];
const PIN_WRITE: &[&str] = &["im:message", "im:message.pins:write_only", "im:message:send_as_bot"];
const PIN_READ: &[&str] = &["im:message", "im:message.pins:read", "im:message:readonly"];

const OPERATOR: &[Field] =
    &[text("operator_id", "Who reacted.").required(), words("operator_type", &["user", "app"], "A person or a bot.").required()];
const EMOJI: &[Field] = &[text("emoji_type", "Name of the emoji, such as THUMBSUP.").required().min(1)];
const REACTION_ID: Field = text("reaction_id", "The same for as long as it stands.").required();
const ACTION_TIME: Field = text("action_time", "When, ms since 1970 as digits.").required();
const REACTION: &[Field] = &[
    REACTION_ID,
    object("operator", OPERATOR, "Who reacted.").required(),
    ACTION_TIME,
    object("reaction_type", EMOJI, "With which emoji.").required(),
];
const MESSAGE_ID: Field = text("message_id", "The message.").required();
const ONLY: Field = text("reaction_type", "Only reactions with this emoji.");

const QUERY: &[Field] = &[text("message_id", "The message.").required(), text("page_token", "Where its page before had ended.")];
const ITEM: &[Field] = &[
    REACTION_ID,
    object("operator", OPERATOR, "Who reacted.").required(),
    ACTION_TIME,
    text("emoji_type", "With which emoji.").required(),
];
const DETAIL: &[Field] =
    &[MESSAGE_ID, HAS_MORE, NEXT_PAGE, list("message_reaction_items", &Kind::Object(ITEM), "Its reactions, the oldest first.").required()];
const COUNT: &[Field] = &[text("reaction_type", "The emoji.").required(), text("count", "How many, as digits.").required()];
const COUNTS: &[Field] = &[MESSAGE_ID, list("reaction_count", &Kind::Object(COUNT), "How many of each emoji.").required()];
const FAILED: &[Field] = &[MESSAGE_ID, words("fail_reason", &["invalid", "invalid_page_token", "no_permission"], "Why not.").required()];

const PIN: &[Field] = &[
    MESSAGE_ID,
    text("chat_id", "Its chat.").required(),
    text("operator_id", "Who pinned it.").required(),
    words("operator_id_type", &["open_id", "app_id"], "In which form.").required(),
    text("create_time", "When, ms since 1970 as digits.").required(),
];

const CALLS: &[CallEntry] = &[
    post("im/v1/messages/:message_id/reactions", with_token!(reaction::create))
        .means("Adds a reaction to a message.")
        .scopes(WRITE)
        .changes()
        .json(&[object("reaction_type", EMOJI, "With which emoji.").required()])
        .reply(REACTION),
    get("im/v1/messages/:message_id/reactions", with_token!(reaction::list))
        .means("Reactions to a message, the oldest first.")
        .scopes(READ)
        .query(&[ONLY, USER_ID_TYPE, page_size(50), PAGE_TOKEN])
        .reply(&[list("items", &Kind::Object(REACTION), "The reactions.").required(), HAS_MORE, NEXT_PAGE]),
    delete("im/v1/messages/:message_id/reactions/:reaction_id", with_token!(reaction::remove))
        .means("Takes a reaction of the bot back.")
        .scopes(WRITE)
        .changes()
        .reply(REACTION),
    post("im/v1/messages/reactions/batch_query", with_token!(reaction::batch_query))
        .means("Reactions to several messages, with their counts.")
        .scopes(READ)
        .query(&[USER_ID_TYPE])
        .json(&[
            list("queries", &Kind::Object(QUERY), "The messages.").required().min(1).max(20),
            number("page_size_per_message", "Reactions to each; 10 when it is missing.").min(1).max(10),
            ONLY,
        ])
        .reply(&[
            list("success_msg_reaction_details", &Kind::Object(DETAIL), "Reactions to each message.").required(),
            list("success_msg_reaction_counts", &Kind::Object(COUNTS), "Their counts.").required(),
            list("fail_msg_reaction_details", &Kind::Object(FAILED), "Messages whose reactions were not read.").required(),
        ]),
    post("im/v1/pins", with_token!(pin::create))
        .means("Pins a message in its chat.")
        .scopes(PIN_WRITE)
        .changes()
        .json(&[MESSAGE_ID.min(1)])
        .reply(&[object("pin", PIN, "The pin that stands.").required()]),
    get("im/v1/pins", with_token!(pin::list))
        .means("What is pinned in a chat, the last pinned first.")
        .scopes(PIN_READ)
        .query(&[
            text("chat_id", "The chat.").required(),
            number("start_time", "Not before this, ms since 1970.").min(0).max(u64::MAX),
            number("end_time", "Not after this, ms since 1970.").min(0).max(u64::MAX),
            page_size(50),
            PAGE_TOKEN,
        ])
        .reply(&[list("items", &Kind::Object(PIN), "The pins.").required(), HAS_MORE, NEXT_PAGE]),
    delete("im/v1/pins/:message_id", with_token!(pin::remove)).means("Unpins a message.").scopes(PIN_WRITE).changes(),
];
