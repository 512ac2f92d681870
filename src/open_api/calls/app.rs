//! Tokens of apps, the app itself, and the organisation.

use super::field::*;
use super::{CallEntry, Family, get, post, with_token, without_token};
use crate::open_api::{avatar, bot, token};

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
    get("clarion/v1/avatars/:picture", without_token!(avatar::picture))
        .means("The picture of somebody who has none: a letter on a colour.")
        .bytes("image/svg+xml"),
];
