//! Puts every call of the table on its path.

use super::description::page;
use super::envelope::{no_method, no_path};
use super::{OpenApi, calls};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::routing::{any, delete, get, patch, post, put};
use calls::Method;
use std::sync::Arc;

/// The calls under `/open-apis`, each answered in the platform's form, unknown ones too.
pub fn router(api: Arc<OpenApi>) -> Router {
    let mut router = Router::new();
    for entry in calls::all() {
        let route = match entry.method {
            Method::Get => get(entry),
            Method::Post => post(entry),
            Method::Put => put(entry),
            Method::Patch => patch(entry),
            Method::Delete => delete(entry),
        };
        // A slash at the end does no harm: some programs send one.
        let path = entry.route();
        router = router.route(&format!("{path}/"), route.clone()).route(&path, route);
    }
    router
        .route("/open-apis", get(page))
        .route("/open-apis/", get(page))
        .route("/open-apis/{*path}", any(unknown))
        .method_not_allowed_fallback(other_method)
        // A body's limit is kept while it comes: another one for uploads than for JSON.
        .layer(DefaultBodyLimit::disable())
        .with_state(api)
}

async fn unknown(State(api): State<Arc<OpenApi>>, request: Request) -> axum::response::Response {
    no_path(request, api).await
}

async fn other_method(State(api): State<Arc<OpenApi>>, request: Request) -> axum::response::Response {
    no_method(request, api).await
}
