//! Tokens of apps, the app itself, and the organisation.

use super::field::*;
use super::{CallEntry, Family, get, post, with_token, without_token};
use crate::open_api::{audit, avatar, bot, description, token};

pub const FAMILY: Family = Family { name: "Apps", meaning: "Tokens, the app's own bot, and the organisation.", calls: CALLS };

const SECRET: &[Field] =
    &[text("app_id", "The app, cli_ and 16 digits.").required().min(1), text("app_secret", "Its secret.").required().min(1).private()];
const TENANT_TOKEN: Field = text("tenant_access_token", "For the header `Authorization: Bearer`.").required();
const EXPIRE: Field = number("expire", "Seconds that it is good for.").required();

const BOT: &[Field] = &[
    number("activate_status", "2: enabled.").required(),
    text("app_name", "Name of the app and of its bot.").required(),
    text("avatar_url", "Address of the bot's picture.").required(),
    list("ip_white_list", &Kind::Text, "Addresses that may call; empty for all.").required(),
    text("open_id", "The bot as this app sees it.").required(),
];

const AVATAR: &[Field] = &[
    text("avatar_origin", "Address of the picture.").required(),
    text("avatar_72", "The same for 72 pixels.").required(),
    text("avatar_240", "The same for 240 pixels.").required(),
    text("avatar_640", "The same for 640 pixels.").required(),
];

const TENANT: &[Field] = &[
    text("name", "Name of the organisation.").required(),
    text("display_id", "A number for people.").required(),
    number("tenant_tag", "0: an organisation.").required(),
    TENANT_KEY.required(),
    object("avatar", AVATAR, "Its picture.").required(),
];

const CHANGED: &[Field] = &[
    text("create_time", "When it ended, ms since 1970 as digits.").required(),
    text("app_id", "Who called; missing when it came without an app."),
    text("app_name", "Name of the app."),
    text("user_id", "Staff number of the person, of what came by the client protocol: urgents that people raise and end."),
    text("device_id", "The person's device."),
    text("call", "Method and path of the call, as in this description; of a person, the command.").required(),
    list("target_ids", &Kind::Text, "What it was about: ids of chats, messages, people, files.").required(),
    map("body", &Kind::Any, "What it brought, shortened, without what people wrote and without secrets."),
    words("outcome", &["done", "refused", "unknown"], "Unknown: the caller went away before the answer.").required(),
    number("code", "0, or why it was refused."),
    text("address", "Address it came from; empty of what a person did.").required(),
    text("log_id", "Log id of its answer; empty of what a person did.").required(),
];

const CALLS: &[CallEntry] = &[
    post("auth/v3/tenant_access_token/internal", without_token!(token::tenant))
        .means("Gives an app its tenant_access_token.")
        .json(SECRET)
        .flat(&[TENANT_TOKEN, EXPIRE]),
    post("auth/v3/app_access_token/internal", without_token!(token::app))
        .means("Gives an app its token under both names.")
        .json(SECRET)
        .flat(&[text("app_access_token", "The same token.").required(), TENANT_TOKEN, EXPIRE]),
    get("bot/v3/info", with_token!(bot::info)).means("Says who the app's bot is.").flat(&[object("bot", BOT, "The bot.").required()]),
    get("tenant/v2/tenant/query", with_token!(bot::tenant))
        .means("Says what the organisation is called.")
        .scopes(&["tenant:tenant:readonly"])
        .reply(&[object("tenant", TENANT, "The organisation.").required()]),
    get("clarion/v1/audit", with_token!(audit::list))
        .means("Who changed what through this API, and who raised and ended urgents in a client; the newest first.")
        .scopes(&["clarion:audit:read"])
        .query(&[
            number("start_time", "Not before this, s since 1970.").min(0).max(u32::MAX as u64),
            number("end_time", "Not after this, s since 1970.").min(0).max(u32::MAX as u64),
            text("app_id", "Of this app only."),
            text("user_id", "Of this person only, by staff number."),
            text("call", "Of this call only, such as `POST im/v1/chats`."),
            text("target_id", "About this only: a chat, a message, a file."),
            words("sort_type", &["ByCreateTimeDesc", "ByCreateTimeAsc"], "The newest first, or the oldest, to follow what comes."),
            page_size(audit::PAGE_MAX as u64),
            PAGE_TOKEN,
        ])
        .reply(&[list("items", &Kind::Object(CHANGED), "The changes.").required(), HAS_MORE, NEXT_PAGE]),
    get("openapi.json", without_token!(description::json))
        .means("This description for programs, as OpenAPI 3.1.")
        .bytes("application/json"),
    get("clarion/v1/avatars/:picture", without_token!(avatar::picture))
        .means("The picture of somebody who has none: a letter on a colour.")
        .bytes("image/svg+xml"),
];
