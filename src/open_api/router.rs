//! Every call on one page.

use super::envelope::{WithBody, WithToken, WithoutToken, no_method, no_path};
use super::{OpenApi, avatar, bot, chat, contact, hook, member, message, message_list, resource, token};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::routing::{any, get, patch, post};
use std::sync::Arc;

/// The calls under `/open-apis`, each answered in the platform's form, unknown ones too.
pub fn router(api: Arc<OpenApi>) -> Router {
    Router::new()
        // Tokens
        .route("/open-apis/auth/v3/tenant_access_token/internal", post(WithoutToken(token::tenant)))
        .route("/open-apis/auth/v3/app_access_token/internal", post(WithoutToken(token::app)))
        // The app itself, and the organisation
        .route("/open-apis/bot/v3/info", get(WithToken(bot::info)))
        .route("/open-apis/tenant/v2/tenant/query", get(WithToken(bot::tenant)))
        // People and departments
        .route("/open-apis/search/v1/user", get(WithToken(contact::search_people)))
        .route("/open-apis/contact/v3/users", get(WithToken(contact::users_of_department)).post(WithToken(contact::create)))
        .route("/open-apis/contact/v3/users/find_by_department", get(WithToken(contact::users_of_department)))
        .route("/open-apis/contact/v3/users/batch", get(WithToken(contact::users)))
        .route("/open-apis/contact/v3/users/batch_get_id", post(WithToken(contact::ids)))
        .route("/open-apis/contact/v3/users/basic_batch", post(WithToken(contact::names)))
        .route(
            "/open-apis/contact/v3/users/{user_id}",
            get(WithToken(contact::user))
                .put(WithToken(contact::update))
                .patch(WithToken(contact::patch))
                .delete(WithToken(contact::remove)),
        )
        .route("/open-apis/contact/v3/users/{user_id}/resurrect", post(WithToken(contact::resurrect)))
        .route("/open-apis/contact/v3/scopes", get(WithToken(contact::scopes)))
        .route("/open-apis/contact/v3/departments", get(WithToken(contact::department_list)).post(WithToken(contact::create_department)))
        .route("/open-apis/contact/v3/departments/search", post(WithToken(contact::search_departments)))
        .route("/open-apis/contact/v3/departments/batch", get(WithToken(contact::departments)))
        .route("/open-apis/contact/v3/departments/parent", get(WithToken(contact::parents)))
        .route(
            "/open-apis/contact/v3/departments/{department_id}",
            get(WithToken(contact::department))
                .put(WithToken(contact::update_department))
                .patch(WithToken(contact::patch_department))
                .delete(WithToken(contact::remove_department)),
        )
        .route("/open-apis/contact/v3/departments/{department_id}/update_department_id", patch(WithToken(contact::update_department_id)))
        .route("/open-apis/contact/v3/departments/{department_id}/children", get(WithToken(contact::children)))
        // Groups
        .route("/open-apis/im/v1/chats", post(WithToken(chat::create)).get(WithToken(chat::list)))
        .route("/open-apis/im/v1/chats/{chat_id}", get(WithToken(chat::get)).put(WithToken(chat::update)).delete(WithToken(chat::dissolve)))
        .route(
            "/open-apis/im/v1/chats/{chat_id}/members",
            post(WithToken(member::add)).get(WithToken(member::list)).delete(WithToken(member::remove)),
        )
        .route("/open-apis/im/v1/chats/{chat_id}/members/is_in_chat", get(WithToken(member::is_in_chat)))
        .route("/open-apis/im/v1/chats/{chat_id}/members/me_join", patch(WithToken(member::join)))
        .route("/open-apis/im/v1/chats/{chat_id}/managers/add_managers", post(WithToken(member::add_managers)))
        .route("/open-apis/im/v1/chats/{chat_id}/managers/delete_managers", post(WithToken(member::delete_managers)))
        // Messages
        .route("/open-apis/im/v1/messages", post(WithToken(message::create)).get(WithToken(message_list::list)))
        .route(
            "/open-apis/im/v1/messages/{message_id}",
            get(WithToken(message::get)).put(WithToken(message::edit)).delete(WithToken(message::recall)),
        )
        .route("/open-apis/im/v1/messages/{message_id}/reply", post(WithToken(message::reply)))
        // Pictures and files; the limit of an upload is kept while it comes, part by part
        .route("/open-apis/im/v1/images", post(WithBody(resource::upload_image)).layer(DefaultBodyLimit::disable()))
        .route("/open-apis/im/v1/images/{image_key}", get(WithBody(resource::image)))
        .route("/open-apis/im/v1/files", post(WithBody(resource::upload_file)).layer(DefaultBodyLimit::disable()))
        .route("/open-apis/im/v1/files/{file_key}", get(WithBody(resource::file)))
        .route("/open-apis/im/v1/messages/{message_id}/resources/{file_key}", get(WithBody(resource::of_message)))
        // Messages to groups' own bots
        .route("/open-apis/bot/v2/hook/{token}", post(hook::post))
        .route("/open-apis/bot/v2/hook/{token}/", post(hook::post))
        .route("/open-apis/bot/hook/{token}", post(hook::post_titled))
        // Pictures of people who have none
        .route("/open-apis/clarion/v1/avatars/{picture}", get(avatar::picture))
        .route("/open-apis", any(unknown))
        .route("/open-apis/{*path}", any(unknown))
        .method_not_allowed_fallback(other_method)
        .with_state(api)
}

async fn unknown(State(api): State<Arc<OpenApi>>, request: Request) -> axum::response::Response {
    no_path(request, api).await
}

async fn other_method(State(api): State<Arc<OpenApi>>, request: Request) -> axum::response::Response {
    no_method(request, api).await
}

#[cfg(test)]
mod tests {
    /// `METHOD path` of everything that is routed, in the document's form.
    fn routed() -> Vec<String> {
        let code = include_str!("router.rs").split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let mut routed = Vec::new();
        for route in code.split(".route(").skip(1) {
            let Some(path) = route.split('"').nth(1).and_then(|path| path.strip_prefix("/open-apis/")) else { continue };
            let path: Vec<String> = path
                .split('/')
                .map(|part| part.strip_prefix('{').map_or(part.to_owned(), |name| format!(":{}", name.trim_end_matches('}'))))
                .collect();
            for (method, call) in [("GET", "get("), ("POST", "post("), ("PUT", "put("), ("PATCH", "patch("), ("DELETE", "delete(")] {
                let calls = route.split_once(',').map_or("", |(_, calls)| calls);
                if calls
                    .match_indices(call)
                    .any(|(at, _)| !calls[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':'))
                {
                    routed.push(format!("{method} {}", path.join("/")));
                }
            }
        }
        routed.sort();
        routed
    }

    #[test]
    fn the_document_tells_every_call_and_no_other() {
        let document = include_str!("COMPATIBILITY.md");
        let mut told: Vec<String> =
            document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(call, _)| call.to_owned()).collect();
        told.sort();
        assert_eq!(routed(), told);
        assert!(told.len() > 30);
    }
}
