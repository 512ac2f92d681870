//! The app's own bot, and the organisation.

use super::envelope::{Answer, Call, Reply};
use serde_json::json;

/// The app is enabled.
const ENABLED: u32 = 2;

/// `GET bot/v3/info`. Its fields stand beside the code.
pub async fn info(call: Call) -> Answer {
    let (api, app) = (&call.api, &call.app);
    Ok(Reply::Flat(json!({ "bot": {
        "activate_status": ENABLED,
        "app_name": app.name,
        "avatar_url": api.avatar_url(app.bot),
        "ip_white_list": [],
        "open_id": api.chats.seal.open_id(app.bot, app.bot),
    } })))
}

/// `GET tenant/v2/tenant/query`
pub async fn tenant(call: Call) -> Answer {
    let api = &call.api;
    let name = &api.config.organisation_name;
    let avatar = api.chat_avatar_url(None, name);
    Ok(Reply::Data(json!({ "tenant": {
        "name": name,
        "display_id": api.tenant_key,
        "tenant_tag": 0,
        "tenant_key": api.tenant_key,
        "avatar": { "avatar_origin": avatar, "avatar_72": avatar, "avatar_240": avatar, "avatar_640": avatar },
    } })))
}
