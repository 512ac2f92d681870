//! Messages to groups' own bots.

use super::field::*;
use super::{CallEntry, Family, own, post};
use crate::open_api::hook;

pub const FAMILY: Family =
    Family { name: "Custom bots", meaning: "Incoming webhooks: messages to the addresses of groups' own bots.", calls: CALLS };

const REPLY: &[Field] = &[
    number("StatusCode", "0: it is in the group.").required(),
    text("StatusMessage", "As `msg`.").required(),
    any("data", "Always empty.").required(),
];

const CALLS: &[CallEntry] = &[
    post("bot/v2/hook/:token", own!(hook::post))
        .means("Posts a message as a group's own bot. The address is all that is needed, and what the bot asks for.")
        .json(&[
            words("msg_type", &["text", "post", "image", "share_chat", "interactive"], "Kind of the message.").required(),
            any("content", "What it says, an object.").private(),
            any("card", "The card of an interactive message, an object.").private(),
            text("timestamp", "Seconds since 1970, within an hour; where the bot asks for a signature."),
            text("sign", "The signature: base64 of HMAC-SHA256 of nothing, with timestamp, a line feed and the secret as the key.")
                .private(),
        ])
        .flat(REPLY),
    post("bot/hook/:token", own!(hook::post_titled))
        .means("The older form of the same: a title and a text.")
        .json(&[text("title", "Title.").private(), text("text", "Text.").private()])
        .flat(REPLY),
];
