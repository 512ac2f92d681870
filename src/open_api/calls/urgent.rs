//! Messages that are made urgent, and what comes of it.

use super::field::*;
use super::{CallEntry, Family, get, patch, post, with_token};
use crate::limits::{
    BOUND_DEPARTMENTS_MAX, PEOPLE_OF_AN_URGENT_MAX, URGENT_DEADLINE_MS_MAX, URGENT_DEADLINE_MS_MIN, URGENT_RUNGS_MAX, URGENT_STEP_MS_MIN,
    URGENT_STEPS_MAX,
};
use crate::open_api::urgent::{self, BY_PHONE, BY_SMS};
use crate::open_api::urgent_report::{self, PAGE_MAX, STANDINGS};

pub const FAMILY: Family = Family {
    name: "Urgent",
    meaning: "Messages that stand before people at once, until each has confirmed them, as the platform has it.",
    calls: CALLS,
};

pub const OWN: Family = Family {
    name: "Clarion urgents",
    meaning: "The same with whom it is for, reminders and other ways for those who do not confirm, a report, and an end.",
    calls: OWN_CALLS,
};

const RAISE: &[&str] = &["im:message.urgent", "im:message.urgent:app_send"];
const READ: &[&str] = &["im:message.urgent", "im:message.urgent:app_send", "im:message.urgent:readonly"];

const QUERY: &[Field] = &[USER_ID_TYPE.required()];
const WHO: &[Field] =
    &[texts("user_id_list", "Members of the chat of the message.").required().min(1).max(PEOPLE_OF_AN_URGENT_MAX as u64), UUID];
const INVALID: &[Field] =
    &[texts("invalid_user_id_list", "Ids of those for whom it was not raised: nobody has them, or they are no members.").required()];

const CALLS: &[CallEntry] = &[
    patch("im/v1/messages/:message_id/urgent_app", with_token!(urgent::in_app))
        .means("Makes a message of the bot urgent in the app.")
        .scopes(RAISE)
        .changes()
        .large()
        .query(QUERY)
        .json(WHO)
        .reply(INVALID),
    patch("im/v1/messages/:message_id/urgent_sms", with_token!(urgent::by_sms))
        .means("Makes a message of the bot urgent in the app and by text message.")
        .scopes(BY_SMS)
        .changes()
        .large()
        .query(QUERY)
        .json(WHO)
        .reply(INVALID),
    patch("im/v1/messages/:message_id/urgent_phone", with_token!(urgent::by_phone))
        .means("Makes a message of the bot urgent in the app and by call.")
        .scopes(BY_PHONE)
        .changes()
        .large()
        .query(QUERY)
        .json(WHO)
        .reply(INVALID),
];

const AUDIENCE: &[Field] = &[
    flag("everyone", "All members of the chat."),
    flag("unread", "Those of them who have not read the message."),
    texts("user_ids", "These of them.").max(PEOPLE_OF_AN_URGENT_MAX as u64),
    texts("department_ids", "And those in and below these departments.").max(BOUND_DEPARTMENTS_MAX as u64),
    flag("direct_only", "Of the departments only who is directly in them."),
];

const WAYS: &[&str] = &["remind", "push", "sms", "phone", "manager"];
const STEP: &[Field] = &[
    words("way", WAYS, "The pop-up again, a notice on devices that are not connected, a text message, a call, or the person's manager.")
        .required(),
    number("after_ms", "When, ms after the raising; a reminder after 10 s at the earliest.").required().min(0).max(URGENT_DEADLINE_MS_MAX),
    number("every_ms", "Again after each so many ms; with times.").min(URGENT_STEP_MS_MIN).max(URGENT_DEADLINE_MS_MAX),
    number("times", "How often in all; with every_ms.").min(1).max(URGENT_RUNGS_MAX as u64),
];

const LEFT_OUT: &[Field] = &[text("user_id", "Who, as the call has named this one.").required(), text("why", "Why.").required()];

const COUNTS: &[Field] = &[
    number("audience", "For how many it is; the others add up to it.").required(),
    number("pending", "No device has it.").required(),
    number("delivered", "A device has it.").required(),
    number("shown", "It stood before their eyes.").required(),
    number("confirmed", "They have confirmed it.").required(),
    number("failed", "It ended without that: they have left the chat or the organisation.").required(),
];

const STATE: Field = words(
    "state",
    &["open", "confirmed", "cancelled", "recalled", "expired"],
    "Whether it is open; else why it is over: all have confirmed, it was cancelled, its message was recalled, or its deadline has passed.",
)
.required();

const URGENT: &[Field] = &[
    text("urgent_id", "Its id.").required(),
    text("message_id", "The message.").required(),
    text("chat_id", "Its chat.").required(),
    STATE,
    text("raised_by_id", "Who has raised it.").required(),
    words("raised_by_id_type", &["open_id", "union_id", "user_id", "app_id"], "In which form this one is named.").required(),
    text("create_time", "When it was raised, ms since 1970 as digits.").required(),
    text("deadline", "When it is over at the latest, ms since 1970 as digits.").required(),
    object("counts", COUNTS, "How many stand where.").required(),
];

const DEED: &[Field] = &[
    text("time", "When, ms since 1970 as digits.").required(),
    words("what", &["raised", "step", "over"], "It was raised, a step of the ladder was done, or it ended.").required(),
    words("way", WAYS, "How, of a step."),
    words("why", &["confirmed", "cancelled", "recalled", "expired"], "Why it ended."),
    number("people", "For how many.").required(),
    number("reached", "How many of them it has reached.").required(),
    number("failed", "How many of them it has not; what has no outcome yet is in neither.").required(),
];

const REPORT: &[Field] = &joined::<12>(
    URGENT,
    &[
        list("ladder", &Kind::Object(STEP), "The ladder as it was asked for.").required(),
        list("timeline", &Kind::Object(DEED), "What was done, the first thing first.").required(),
        text("next_step_time", "When the next step comes, ms since 1970 as digits; missing when none does."),
    ],
);

const PERSON: &[Field] = &[
    words("user_id_type", &["open_id", "union_id", "user_id"], "In which form the person is named.").required(),
    text("user_id", "The person.").required(),
    text("name", "Name.").required(),
    words("standing", STANDINGS, "Where the person stands.").required(),
];

const TIMES: &[Field] = &[
    text("delivered_time", "When a device had it, ms since 1970 as digits; missing before."),
    text("shown_time", "When it was shown, the same."),
    text("confirmed_time", "When the person confirmed, the same."),
];

const LISTED: &[Field] = &joined::<8>(PERSON, &joined::<4>(&[text("why", "What failed for this person, or why it is over.")], TIMES));

const ATTEMPT: &[Field] = &[
    number("step", "Which one, counted from 0 with every repeat.").required(),
    words("way", WAYS, "How.").required(),
    text("time", "When it began, ms since 1970 as digits.").required(),
    words(
        "outcome",
        &["waiting", "reached", "failed", "not_done"],
        "Nothing yet; it has reached the person, or the person's manager; it was tried and has not; it was not done for this person.",
    )
    .required(),
    text("outcome_time", "When that was known, ms since 1970 as digits; missing while it waits."),
    words("why", NOT_REACHED, "Why it has not reached the person."),
    text("detail", "What the provider has said to that."),
    text("manager_id", "Of a step to the manager: who was asked, in the form of the call."),
];

/// Why a step has not reached somebody.
const NOT_REACHED: &[&str] = &["confirmed", "left", "over", "quota", "no_number", "no_manager", "quiet_hours", "no_device", "refused"];

const PERSON_REPORT: &[Field] = &joined::<12>(
    PERSON,
    &joined::<8>(
        TIMES,
        &[
            STATE,
            text("create_time", "When it was raised, ms since 1970 as digits.").required(),
            text("left_time", "When the person was no longer in the chat or the organisation, ms since 1970 as digits."),
            text("end_time", "When it was over, ms since 1970 as digits."),
            list("attempts", &Kind::Object(ATTEMPT), "Each step of the ladder that has begun, the first one first.").required(),
        ],
    ),
);

const OWN_CALLS: &[CallEntry] = &[
    post("clarion/v1/urgents", with_token!(urgent::raise))
        .means("Makes a message of the bot urgent, with a ladder for those who do not confirm.")
        .scopes(RAISE)
        .changes()
        .large()
        .query(&[USER_ID_TYPE, DEPARTMENT_ID_TYPE])
        .json(&[
            text("message_id", "The message: one that the app's own bot has sent.").required().min(1),
            object("audience", AUDIENCE, "For whom: everyone, or unread, or user_ids and department_ids; one of the three.").required(),
            list("ladder", &Kind::Object(STEP), "What is done for those who have not confirmed by then.").max(URGENT_STEPS_MAX as u64),
            number("deadline_ms", "It is over after so many ms; 30 days when it is missing.")
                .min(URGENT_DEADLINE_MS_MIN)
                .max(URGENT_DEADLINE_MS_MAX),
            flag("break_quiet_hours", "Steps that cost something are not held back in quiet hours; the operator says which apps may."),
            UUID,
        ])
        .reply(&[
            text("urgent_id", "Its id.").required(),
            number("audience_count", "For how many it was raised.").required(),
            list("left_out", &Kind::Object(LEFT_OUT), "Who was meant and is not among them; the first 100.").required(),
            number("left_out_count", "How many that are.").required(),
        ]),
    get("clarion/v1/urgents", with_token!(urgent_report::list))
        .means("The urgents that the app has raised in the last month, the newest first.")
        .scopes(READ)
        .query(&[page_size(PAGE_MAX as u64), PAGE_TOKEN])
        .reply(&[list("items", &Kind::Object(URGENT), "The urgents.").required(), HAS_MORE, NEXT_PAGE]),
    get("clarion/v1/urgents/:urgent_id", with_token!(urgent_report::get))
        .means("What has become of an urgent: how many stand where, what was done, and when the next step comes.")
        .scopes(READ)
        .query(&[USER_ID_TYPE])
        .reply(REPORT),
    get("clarion/v1/urgents/:urgent_id/people", with_token!(urgent_report::people))
        .means("The people of an urgent who stand at one place.")
        .scopes(READ)
        .query(&[
            USER_ID_TYPE,
            words("standing", STANDINGS, "Where they stand.").required(),
            flag("with_times", "Also when each of them went on."),
            page_size(PAGE_MAX as u64),
            PAGE_TOKEN,
        ])
        .reply(&[
            list("items", &Kind::Object(LISTED), "The people.").required(),
            number("total", "How many in all.").required(),
            HAS_MORE,
            NEXT_PAGE,
        ]),
    get("clarion/v1/urgents/:urgent_id/people/:user_id", with_token!(urgent_report::person))
        .means("What was done for one person of an urgent, and when the person went on.")
        .scopes(READ)
        .query(&[USER_ID_TYPE])
        .reply(PERSON_REPORT),
    post("clarion/v1/urgents/:urgent_id/cancel", with_token!(urgent_report::cancel))
        .means("Ends an urgent for everybody; one that is over already stays as it is.")
        .scopes(RAISE)
        .changes()
        .reply(&[STATE]),
];
