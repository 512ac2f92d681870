//! Messages that are sent on.

use super::field::*;
use super::message::{MESSAGE, RECEIVE_ID};
use super::{CallEntry, Family, post, with_token};
use crate::open_api::forward;

pub const FAMILY: Family =
    Family { name: "Sending on", meaning: "Messages that are sent on: one, several in one, a thread.", calls: CALLS };

const FORWARD: &[&str] = &["im:message", "im:message:send_as_bot"];
const QUERY: &[Field] = &[
    words("receive_id_type", &["open_id", "user_id", "union_id", "email", "chat_id", "thread_id"], "What receive_id is.").required(),
    UUID,
];

const CALLS: &[CallEntry] = &[
    post("im/v1/messages/:message_id/forward", with_token!(forward::one))
        .means("Sends a message on, also into a thread.")
        .scopes(FORWARD)
        .changes()
        .query(QUERY)
        .json(&[RECEIVE_ID])
        .reply(MESSAGE),
    post("im/v1/messages/merge_forward", with_token!(forward::merged))
        .means("Sends several messages of one chat on, in one.")
        .scopes(FORWARD)
        .changes()
        .query(QUERY)
        .json(&[RECEIVE_ID, texts("message_id_list", "The messages.").required().min(1).max(100)])
        .reply(&[
            object("message", MESSAGE, "The message with them in it.").required(),
            texts("invalid_message_id_list", "Those that could not be taken in.").required(),
        ]),
    post("im/v1/threads/:thread_id/forward", with_token!(forward::thread))
        .means("Sends a thread on, as one message.")
        .scopes(FORWARD)
        .changes()
        .query(QUERY)
        .json(&[RECEIVE_ID])
        .reply(MESSAGE),
];
