//! The door for browsers and machines beside the socket: pages, signing in, files, health.
//!
//! Promise: nothing is given to anybody who is not signed in but the pages, which are the same for all, and the health of
//! the process. A request that a foreign page makes a browser send is refused.
//! Never: no rule of a chat; no store and no log.

pub mod answer;
mod bundle;
mod csp_report;
pub mod files;
pub mod headers;
pub mod health;
pub mod origin;
pub mod pages;
mod script;
pub mod sign_in;
pub mod starting;
pub mod who;

pub use files::MayFetch;
pub use health::Check;
pub use starting::Starting;
pub use who::Who;

use crate::attachment::Attachments;
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::Directory;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::map_response;
use files::FilesDoor;
use health::Health;
use pages::Pages;
use sign_in::SignInDoor;
use std::sync::Arc;

/// The whole door.
pub struct Site {
    pages: Pages,
    sign_in: SignInDoor,
    files: FilesDoor,
    checks: Vec<Check>,
    config: Config,
}

impl Site {
    /// Puts the door together; the pages are compressed here.
    pub fn new(
        config: &Config,
        who: Arc<Who>,
        auth: Auth,
        directory: Directory,
        attachments: Arc<Attachments>,
        may_fetch: Arc<dyn MayFetch>,
    ) -> Self {
        let files = attachments.clone();
        let writable = Check {
            name: "files",
            needed: true,
            ask: Box::new(move || {
                let files = files.clone();
                Box::pin(async move { files.healthy().await })
            }),
        };
        Self {
            pages: Pages::new(who.origins().clone()),
            sign_in: SignInDoor { auth, directory, who: who.clone(), clock: Clock::default() },
            files: FilesDoor { who, attachments, may_fetch, file_bytes_max: config.file_bytes_max },
            checks: vec![writable],
            config: config.clone(),
        }
    }

    /// Something more that is asked about.
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Prefix of the pages, for `welcome`.
    pub fn prefix(&self) -> String {
        self.pages.prefix()
    }

    /// All routes.
    pub fn router(self) -> Router {
        let health = Health { checks: Arc::new(self.checks), unwell: Arc::default(), metrics_from: self.config.metrics_from };
        Router::new()
            .merge(self.pages.router())
            .merge(self.sign_in.router())
            .merge(self.files.router())
            .merge(csp_report::router())
            .merge(health.router())
            .layer(map_response(headers::everywhere))
    }
}

#[cfg(test)]
mod tests;

/// The client has this version already.
fn has_tag(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag.as_bytes())
}
