//! Calls that are answered with why they are not done here.

use super::field::*;
use super::{CallEntry, Family, patch, post, with_token};
use crate::open_api::not_here;

pub const FAMILY: Family = Family { name: "Not here", meaning: "Calls that this server knows and does not do.", calls: CALLS };

const URGENT_QUERY: &[Field] = &[USER_ID_TYPE];
const URGENT_BODY: &[Field] = &[texts("user_id_list", "Who would be reached.").max(200)];
const INVALID: &[Field] = &[texts("invalid_user_id_list", "Who could not be reached.")];

const CALLS: &[CallEntry] = &[
    patch("im/v1/messages/:message_id/urgent_app", with_token!(not_here::urgent))
        .means("Would raise a message as urgent in the app.")
        .scopes(&["im:message.urgent", "im:message.urgent:app_send"])
        .changes()
        .query(URGENT_QUERY)
        .json(URGENT_BODY)
        .reply(INVALID),
    patch("im/v1/messages/:message_id/urgent_sms", with_token!(not_here::urgent))
        .means("Would raise a message as urgent by short message.")
        .scopes(&["im:message.urgent:sms", "im:message.urgent:sms_send"])
        .changes()
        .query(URGENT_QUERY)
        .json(URGENT_BODY)
        .reply(INVALID),
    patch("im/v1/messages/:message_id/urgent_phone", with_token!(not_here::urgent))
        .means("Would raise a message as urgent by telephone.")
        .scopes(&["im:message.urgent:phone", "im:message.urgent:phone_send"])
        .changes()
        .query(URGENT_QUERY)
        .json(URGENT_BODY)
        .reply(INVALID),
    post("im/v1/messages/search", with_token!(not_here::search))
        .means("Would search messages by their words.")
        .scopes(&["im:message", "im:message:readonly"]),
];
