//! Calls of the platform that this server knows and does not do, each with a code that its callers know.

use super::envelope::{Answer, Call};
use super::error::Refusal;

/// `PATCH im/v1/messages/:message_id/urgent_app`, `urgent_sms`, `urgent_phone`
pub async fn urgent(_: Call) -> Answer {
    Err(Refusal::new(
        230_052,
        "urgent messages are not available here: this server does not raise messages as urgent; mention the people in a message instead",
    ))
}

/// `POST im/v1/messages/search`
pub async fn search(_: Call) -> Answer {
    Err(Refusal::new(
        230_054,
        "the search of messages is not available here: this server does not search messages by their words; read a chat with GET im/v1/messages and look there",
    ))
}
