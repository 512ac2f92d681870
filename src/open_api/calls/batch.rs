//! Messages to many.

use super::field::*;
use super::{CallEntry, Family, delete, get, post, with_token};
use crate::open_api::batch;

pub const FAMILY: Family =
    Family { name: "Messages to many", meaning: "One message to many people and departments, as a job in the background.", calls: CALLS };

const MANY: &[&str] = &["im:message:send_multi_users", "im:message:send_multi_depts"];
const IDS_MAX: u64 = crate::limits::PEOPLE_OF_A_CALL_MAX as u64;

const SEND_PROGRESS: &[Field] = &[
    number("valid_user_ids_count", "People it is to reach.").required(),
    number("success_user_ids_count", "People it has reached.").required(),
    number("read_user_ids_count", "People who have read it.").required(),
];
const RECALL_PROGRESS: &[Field] =
    &[flag("recall", "It is taken back.").required(), number("recall_count", "People from whom it was taken back.").required()];
const READ_USER: &[Field] = &[
    text("read_count", "People who have read it, as digits.").required(),
    text("total_count", "People it has reached, as digits.").required(),
];

const CALLS: &[CallEntry] = &[
    post("message/v4/batch_send", with_token!(batch::send))
        .means("Sends a message to many people and to everybody in and below departments.")
        .refused_with_200()
        .scopes(MANY)
        .changes()
        .json(&[
            words("msg_type", &["text", "post", "image", "share_chat", "interactive"], "Kind of the message.").required(),
            object("content", &[], "What it says: an object, not a text.").private(),
            object("card", &[], "The card, for interactive.").private(),
            texts("department_ids", "Everybody in and below these departments.").max(200),
            texts("open_ids", "People by open_id.").max(IDS_MAX),
            texts("user_ids", "People by staff number.").max(IDS_MAX),
            texts("union_ids", "People by union_id.").max(IDS_MAX),
            UUID,
        ])
        .reply(&[
            text("message_id", "The job, bm- and 32 digits.").required(),
            texts("invalid_department_ids", "Departments that nobody knows, and the root.").required(),
            texts("invalid_open_ids", "Ids that reach nobody.").required(),
            texts("invalid_user_ids", "Ids that reach nobody.").required(),
            texts("invalid_union_ids", "Ids that reach nobody.").required(),
        ]),
    delete("im/v1/batch_messages/:batch_message_id", with_token!(batch::recall))
        .means("Takes a message to many back, within a day.")
        .scopes(MANY)
        .changes(),
    get("im/v1/batch_messages/:batch_message_id/get_progress", with_token!(batch::progress))
        .means("How far a message to many has got.")
        .scopes(MANY)
        .reply(&[
            object("batch_message_send_progress", SEND_PROGRESS, "How far it was sent.").required(),
            object("batch_message_recall_progress", RECALL_PROGRESS, "How far it was taken back.").required(),
        ]),
    get("im/v1/batch_messages/:batch_message_id/read_user", with_token!(batch::read_user))
        .means("How many have read a message to many.")
        .scopes(MANY)
        .reply(&[object("read_user", READ_USER, "How many.").required()]),
];
