//! Cards that change, and cards that one person sees.

use super::field::*;
use super::message::SEND;
use super::{CallEntry, Family, patch, post, with_token};
use crate::open_api::{ephemeral, message};

pub const FAMILY: Family = Family { name: "Cards", meaning: "Cards that change, and cards that only one person sees.", calls: CALLS };

const CALLS: &[CallEntry] = &[
    patch("im/v1/messages/:message_id", with_token!(message::change_card))
        .means("Puts another card in the place of one that the bot sent.")
        .scopes(&["im:message", "im:message:send_as_bot", "im:message:update"])
        .changes()
        .json(&[text("content", "The card, as JSON in a text.").required().min(1).private()]),
    post("ephemeral/v1/send", with_token!(ephemeral::send))
        .means("Shows a card to one member of a group, and to nobody else.")
        .scopes(SEND)
        .changes()
        .json(&[
            text("chat_id", "The group.").required().min(1),
            text("open_id", "Who sees it."),
            text("user_id", "Who sees it, by staff number."),
            text("union_id", "Who sees it, by union_id."),
            text("email", "Who sees it, by e-mail address."),
            words("msg_type", &["interactive"], "Only cards.").required(),
            object("card", &[], "The card.").required().private(),
        ])
        .reply(&[text("message_id", "Its id, to delete it by.").required()]),
    post("ephemeral/v1/delete", with_token!(ephemeral::remove)).means("Takes such a card away.").scopes(SEND).changes().json(&[text(
        "message_id",
        "The card.",
    )
    .required()
    .min(1)]),
    post("interactive/v1/card/update", with_token!(ephemeral::update_by_token))
        .means("Changes the card that somebody has just pressed on.")
        .scopes(SEND)
        .changes()
        .json(&[
            text("token", "From the press: good for 30 minutes and two changes.").required().min(1).private(),
            object("card", &[], "The card.").required().private(),
        ]),
];
