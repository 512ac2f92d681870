//! Calls that are answered with why they are not done here.

use super::{CallEntry, Family, post, with_token};
use crate::open_api::not_here;

pub const FAMILY: Family = Family { name: "Not here", meaning: "Calls that this server knows and does not do.", calls: CALLS };

const CALLS: &[CallEntry] = &[post("im/v1/messages/search", with_token!(not_here::search))
    .means("Would search messages by their words.")
    .scopes(&["im:message", "im:message:readonly"])];
