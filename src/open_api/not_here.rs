//! Calls of the platform that this server knows and does not do, each with a code that its callers know.

use super::envelope::{Answer, Call};
use super::error::Refusal;

/// `POST im/v1/messages/search`
pub async fn search(_: Call) -> Answer {
    Err(Refusal::new(
        230_054,
        "the search of messages is not available here: this server does not search messages by their words; read a chat with GET im/v1/messages and look there",
    ))
}
