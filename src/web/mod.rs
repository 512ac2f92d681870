//! The door for browsers and machines beside the socket: pages, signing in, files, health.
//!
//! Promise: nothing is given to anybody who is not signed in but the pages, which are the same for all, and the health of
//! the process. A request that a foreign page makes a browser send is refused.
//! Never: no rule of a chat; no store and no log.

pub mod answer;
mod csp_report;
pub mod headers;
pub mod health;
pub mod module_graph;
pub mod origin;
pub mod pages;

use axum::http::{HeaderMap, HeaderValue, header};

/// The client has this version already.
fn has_tag(request: &HeaderMap, etag: &HeaderValue) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim).any(|tag| {
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes()
    })
}
/// x
pub struct Who;
impl Who { /// x
pub fn by_cookie_of_upgrade(&self, _h: &HeaderMap) -> Result<Option<crate::auth::Principal>, String> { Ok(None) } }
